"""The watch that ends streams whose subscriber does not read; the tests look in its place, so no time passes."""

from __future__ import annotations

import asyncio

import pytest

from tocsin_server.rpc.write_watch import LOOKS, Writes, WriteWatch


class Writing:
    """A task that writes one thing, and is held up at it."""

    def __init__(self, watch: WriteWatch, size: int = 1) -> None:
        self.size = size
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.ended = asyncio.Event()
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
        writes.begin(self.size)
        self.begun.set()
        await self.go_on.wait()
        writes.end()
        self.ended.set()
        await asyncio.Event().wait()

    @property
    def late(self) -> bool:
        """Whether a look has ended it; a look cancels there and then."""
        return self.task.cancelling() > 0


async def held_up(watch: WriteWatch, size: int = 1) -> Writing:
    """Begin to write."""
    writing = Writing(watch, size)
    await writing.begun.wait()
    return writing


async def test_a_write_is_late_only_when_its_whole_time_is_over() -> None:
    watch = WriteWatch(limit=30.0)
    watch.look()  # a write that begins just before a look has not had that part of the limit
    writing = await held_up(watch)
    for _ in range(LOOKS):
        watch.look()
    assert not writing.late
    watch.look()
    await writing.task  # the cancellation is undone, so that the subscriber can be told
    assert writing.ours is True
    assert not watch.members


async def test_a_stream_that_has_nothing_to_write_is_never_late() -> None:
    watch = WriteWatch(limit=30.0)
    writing = await held_up(watch)
    writing.go_on.set()
    await writing.ended.wait()
    for _ in range(10 * LOOKS):
        watch.look()
    assert not writing.late
    writing.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing.task
    assert writing.ours is False


async def test_a_call_that_is_cancelled_while_its_write_is_late_stays_cancelled() -> None:
    watch = WriteWatch(limit=30.0)
    writing = await held_up(watch)
    for _ in range(LOOKS + 1):
        watch.look()
    writing.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing.task
    assert writing.ours is False


async def test_the_watch_looks_by_itself() -> None:
    watch = WriteWatch(limit=0.001)
    writing = Writing(watch)
    await asyncio.wait_for(writing.task, 20)
    assert writing.ours


async def test_what_is_held_up_is_bounded_and_who_has_been_held_up_longest_goes_first() -> None:
    watch = WriteWatch(limit=30.0, most_held=100)
    first = await held_up(watch, 60)
    watch.look()
    second, third = await held_up(watch, 60), await held_up(watch, 30)
    watch.look()
    assert not any(one.late for one in (first, second, third)), "writes that have just begun are not held up"
    watch.look()
    await first.task
    assert (first.ours, second.late, third.late) == (True, False, False)
    watch.look()
    assert not second.late
    for one in (second, third):
        one.task.cancel()
