"""The clock of what is undecided: at its deadline rules decide it, or it fails if its time is over by then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tocsin_server.domain.clock import Clock
from tocsin_server.domain.model import Micros
from tocsin_server.maintenance.next_look import NextLook

BATCH = 100
"""Notifications decided before the next look."""


class Deadlines(Protocol):
    """Knows when there is something to decide."""

    async def next_deadline(self) -> Micros | None:
        """See `DeadlineStore.next_deadline`."""


class Decider(Protocol):
    """Decides by rules."""

    async def decide_overdue(self, limit: int) -> int:
        """See `intake.deciding.Deciding.decide_overdue`."""


class OverdueDecisions:
    """Lets rules decide what nobody did in time. The transaction of a decision lets one process do so, once."""

    name = "decisions"
    longest_pause = 1.0

    def __init__(self, store: Deadlines, decider: Decider, clock: Clock) -> None:
        self._store = store
        self._decider = decider
        self._next_look = NextLook(clock)

    def woken_by(self, wake: Callable[[], None]) -> None:
        """See `Woken.woken_by`."""
        self._next_look.wake = wake

    def undecided(self, route_by: Micros) -> None:
        """Look earlier if a deadline comes before the next look. May be called from any thread."""
        self._next_look.due(route_by)

    async def work(self) -> float | None:
        """See `Job.work`."""
        return await self._next_look.look(self._store.next_deadline, self._decide, self.longest_pause)

    async def _decide(self) -> float | None:
        return 0.0 if await self._decider.decide_overdue(BATCH) else None
