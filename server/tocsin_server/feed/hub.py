"""Committed feed events, handed to the streams of this process, and hints of them to the other processes.

Each stream has a mailbox of its own with a bound, so that one that does not keep up never holds up the others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from tocsin_server.domain.errors import TocsinError, TooManyStreams
from tocsin_server.domain.model import NO_FEED, FeedEvent, FeedPosition, Recipient
from tocsin_server.domain.shares import Quota, Room
from tocsin_server.feed.bus.hints import Bus, Hint
from tocsin_server.feed.bus.memory import MemoryBus
from tocsin_server.feed.items import LiveItem
from tocsin_server.feed.mailbox import Mailbox
from tocsin_server.telemetry.observer import CLOSED, UNOBSERVED, FeedPublished, Observer, StreamEnded

STREAMS_PER_RECIPIENT = 100
"""Streams of one recipient: more devices than anybody has, fewer than a client that leaks streams opens."""

STREAMS = 50_000
"""Streams of the process, of which one holder may have half: a backend that leaks streams keeps no other out."""

QUEUE_LIMIT = 2_500
"""Events by which one stream may stay behind before it counts as too slow: more than one commit can bring at once (the
writer's `MAX_ROUND` and a batch on top), which even the fastest subscriber finds in one piece."""

ROOM = 128 * 1024 * 1024
"""Bytes of events that wait for all streams together. One that waits for several counts once."""

DRAIN_RATE = 5_000
"""Streams ended per second at a stop."""

LONGEST_DRAIN = 4.0
"""Seconds that ending all streams may take; less than what a stop grants to calls under way."""

CHECK_RATE = 2_500
"""Streams per second that check their position after the bus was away."""

LONGEST_CHECK = 10.0
"""Seconds within which all streams have done so; less than the time between two checks."""


class Hub:
    """Streams by recipient. Created on the event loop that serves them.

    Args:
        bus: Tells other processes what `publish` is told, and this one what they publish once it is started with this
            hub; None if there are no others.
        queue_limit: See `QUEUE_LIMIT`.
        streams_per_recipient: See `STREAMS_PER_RECIPIENT`.
        streams: See `STREAMS`.
        room: See `ROOM`.
        observer: Is told of events, and of streams that end.
    """

    def __init__(
        self,
        bus: Bus | None = None,
        queue_limit: int = QUEUE_LIMIT,
        streams_per_recipient: int = STREAMS_PER_RECIPIENT,
        streams: int = STREAMS,
        room: int = ROOM,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._observer = observer
        self._loop = asyncio.get_running_loop()
        self._bus = bus or MemoryBus()
        self._streams_per_recipient = streams_per_recipient
        self._streams = Quota(streams, max(1, streams // 2))
        self._queue_limit = queue_limit
        self._room = Room(room)
        self._mailboxes: dict[Recipient, set[Mailbox]] = {}
        self._closing = False
        self.drain_window = 0.0
        """Seconds over which streams end once it is closed, so that their subscribers do not return all at once."""

    @property
    def open(self) -> int:
        """How many streams there are."""
        return self._streams.taken

    def mailbox(
        self, recipient: Recipient, holder: str | None = None, allowed: Callable[[], None] | None = None
    ) -> AbstractAsyncContextManager[Mailbox]:
        """Keep the recipient's events, and other processes' hints, from now until the context is left.

        ``holder`` is who has a share of all streams, None for nobody; ``allowed`` see `Mailbox`.

        Raises:
            TooManyStreams: On entering: the recipient, the holder or the server has as many as are allowed.
        """
        return _Place(self, recipient, holder, allowed)

    async def enter(
        self, recipient: Recipient, holder: str | None, allowed: Callable[[], None] | None = None
    ) -> Mailbox:
        """Open a mailbox, to `leave`; see `mailbox`, which does both."""
        if (limit := self._streams.exceeded_by(holder)) is not None:
            raise TooManyStreams("server" if limit == self._streams.limit else "token", limit)
        if len(self._mailboxes.get(recipient, ())) >= self._streams_per_recipient:
            raise TooManyStreams("recipient", self._streams_per_recipient)
        mailbox = Mailbox(self._queue_limit, self._room, self._loop, allowed)
        self._mailboxes.setdefault(recipient, set()).add(mailbox)
        self._streams.take(holder)
        try:
            await self._bus.join(recipient)
        except BaseException:
            self.leave(recipient, holder, mailbox)
            raise
        if self._closing:
            mailbox.close()
        return mailbox

    def leave(self, recipient: Recipient, holder: str | None, mailbox: Mailbox) -> None:
        """Close a mailbox, once."""
        mailbox.discard()
        self._streams.give_back(holder)
        others = self._mailboxes[recipient]
        others.discard(mailbox)
        if not others:
            del self._mailboxes[recipient]
            self._bus.leave(recipient)

    def ended(self, error: BaseException | None) -> None:
        """Note why a stream ended."""
        if self._observer.wants(StreamEnded):
            self._observer.report(StreamEnded(error.reason if isinstance(error, TocsinError) else CLOSED))

    def publish(self, events: Sequence[FeedEvent]) -> None:
        """Hand over committed events, in the order of their sequences. May be called from any thread."""
        if self._observer.wants(FeedPublished):
            self._observer.report(FeedPublished(len(events)))
        with contextlib.suppress(RuntimeError):  # the loop is closed, and with it every stream
            self._loop.call_soon_threadsafe(self._deliver, events)
        self._bus.publish(Hint(event.recipient, FeedPosition(event.epoch, event.last)) for event in events)

    def _deliver(self, events: Sequence[FeedEvent]) -> None:
        for event in events:
            if mailboxes := self._mailboxes.get(event.recipient):
                item = LiveItem(event)
                for mailbox in mailboxes:
                    mailbox.put(item)

    def hint(self, recipient: Recipient, position: FeedPosition) -> None:
        """Take a hint from another process, see `HintReceiver.hint`."""
        for mailbox in self._mailboxes.get(recipient, ()):
            mailbox.reached(position)

    def forget(self, recipient: Recipient) -> None:
        """End the streams of a recipient whose feed is gone, on all replicas: they find it out when they look."""
        self.hint(recipient, NO_FEED)
        self._bus.publish([Hint(recipient, NO_FEED)])

    def end_what_is_not_allowed(self) -> int:
        """End the streams of subscribers who may not follow any more, and return how many they are.

        Called from another thread than the event loop's: thousands of tokens are looked at here, which takes a while.
        """
        # Asked for on the loop, where nothing comes between knowing a subscriber and entering here: whoever is not
        # among these was known by what counts now.
        opened = asyncio.run_coroutine_threadsafe(self._snapshot(), self._loop).result()
        ended = 0
        for mailbox in opened:
            try:
                if mailbox.allowed is not None:
                    mailbox.allowed()
            except TocsinError as error:
                ended += 1
                # Without the frames that it came through, which would live as long as the stream.
                self._loop.call_soon_threadsafe(mailbox.revoke, error.with_traceback(None))
        return ended

    async def _snapshot(self) -> list[Mailbox]:
        return self._all()

    def reset(self) -> None:
        """Let every stream check its position, spread so that the store can answer, see `HintReceiver.reset`."""
        window = min(LONGEST_CHECK, self.open / CHECK_RATE)
        for mailbox in self._all():
            mailbox.check_within(window)

    def _all(self) -> list[Mailbox]:
        return [one for several in self._mailboxes.values() for one in several]

    def close(self) -> None:
        """End every stream. Idempotent."""
        self._closing = True
        mailboxes = self._all()
        self.drain_window = min(LONGEST_DRAIN, len(mailboxes) / DRAIN_RATE)
        for mailbox in mailboxes:
            mailbox.close()


class _Place(AbstractAsyncContextManager[Mailbox]):
    """A stream's place in the hub. A generator would do, but keeps 0.6 KB more for as long as the stream lasts."""

    __slots__ = ("_allowed", "_holder", "_hub", "_mailbox", "_recipient")

    def __init__(self, hub: Hub, recipient: Recipient, holder: str | None, allowed: Callable[[], None] | None) -> None:
        self._hub = hub
        self._allowed = allowed
        self._recipient = recipient
        self._holder = holder
        self._mailbox: Mailbox | None = None

    async def __aenter__(self) -> Mailbox:
        self._mailbox = await self._hub.enter(self._recipient, self._holder, self._allowed)
        return self._mailbox

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._mailbox is not None:
            self._hub.leave(self._recipient, self._holder, self._mailbox)
            self._hub.ended(value)
            self._mailbox = None
