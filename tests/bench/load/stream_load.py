"""Loading what pushes: as much as it can take, or at a rate; the same for both sides of a comparison."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from bench.rounds import Sample
from bench.usage import Meter, Usage

PATIENCE: Final = 60.0
"""Seconds without any message after which something hangs."""


class Pump(Protocol):
    """What reads many streams or sockets, while it is asked to."""

    def pump(self, timeout: float) -> None:
        """Read what has arrived, or wait up to ``timeout`` seconds for something."""


class Receiver(Pump, Protocol):
    """What also counts their messages."""

    @property
    def received(self) -> int:
        """Messages received so far, other than what says that a stream has begun."""


def await_messages(receiver: Receiver, count: int) -> None:
    """Return when ``count`` messages have been received in all."""
    deadline = time.monotonic() + PATIENCE
    while (before := receiver.received) < count:
        receiver.pump(1.0)
        if receiver.received > before:
            deadline = time.monotonic() + PATIENCE
        elif time.monotonic() > deadline:
            raise TimeoutError(f"{before} of {count} messages were received")


def flood(push: Callable[[], int], receiver: Receiver, total: int) -> int:
    """Push bursts until ``total`` more messages have been received, always two bursts ahead of the receiver at most.

    So there is always something to push, and never so much that queues grow or a stream counts as too slow.
    ``push`` starts a burst and returns how many messages it makes. Returns how many were received, a bit more than
    ``total``.
    """
    begin = receiver.received
    pushed, burst = 0, 0
    while pushed < total:
        burst = push()
        pushed += burst
        await_messages(receiver, begin + pushed - burst)
    await_messages(receiver, begin + pushed)
    return pushed


def rate(push: Callable[[], int], receiver: Receiver, total: int, pid: int, helpers: Mapping[str, int]) -> Sample:
    """Flood, and return messages received per second, with the processor time of process ``pid`` for each."""
    with Meter([pid], helpers) as meter:
        count = flood(push, receiver, total)
    return sample(count / meter.usage.wall, meter.usage, count)


def sample(value: float, usage: Usage, messages: int) -> Sample:
    """Return a sample of a stretch in which so many messages were pushed."""
    return Sample(value, usage.per_operation(messages), usage.shares(), usage.other_cores)


def percentile(values: list[float], part: float) -> float:
    """Return the smallest value that at least ``part`` (0 to 1) of all values do not exceed; at least one is given."""
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]
