"""The watch that ends streams whose subscriber does not read; the tests look in its place, so no time passes."""

from __future__ import annotations

import asyncio

import pytest

from tocsin_server.rpc.write_watch import LOOKS, Writes, WriteWatch


class Writing:
    """A task that writes one thing, and is held up at it."""

    def __init__(self, watch: WriteWatch) -> None:
        self.go_on = asyncio.Event()
        self.ours: bool | None = None
        self.task = asyncio.create_task(self._run(watch))

    async def _run(self, watch: WriteWatch) -> None:
        with watch.writes() as writes:
            try:
                await self._write(writes)
            except asyncio.CancelledError:
                self.ours = writes.undo_cancel()
                if not self.ours:
                    raise

    async def _write(self, writes: Writes) -> None:
        writes.begin()
        await self.go_on.wait()
        writes.end()
        await asyncio.Event().wait()


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_write_is_late_only_when_its_whole_time_is_over() -> None:
    async def scenario() -> None:
        watch = WriteWatch(limit=30.0)
        watch.look()  # a write that begins just before a look has not had that part of the limit
        writing = Writing(watch)
        await turn()
        for _ in range(LOOKS):
            watch.look()
        await turn()
        assert not writing.task.done()
        watch.look()
        await turn()
        assert (writing.task.done(), writing.ours) == (True, True)
        assert not writing.task.cancelled(), "the cancellation is undone, so that the subscriber can be told"
        assert not watch.watched

    asyncio.run(scenario())


def test_a_stream_that_has_nothing_to_write_is_never_late() -> None:
    async def scenario() -> None:
        watch = WriteWatch(limit=30.0)
        writing = Writing(watch)
        await turn()
        writing.go_on.set()
        await turn()
        for _ in range(10 * LOOKS):
            watch.look()
        await turn()
        assert not writing.task.done()
        writing.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing.task
        assert writing.ours is False

    asyncio.run(scenario())


def test_a_call_that_is_cancelled_while_its_write_is_late_stays_cancelled() -> None:
    async def scenario() -> None:
        watch = WriteWatch(limit=30.0)
        writing = Writing(watch)
        await turn()
        for _ in range(LOOKS + 1):
            watch.look()
        writing.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing.task
        assert writing.ours is False

    asyncio.run(scenario())


def test_the_watch_looks_by_itself_and_stops() -> None:
    async def scenario() -> None:
        watch = WriteWatch(limit=0.001)
        watch.start()
        writing = Writing(watch)
        await asyncio.wait_for(writing.task, 20)
        assert writing.ours
        await watch.stop()
        await watch.stop()

    asyncio.run(scenario())
