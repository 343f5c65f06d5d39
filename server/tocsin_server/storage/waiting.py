"""The writes that wait for a thread, in queues: one for each kind that may share a transaction."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

MAX_ROUND = 1_000
"""Weight (about: notifications) of one transaction. Larger ones hold up readers of the result without saving much."""

SIDE_BY_SIDE = 250
"""Weight from which on waiting writes of a kind are worth a transaction beside another of that kind, if a thread is
free: the database then works on one large batch while the next is prepared."""


LONGEST_STANDING_BACK = 0.1
"""Seconds for which writes that nobody waits for let others go before them."""


class StandsBack(NamedTuple):
    """The kind of writes that nobody waits for, made of what their kind would be."""

    kind: Any


class Write:
    """Items for one handler, and what became of each.

    Args:
        handler: Writes them, see `writer.Handler`.
        items: What it is given.
        weight: See `MAX_ROUND`.
        kind: Writes of the same kind may share a transaction. Those of a kind that is `StandsBack` let others go first.
        future: Is told, on its own event loop.
        single: Whether it is told the one result rather than a list.
    """

    __slots__ = ("at", "failure", "future", "handler", "items", "kind", "results", "single", "weight")

    def __init__(
        self,
        handler: Callable[..., Any],
        items: Sequence[Any],
        weight: int,
        kind: Any,
        future: asyncio.Future[Any],
        *,
        single: bool = False,
    ) -> None:
        self.handler = handler
        self.items = items
        self.weight = weight
        self.kind = kind
        self.future = future
        self.single = single
        self.at = time.monotonic()
        self.results: Sequence[Any] = ()
        """One for each item once it is done; an error where that item failed."""
        self.failure: Exception | None = None
        """Why nothing of it was written."""

    def answer(self, results: Sequence[Any]) -> None:
        """Take the result of each item."""
        self.results = results

    def fail(self, error: Exception) -> None:
        """Take the reason why nothing was written."""
        self.results = [error] * len(self.items)
        self.failure = error

    def halves(self) -> tuple[Write, Write]:
        """Return its items as two writes, whose results become its own."""
        self.results = [None] * len(self.items)
        return _Part(self, 0, len(self.items)).halves()

    def resolve(self) -> None:
        """Tell the future; to be called on its event loop."""
        if self.future.done():  # the caller gave up
            return
        result = self.results[0] if self.single and self.results else self.results
        error = self.failure or result
        if isinstance(error, Exception):
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class _Part(Write):
    """Some of the items of a write."""

    __slots__ = ("_start", "_stop", "_whole")

    def __init__(self, whole: Write, start: int, stop: int) -> None:
        super().__init__(whole.handler, whole.items[start:stop], 0, whole.kind, whole.future)
        self.at = whole.at
        self._whole, self._start, self._stop = whole, start, stop

    def answer(self, results: Sequence[Any]) -> None:
        """See `Write.answer`."""
        whole = self._whole
        whole.results = [*whole.results[: self._start], *results, *whole.results[self._stop :]]

    def fail(self, error: Exception) -> None:
        """See `Write.fail`; the rest of the write may be written all the same."""
        self.answer([error] * len(self.items))

    def resolve(self) -> None:
        """Leave that to the whole, of which other parts may not be done."""

    def halves(self) -> tuple[Write, Write]:
        """See `Write.halves`."""
        middle = (self._start + self._stop) // 2
        return _Part(self._whole, self._start, middle), _Part(self._whole, middle, self._stop)


class _Queue:
    """Writes that may share a transaction, in their order."""

    __slots__ = ("under_way", "weight", "writes")

    def __init__(self) -> None:
        self.writes: deque[Write] = deque()
        self.weight = 0
        self.under_way = 0
        """Transactions of this queue that threads are working on."""

    @property
    def ready(self) -> bool:
        """Whether a thread may take something of it."""
        return bool(self.writes) and (not self.under_way or self.weight >= SIDE_BY_SIDE)


def _priority(ready: tuple[Any, _Queue]) -> int:
    """Return how soon a queue has its turn, 0 first; of several of the same priority, the first one has it."""
    kind, queue = ready
    if not isinstance(kind, StandsBack):
        return 1
    return 0 if queue.writes[0].at < time.monotonic() - LONGEST_STANDING_BACK else 2


class Waiting:
    """All queues. Whoever uses it holds the writer's lock."""

    def __init__(self) -> None:
        self._queues: dict[Any, _Queue] = {}
        self.weight = 0
        """Of all that waits or is under way."""

    def add(self, write: Write) -> bool:
        """Put a write at the end of its queue, and tell whether a thread may take something of that."""
        queue = self._queues.get(write.kind)
        if queue is None:
            queue = self._queues[write.kind] = _Queue()
        queue.writes.append(write)
        queue.weight += write.weight
        self.weight += write.weight
        return queue.ready

    @property
    def ready(self) -> bool:
        """Whether a thread may take something."""
        return any(queue.ready for queue in self._queues.values())

    def __bool__(self) -> bool:
        """Whether anything is not under way yet."""
        return any(queue.writes for queue in self._queues.values())

    def take(self) -> list[Write]:
        """Take what makes one transaction; nothing if no queue is ready."""
        ready = [(kind, queue) for kind, queue in self._queues.items() if queue.ready]
        if not ready:
            return []
        kind, queue = min(ready, key=_priority) if len(ready) > 1 else ready[0]
        # What is left of this queue comes after the others.
        self._queues[kind] = self._queues.pop(kind)
        taken: list[Write] = []
        weight = 0
        while queue.writes and weight < MAX_ROUND:
            write = queue.writes.popleft()
            weight += write.weight
            taken.append(write)
        queue.weight -= weight
        queue.under_way += 1
        return taken

    def done(self, round_: Sequence[Write]) -> None:
        """Let the next of their kind be taken."""
        self.weight -= sum(write.weight for write in round_)
        kind = round_[0].kind
        queue = self._queues[kind]
        queue.under_way -= 1
        if not queue.under_way and not queue.writes:
            del self._queues[kind]

    def overdue(self, before: float) -> Iterator[Write]:
        """Take out what has waited since before a time (monotonic)."""
        for kind, queue in list(self._queues.items()):
            while queue.writes and queue.writes[0].at < before:
                write = queue.writes.popleft()
                queue.weight -= write.weight
                self.weight -= write.weight
                yield write
            if not queue.under_way and not queue.writes:
                del self._queues[kind]
