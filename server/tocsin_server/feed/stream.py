"""One subscriber's feed: replay after its cursor, then live, without a gap between.

The order is what makes it gap-free: live events are buffered from the start, then the store is read, then buffered
events that the replay did not cover follow. A live event is written only if it continues the stream's position;
on any hole, and when another process hints at a change beyond it, the store is read again from that position.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from tocsin_server.clock import Clock, isoformat, wall_clock
from tocsin_server.errors import ShuttingDown, StreamAged, SubscriberTooSlow, TocsinError, TokenExpired
from tocsin_server.feed import cursor as feed_cursor
from tocsin_server.feed.hub import Hub, Subscription
from tocsin_server.feed.items import Changed, FeedItem, Heartbeat, LiveItem, Subscribed
from tocsin_server.feed.settlement import Settler
from tocsin_server.model import (
    MICROS_PER_SECOND,
    NO_FEED,
    FeedPosition,
    FeedState,
    Micros,
    Notification,
    Recipient,
)

REPLAY_PAGE = 200
"""Notifications read at once during a replay."""


class FeedPartLike(Protocol):
    """Head of a feed and notifications, read from one snapshot."""

    @property
    def state(self) -> FeedState:
        """The head."""

    @property
    def notifications(self) -> list[Notification]:
        """In the order of their sequences."""


class FeedStore(Protocol):
    """The part of the store that streams need."""

    async def feed_state(self, recipient: Recipient) -> FeedState:
        """See `tocsin_server.storage.store.Store.feed_state`."""

    async def feed_after(self, recipient: Recipient, position: FeedPosition, limit: int) -> FeedPartLike:
        """See `tocsin_server.storage.store.Store.feed_after`."""

    async def feed_waiting(self, recipient: Recipient, after: int, limit: int) -> FeedPartLike:
        """See `tocsin_server.storage.store.Store.feed_waiting`."""


@dataclass(frozen=True, slots=True)
class StreamTimes:
    """Durations in seconds.

    ``maximum_age`` ends a stream so that deployments and rebalancing look like ordinary churn; each stream's own is
    up to a fifth shorter, so that streams opened together do not end together. ``position_check`` finds lost events.
    """

    heartbeat: float = 25.0
    position_check: float = 30.0
    maximum_age: float = 3600.0


class FeedStreams:
    """Opens streams.

    Args:
        store: Where feeds are read.
        hub: Where live events come from.
        settler: Is told what was written.
        times: See `StreamTimes`.
        clock: The present time, which tokens end by.
        monotonic: Seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        store: FeedStore,
        hub: Hub,
        settler: Settler,
        times: StreamTimes | None = None,
        clock: Clock = wall_clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._hub = hub
        self._settler = settler
        self._times = times or StreamTimes()
        self._clock = clock
        self._monotonic = monotonic

    async def follow(
        self, recipient: Recipient, position: FeedPosition | None, until: Micros | None = None
    ) -> AsyncIterator[FeedItem]:
        """Yield a feed from ``position`` (None: from now, plus what waits for a first subscriber).

        ``until`` is when the subscriber's token ends.

        Asking for the next item says that the previous one was written to the subscriber.

        Raises:
            SubscriberTooSlow: Too many events are waiting; its metadata has the cursor to resume with.
            StreamAged: The stream's maximum age is reached; likewise.
            ShuttingDown: The server stops; likewise.
            TokenExpired: The time ``until`` has come.
            TooManyStreams: Of the recipient, or in all.
        """
        async with self._hub.subscription(recipient) as live:
            stream = _Stream(self._store, recipient)
            async for item in stream.begin(position):
                self._about_to_begin(recipient, position, item)
                yield item
                self._written(recipient, item)
            deadlines = self._deadlines(until)
            live.call()
            while True:
                # Most of the time there is an event to pass on or nothing at all. Whatever else there is to do says so
                # by `called`, so that an event costs neither a look at each nor one at the clock for each.
                if live.called and (over := self._over(stream, live, deadlines)) is not None:
                    if self._hub.closing:
                        await asyncio.sleep(random.uniform(0, self._hub.drain_window))  # noqa: S311 - guards nothing
                    raise over
                if (next_one := live.take()) is not None:
                    if stream.take(next_one):
                        yield next_one.item
                        # A change of read state counts too: it gives the notification a new place, and a note of the
                        # old one that is written down after it would find nothing there.
                        if not next_one.written:
                            next_one.written = True
                            self._settler.note(recipient, next_one.position)
                        deadlines.heartbeat = self._monotonic() + self._times.heartbeat
                        continue
                    items = stream.read_unless_known(next_one)
                elif live.called:
                    live.called = False
                    items = self._others(stream, live, deadlines)
                else:
                    await live.wait()
                    continue
                async for item in items:
                    yield item
                    self._written(recipient, item)
                    deadlines.heartbeat = self._monotonic() + self._times.heartbeat

    def _about_to_begin(self, recipient: Recipient, position: FeedPosition | None, item: FeedItem) -> None:
        # The cursor shows that everything up to it was received, by an earlier stream or in a list. It shows that also
        # when this stream is cut before anything is written to it.
        if isinstance(item, Subscribed) and item.recovered and position is not None:
            self._settler.note(recipient, position)

    def _written(self, recipient: Recipient, item: FeedItem) -> None:
        if isinstance(item, Changed):
            self._settler.note(recipient, item.position)

    def _deadlines(self, until: Micros | None) -> _Deadlines:
        start = self._monotonic()
        return _Deadlines(
            # Spread, so that streams opened together do not end together.
            age=start + self._times.maximum_age * random.uniform(0.8, 1.0),  # noqa: S311 - guards nothing
            token=float("inf") if until is None else start + (until - self._clock()) / MICROS_PER_SECOND,
            until=until,
            heartbeat=start + self._times.heartbeat,
            check=start + self._times.position_check,
        )

    async def _others(self, stream: _Stream, live: Subscription, deadlines: _Deadlines) -> AsyncIterator[FeedItem]:
        """Do what else there is to do than to pass on live events, and set the next call."""
        now = self._monotonic()
        if (window := live.take_check()) is not None:
            deadlines.check = min(deadlines.check, now + random.uniform(0, window))  # noqa: S311 - guards nothing
        if (hint := live.take_hint()) is not None:
            async for item in stream.catch_up(hint):
                yield item
        if now >= deadlines.check:
            deadlines.check = now + self._times.position_check
            async for item in stream.check():
                yield item
        if now >= deadlines.heartbeat:
            yield stream.heartbeat()
        live.call_within(deadlines.next - self._monotonic())

    def _over(self, stream: _Stream, live: Subscription, deadlines: _Deadlines) -> TocsinError | None:
        """Return why the stream ends, None while it goes on."""
        now = self._monotonic()
        if self._hub.closing:
            return _with_cursor(ShuttingDown(), stream.position)
        if live.overflowed:
            return _with_cursor(SubscriberTooSlow("the subscriber does not keep up"), stream.position)
        if deadlines.until is not None and now >= deadlines.token:
            return TokenExpired(isoformat(deadlines.until))
        if now >= deadlines.age:
            return _with_cursor(StreamAged("the stream reached its maximum age"), stream.position)
        return None


@dataclass(slots=True)
class _Deadlines:
    """When a stream ends in any case, and when it next does something by itself: monotonic seconds.

    ``until`` is when its token ends, as it was given.
    """

    age: float
    token: float
    until: Micros | None
    heartbeat: float
    check: float

    @property
    def next(self) -> float:
        """The earliest."""
        return min(self.age, self.token, self.heartbeat, self.check)


class _Stream:
    """Where one stream stands, and how it goes on."""

    __slots__ = ("_recipient", "_store", "position", "recovered", "unread_count")

    def __init__(self, store: FeedStore, recipient: Recipient) -> None:
        self._store = store
        self._recipient = recipient
        self.position = NO_FEED
        self.unread_count = 0
        self.recovered = True

    async def begin(self, position: FeedPosition | None) -> AsyncIterator[FeedItem]:
        """Yield `Subscribed` and the replay."""
        if position is not None:
            part = await self._store.feed_after(self._recipient, position, REPLAY_PAGE)
            self.recovered = part.state.covers(position)
            if self.recovered:
                self.position, self.unread_count = position, part.state.unread_count
                yield Subscribed(position, self.unread_count, recovered=True)
                async for item in self._replay(part):
                    yield item
                return
        async for item in self._begin_with_waiting():
            yield item

    async def _begin_with_waiting(self) -> AsyncIterator[FeedItem]:
        part = await self._store.feed_waiting(self._recipient, 0, REPLAY_PAGE)
        head, self.unread_count = part.state.head, part.state.unread_count
        first = part.notifications[0].sequence if part.notifications else None
        start = head if first is None else FeedPosition(head.epoch, first - 1)
        self.position = start
        yield Subscribed(start, self.unread_count, self.recovered)
        while part.notifications:
            for notification in part.notifications:
                if notification.sequence is None or notification.sequence > head.sequence:
                    break  # entered or changed after the head was read: comes as a live event
                self.position = FeedPosition(head.epoch, notification.sequence)
                yield Changed(self.position, self.unread_count, notification)
            if len(part.notifications) < REPLAY_PAGE or self.position.sequence >= head.sequence:
                break
            part = await self._store.feed_waiting(self._recipient, self.position.sequence, REPLAY_PAGE)
        self.position = head

    def take(self, live: LiveItem) -> bool:
        """Go on by a live item if it continues the stream; else return false."""
        position = self.position
        if live.first != position.sequence + 1 or not self._comparable(live):
            return False
        self.position, self.unread_count = live.position, live.item.unread_count
        return True

    def _comparable(self, live: LiveItem) -> bool:
        return live.position.epoch == self.position.epoch or self.position == NO_FEED

    async def read_unless_known(self, live: LiveItem) -> AsyncIterator[FeedItem]:
        """Read again if a live item that does not continue the stream is beyond it."""
        if live.position.sequence > self.position.sequence or not self._comparable(live):
            async for item in self.read_again():
                yield item

    async def catch_up(self, position: FeedPosition) -> AsyncIterator[FeedItem]:
        """Read again if the feed has reached a position beyond the stream's."""
        if position.epoch != self.position.epoch or position.sequence > self.position.sequence:
            async for item in self.read_again():
                yield item

    def heartbeat(self) -> FeedItem:
        """Return that nothing happened."""
        return Heartbeat(self.position, self.unread_count)

    async def check(self) -> AsyncIterator[FeedItem]:
        """Compare with the store, and yield what a lost event should have told."""
        state = await self._store.feed_state(self._recipient)
        if state.head != self.position:
            async for item in self.read_again():
                yield item

    async def read_again(self) -> AsyncIterator[FeedItem]:
        """Yield what changed since the stream's position."""
        part = await self._store.feed_after(self._recipient, self.position, REPLAY_PAGE)
        if not part.state.covers(self.position):
            # The feed was replaced under this stream; the subscriber learns it when it comes back with its cursor.
            raise _with_cursor(StreamAged("the feed was reset"), self.position)
        async for item in self._replay(part):
            yield item

    async def _replay(self, part: FeedPartLike) -> AsyncIterator[FeedItem]:
        """Yield what changed after the position, page by page, until the head that was read last."""
        while True:
            state = part.state
            self.unread_count = state.unread_count
            for notification in part.notifications:
                assert notification.sequence is not None  # noqa: S101 - selected by it
                self.position = FeedPosition(state.epoch, notification.sequence)
                yield Changed(self.position, state.unread_count, notification)
            if len(part.notifications) < REPLAY_PAGE:
                # Sequences between the last change and the head belonged to changes that later ones replaced.
                self.position = state.head
                return
            part = await self._store.feed_after(self._recipient, self.position, REPLAY_PAGE)
            if not part.state.covers(self.position):
                raise _with_cursor(StreamAged("the feed was reset"), self.position)


def _with_cursor(error: TocsinError, position: FeedPosition) -> TocsinError:
    error.metadata = {**error.metadata, "cursor": feed_cursor.encode(position)}
    return error
