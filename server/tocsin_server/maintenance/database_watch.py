"""Knowing whether the database answers, also while nobody calls: for health checks, and to tell when it is back."""

from __future__ import annotations

import asyncio

from tocsin_server.domain.errors import DatabaseUnavailable, TocsinError
from tocsin_server.domain.ports import ProbeStore
from tocsin_server.telemetry.observer import UNOBSERVED, DatabaseAnswers, Observer

LONGEST_ANSWER = 3.0
"""Seconds after which a database that says nothing counts as one that is away."""


class DatabaseWatch:
    """Asks the database something now and then.

    While it is well, by reading, which costs nothing. When that fails, or a write of others has failed, by writing: a
    full disk can be read, and it is by a write that the log learns of the end of an outage.
    """

    name = "database_watch"
    longest_pause = 2.0

    def __init__(self, store: ProbeStore, observer: Observer = UNOBSERVED) -> None:
        self._store = store
        self._observer = observer
        self._well = True
        self._asking: asyncio.Task[bool] | None = None

    async def work(self) -> float | None:
        """See `Job.work`."""
        well = await self._answers()
        if well is not self._well:
            self._well = well
            self._observer.report(DatabaseAnswers(well))
        return None

    async def _answers(self) -> bool:
        # One question at a time: those to a database that hangs would take all threads that read.
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name=self.name)
        done, _ = await asyncio.wait([self._asking], timeout=LONGEST_ANSWER)
        if not done:
            return False
        asked, self._asking = self._asking, None
        return asked.result()

    async def _ask(self) -> bool:
        """Ask; what is refused for other reasons than the database's says nothing of it."""
        if self._well and not self._store.away and await self._is_taken(writing=False):
            return True
        return await self._is_taken(writing=True)

    async def _is_taken(self, *, writing: bool) -> bool:
        try:
            await self._store.probe(writing=writing)
        except DatabaseUnavailable:
            return False
        except TocsinError:  # we stop, or more waits than can be taken
            return self._well
        return True
