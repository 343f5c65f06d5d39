"""Sending in bulk: which requests go together, and what becomes of each. Pure decisions, shared by both senders.

A unary call costs a client and a server several times what its notification does. So requests wait for each other, for
`BulkOptions.linger` at most, and go out together as SendBatch; each has a result of its own all the same.

A `Gathering` holds what was handed over, and says when the next batch is due. An `Attempts` follows one batch until
every request in it has its result: which go out again, with the same keys, and after how long. Neither does I/O or
reads a clock; ``now`` is in seconds of a monotonic clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, TypeVar

from tocsin_client.backoff import LONGEST, Backoff
from tocsin_client.errors import Cancelled, DeadlineExceeded, Internal, ResourceExhausted, TocsinError, Unavailable
from tocsin_client.model import Accepted

_COME_AGAIN: Final = (Unavailable, ResourceExhausted, DeadlineExceeded)
"""Errors of a batch after which it is sent again. Unlike a single call, a sender can slow down by itself, so
RESOURCE_EXHAUSTED is among them; and it outlives the time of one attempt."""

_LASTING: Final = frozenset({"POLICY_LIMIT"})
"""Reasons of RESOURCE_EXHAUSTED that are one recipient's, and may last for days, while others would wait behind."""

_OVERHEAD: Final = 8
"""Bytes around a request in a batch, at most: its tag and its length."""


@dataclass(frozen=True, slots=True)
class BulkOptions:
    """How a sender gathers, and how much it holds.

    Attributes:
        linger: Seconds that a request waits for others, at most.
        max_requests: Most requests of a batch, up to 1,000.
        max_bytes: Most bytes of a batch, up to 2,000,000. A request that is larger goes alone.
        max_pending: Most requests that have no result yet; then ``send`` waits.
        max_pending_bytes: Their bytes, likewise.
        in_flight: Batches on their way at the same time. Only with 1 are all requests stored in their order; with
            more, those of a batch are.
        attempt_timeout: Seconds that one attempt to send a batch may take.
        delivery_timeout: Seconds from ``send`` until a request fails with the error of its last attempt.
        retry: Waits between attempts.

    Raises:
        ValueError: If an option is out of its range.
    """

    linger: float = 0.005
    max_requests: int = 500
    max_bytes: int = 2**20
    max_pending: int = 10_000
    max_pending_bytes: int = 32 * 2**20
    in_flight: int = 2
    attempt_timeout: float = 10.0
    delivery_timeout: float = 120.0
    retry: Backoff = field(default_factory=Backoff)

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} is {value!r}, but must be from {least:g} to {most:g}")


_RANGES: Final = {
    "linger": (0, 10),
    "max_requests": (1, 1_000),
    "max_bytes": (1, 2_000_000),
    "max_pending": (1, 1_000_000),
    "max_pending_bytes": (1, 2**32),
    "in_flight": (1, 16),
    "attempt_timeout": (0.001, 3_600),
    "delivery_timeout": (0.001, 86_400),
}

Promise = TypeVar("Promise")
"""A future, of one kind or the other."""


class Item(Generic[Promise]):
    """A request on its way: the message, its size, when it is too late, and who waits for its result."""

    __slots__ = ("deadline", "future", "request", "size")

    def __init__(self, request: Any, future: Promise, deadline: float) -> None:
        self.request = request
        self.size: int = request.ByteSize() + _OVERHEAD
        self.future = future
        self.deadline = deadline


class Gathering(Generic[Promise]):
    """What waits for a batch, oldest first, and how much is unresolved altogether."""

    def __init__(self, options: BulkOptions) -> None:
        self._options = options
        self._waiting: deque[Item[Promise]] = deque()
        self._waiting_bytes = 0
        self._due = 0.0
        self._urgent = 0  # of those that wait, how many need not wait longer
        self.pending = 0
        self._pending_bytes = 0

    def has_room(self, size: int) -> bool:
        """Tell whether another request may be added. One that is larger than all there may be goes alone."""
        options = self._options
        if not self.pending:
            return True
        return self.pending < options.max_pending and self._pending_bytes + size <= options.max_pending_bytes

    def add(self, item: Item[Promise], now: float) -> bool:
        """Add a request; returns whether whoever waits for a batch should look again."""
        first = not self._waiting
        if first:
            self._due = now + self._options.linger
        was_full = self._is_full()
        self._waiting.append(item)
        self._waiting_bytes += item.size
        self.pending += 1
        self._pending_bytes += item.size
        return first or (not was_full and self._is_full())

    def hurry(self) -> None:
        """Let what waits now go out at once."""
        self._urgent = len(self._waiting)

    def wait(self, now: float) -> float | None:
        """Return the seconds until a batch is due, 0 if one is, None while nothing waits."""
        if not self._waiting:
            return None
        return 0.0 if self._urgent or self._is_full() else max(self._due - now, 0.0)

    def take(self, now: float) -> list[Item[Promise]]:
        """Take the next batch out: at least one request."""
        batch: list[Item[Promise]] = []
        size = 0
        while self._waiting and len(batch) < self._options.max_requests:
            if batch and size + self._waiting[0].size > self._options.max_bytes:
                break
            item = self._waiting.popleft()
            size += item.size
            batch.append(item)
        self._waiting_bytes -= size
        self._urgent = max(self._urgent - len(batch), 0)
        # The others have waited for some of this time already, but all of them came after the first of the batch.
        self._due = now + self._options.linger
        return batch

    def resolved(self, items: Sequence[Item[Promise]]) -> None:
        """Take note that requests have their results."""
        self.pending -= len(items)
        self._pending_bytes -= sum(item.size for item in items)

    def _is_full(self) -> bool:
        options = self._options
        return len(self._waiting) >= options.max_requests or self._waiting_bytes >= options.max_bytes


class Settled(NamedTuple, Generic[Promise]):
    """A request and its result."""

    item: Item[Promise]
    result: Accepted | Exception


class Attempts(Generic[Promise]):
    """One batch until all of it has results; ``left`` are those that have none."""

    def __init__(self, batch: list[Item[Promise]], options: BulkOptions) -> None:
        self.left = batch
        self._options = options
        self._failures = 0
        self.delay = 0.0
        """Seconds before the next attempt, if anything is left."""

    def timeout(self, now: float) -> float:
        """Return the seconds for an attempt that starts now."""
        latest = max(item.deadline for item in self.left)
        return min(self._options.attempt_timeout, max(latest - now, 0.0))

    def answered(self, results: Sequence[Accepted | TocsinError], now: float) -> list[Settled[Promise]]:
        """Take note of an answer; returns what is settled by it."""
        if len(results) != len(self.left):
            return self.failed(Internal(f"{len(results)} results came for {len(self.left)} requests"), now)
        items, self.left = self.left, []
        settled, again = [], []
        for item, result in zip(items, results, strict=True):
            if isinstance(result, Unavailable | ResourceExhausted) and result.reason not in _LASTING:
                again.append((item, result))
            else:
                settled.append(Settled(item, result))
        return settled + self._repeat(again, now)

    def failed(self, error: Exception, now: float) -> list[Settled[Promise]]:
        """Take note that an attempt failed as a whole; returns what is settled by it."""
        items, self.left = self.left, []
        if isinstance(error, _COME_AGAIN) and error.reason not in _LASTING:
            return self._repeat([(item, error) for item in items], now)
        # A server that stops cuts off what reaches it at that moment, without a reason.
        if isinstance(error, Cancelled) and not error.reason:
            return self._repeat([(item, error) for item in items], now)
        return [Settled(item, error) for item in items]

    def _repeat(self, failed: Sequence[tuple[Item[Promise], TocsinError]], now: float) -> list[Settled[Promise]]:
        """Keep what has time left for another attempt; returns the others."""
        if not failed:
            return []
        self._failures += 1
        jitter = self._options.retry.delay(self._failures)
        settled: list[Settled[Promise]] = []
        self.delay = 0.0
        for item, error in failed:
            wait = None if jitter is None else jitter + min(error.retry_after or 0.0, LONGEST)
            if wait is None or now + wait >= item.deadline:
                settled.append(Settled(item, error))
            else:
                self.left.append(item)
                self.delay = max(self.delay, wait)
        return settled


def closed() -> TocsinError:
    """Return what stands for a request whose sender was closed before it had a result."""
    return Cancelled("the sender was closed before there was a result; whether it was stored is open")
