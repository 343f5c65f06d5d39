"""Running a job of the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tocsin_server.domain.errors import DatabaseUnavailable
from tocsin_server.maintenance import periodic as periodic_module
from tocsin_server.maintenance.periodic import SPREAD, Periodic

LONG = 3600.0


class Job:
    """Answers as it is told, one call after another, then waits for long."""

    name = "test_job"
    longest_pause = LONG

    def __init__(self, *answers: float | Exception | None) -> None:
        self.answers = list(answers)
        self.times = 0
        self.idle = asyncio.Event()
        """Set when it has no answers left."""

    async def work(self) -> float | None:
        self.times += 1
        if not self.answers:
            self.idle.set()
            return None
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


async def test_a_job_is_called_until_it_has_no_more_to_do() -> None:
    job = Job(0.0, 0.0, 0.001)
    periodic = Periodic(job)
    periodic.start()
    await job.idle.wait()
    assert job.times == 4
    await periodic.stop()


async def test_it_can_be_woken_from_any_thread() -> None:
    job = Job()
    periodic = Periodic(job)
    periodic.start()
    await job.idle.wait()
    job.idle.clear()
    await asyncio.to_thread(periodic.wake)
    await job.idle.wait()
    assert job.times == 2
    await periodic.stop()


async def test_failures_end_nothing_and_an_outage_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    job = Job(*[DatabaseUnavailable("away")] * 5, KeyError("a fault of ours"))
    job.longest_pause = 0.001
    periodic = Periodic(job)
    periodic.start()
    await job.idle.wait()
    await periodic.stop()
    ours = [record for record in caplog.records if record.name.startswith("tocsin_server")]
    assert [(record.levelname, vars(record)["event"]) for record in ours] == [
        ("WARNING", "test_job_failed"),
        ("ERROR", "test_job_failed"),
        ("WARNING", "test_job_works"),
    ]


async def test_its_end_is_noticed_when_nobody_had_asked_for_it() -> None:
    job = Job(asyncio.CancelledError())  # type: ignore[arg-type]  # as nothing but a fault would
    periodic = Periodic(job)
    periodic.start()
    with pytest.raises(asyncio.CancelledError):
        await periodic.run()
    await periodic.stop()


async def test_stopping_breaks_off_and_ends_whoever_waits_for_the_end() -> None:
    class Hanging(Job):
        async def work(self) -> float | None:
            self.idle.set()
            await asyncio.Event().wait()
            return None

    job = Hanging()
    periodic = Periodic(job)
    periodic.start()
    waiting = asyncio.create_task(periodic.run())
    await job.idle.wait()
    await periodic.stop()
    await periodic.stop()
    await waiting


async def test_what_never_started_stops_at_once() -> None:
    periodic = Periodic(Job())
    await periodic.stop()
    await periodic.run()


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        (None, (LONG * (1 - SPREAD), LONG)),
        (LONG * 2, (LONG * (1 - SPREAD), LONG)),
        (12.0, (12.0, 12.0)),
        (0.0, (0.0, 0.0)),
        (-1.0, (-1.0, -1.0)),
    ],
)
async def test_what_is_due_is_waited_for_exactly_and_looks_in_vain_are_spread(
    monkeypatch: pytest.MonkeyPatch, due: float | None, expected: tuple[float, float]
) -> None:
    for chance in (0.0, 0.5, 1.0):
        spread: Callable[[float, float], float] = lambda low, high, chance=chance: low + (high - low) * chance  # type: ignore[misc]  # noqa: E731
        monkeypatch.setattr(f"{periodic_module.__name__}.random.uniform", spread)
        assert expected[0] <= await Periodic(Job(due))._work() <= expected[1]
