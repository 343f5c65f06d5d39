"""Writing what came of rows: what is kept, what is replaced, what is left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from helpers.drafts import EMAIL, FAILED, NOON, PENDING, SENT, claim
from helpers.queue import FakeQueue
from helpers.store import result
from helpers.waiting import eventually_async
from tocsin_server.delivery import recorder as recorder_module
from tocsin_server.delivery.recorder import Recorder
from tocsin_server.domain.attempt_log import REFUSED
from tocsin_server.domain.errors import DatabaseRefusal, DatabaseUnavailable, QueueFull, ShuttingDown
from tocsin_server.domain.model import ChannelResult
from tocsin_server.telemetry.observer import DeliveryFailed, LeaseLost, Observer, ResultRefused


class Bench:
    """A recorder on a fake queue, with what it let go of and reported."""

    def __init__(self) -> None:
        self.queue = FakeQueue()
        self.let_go: list[tuple[str, bool]] = []
        self.reports: list[Any] = []
        observer = Observer()
        for kind in (DeliveryFailed, LeaseLost, ResultRefused):
            observer.listen(kind, self.reports.append)
        self.recorder = Recorder(
            EMAIL, self.queue, lambda row, retried: self.let_go.append((row, retried)), lambda: NOON, observer
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let it work, and wait until all is written."""
        task = asyncio.create_task(self.recorder.run())
        yield
        self.recorder.finish()
        await asyncio.wait_for(task, 20)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "AGAIN_AFTER", 0.0)


def of(name: str, **changes: Any) -> ChannelResult:
    return result(claim(id=name), changes.pop("status", SENT), **changes)


async def test_what_gathers_is_written_together_and_let_go() -> None:
    bench = Bench()
    results = [of("a"), of("b", status=FAILED), of("c", status=PENDING, due_at=NOON)]
    for one in results:
        bench.recorder.add(one)
    async with bench.running():
        pass
    assert bench.queue.recorded == results
    assert bench.let_go == [("a", False), ("b", False), ("c", True)]
    assert [(report.channel_id, report.reason) for report in bench.reports] == [("b", "250")]


async def test_a_row_without_a_result_is_given_back() -> None:
    bench = Bench()
    bench.recorder.give_back(claim(id="a"))
    async with bench.running():
        pass
    assert [row.id for row in bench.queue.released] == ["a"]
    assert bench.let_go == [("a", False)]


async def test_a_result_whose_lease_was_lost_is_dropped_and_told_of() -> None:
    bench = Bench()
    bench.queue.lost = {"a"}
    bench.recorder.add(of("a"))
    async with bench.running():
        pass
    assert bench.reports == [LeaseLost(EMAIL, "a")]
    assert bench.let_go == [("a", False)]


async def test_what_the_database_does_not_take_now_is_kept_until_it_does() -> None:
    bench = Bench()
    bench.queue.refusals = [DatabaseUnavailable("away"), QueueFull(1), DatabaseUnavailable("away")]
    bench.recorder.add(of("a"))
    async with bench.running():
        await eventually_async(lambda: _true(bench.let_go))
    assert [one.channel_id for one in bench.queue.recorded] == ["a"]


async def _true(value: Any) -> bool:
    return bool(value)


@pytest.mark.parametrize(("patient", "error"), [(False, DatabaseUnavailable("away")), (True, ShuttingDown())])
async def test_at_the_end_what_is_not_taken_is_left(patient: bool, error: Exception) -> None:
    bench = Bench()
    bench.queue.refusals = [error]
    bench.recorder.patient = patient
    bench.recorder.add(of("a"))
    async with bench.running():
        pass
    assert bench.queue.recorded == []
    assert bench.let_go == [("a", False)]
    assert [report.left for report in bench.reports] == [True]


async def test_a_result_that_is_refused_for_what_it_is_is_written_without_its_answer_and_holds_up_no_other() -> None:
    bench = Bench()
    bench.queue.poisonous = {"taken", "put off"}
    for one in (of("a"), of("taken"), of("put off", status=PENDING, due_at=NOON), of("b")):
        bench.recorder.add(one)
    async with bench.running():
        pass
    written = {one.channel_id: one for one in bench.queue.recorded}
    assert {name: one.status for name, one in written.items()} == {
        "a": SENT,
        "b": SENT,
        "taken": SENT,
        "put off": FAILED,
    }
    assert (written["put off"].response or {})["reason"] == REFUSED
    assert sorted(name for name, _ in bench.let_go) == ["a", "b", "put off", "taken"]
    refused = [report for report in bench.reports if isinstance(report, ResultRefused)]
    assert [(report.channel_id, report.left) for report in refused] == [("taken", False), ("put off", False)]


@pytest.mark.parametrize("error", [DatabaseRefusal("x"), ValueError("a fault of ours")], ids=["ours", "unforeseen"])
async def test_what_is_refused_whatever_is_written_is_left_and_not_tried_for_ever(error: Exception) -> None:
    bench = Bench()
    bench.queue.refusals = [error] * 100
    bench.recorder.add(of("a"))
    async with bench.running():
        pass
    assert len(bench.queue.refusals) >= 98
    assert bench.let_go == [("a", False)]
    assert bench.reports[-1].left
    assert bench.queue.recorded == []
