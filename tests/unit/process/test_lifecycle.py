"""Parts stop in the reverse order, each in its time; one that ends unasked is told once."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tocsin_server.domain.errors import DatabaseUnusable, PartEnded, StartupError
from tocsin_server.process import lifecycle
from tocsin_server.process.lifecycle import Failures, Lifecycle, StopTimes


def _unexpected(error: StartupError) -> None:
    pytest.fail(error.message)


def test_the_shares_of_a_stop_are_all_of_it() -> None:
    times = StopTimes.of(20.0)
    assert times.bridge + times.calls + times.deliveries + times.records == pytest.approx(20.0)
    assert times.server == pytest.approx(20.0 - times.bridge)
    assert min(times.bridge, times.calls, times.deliveries, times.records) > 0


async def test_parts_stop_in_the_reverse_order_whether_they_wait_or_not() -> None:
    stopped: list[str] = []

    async def stop() -> None:
        await asyncio.sleep(0)
        stopped.append("second")

    async with Lifecycle(_unexpected) as life:
        life.stops("first", lambda: stopped.append("first"), 1.0)
        life.stops("second", stop, 1.0)
        life.stops("third", lambda: stopped.append("third"), 1.0)
    assert stopped == ["third", "second", "first"]


async def test_a_part_that_does_not_stop_is_left_and_the_others_have_their_turn(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lifecycle, "SLACK", 0.0)
    stopped: list[str] = []
    async with Lifecycle(_unexpected) as life:
        life.stops("first", lambda: stopped.append("first"), 1.0)
        life.stops("stuck", asyncio.Event().wait, 0.01)
    assert stopped == ["first"]
    [record] = caplog.records
    assert (record.__dict__["event"], record.__dict__["part"]) == ("part_stuck", "stuck")


async def test_what_fails_in_a_stop_is_raised_when_all_have_stopped() -> None:
    stopped: list[str] = []

    def fail() -> None:
        raise ValueError("in a stop")

    life = Lifecycle(_unexpected)
    life.stops("first", lambda: stopped.append("first"), 1.0)
    life.stops("second", fail, 1.0)
    with pytest.raises(ValueError, match="in a stop"):
        await life.aclose()
    assert stopped == ["first"]


@pytest.mark.parametrize("how", ["raises", "returns", "is cancelled"])
async def test_a_part_that_ends_unasked_is_told_once_and_at_once(how: str, caplog: pytest.LogCaptureFixture) -> None:
    failures: list[StartupError] = []
    told = asyncio.Event()

    def failed(error: StartupError) -> None:
        failures.append(error)
        told.set()

    async def part() -> None:
        if how == "raises":
            raise ValueError("nobody expected it")
        if how == "is cancelled":
            raise asyncio.CancelledError

    async with Lifecycle(failed) as life:
        life.watch("a part", part())
        life.watch("another", part())
        await told.wait()
        await asyncio.sleep(0)
        life.fail(DatabaseUnusable("too late to matter"))
    [failure] = failures
    assert isinstance(failure, PartEnded)
    assert "a part ended unexpectedly" in failure.message
    [record] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert (record.__dict__["event"], record.__dict__["part"]) == ("part_ended", "a part")


async def test_a_part_that_ends_in_the_course_of_a_stop_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    running = asyncio.Event()

    async def part() -> None:
        await running.wait()
        raise ValueError("it was told to")

    async with Lifecycle(_unexpected) as life:
        life.watch("a part", part())
        life.stops("a part", running.set, 1.0)
        await asyncio.sleep(0)
    assert caplog.records == []


async def test_the_first_failure_stops_the_process_and_is_what_it_ends_with() -> None:
    stop = asyncio.Event()
    failures = Failures(stop)
    failures.raise_first()
    await asyncio.to_thread(failures.add, DatabaseUnusable("the file is gone"))
    failures.add(PartEnded("a part"))
    await stop.wait()
    with pytest.raises(DatabaseUnusable, match="the file is gone"):
        failures.raise_first()
