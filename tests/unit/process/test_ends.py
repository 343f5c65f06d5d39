"""The end of a thread or a task is noticed by whoever waits for it, and nobody else is harmed."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tocsin_server.process.ends import Ended, WatchedThread, end_of, first_end


def waits_for(told: threading.Event) -> None:
    assert told.wait(60)


async def test_a_thread_that_returns_has_ended() -> None:
    told = threading.Event()
    thread = WatchedThread("watched", lambda: waits_for(told))
    assert thread.join()
    thread.start()
    waiting = asyncio.create_task(thread.end())
    assert not thread.join(0.0)
    told.set()
    await waiting
    assert thread.join()


async def test_what_a_thread_raises_is_raised_where_it_is_waited_for() -> None:
    died: list[BaseException] = []

    def fail() -> None:
        raise ValueError("in the thread")

    thread = WatchedThread("watched", fail, died.append)
    thread.start()
    with pytest.raises(ValueError, match="in the thread"):
        await thread.end()
    assert [str(error) for error in died] == ["in the thread"]


async def test_an_order_to_exit_in_a_thread_does_not_end_the_event_loop() -> None:
    def leave() -> None:
        raise SystemExit(3)

    thread = WatchedThread("watched", leave)
    thread.start()
    with pytest.raises(Ended, match="SystemExit") as caught:
        await asyncio.create_task(thread.end())
    assert isinstance(caught.value.__cause__, SystemExit)


async def test_whoever_waits_may_give_up_without_harm() -> None:
    told = threading.Event()
    thread = WatchedThread("watched", lambda: waits_for(told))
    thread.start()
    task = asyncio.create_task(asyncio.Event().wait())
    for wait in (thread.end(), end_of(task)):
        waiting = asyncio.create_task(wait)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert not task.done()
    told.set()
    await thread.end()
    task.cancel()
    with pytest.raises(Ended, match="cancelled"):
        await end_of(task)


async def test_the_first_of_several_to_end_is_the_end() -> None:
    async def fail() -> None:
        raise ValueError("the second")

    for_ever = asyncio.Event()
    with pytest.raises(ValueError, match="the second"):
        await first_end(for_ever.wait(), fail(), for_ever.wait())
    await first_end(asyncio.sleep(0), for_ever.wait())
