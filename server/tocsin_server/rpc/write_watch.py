"""Ending streams whose subscriber does not take what is written to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

LOOKS = 10
"""How often a limit is looked at before it is over; so a write may take a tenth longer than it says."""


class Writes:
    """What a stream's task writes, one thing after the other."""

    __slots__ = ("_task", "_watch", "begun", "late")

    def __init__(self, watch: WriteWatch, task: asyncio.Task[Any]) -> None:
        self._watch = watch
        self._task = task
        self.begun: int | None = None
        """The look before the write that is under way, None while there is none."""
        self.late = False
        """The task was cancelled because a write took too long."""

    def begin(self) -> None:
        """Note that a write begins."""
        self.begun = self._watch.look

    def end(self) -> None:
        """Note that it is done."""
        self.begun = None

    def cancel(self) -> None:
        """End the task, whose write takes too long."""
        if not self.late:
            self.late = True
            self._task.cancel()

    def undo_cancel(self) -> bool:
        """Tell whether the cancellation that the task has just caught came from here; it is then undone."""
        return self.late and self._task.uncancel() == 0


class WriteWatch:
    """Watches all writes of a server at once: a timeout for each would cost half as much as the write itself.

    Time is counted in looks, so that not even a clock is read for each write.

    Args:
        limit: Seconds that a write may take.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._streams: set[Writes] = set()
        self._ticker: asyncio.Task[None] | None = None
        self.look = 0
        """The number of the last look."""

    def start(self) -> None:
        """Begin to look, on the running event loop."""
        self._ticker = asyncio.create_task(self._look_again_and_again(), name="write-watch")

    async def stop(self) -> None:
        """Look no more. Idempotent."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker

    @contextlib.contextmanager
    def writes(self) -> Iterator[Writes]:
        """Watch what the current task writes until the context is left."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a stream runs as one
        writes = Writes(self, task)
        self._streams.add(writes)
        try:
            yield writes
        finally:
            self._streams.discard(writes)

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(self._limit / LOOKS)
            self.look += 1
            for writes in self._streams:
                if writes.begun is not None and self.look - writes.begun > LOOKS:
                    writes.cancel()
