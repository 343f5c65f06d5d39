"""The clock of fallbacks: the next step starts when the one before has had its time."""

from __future__ import annotations

from collections.abc import Callable

from tocsin_server.domain.clock import Clock
from tocsin_server.domain.model import Micros
from tocsin_server.domain.ports import EscalationStore
from tocsin_server.maintenance.next_look import NextLook
from tocsin_server.telemetry.observer import UNOBSERVED, Observer, StepsStarted

BATCH = 200
"""Steps started in one transaction."""

CONTENDED = 0.05
"""Seconds before the next look when another process was faster with all that was due."""


class Escalation:
    """Starts steps when they are due."""

    name = "escalation"
    longest_pause = 1.0

    def __init__(self, store: EscalationStore, clock: Clock, observer: Observer = UNOBSERVED) -> None:
        self._store = store
        self._observer = observer
        self._next_look = NextLook(clock)

    def woken_by(self, wake: Callable[[], None]) -> None:
        """See `Woken.woken_by`."""
        self._next_look.wake = wake

    def step_due(self, at: Micros) -> None:
        """Look earlier if a step is due before the next look. May be called from any thread."""
        self._next_look.due(at)

    async def work(self) -> float | None:
        """See `Job.work`."""
        return await self._next_look.look(self._store.next_step_due, self._start, self.longest_pause)

    async def _start(self) -> float:
        started = await self._store.start_due_steps(BATCH)
        if not started:
            return CONTENDED
        self._observer.report(StepsStarted(started))
        return 0.0
