"""Ending streams whose subscriber does not take what is written to it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

LOOKS = 10
"""How often a limit is looked at before it is over; so a write may take a tenth longer than it says."""


class WriteWatch:
    """Watches all writes of a server at once: a timeout for each would cost half as much as the write itself.

    Args:
        limit: Seconds that a write may take.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._since: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._ticker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look, on the running event loop."""
        self._ticker = asyncio.create_task(self._look_again_and_again(), name="write-watch")

    async def stop(self) -> None:
        """Look no more. Idempotent."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker

    def begin(self, task: asyncio.Task[Any]) -> None:
        """Note that a task begins to write."""
        self._since[task] = time.monotonic()

    def end(self, task: asyncio.Task[Any]) -> None:
        """Note that it has written, or failed to."""
        del self._since[task]

    def was_late(self, task: asyncio.Task[Any]) -> bool:
        """Tell whether the cancellation that a task has just caught came from here; it is then undone."""
        if task not in self._late:
            return False
        self._late.discard(task)
        return task.uncancel() == 0

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(self._limit / LOOKS)
            oldest = time.monotonic() - self._limit
            for task in [task for task, since in self._since.items() if since < oldest]:
                if task not in self._late:
                    self._late.add(task)
                    task.cancel()
