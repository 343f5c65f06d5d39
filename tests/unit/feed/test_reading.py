"""Replays: page by page, by bytes, whatever becomes of a page meanwhile; and nothing is kept of what was told."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest

from helpers import drafts
from helpers.feeds import EPOCH, NO_CHECKS, Feed, Follower, turns
from tocsin_server.domain.clock import wall_clock
from tocsin_server.domain.errors import DatabaseUnavailable
from tocsin_server.domain.model import FeedPart, FeedPosition
from tocsin_server.feed.hub import Hub
from tocsin_server.feed.items import Changed, FeedItem, Subscribed
from tocsin_server.feed.replay import FIRST_PAGE, GROWTH, PAGE_BYTES, PAGE_LIMIT, ReplayBudget
from tocsin_server.feed.settlement import Settler
from tocsin_server.feed.stream import FeedStreams

LARGE = "x" * 60_000
START = FeedPosition(EPOCH, 0)


@contextlib.asynccontextmanager
async def streams(feed: Feed, budget: ReplayBudget | None = None) -> AsyncIterator[FeedStreams]:
    settler = Settler(feed, wall_clock)
    try:
        yield FeedStreams(feed, Hub(), settler, NO_CHECKS, budget=budget)
    finally:
        await settler.close()


def filled(count: int, message: str = LARGE) -> Feed:
    feed = Feed()
    for _ in range(count):
        feed.commit(message)
    return feed


async def taken(stream: AsyncIterator[FeedItem], count: int) -> list[str]:
    """Return the ids of the next notifications."""
    items = [await anext(stream) for _ in range(count)]
    return [item.notification.id for item in items if isinstance(item, Changed)]


def names(first: int, last: int) -> list[str]:
    return [f"n{number}" for number in range(first, last + 1)]


async def close(stream: AsyncIterator[FeedItem]) -> None:
    await stream.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("count", "message", "reads"),
    [(30, LARGE, 30 * len(LARGE) // PAGE_BYTES + 1), (PAGE_LIMIT - 1, "small", 3), (PAGE_LIMIT + 1, "small", 3)],
)
async def test_a_page_ends_by_bytes_or_by_number(count: int, message: str, reads: int) -> None:
    feed = filled(count, message)
    async with streams(feed) as opened:
        stream = opened.follow(feed.recipient, FeedPosition(0, 0))
        assert isinstance(await anext(stream), Subscribed)
        assert await taken(stream, count) == names(1, count)
        waiting = asyncio.ensure_future(anext(stream))
        await turns()
        assert not waiting.done()
        assert feed.reads <= reads
        waiting.cancel()


async def test_pages_grow_with_what_the_subscriber_takes() -> None:
    feed = filled(1_000, "small")
    async with streams(feed) as opened:
        stream = opened.follow(feed.recipient, FeedPosition(0, 0))
        assert isinstance(await anext(stream), Subscribed)
        for number in range(1, 1_001):
            assert await taken(stream, 1) == [f"n{number}"]
        await close(stream)
    assert feed.limits[:2] == [FIRST_PAGE, GROWTH * FIRST_PAGE]
    assert set(feed.limits[2:]) == {PAGE_LIMIT}


async def test_streams_that_take_nothing_read_no_more_than_their_first_page() -> None:
    feed = filled(1_000, "small")
    async with streams(feed) as opened:
        silent = [opened.follow(feed.recipient, FeedPosition(0, 0)) for _ in range(5)]
        for stream in silent:
            assert isinstance(await anext(stream), Subscribed)
        await turns()
        assert feed.limits == [FIRST_PAGE] * 5
        for stream in silent:
            await close(stream)


async def test_streams_of_one_recipient_read_one_after_the_other_and_beside_those_of_others() -> None:
    feed, budget = filled(3), ReplayBudget()
    feed.gate.clear()
    async with streams(feed, budget) as opened:
        own = [opened.follow(feed.recipient, START) for _ in range(4)]
        others = opened.follow(drafts.user(), START)
        begun = [asyncio.ensure_future(anext(stream)) for stream in (*own, others)]
        await turns()
        assert feed.reads == 2
        begun[0].cancel()  # the one that reads, and one that waits for its turn
        begun[2].cancel()
        await turns()
        assert feed.reads == 3
        feed.gate.set()
        for one in (begun[1], begun[3], begun[4]):
            assert isinstance(await one, Subscribed)
        assert feed.reads == 4
        for stream in (*own, others):
            await close(stream)
    del begun, one
    assert not budget._turns


async def test_a_read_that_fails_lets_those_that_wait_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = filled(3)
    feed.gate.clear()
    read, reads = feed.feed_after, 0

    async def fail_at_first(*arguments: Any) -> FeedPart:
        nonlocal reads
        reads += 1
        first = reads == 1
        part = await read(*arguments)
        if first:
            raise DatabaseUnavailable("away")
        return part

    monkeypatch.setattr(feed, "feed_after", fail_at_first)
    async with streams(feed) as opened:
        several = [opened.follow(feed.recipient, START) for _ in range(3)]
        begun = [asyncio.ensure_future(anext(stream)) for stream in several]
        await turns()
        assert reads == 1
        feed.gate.set()
        with pytest.raises(DatabaseUnavailable):
            await begun[0]
        for one in begun[1:]:
            assert isinstance(await one, Subscribed)
        for stream in several:
            await close(stream)


async def test_a_stream_whose_page_is_taken_back_tells_everything_once_and_in_order() -> None:
    feed, budget = filled(40), ReplayBudget(PAGE_BYTES, 0.0)
    async with streams(feed, budget) as opened:
        followers = [Follower() for _ in range(5)]
        tasks = [
            asyncio.create_task(one.follow(opened.follow(feed.recipient, FeedPosition(0, 0)), lambda: 1))
            for one in followers
        ]
        for one in followers:
            await one.has(names(1, 40))
        assert feed.reads > 5 * (40 * len(LARGE) // PAGE_BYTES + 1), "they took one another's pages"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert budget._free == PAGE_BYTES


async def test_a_silent_stream_keeps_no_other_from_its_replay() -> None:
    feed, budget = filled(40), ReplayBudget(PAGE_BYTES, 0.01)
    async with streams(feed, budget) as opened:
        silent = opened.follow(feed.recipient, FeedPosition(0, 0))
        assert isinstance(await anext(silent), Subscribed)
        assert await taken(silent, 1) == ["n1"]
        quick = opened.follow(feed.recipient, FeedPosition(0, 0))
        assert isinstance(await anext(quick), Subscribed)
        assert await taken(quick, 40) == names(1, 40)
        assert await taken(silent, 39) == names(2, 40)
        await close(silent)
        await close(quick)
    await turns()
    assert budget._free == PAGE_BYTES


async def test_what_waits_for_a_first_subscriber_comes_by_pages_too() -> None:
    feed, budget = filled(40), ReplayBudget(PAGE_BYTES, 0.0)
    feed.waiting = list(feed.notifications.values())
    async with streams(feed, budget) as opened:
        one, other = (opened.follow(feed.recipient, None) for _ in range(2))
        assert isinstance(await anext(one), Subscribed)
        assert isinstance(await anext(other), Subscribed)
        for number in range(1, 41):
            assert await taken(one, 1) == await taken(other, 1) == [f"n{number}"]
        await close(one)
        await close(other)
    await turns()
    assert budget._free == PAGE_BYTES


async def test_a_stream_that_ends_in_the_middle_gives_its_page_back() -> None:
    feed, budget = filled(40), ReplayBudget(PAGE_BYTES, 3600.0)
    async with streams(feed, budget) as opened:
        stream = opened.follow(feed.recipient, FeedPosition(0, 0))
        await anext(stream)
        await taken(stream, 2)
        assert budget._free < PAGE_BYTES
        await close(stream)
        assert budget._free == PAGE_BYTES


@pytest.mark.parametrize("replayed", [False, True])
async def test_a_stream_that_waits_keeps_nothing_of_what_it_told(replayed: bool) -> None:
    feed = Feed()
    hub = Hub()
    settler = Settler(feed, wall_clock)
    opened = FeedStreams(feed, hub, settler, NO_CHECKS)
    if replayed:
        feed.commit(LARGE)
    seen: list[weakref.ref[object]] = []

    class Told:
        """Stands for what a message takes."""

    async def follow() -> None:
        async for item in opened.follow(feed.recipient, FeedPosition(0, 0)):
            if isinstance(item, Changed):
                told = Told()
                item.notification.channels = [told]  # type: ignore[list-item]
                seen.append(weakref.ref(told))
                del told
            del item

    task = asyncio.create_task(follow())
    await turns()
    if not replayed:
        hub.publish([feed.commit(LARGE)])
        await turns()
    feed.notifications.clear()
    await turns()
    gc.collect()
    assert [reference() for reference in seen] == [None]
    task.cancel()
    await settler.close()
