"""How workers are looked after, with small real processes in their place."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from helpers.process import environment, is_alive
from helpers.waiting import eventually_async
from tocsin_server.application import workers
from tocsin_server.application.workers import make_worker, running_workers
from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.errors import StartupError
from tocsin_server.process import child as processes
from tocsin_server.process.child import Child
from tocsin_server.timing.backoff import Backoff

pytestmark = pytest.mark.uvloop  # processes are the loop's own to start and to wait for

SOMEWHERE = ListenAddress("127.0.0.1", 50051)

GOOD = """
import sys
print('{"listen": ["127.0.0.1", 50051]}', flush=True)
sys.stdin.read()
"""

STUBBORN = """
import pathlib, signal, sys
print('{"listen": ["127.0.0.1", 50051]}', flush=True)
sys.stdin.read()
pathlib.Path(f"asked-{sys.argv[3]}").touch()
while True:
    signal.pause()
"""

SILENT = "import sys; sys.stdin.read()"

SECOND_REFUSES = (
    """
import sys
if sys.argv[3] == "2":
    print('{"refused": "cannot listen on 127.0.0.1:50051: no"}', flush=True)
    sys.exit(1)
"""
    + GOOD
)

SECOND_CRASHES = (
    """
import sys
if sys.argv[3] == "2":
    sys.exit("Traceback ...")
"""
    + GOOD
)

REFUSES_FROM_THE_SECOND_START_TO_THE_FOURTH = (
    """
import pathlib, sys
starts = pathlib.Path("starts")
with starts.open("a") as file:
    file.write(".")
if 2 <= len(starts.read_text()) <= 4:
    print('{"refused": "the database is away"}', flush=True)
    sys.exit(1)
"""
    + GOOD
)


def children(count: int, script: str, grace: float = 60.0) -> list[Child[ListenAddress]]:
    return [
        make_worker(
            number, SOMEWHERE, [], grace=grace, environment=environment({}), program=(sys.executable, "-c", script)
        )
        for number in range(1, count + 1)
    ]


def pids(of: Sequence[Child[ListenAddress]]) -> list[int]:
    return [child.pid for child in of if child.pid is not None]


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return what was logged of workers, with its fields."""
    return [vars(record) for record in caplog.records if record.name == processes.__name__]


@pytest.fixture(autouse=True)
def at_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Make pauses that a test does not notice, and keep what is logged."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(processes, "AGAIN", Backoff(first=0.01, longest=0.05, healthy=60.0))
    caplog.set_level(logging.INFO)


async def test_a_worker_that_dies_is_started_again_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    some = children(3, GOOD)
    async with running_workers(some):
        before = pids(some)
        assert len(set(before)) == 3
        os.kill(before[1], signal.SIGKILL)

        async def back() -> bool:
            return [event["event"] for event in events(caplog)] == ["worker_died", "worker_restarted"]

        await eventually_async(back)
        after = pids(some)
        assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]
        assert all(map(is_alive, after))
    died, restarted = events(caplog)
    assert (died["worker"], died["pid"], died["status"], died["deaths"]) == (2, before[1], -signal.SIGKILL, 1)
    assert (restarted["worker"], restarted["pid"], restarted["deaths"]) == (2, after[1], 1)
    assert (died["levelname"], restarted["levelname"]) == ("ERROR", "INFO")
    assert not any(map(is_alive, after))
    assert pids(some) == []


async def test_a_worker_that_ends_by_itself_is_started_again_too(caplog: pytest.LogCaptureFixture) -> None:
    """So can an operator restart one after the other."""
    some = children(1, GOOD)
    async with running_workers(some):
        [before] = pids(some)
        os.kill(before, signal.SIGTERM)

        async def back() -> bool:
            return events(caplog)[-1:] != [] and events(caplog)[-1]["event"] == "worker_restarted"

        await eventually_async(back)
        assert pids(some) != [before]


async def test_a_worker_that_cannot_start_again_is_tried_until_it_can(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    some = children(1, REFUSES_FROM_THE_SECOND_START_TO_THE_FOURTH)
    async with running_workers(some):
        os.kill(pids(some)[0], signal.SIGKILL)

        async def back() -> bool:
            return events(caplog)[-1:] != [] and events(caplog)[-1]["event"] == "worker_restarted"

        await eventually_async(back)
        assert is_alive(pids(some)[0])
    failures = [event for event in events(caplog) if event["event"] == "worker_not_started"]
    assert [(str(event["reason"]), event["worker"], event["exc_info"]) for event in failures] == [
        ("the database is away", 1, None)
    ] * 3
    assert (tmp_path / "starts").read_text() == "." * 5


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (SECOND_REFUSES, "cannot listen on 127.0.0.1:50051: no"),
        (SECOND_CRASHES, "worker 2 does not start; see its message above"),
    ],
)
async def test_a_worker_that_does_not_start_at_all_is_everybodys_failure(
    script: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    give_up = Child._give_up
    some = children(3, script)

    async def note(child: Child[ListenAddress], process: asyncio.subprocess.Process) -> None:
        started.extend(pids(some))
        await give_up(child, process)

    monkeypatch.setattr(Child, "_give_up", note)
    with pytest.raises(StartupError) as caught:
        async with running_workers(some):
            pytest.fail("not all of them serve")
    assert caught.value.message == said
    assert pids(some) == []
    assert started
    assert not any(map(is_alive, started))


async def test_a_worker_that_does_not_end_in_time_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    some = children(2, STUBBORN, grace=0.1)
    async with running_workers(some):
        before = pids(some)
    assert not any(map(is_alive, before))
    assert {(event["event"], event["worker"], event["pid"]) for event in events(caplog)} == {
        ("worker_killed", 1, before[0]),
        ("worker_killed", 2, before[1]),
    }


async def test_workers_that_are_ending_can_still_be_killed(tmp_path: Path) -> None:
    """As on a second signal, while the first one's stop waits."""
    some = children(2, STUBBORN, grace=3600.0)
    before: list[int] = []

    async def run() -> None:
        async with running_workers(some):
            before.extend(pids(some))

    async def asked() -> bool:
        return len(os.listdir(tmp_path)) == 2

    running = asyncio.create_task(run())
    await eventually_async(asked)
    assert not running.done()
    for child in some:
        child.kill()
    await running
    assert len(before) == 2
    assert not any(map(is_alive, before))


@pytest.mark.parametrize("steps", range(5))
async def test_a_start_can_be_cancelled_at_any_time(steps: int) -> None:
    """A process that nobody waits for would be complained of when the loop closes."""
    [child] = children(1, GOOD)
    starting = asyncio.create_task(child.start())
    for _ in range(steps):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert child.pid is None


async def test_a_stop_in_the_middle_of_starting_ends_what_has_started() -> None:
    some = [*children(1, GOOD), *children(1, SILENT)]
    stop = asyncio.Event()

    async def run() -> None:
        async with running_workers(some):
            pytest.fail("one of them never says that it serves")

    running = asyncio.create_task(workers._until(stop, run()))

    async def both() -> bool:
        return len(pids(some)) == 2

    await eventually_async(both)
    before = pids(some)
    stop.set()
    await running
    assert not any(map(is_alive, before))


async def test_no_more_start_at_a_time_than_there_are_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    starting: set[object] = set()
    most: list[int] = []

    class Slow:
        async def start(self) -> None:
            starting.add(self)
            for _ in range(10):
                await asyncio.sleep(0)
            most.append(len(starting))
            starting.remove(self)

        async def stop(self) -> None:
            pass

    some: Any = [Slow() for _ in range(10)]
    async with running_workers(some):
        assert len(most) == 10
        assert max(most) == 3
