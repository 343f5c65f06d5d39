"""What replicas tell each other: that a recipient's feed has reached a position, and nothing more.

Such a hint may be lost, repeated or late; a stream that learns of a position beyond its own reads the store, which is
the truth. Losing the bus therefore costs latency only: streams look at their position in any case from time to time,
and all of them do soon after the bus came back.

`undecided` tells by such a hint that something became undecided. `postgresql` and `nats` are the buses between
processes, and `connection` is what they share; `memory` is for a process that has the database to itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from tocsin_server.domain.model import FeedPosition, Recipient

log = logging.getLogger(__name__)

PENDING_LIMIT = 50_000
"""Recipients whose hints are kept while the bus is away, at about 400 bytes each."""


class Hint(NamedTuple):
    """A recipient's feed has reached a position."""

    recipient: Recipient
    position: FeedPosition


class HintReceiver(Protocol):
    """Whoever has the streams of this process. Called on the event loop that the bus was started on."""

    def hint(self, recipient: Recipient, position: FeedPosition) -> None:
        """Take a hint from another process."""

    def reset(self) -> None:
        """Hints may have been lost until now; from now on they arrive."""


class Bus(Protocol):
    """Carries hints between processes.

    Unless it says otherwise, a method is called on one event loop. Faults of the bus are logged, never raised; it
    reconnects for ever, and calls `HintReceiver.reset` each time it has.
    """

    def start(self, receiver: HintReceiver) -> None:
        """Connect, in the background: a bus that is away keeps no server from starting."""

    async def join(self, recipient: Recipient) -> None:
        """Return when hints for a recipient arrive, or will after the next reset. Idempotent."""

    def leave(self, recipient: Recipient) -> None:
        """Deliver no more hints for a recipient than those that have arrived already. Idempotent."""

    def publish(self, hints: Iterable[Hint]) -> None:
        """Tell the other processes, but not this one, of committed changes.

        Returns at once and never raises; may be called from any thread, and after `close`.
        """

    async def run(self) -> None:
        """Wait until it ends, which it does not before `close`; raises what ended it all the same."""

    async def close(self) -> None:
        """Publish what is waiting if that is possible soon, and disconnect. Idempotent."""


def newer(known: FeedPosition | None, other: FeedPosition) -> FeedPosition:
    """Return which of two positions of a feed is further on; epochs have no order, so of two the ``other`` counts."""
    if known is not None and known.epoch == other.epoch and known.sequence > other.sequence:
        return known
    return other


class PendingHints:
    """Hints on their way, of each recipient only the newest. May be used from any thread.

    Args:
        limit: Recipients that it holds; hints for others are dropped, and position checks find what they told.
    """

    def __init__(self, limit: int = PENDING_LIMIT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._positions: dict[Recipient, FeedPosition] = {}
        self._dropped = 0

    def add(self, hints: Iterable[Hint]) -> bool:
        """Add hints; true if none were waiting before, so that somebody has to be woken."""
        with self._lock:
            none_waiting = not self._positions
            dropped_before = self._dropped
            for recipient, position in hints:
                known = self._positions.get(recipient)
                if known is None and len(self._positions) >= self._limit:
                    self._dropped += 1
                else:
                    self._positions[recipient] = newer(known, position)
            first_dropped = self._dropped > 0 and not dropped_before
            wake = none_waiting and bool(self._positions)
        if first_dropped:
            log.warning(
                "hints for other replicas are being dropped, which will learn of changes late",
                extra={"event": "bus_hints_dropping", "limit": self._limit},
            )
        return wake

    def take(self) -> list[Hint]:
        """Return all hints and forget them."""
        with self._lock:
            positions, self._positions = self._positions, {}
            dropped, self._dropped = self._dropped, 0
        if dropped:
            log.warning("hints for other replicas were dropped", extra={"event": "bus_hints_dropped", "count": dropped})
        return [Hint(recipient, position) for recipient, position in positions.items()]

    def __bool__(self) -> bool:
        return bool(self._positions)
