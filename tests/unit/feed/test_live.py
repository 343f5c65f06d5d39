"""Live events on their way to streams: what streams of a feed share, and what a busy stream must not miss."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from helpers.feeds import EPOCH, NO_CHECKS, Feed, Follower, follower_of, reaches, turns
from tocsin_server.domain.clock import micros, wall_clock
from tocsin_server.domain.errors import (
    ShuttingDown,
    StreamAged,
    SubscriberTooSlow,
    TocsinError,
    TokenExpired,
    Unauthenticated,
)
from tocsin_server.domain.model import FeedEvent, FeedPosition, Micros, Recipient
from tocsin_server.feed import cursor as feed_cursor
from tocsin_server.feed.hub import Hub
from tocsin_server.feed.items import Changed, FeedItem
from tocsin_server.feed.settlement import Settler
from tocsin_server.feed.stream import FeedStreams, StreamTimes

SOON = 0.05
"""Seconds after which something is to end: enough for many events before."""


class Notes(Settler):
    """Keeps what it is told instead of writing it down."""

    def __init__(self) -> None:
        self.positions: list[FeedPosition] = []

    def note(self, recipient: Recipient, position: FeedPosition) -> None:
        self.positions.append(position)


@dataclass
class Subscribers:
    """Streams of one feed that are read by hand."""

    feed: Feed = field(default_factory=Feed)
    hub: Hub = field(default_factory=Hub)
    notes: Notes = field(default_factory=Notes)
    times: StreamTimes = NO_CHECKS

    async def open(self, until: Micros | None = None) -> AsyncIterator[FeedItem]:
        """Return a stream of which the first item was read."""
        streams = FeedStreams(self.feed, self.hub, self.notes, self.times)
        stream = streams.follow(self.feed.recipient, None, until)
        await anext(stream)
        return stream

    async def push(self) -> FeedEvent:
        """Let a notification enter and come to the streams."""
        event = self.feed.commit()
        self.hub.publish([event])
        await turns()
        return event


async def close(stream: AsyncIterator[FeedItem]) -> None:
    await stream.aclose()  # type: ignore[attr-defined]


async def test_all_streams_of_a_feed_pass_on_the_same_item_of_a_live_event() -> None:
    some = Subscribers()
    one, other = await some.open(), await some.open()
    waiting = [asyncio.ensure_future(anext(stream)) for stream in (one, other)]
    await turns()
    await some.push()
    first, second = await asyncio.gather(*waiting)
    assert isinstance(first, Changed)
    assert first is second
    assert first.shared == {}
    await close(one)
    await close(other)


async def test_a_live_event_is_noted_as_received_once_and_only_when_a_stream_has_written_it() -> None:
    some = Subscribers()
    cut, one, other = [await some.open() for _ in range(3)]
    waiting = [asyncio.ensure_future(anext(stream)) for stream in (cut, one, other)]
    await turns()
    await some.push()
    await asyncio.gather(*waiting)
    await close(cut)
    assert some.notes.positions == [], "what was being written when a stream was cut may not have arrived"
    rest = [asyncio.ensure_future(anext(stream)) for stream in (one, other)]
    await turns()
    assert some.notes.positions == [FeedPosition(EPOCH, 1)]
    await some.push()
    await asyncio.gather(*rest)
    for stream in (one, other):
        await close(stream)


async def ending_of(some: Subscribers, until: Micros | None = None, each: Callable[[], None] = lambda: None) -> Changed:
    """Read a stream for which the next event is there before it asks, and return the last item before it raises."""
    stream = await some.open(until)
    last: FeedItem | None = None
    await some.push()
    async for item in stream:
        last = item
        some.hub.publish([some.feed.commit()])
        await asyncio.sleep(0)
        each()
    assert isinstance(last, Changed)
    return last


@pytest.mark.parametrize("ending", [TokenExpired, StreamAged, ShuttingDown])
async def test_a_stream_that_never_has_to_wait_ends_in_time_all_the_same(ending: type[TocsinError]) -> None:
    age = SOON if ending is StreamAged else 3600.0
    some = Subscribers(times=StreamTimes(heartbeat=3600.0, position_check=3600.0, maximum_age=age))
    until = wall_clock() + micros(SOON) if ending is TokenExpired else None
    loop = asyncio.get_running_loop()
    if ending is ShuttingDown:
        loop.call_later(SOON, some.hub.close)
    with pytest.raises(ending) as raised:
        async with asyncio.timeout(20):
            await ending_of(some, until)
    if ending is not TokenExpired:
        position = feed_cursor.decode(raised.value.metadata["cursor"])
        assert 0 < position.sequence < some.feed.sequence


async def test_a_full_queue_ends_the_stream_before_what_waits_in_it_is_written() -> None:
    some = Subscribers(hub=Hub(queue_limit=3))
    stream = await some.open()
    waiting = asyncio.ensure_future(anext(stream))
    await turns()
    await some.push()
    await waiting
    some.hub.publish([some.feed.commit() for _ in range(4)])
    await turns()
    with pytest.raises(SubscriberTooSlow) as raised:
        await anext(stream)
    assert feed_cursor.decode(raised.value.metadata["cursor"]) == FeedPosition(EPOCH, 1)


async def test_an_event_that_comes_while_a_stream_is_being_cancelled_reaches_the_others() -> None:
    feed, hub = Feed(), Hub()
    async with contextlib.AsyncExitStack() as stack:
        followers: list[Follower] = [await stack.enter_async_context(follower_of(feed, hub)) for _ in range(5)]
        for follower in followers:
            await follower.started()
        await turns()
        hub.publish([feed.commit()])
        for follower in followers[::2]:
            assert follower.task is not None
            follower.task.cancel()
        for follower in followers[1::2]:
            await reaches(follower, feed.head)


async def test_who_may_not_follow_any_more_is_ended_with_the_reason_and_others_go_on() -> None:
    subscribers = Subscribers()
    reasons: list[TocsinError] = []

    def allowed() -> None:
        if reasons:
            raise reasons[0]

    streams = FeedStreams(subscribers.feed, subscribers.hub, subscribers.notes, NO_CHECKS)
    ended = streams.follow(subscribers.feed.recipient, None, allowed=allowed)
    await anext(ended)
    other = await subscribers.open()
    assert await asyncio.to_thread(subscribers.hub.end_what_is_not_allowed) == 0
    await subscribers.push()
    assert isinstance(await anext(ended), Changed)
    reasons.append(Unauthenticated())
    assert await asyncio.to_thread(subscribers.hub.end_what_is_not_allowed) == 1
    # What came before the end is not written any more.
    await subscribers.push()
    with pytest.raises(Unauthenticated):
        await anext(ended)
    assert isinstance(await anext(other), Changed)
    assert await asyncio.to_thread(subscribers.hub.end_what_is_not_allowed) == 0
    await close(other)
