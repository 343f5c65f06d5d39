"""Committed feed events, handed to the streams of this process, and hints of them to the other processes.

Each stream has a queue of its own with a bound. A stream that does not keep up is told so and ended; it never holds
up the others, and costs at most its queue. Of the hints that come from other processes only the newest is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from tocsin_server.errors import TooManyStreams
from tocsin_server.feed.bus import Bus, Hint, MemoryBus, newer
from tocsin_server.feed.items import LiveItem
from tocsin_server.model import FeedEvent, FeedPosition, Recipient

STREAMS_PER_RECIPIENT = 100
"""Streams of one recipient: more devices than anybody has, fewer than a client that leaks streams opens."""

STREAMS = 50_000
"""Streams of the process."""

QUEUE_LIMIT = 2_500
"""Events that wait for one stream before it counts as too slow: more than one commit can bring at once (the writer's
`MAX_ROUND` and a batch on top), which even the fastest subscriber finds in one piece."""

DRAIN_RATE = 5_000
"""Streams ended per second at a stop."""

LONGEST_DRAIN = 4.0
"""Seconds that ending all streams may take; less than what a stop grants to calls under way."""

CHECK_RATE = 2_500
"""Streams per second that check their position after the bus was away."""

LONGEST_CHECK = 10.0
"""Seconds within which all streams have done so; less than the time between two checks."""


class Subscription:
    """The live items of one recipient since the subscription began. Used on the event loop only."""

    __slots__ = ("_alarm", "_check", "_hint", "_items", "_limit", "_loop", "_waiter", "called", "overflowed")

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        # None while nothing waits, which is nearly always: an empty deque has 0.7 KB.
        self._items: deque[LiveItem] | None = None
        self._limit = limit
        self._loop = loop
        self._hint: FeedPosition | None = None
        self._check: float | None = None
        self._waiter: asyncio.Future[None] | None = None
        # When it rings, and what rings it.
        self._alarm: tuple[float, asyncio.TimerHandle] | None = None
        self.called = False
        """There may be something to do beside passing on items; whoever does it sets this back."""
        self.overflowed = False
        """Items were lost because the stream did not take them in time."""

    def put(self, item: LiveItem) -> None:
        """Add an item, unless the queue is full."""
        if self._items is None:
            self._items = deque()
        if len(self._items) >= self._limit:
            self.overflowed = True
            self.call()
            return
        self._items.append(item)
        if self._waiter is not None:
            self._wake()

    def take(self) -> LiveItem | None:
        """Return the next item, None if none is waiting."""
        if self._items is None:
            return None
        item = self._items.popleft()
        if not self._items:
            self._items = None
        return item

    def hint(self, position: FeedPosition) -> None:
        """Note that the feed has reached a position, by a change whose event does not come here."""
        self._hint = newer(self._hint, position)
        self.call()

    def take_hint(self) -> FeedPosition | None:
        """Return the newest position noted since the last call, None if there is none."""
        hint, self._hint = self._hint, None
        return hint

    def check_within(self, seconds: float) -> None:
        """Ask the stream to check its position at some time in the next ``seconds``."""
        self._check = seconds
        self.call()

    def take_check(self) -> float | None:
        """Return what `check_within` asked for since the last call, None if it did not."""
        check, self._check = self._check, None
        return check

    def call(self) -> None:
        """Set `called`, and let `wait` end."""
        self.called = True
        self._wake()

    def call_within(self, seconds: float) -> None:
        """Let `call` come after ``seconds`` at the latest, once.

        An earlier one that was asked for before comes all the same, and only that: it is cheaper to be called too
        early and ask again than to set another alarm whenever a stream has something to write.
        """
        at = self._loop.time() + seconds
        if self._alarm is None or self._alarm[0] > at:
            self.silence()
            self._alarm = (at, self._loop.call_at(at, self._ring))

    def _ring(self) -> None:
        self._alarm = None
        self.call()

    def silence(self) -> None:
        """Let no alarm ring any more."""
        if self._alarm is not None:
            self._alarm[1].cancel()
            self._alarm = None

    def wait(self) -> asyncio.Future[None]:
        """Return a future that is done when something happens. Nothing must be waiting now."""
        self._waiter = self._loop.create_future()
        return self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():  # it is when the stream is being cancelled
            waiter.set_result(None)


class Hub:
    """Streams by recipient. Created on the event loop that serves them.

    Args:
        bus: Tells other processes what `publish` is told, and this one what they publish once it is started with this
            hub; None if there are no others.
        queue_limit: See `QUEUE_LIMIT`.
        streams_per_recipient: See `STREAMS_PER_RECIPIENT`.
        streams: See `STREAMS`.
    """

    def __init__(
        self,
        bus: Bus | None = None,
        queue_limit: int = QUEUE_LIMIT,
        streams_per_recipient: int = STREAMS_PER_RECIPIENT,
        streams: int = STREAMS,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._bus = bus or MemoryBus()
        self._streams_per_recipient = streams_per_recipient
        self._streams = streams
        self._open = 0
        self._queue_limit = queue_limit
        self._subscriptions: dict[Recipient, set[Subscription]] = {}
        self.closing = False
        self.drain_window = 0.0
        """Seconds over which streams end once `closing` is set, so that their subscribers do not return all at once."""

    def subscription(self, recipient: Recipient) -> AbstractAsyncContextManager[Subscription]:
        """Buffer the recipient's events, and other processes' hints, from now until the context is left.

        Raises:
            TooManyStreams: On entering: the recipient, or the server, has as many as are allowed.
        """
        return _Place(self, recipient)

    async def enter(self, recipient: Recipient) -> Subscription:
        """Begin a subscription, to `leave`; see `subscription`, which does both."""
        if self._open >= self._streams:
            raise TooManyStreams("server", self._streams)
        if len(self._subscriptions.get(recipient, ())) >= self._streams_per_recipient:
            raise TooManyStreams("recipient", self._streams_per_recipient)
        subscription = Subscription(self._queue_limit, self._loop)
        self._subscriptions.setdefault(recipient, set()).add(subscription)
        self._open += 1
        try:
            await self._bus.join(recipient)
        except BaseException:
            self.leave(recipient, subscription)
            raise
        return subscription

    def leave(self, recipient: Recipient, subscription: Subscription) -> None:
        """End a subscription, once."""
        subscription.silence()
        self._open -= 1
        others = self._subscriptions[recipient]
        others.discard(subscription)
        if not others:
            del self._subscriptions[recipient]
            self._bus.leave(recipient)

    def publish(self, events: Sequence[FeedEvent]) -> None:
        """Hand over committed events, in the order of their sequences. May be called from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and with it every stream
            self._loop.call_soon_threadsafe(self._deliver, events)
        self._bus.publish(Hint(event.recipient, FeedPosition(event.epoch, event.last)) for event in events)

    def _deliver(self, events: Sequence[FeedEvent]) -> None:
        for event in events:
            if subscriptions := self._subscriptions.get(event.recipient):
                item = LiveItem(event)
                for subscription in subscriptions:
                    subscription.put(item)

    def hint(self, recipient: Recipient, position: FeedPosition) -> None:
        """Take a hint from another process, see `HintReceiver.hint`."""
        for subscription in self._subscriptions.get(recipient, ()):
            subscription.hint(position)

    def reset(self) -> None:
        """Let every stream check its position, spread so that the store can answer, see `HintReceiver.reset`."""
        window = min(LONGEST_CHECK, self._open / CHECK_RATE)
        for subscription in self._all():
            subscription.check_within(window)

    def _all(self) -> list[Subscription]:
        return [one for several in self._subscriptions.values() for one in several]

    def close(self) -> None:
        """End every stream. Idempotent."""
        self.closing = True
        subscriptions = self._all()
        self.drain_window = min(LONGEST_DRAIN, len(subscriptions) / DRAIN_RATE)
        for subscription in subscriptions:
            subscription.call()


class _Place(AbstractAsyncContextManager[Subscription]):
    """A stream's place in the hub. A generator would do, but keeps 0.6 KB more for as long as the stream lasts."""

    __slots__ = ("_hub", "_recipient", "_subscription")

    def __init__(self, hub: Hub, recipient: Recipient) -> None:
        self._hub = hub
        self._recipient = recipient
        self._subscription: Subscription | None = None

    async def __aenter__(self) -> Subscription:
        self._subscription = await self._hub.enter(self._recipient)
        return self._subscription

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._subscription is not None:
            self._hub.leave(self._recipient, self._subscription)
            self._subscription = None
