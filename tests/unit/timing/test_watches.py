"""Looking after many by one timer."""

from __future__ import annotations

import asyncio
from typing import Any

from tocsin_server.timing.watches import Watch


async def test_it_looks_while_there_is_somebody_and_begins_again() -> None:
    looked = asyncio.Event()
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        looked.set()

    watch: Watch[str] = Watch(0.001, look)
    for member in ("a", "b"):
        watch.add(member)
        looked.clear()
        async with asyncio.timeout(10):
            await looked.wait()
        watch.discard(member)
        watch.discard(member)
        before = looks
        # Of the same length and set later, so it ends after what the watch has set.
        ended = asyncio.Event()
        asyncio.get_running_loop().call_later(0.002, ended.set)
        await ended.wait()
        assert looks == before


async def test_a_look_that_fails_is_told_and_the_next_one_comes() -> None:
    told: list[dict[str, Any]] = []
    twice = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    def look() -> None:
        if told:
            twice.set()
        raise ValueError

    watch: Watch[str] = Watch(0.001, look)
    watch.add("a")
    async with asyncio.timeout(10):
        await twice.wait()
    watch.discard("a")
    assert isinstance(told[0]["exception"], ValueError)
