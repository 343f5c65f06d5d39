"""When steps of fallbacks are started."""

from __future__ import annotations

import asyncio

import pytest

from helpers.drafts import NOON
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import Micros
from tocsin_server.maintenance.escalation import BATCH, CONTENDED, Escalation
from tocsin_server.maintenance.periodic import Periodic
from tocsin_server.telemetry.observer import Observer, StepsStarted


class Steps:
    """An `EscalationStore` with a step due at a time, which ``started`` turn out to be."""

    def __init__(self, due_at: Micros | None, started: int = 0) -> None:
        self.due_at = due_at
        self.started = started
        self.limits: list[int] = []
        self.looks = 0
        self.looked = asyncio.Event()

    async def next_step_due(self) -> Micros | None:
        self.looks += 1
        self.looked.set()
        return self.due_at

    async def start_due_steps(self, limit: int) -> int:
        self.limits.append(limit)
        return self.started


@pytest.mark.parametrize(
    ("due_at", "started", "pause", "limits"),
    [
        (None, 0, None, []),
        (NOON + micros(90), 0, 90.0, []),
        (NOON, 3, 0.0, [BATCH]),
        (NOON - 1, BATCH, 0.0, [BATCH]),
        (NOON, 0, CONTENDED, [BATCH]),  # another process was faster
    ],
)
async def test_steps_are_started_when_they_are_due(
    due_at: Micros | None, started: int, pause: float | None, limits: list[int]
) -> None:
    observer, told = Observer(), list[StepsStarted]()
    observer.listen(StepsStarted, told.append)
    steps = Steps(due_at, started)
    assert await Escalation(steps, lambda: NOON, observer).work() == pause
    assert steps.limits == limits
    assert told == ([StepsStarted(started)] if started else [])


@pytest.mark.parametrize(
    ("due_at", "stored", "woken"),
    [
        (None, NOON + micros(0.5), True),
        (None, NOON + micros(2), False),  # the next look comes before
        (NOON + micros(0.4), NOON + micros(0.3), True),
        (NOON + micros(0.4), NOON + micros(0.5), False),
    ],
)
async def test_it_is_woken_by_what_is_due_before_its_next_look(
    due_at: Micros | None, stored: Micros, woken: bool
) -> None:
    job = Escalation(Steps(due_at), lambda: NOON)
    wakes: list[None] = []
    job.woken_by(lambda: wakes.append(None))
    await job.work()
    job.step_due(stored)
    assert bool(wakes) == woken


async def test_before_its_first_look_everything_wakes_it() -> None:
    steps = Steps(None)
    job = Escalation(steps, lambda: NOON)
    job.longest_pause = 3600.0
    periodic = Periodic(job)
    periodic.start()
    await steps.looked.wait()
    steps.looked.clear()
    job.step_due(NOON)
    await steps.looked.wait()
    assert steps.looks == 2
    await periodic.stop()
