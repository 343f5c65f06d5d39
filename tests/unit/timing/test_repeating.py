"""Doing something again and again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from tocsin_server.timing.repeating import Repeating


@contextlib.asynccontextmanager
async def running(repeating: Repeating) -> AsyncIterator[None]:
    task = asyncio.create_task(repeating.run())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Work:
    """Takes the pauses that it is given one after another, then waits for long."""

    def __init__(self, *pauses: float | Exception) -> None:
        self.left = list(pauses)
        self.times = 0
        self.done = asyncio.Event()
        self.during: Callable[[], None] = lambda: None

    async def __call__(self) -> float:
        self.times += 1
        self.during()
        if not self.left:
            self.done.set()
            return 3600.0
        pause = self.left.pop(0)
        if isinstance(pause, Exception):
            raise pause
        return pause


class Teller:
    """Notes failures."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.worked_times = 0

    def failed(self, error: Exception) -> None:
        self.failures.append(error)

    def worked(self) -> None:
        self.worked_times += 1


async def test_it_is_done_again_after_each_pause() -> None:
    work = Work(0.0, 0.001, -1.0)
    async with running(Repeating(work, Teller())):
        await work.done.wait()
    assert work.times == 4


async def test_being_woken_ends_a_pause() -> None:
    work = Work(3600.0)
    repeating = Repeating(work, Teller())
    async with running(repeating):
        while not work.times:  # noqa: ASYNC110 - until it has begun
            await asyncio.sleep(0)
        repeating.wake()
        await work.done.wait()
    assert work.times == 2


async def test_what_happens_while_it_works_leads_to_another_look() -> None:
    work = Work(3600.0)
    repeating = Repeating(work, Teller())
    work.during = lambda: repeating.wake() if work.times == 1 else None
    async with running(repeating):
        await work.done.wait()
    assert work.times == 2


async def test_a_failure_ends_nothing_and_is_told() -> None:
    teller, fault = Teller(), ValueError("no")
    work = Work(fault)
    async with running(Repeating(work, teller, after_failure=0.001)):
        await work.done.wait()
    assert teller.failures == [fault]


async def test_success_is_told_too() -> None:
    teller, work = Teller(), Work(ValueError("no"), 0.0)
    async with running(Repeating(work, teller, after_failure=0.0)):
        await work.done.wait()
        await asyncio.sleep(0)
    assert teller.worked_times == 2
