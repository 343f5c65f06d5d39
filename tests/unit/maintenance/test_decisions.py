"""The clock of what is undecided: nothing before its deadline, all of it then, and a look in time for the next."""

from __future__ import annotations

import pytest

from helpers.drafts import NOON
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import Micros
from tocsin_server.maintenance.decisions import BATCH, OverdueDecisions


class Deadlines:
    """Deadlines of what is undecided; those that are over are decided when they are asked for."""

    def __init__(self, *at: Micros) -> None:
        self.at = sorted(at)
        self.now = NOON
        self.asked: list[int] = []

    async def next_deadline(self) -> Micros | None:
        return self.at[0] if self.at else None

    async def decide_overdue(self, limit: int) -> int:
        self.asked.append(limit)
        due = [at for at in self.at if at <= self.now][:limit]
        del self.at[: len(due)]
        return len(due)

    def job(self) -> OverdueDecisions:
        return OverdueDecisions(self, self, lambda: self.now)


async def test_nothing_undecided_is_looked_for_again_after_the_longest_pause() -> None:
    deadlines = Deadlines()
    assert await deadlines.job().work() is None
    assert deadlines.asked == []


async def test_before_a_deadline_nothing_is_decided_and_the_next_look_is_at_it() -> None:
    deadlines = Deadlines(NOON + micros(7.5))
    assert await deadlines.job().work() == pytest.approx(7.5)
    assert deadlines.asked == []


async def test_at_a_deadline_rules_decide_and_look_on_at_once_until_nothing_is_left() -> None:
    deadlines = Deadlines(NOON, NOON - 1, NOON + micros(3))
    job = deadlines.job()
    assert await job.work() == 0.0
    assert deadlines.asked == [BATCH]
    assert await job.work() == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("known", "stored", "woken"),
    [
        (None, NOON + micros(0.5), True),
        (None, NOON + micros(2), False),  # the next look comes before
        (NOON + micros(0.4), NOON + micros(0.3), True),
        (NOON + micros(0.4), NOON + micros(0.5), False),
    ],
)
async def test_a_deadline_before_the_next_look_wakes_it(known: Micros | None, stored: Micros, woken: bool) -> None:
    job = Deadlines(*([] if known is None else [known])).job()
    wakes: list[None] = []
    job.woken_by(lambda: wakes.append(None))
    await job.work()
    job.undecided(stored)
    assert bool(wakes) == woken


async def test_what_another_process_decides_first_is_not_waited_for() -> None:
    deadlines = Deadlines(NOON)

    async def nothing(limit: int) -> int:
        deadlines.asked.append(limit)
        return 0

    deadlines.decide_overdue = nothing  # type: ignore[method-assign]
    assert await deadlines.job().work() is None
