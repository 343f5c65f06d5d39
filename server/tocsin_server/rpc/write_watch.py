"""Ending streams whose subscriber does not take what is written to it."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Any, Self

LOOKS = 10
"""How often a limit is looked at before it is over; so a write may take a tenth longer than it says."""


class Writes:
    """What one task writes, one thing after the other; watched while the context is open."""

    __slots__ = ("_begun", "_late", "_task", "_watch")

    def __init__(self, watch: WriteWatch, task: asyncio.Task[Any]) -> None:
        self._watch = watch
        self._task = task
        # The look before the write that is under way, None while there is none.
        self._begun: int | None = None
        self._late = False

    def __enter__(self) -> Self:
        self._watch.watched.add(self)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._watch.watched.discard(self)

    def begin(self) -> None:
        """Note that a write begins."""
        self._begun = self._watch.looks

    def end(self) -> None:
        """Note that it is done."""
        self._begun = None

    def cancel_if_late(self) -> None:
        """Cancel the task, once, if it has been writing the same thing for longer than the limit."""
        if self._begun is not None and self._watch.looks - self._begun > LOOKS and not self._late:
            self._late = True
            self._task.cancel()

    def undo_cancel(self) -> bool:
        """Tell whether the cancellation that the task has just caught came from here alone; it is then undone."""
        return self._late and self._task.uncancel() == 0


class WriteWatch:
    """Watches all writes of a server at once: a timeout for each would cost half as much as the write itself.

    Time is counted in looks, so that not even a clock is read for each write.

    Args:
        limit: Seconds that a write may take.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._ticker: asyncio.Task[None] | None = None
        self.watched: set[Writes] = set()
        """Whose writes are looked at."""
        self.looks = 0
        """How many there have been."""

    def start(self) -> None:
        """Begin to look, on the running event loop."""
        self._ticker = asyncio.create_task(self._look_again_and_again(), name="write-watch")

    async def stop(self) -> None:
        """Look no more. Idempotent."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker

    def writes(self) -> Writes:
        """Return what watches the writes of the current task."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a stream runs as one
        return Writes(self, task)

    def look(self) -> None:
        """Cancel the tasks whose writes are late; called ten times within the limit."""
        self.looks += 1
        for writes in self.watched:
            writes.cancel_if_late()

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(self._limit / LOOKS)
            self.look()
