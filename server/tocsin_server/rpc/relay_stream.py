"""One stream of `RelayService`: what has gathered for it, and who waits for what.

Each subscription is a task that runs what ``Subscribe`` runs and puts its events where the stream's writer takes them:
all that have gathered while it was writing go into one message. So what one commit brings to a feed goes out together,
and is one message to read for the relay, too. Once a message's worth has gathered, a subscription waits until its own
is written before it asks for the next; what waits beyond that is in the hub's bounded queue. What has been written and
not confirmed is bounded by `WINDOW`, so that a caller can hold back one subscription and go on reading the others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from tocsin.v1 import relay_service_pb2 as pb

from tocsin_server.domain.errors import ShuttingDown, StreamAged, SubscriberTooSlow, TocsinError
from tocsin_server.domain.model import FeedPosition
from tocsin_server.rpc import status
from tocsin_server.rpc.convert import FeedMessage
from tocsin_server.rpc.handlers import UnplacedMessage
from tocsin_server.rpc.scopes import RELAY, SUBSCRIBE
from tocsin_server.rpc.validation import Violations

WINDOW: Final = 64 * 1024
"""Bytes of events that a subscription may have written and not confirmed before it waits."""

LARGEST_RESPONSE: Final = 64 * 1024
"""Bytes of events in one message; one event alone may be larger. More in one would save nothing, and keep the first of
them waiting for the last."""

MOST_ENDINGS: Final = 1_000
"""Endings that wait to be written before no more requests are read: somebody could open what is refused for ever."""

LAST_WORDS: Final = 1.0
"""Seconds in which a stream that has to give way can still tell its caller so."""


@dataclass(frozen=True, slots=True)
class RelayTimes:
    """Durations in seconds.

    Attributes:
        patience: How long a subscription waits for a receipt.
        idleness: How long a stream may be without a subscription that was accepted.
    """

    patience: float = 30.0
    idleness: float = 30.0


class Followed(NamedTuple):
    """A subscription that has begun: its events, and who is to be told up to which of them all were written."""

    messages: AsyncIterator[FeedMessage]
    written: Callable[[FeedPosition], None]


class Subscriptions(Protocol):
    """Whose the streams are."""

    @property
    def closing(self) -> bool:
        """The server stops: a stream ends with its last subscription."""

    def follow(self, opening: pb.RelayOpening) -> Followed:
        """Begin a subscription, with its own token."""

    def accepted(self, stream: RelayStream) -> None:
        """Learn that a subscription of the stream was accepted; raises `TooManyStreams` to end the stream."""


class _Subscription:
    """One subscription of a stream.

    Attributes:
        task: Follows the feed.
        noted: Is told how far its events were written.
        accepted: Its first event has come.
        closed: Its caller has closed it, and takes nothing of it any more.
        place: Of its last event among those that have gathered, -1 without one.
        unconfirmed: Bytes of events for which no receipt has come.
    """

    __slots__ = ("_room", "_written", "accepted", "closed", "id", "noted", "place", "task", "unconfirmed")

    def __init__(self, subscription_id: int) -> None:
        self.id = subscription_id
        self.task: asyncio.Task[None] | None = None
        self.noted: Callable[[FeedPosition], None] | None = None
        self.accepted = self.closed = False
        self.place = -1
        self.unconfirmed = 0
        self._written: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    async def wait_until_written(self) -> None:
        """Return when `written` is called, or was for an event that came before."""
        self._written = asyncio.get_running_loop().create_future()
        await self._written

    def written(self, message: FeedMessage) -> None:
        """Note that its events up to this one have been written."""
        # A heartbeat tells nothing that is not noted: one of each idle subscription would be a transaction for nothing.
        if message.change and self.noted is not None and not self.closed:
            self.noted(message.position)
        # It is done already when the subscription was closed meanwhile.
        if self._written is not None and not self._written.done():
            self._written.set_result(None)

    async def wait_for_room(self) -> None:
        """Return when less than `WINDOW` is unconfirmed."""
        while self.unconfirmed >= WINDOW:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def confirm(self, count: int) -> None:
        """Take a receipt."""
        self.unconfirmed = max(0, self.unconfirmed - count)
        if self._room is not None and not self._room.done():
            self._room.set_result(None)


class _Event(NamedTuple):
    """An event that has gathered. Several subscriptions of a recipient have the very same bytes, which travel once."""

    message: FeedMessage
    subscriptions: list[_Subscription]


class RelayStream:
    """One stream. Belongs to the task that reads `messages`.

    Attributes:
        proven: Kept by its owner: a subscription was accepted.
    """

    def __init__(self, owner: Subscriptions, times: RelayTimes) -> None:
        self._owner = owner
        self._times = times
        self._loop = asyncio.get_running_loop()
        self._subscriptions: dict[int, _Subscription] = {}
        self._events: list[_Event] = []
        self._places: dict[bytes, int] = {}
        self._size = 0
        """Bytes of them."""
        self._endings: list[pb.RelayEnding] = []
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._idle_since = self._loop.time()
        self._over = False
        self.proven = False
        self._failure: TocsinError | None = None
        self._task: asyncio.Task[object] | None = None
        self._cut: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Let the writer look around."""
        self._something.set()

    def end(self, error: TocsinError) -> None:
        """End the stream: with this error if its caller reads, without a word if it does not."""
        self._failure = self._failure or error
        self.wake()
        if self._task is not None and self._cut is None:
            self._cut = self._loop.call_later(LAST_WORDS, self._task.cancel)

    # -- out -----------------------------------------------------------------------------------------

    async def messages(self, requests: AsyncIterator[pb.RelayRequest]) -> AsyncIterator[UnplacedMessage]:
        """Yield what is to be written. Asking for the next message says that the previous one was written."""
        self._task = asyncio.current_task()
        reader = asyncio.create_task(self._read(requests), name="relay-reader")
        try:
            while True:
                self._something.clear()
                for message, events in self._gathered():
                    yield UnplacedMessage(message.SerializeToString())  # the cursors are in its events
                    for event in events:
                        for subscription in event.subscriptions:
                            subscription.written(event.message)
                self._room.set()
                if self._failure is not None:
                    raise self._failure
                if self._over:
                    return
                if not self._events and not self._endings:
                    await self._wait()
        finally:
            if self._cut is not None:
                self._cut.cancel()
            tasks = [one.task for one in self._subscriptions.values() if one.task is not None]
            for task in (reader, *tasks):
                task.cancel()
            await asyncio.gather(reader, *tasks, return_exceptions=True)

    async def _wait(self) -> None:
        """Return when there is something to do; raises what ends a stream on which nothing goes on."""
        if self._subscriptions:
            await self._something.wait()
            return
        if self._owner.closing:
            raise ShuttingDown
        patience = self._idle_since + self._times.idleness - self._loop.time()
        # A caller who opens what is refused, again and again, lets no time pass here.
        if patience > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._something.wait()
                return
        raise StreamAged(f"the relay has had no subscription for {self._times.idleness:g} s", cursor="")

    def _gathered(self) -> Iterator[tuple[pb.RelayResponse, Sequence[_Event]]]:
        """Return what has gathered, as messages, and the events in each; endings come after all events."""
        events, self._events = self._events, []
        endings, self._endings = self._endings, []
        self._places.clear()
        self._size = 0
        for event in events:
            for subscription in event.subscriptions:
                subscription.place = -1
        message, size = pb.RelayResponse(), 0
        concerned: list[_Event] = []
        for event in events:
            data = event.message.data
            if size and size + len(data) > LARGEST_RESPONSE:
                yield message, concerned
                message, size, concerned = pb.RelayResponse(), 0, []
            message.events.add(ids=[one.id for one in event.subscriptions], event=data)
            concerned.append(event)
            size += len(data)
        for ending in endings:
            if size and size + ending.ByteSize() > LARGEST_RESPONSE:
                yield message, concerned
                message, size, concerned = pb.RelayResponse(), 0, []
            message.endings.append(ending)
            size += ending.ByteSize()
        if size:
            yield message, concerned

    # -- subscriptions -------------------------------------------------------------------------------

    async def _follow(self, subscription: _Subscription, opening: pb.RelayOpening) -> None:
        try:
            followed = self._owner.follow(opening)
            subscription.noted = followed.written
            async with contextlib.aclosing(followed.messages) as messages:  # type: ignore[type-var]
                async for message in messages:
                    if not subscription.accepted:
                        subscription.accepted = True
                        self._accepted()
                    await self._write(subscription, message)
                    del message  # the next one may be long in coming
        except Exception as error:  # noqa: BLE001 - the caller learns a number, the log the rest
            ours = error if isinstance(error, TocsinError) else status.internal(error, SUBSCRIBE)
            if self._forget(subscription):
                self._endings.append(pb.RelayEnding(id=subscription.id, status=status.to_status(ours)))
                self.wake()

    def _accepted(self) -> None:
        try:
            self._owner.accepted(self)
        except TocsinError as error:
            self.end(error)

    def _forget(self, subscription: _Subscription) -> bool:
        """Forget a subscription that has ended or was closed; tells whether it was known."""
        if subscription.accepted:
            self._idle_since = self._loop.time()
        return self._subscriptions.pop(subscription.id, None) is not None

    async def _write(self, subscription: _Subscription, message: FeedMessage) -> None:
        """Let an event gather; return when more may."""
        self._gather(subscription, message)
        subscription.unconfirmed += len(message.data)
        self.wake()
        if self._size < LARGEST_RESPONSE and subscription.unconfirmed < WINDOW:
            return  # what waits behind it goes with it
        await subscription.wait_until_written()
        if subscription.unconfirmed >= WINDOW:
            try:
                async with asyncio.timeout(self._times.patience):
                    await subscription.wait_for_room()
            except TimeoutError:
                raise SubscriberTooSlow("the subscriber does not take its events", cursor=message.cursor) from None

    def _gather(self, subscription: _Subscription, message: FeedMessage) -> None:
        place = self._places.get(message.data, -1)
        if place > subscription.place:
            self._events[place].subscriptions.append(subscription)
        else:  # it is new, or was brought by another before what this one has brought already
            place = self._places[message.data] = len(self._events)
            self._events.append(_Event(message, [subscription]))
            self._size += len(message.data)
        subscription.place = place

    # -- in ------------------------------------------------------------------------------------------

    async def _read(self, requests: AsyncIterator[pb.RelayRequest]) -> None:
        try:
            async for request in requests:
                self._obey(request)
                while len(self._endings) >= MOST_ENDINGS:
                    self._room.clear()
                    await self._room.wait()
        except Exception as error:  # noqa: BLE001 - as above
            failure = error if isinstance(error, TocsinError) else status.internal(error, RELAY)
            self._failure = failure.with_traceback(None)  # its frames hold the request, and lead back to here
        self._over = True
        self.wake()

    def _obey(self, request: pb.RelayRequest) -> None:
        self._check(request)
        for opening in request.openings:
            subscription = _Subscription(opening.id)
            self._subscriptions[opening.id] = subscription
            subscription.task = asyncio.create_task(self._follow(subscription, opening), name="relayed-subscription")
        for closed in request.closings:
            if (known := self._subscriptions.get(closed)) is not None:
                self._forget(known)
                known.closed = True
                if known.task is not None:
                    known.task.cancel()
        if not self._subscriptions:
            self.wake()  # from now on the writer waits for a limited time only
        for receipt in request.receipts:
            if (confirmed := self._subscriptions.get(receipt.id)) is not None:
                confirmed.confirm(receipt.bytes)

    def _check(self, request: pb.RelayRequest) -> None:
        """Raise InvalidArgument for what cannot be answered to a subscription."""
        problems = Violations()
        seen: set[int] = set()
        for place, opening in enumerate(request.openings):
            if opening.id == 0:
                problems.add(f"openings[{place}].id", "must be given, and not be 0")
            elif opening.id in self._subscriptions or opening.id in seen:
                problems.add(f"openings[{place}].id", f"must be new: {opening.id} is in use")
            seen.add(opening.id)
            if problems.full:
                break
        problems.raise_any()
