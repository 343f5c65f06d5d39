"""One subscriber's feed: replay after its cursor, then live, without a gap between.

The order is what makes it gap-free: live events are kept in a mailbox from the start, then the store is read, then
events that the replay did not cover follow. A live event is written only if it continues the stream's position; on any
hole, and when the mailbox says that the feed has got further, the store is read again from that position.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from tocsin_server.domain.clock import Clock, isoformat, wall_clock
from tocsin_server.domain.errors import ShuttingDown, StreamAged, SubscriberTooSlow, TocsinError, TokenExpired
from tocsin_server.domain.model import MICROS_PER_SECOND, FeedPosition, Micros, Recipient
from tocsin_server.domain.ports import FeedStore
from tocsin_server.feed.hub import Hub
from tocsin_server.feed.items import Changed, FeedItem, LiveItem, Subscribed
from tocsin_server.feed.mailbox import CheckWithin, Closing, Entry, Mailbox, Reached, Revoked, TooSlow
from tocsin_server.feed.reading import Reading, with_cursor
from tocsin_server.feed.replay import ReplayBudget
from tocsin_server.feed.settlement import Settler


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
    """Opens streams. Created on the event loop that serves them.

    Args:
        store: Where feeds are read.
        hub: Where live events come from.
        settler: Is told what was written.
        times: See `StreamTimes`.
        clock: The present time, which tokens end by.
        monotonic: Seconds of a clock that only goes forward.
        budget: Room for what streams read.
    """

    def __init__(
        self,
        store: FeedStore,
        hub: Hub,
        settler: Settler,
        times: StreamTimes | None = None,
        clock: Clock = wall_clock,
        monotonic: Callable[[], float] = time.monotonic,
        budget: ReplayBudget | None = None,
    ) -> None:
        self._store = store
        self._hub = hub
        self._settler = settler
        self._times = times or StreamTimes()
        self._clock = clock
        self._monotonic = monotonic
        self._budget = budget or ReplayBudget()

    async def follow(
        self,
        recipient: Recipient,
        position: FeedPosition | None,
        until: Micros | None = None,
        holder: str | None = None,
        allowed: Callable[[], None] | None = None,
        *,
        noting: bool = True,
    ) -> AsyncIterator[FeedItem]:
        """Yield a feed from ``position`` (None: from now, plus what waits for a first subscriber).

        ``until`` is when the subscriber's token ends, ``holder`` who has a share of all streams (None: nobody), and
        ``allowed`` raises what is to end the stream, see `Hub.end_what_is_not_allowed`.

        Asking for the next item says that the previous one was written to the subscriber; without ``noting`` it does
        not, and `written` is to be called.

        Raises:
            SubscriberTooSlow: Too many events are waiting; its metadata has the cursor to resume with.
            StreamAged: The stream's maximum age is reached; likewise.
            ShuttingDown: The server stops; likewise.
            TokenExpired: The time ``until`` has come.
            TooManyStreams: Of the recipient, of the holder, or in all.
        """
        async with self._hub.mailbox(recipient, holder, allowed) as mailbox, self._reading(recipient) as reading:
            # What was told is let go of, here and below: a stream waits for most of its life, and must not keep a
            # message of 64 KiB meanwhile.
            async for item in reading.begin(position):
                self._about_to_begin(recipient, position, item)
                yield item
                if noting:
                    self._written(recipient, item)
                del item
            deadlines = self._deadlines(until)
            mailbox.ring_within(deadlines.next - self._monotonic())
            while True:
                entry = mailbox.take()
                if entry is None:
                    await mailbox.wait()
                    continue
                if type(entry) is LiveItem:
                    if reading.take(entry):
                        yield entry.item
                        # A change of read state counts too: it gives the notification a new place, and a note of the
                        # old one that is written down after it would find nothing there.
                        if noting and not entry.written:
                            entry.written = True
                            self._settler.note(recipient, entry.position)
                        deadlines.heartbeat = self._monotonic() + self._times.heartbeat
                        continue
                    items = reading.read_unless_known(entry)
                else:
                    items = self._act(entry, reading, mailbox, deadlines)
                async for item in items:
                    yield item
                    if noting:
                        self._written(recipient, item)
                    del item
                    deadlines.heartbeat = self._monotonic() + self._times.heartbeat

    def written(self, recipient: Recipient, position: FeedPosition) -> None:
        """Learn that all items of a stream up to a position were written to the subscriber."""
        self._settler.note(recipient, position)

    def _reading(self, recipient: Recipient) -> Reading:
        return Reading(self._store, self._budget, recipient)

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

    async def _act(
        self, entry: Entry, reading: Reading, mailbox: Mailbox, deadlines: _Deadlines
    ) -> AsyncIterator[FeedItem]:
        """Do what an entry asks for that is no change."""
        match entry:
            case Reached():
                async for item in reading.catch_up(entry.position):
                    yield item
                return
            case TooSlow() | Revoked():
                raise _ending(entry, reading.position)
            case Closing():
                await asyncio.sleep(random.uniform(0, self._hub.drain_window))  # noqa: S311 - guards nothing
                raise with_cursor(ShuttingDown(), reading.position)
            case CheckWithin():
                at = self._monotonic() + random.uniform(0, entry.seconds)  # noqa: S311 - guards nothing
                deadlines.check = min(deadlines.check, at)
        now = self._monotonic()
        if (over := _over(deadlines, now, reading.position)) is not None:
            raise over
        if now >= deadlines.check:
            deadlines.check = now + self._times.position_check
            async for item in reading.check():
                yield item
        if now >= deadlines.heartbeat:
            yield reading.heartbeat()
        mailbox.ring_within(deadlines.next - self._monotonic())


def _ending(entry: TooSlow | Revoked, position: FeedPosition) -> TocsinError:
    """Return why a stream ends that is told so."""
    if isinstance(entry, Revoked):
        return entry.error
    return with_cursor(SubscriberTooSlow("the subscriber does not keep up"), position)


def _over(deadlines: _Deadlines, now: float, position: FeedPosition) -> TocsinError | None:
    """Return why a stream's time is over, None while it is not."""
    if deadlines.until is not None and now >= deadlines.token:
        return TokenExpired(isoformat(deadlines.until))
    if now >= deadlines.age:
        return with_cursor(StreamAged("the stream reached its maximum age"), position)
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
