"""Time-outs by one timer."""

from __future__ import annotations

import asyncio

from tocsin_server.timing.deadlines import Deadlines


async def test_what_runs_out_is_told_in_its_order_and_what_ended_is_not() -> None:
    told: list[str] = []
    over = asyncio.Event()

    def expired(key: str) -> None:
        told.append(key)
        if key == "last":
            over.set()

    deadlines = Deadlines(0.01, expired)
    for key in ("first", "ended", "begun again"):
        deadlines.begin(key)
    deadlines.end("ended")
    deadlines.begin("begun again")
    deadlines.begin("last")
    async with asyncio.timeout(10):
        await over.wait()
    assert told == ["first", "begun again", "last"]


async def test_something_may_begin_while_another_runs_out() -> None:
    told: list[int] = []
    over = asyncio.Event()

    def expired(key: int) -> None:
        told.append(key)
        if key < 3:
            deadlines.begin(key + 1)
        else:
            over.set()

    deadlines = Deadlines(0.001, expired)
    deadlines.begin(1)
    async with asyncio.timeout(10):
        await over.wait()
    assert told == [1, 2, 3]


async def test_after_the_close_nothing_runs_out() -> None:
    told: list[str] = []
    closed, control = Deadlines(0.001, told.append), asyncio.Event()
    closed.begin("closed")
    closed.close()
    still_open: Deadlines[str] = Deadlines(0.002, lambda _: control.set())
    still_open.begin("open")
    async with asyncio.timeout(10):
        await control.wait()
    assert told == []
