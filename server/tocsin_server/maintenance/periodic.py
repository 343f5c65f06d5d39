"""Running a job of the clock: again and again, whatever goes wrong, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from tocsin_server.telemetry.outage import Trouble
from tocsin_server.timing.repeating import Repeating

SPREAD = 0.1
"""Part of a pause that chance may take off it, so that processes that were started together do not look together."""


class Job(Protocol):
    """Something that nobody asks for at the moment it is due.

    Any number of processes may run the same job at once: each call takes what it works on in the transaction that does
    the work, or under a lease of its own.
    """

    name: str
    """In the names of events: ``feed_entry`` makes ``feed_entry_failed``."""

    longest_pause: float
    """Seconds between two looks when nothing is known to be due earlier."""

    async def work(self) -> float | None:
        """Do what is due, a part at a time.

        Returns the seconds until something is due, 0 when there is more to do, None when nothing is known of.
        """


@runtime_checkable
class Woken(Protocol):
    """A job that hears of something that is due earlier than it knew."""

    def woken_by(self, wake: Callable[[], None]) -> None:
        """Take what lets it look at once, from any thread."""


class Periodic:
    """Runs one job on the event loop that starts it."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin."""
        self._loop = asyncio.get_running_loop()
        trouble = Trouble(self._job.name, self._job.name.replace("_", " "))
        self._repeating = Repeating(self._work, trouble, self._job.longest_pause)
        if isinstance(self._job, Woken):
            self._job.woken_by(self.wake)
        self._task = asyncio.create_task(self._repeating.run(), name=self._job.name)

    def wake(self) -> None:
        """Let it look at once: something is due earlier than was known. May be called from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and with it the job
            self._loop.call_soon_threadsafe(self._repeating.wake)

    async def run(self) -> None:
        """Wait until it has ended.

        Raises:
            BaseException: What ended it, if nobody had told it to.
        """
        if self._task is not None:
            await asyncio.wait([self._task])
            if not self._stopping:
                self._task.result()

    async def stop(self) -> None:
        """Stop; what a call has begun is broken off. Idempotent."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _work(self) -> float:
        due = await self._job.work()
        longest = self._job.longest_pause
        if due is not None and due < longest:
            return due
        return longest * random.uniform(1 - SPREAD, 1.0)  # noqa: S311 - guards nothing
