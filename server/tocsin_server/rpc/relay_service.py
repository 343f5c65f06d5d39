"""`tocsin.v1.RelayService`: many subscriptions on one stream, each with its own rights, pace and end.

Each subscription is a task that runs what ``Subscribe`` runs and puts its events, one at a time, where the stream's
writer takes them: all that have gathered while it was writing go into one message. A subscription asks for its next
event when the last one was written, so nothing gathers here but one event each; what waits beyond that is in the hub's
bounded queue. What has been written and not confirmed is bounded by `WINDOW`, so that a caller can hold back one
subscription and go on reading the others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from tocsin.v1 import relay_service_pb2 as pb

from tocsin_server.errors import (
    ShuttingDown,
    StreamAged,
    SubscriberTooSlow,
    TocsinError,
    TooManyStreams,
)
from tocsin_server.rpc import status
from tocsin_server.rpc.auth import Authenticator, Principal
from tocsin_server.rpc.convert import FeedMessage
from tocsin_server.rpc.validation import Violations

SUBSCRIBE: Final = "tocsin.v1.NotificationService/Subscribe"

WINDOW: Final = 64 * 1024
"""Bytes of events that a subscription may have written and not confirmed before it waits."""

LARGEST_RESPONSE: Final = 64 * 1024
"""Bytes of events in one message; one event alone may be larger. More in one would save nothing, and keep the first of
them waiting for the last."""

PATIENCE: Final = 30.0
"""Seconds that a subscription waits for a receipt."""

MOST_OPENINGS: Final = 1_000
"""Of one request."""

MOST_ENDINGS: Final = 1_000
"""Endings that wait to be written before no more requests are read: somebody could open what is refused for ever."""

RELAYS: Final = 1_000
"""Streams of the process. They hold little, but they are open to everybody."""

LONGEST_IDLENESS: Final = 30.0
"""Seconds that a stream may be without any subscription."""

Subscribe = Callable[[Any, Principal], AsyncIterator[FeedMessage]]
"""`tocsin_server.rpc.notification_service.NotificationService.Subscribe`."""


class RelayMessage(NamedTuple):
    """A serialised ``RelayResponse``. The cursors are in its events, so there is none of its own."""

    data: bytes
    cursor: str = ""


class RelayService:
    """The RPC. It raises a `TocsinError` to end a stream as a whole; `rpc.server` turns it into a status.

    Args:
        subscribe: What a subscription is.
        authenticator: Tells whose token one has.
        patience: See `PATIENCE`.
        idleness: See `LONGEST_IDLENESS`.
        relays: See `RELAYS`.
    """

    def __init__(
        self,
        subscribe: Subscribe,
        authenticator: Authenticator,
        *,
        patience: float = PATIENCE,
        idleness: float = LONGEST_IDLENESS,
        relays: int = RELAYS,
    ) -> None:
        self._subscribe = subscribe
        self._authenticator = authenticator
        self._limit = relays
        self._relays: set[_Relay] = set()
        self.patience = patience
        self.idleness = idleness
        self.closing = False

    async def Relay(self, requests: AsyncIterator[pb.RelayRequest]) -> AsyncIterator[RelayMessage]:  # noqa: N802
        """Carry subscriptions."""
        if len(self._relays) >= self._limit:
            raise TooManyStreams("server", self._limit)
        relay = _Relay(self)
        self._relays.add(relay)
        try:
            async with contextlib.aclosing(relay.messages(requests)) as messages:  # type: ignore[type-var]
                async for message in messages:
                    yield message
        finally:
            self._relays.discard(relay)

    def follow(self, opening: pb.RelayOpening) -> AsyncIterator[FeedMessage]:
        """Call Subscribe for a subscription, with its token."""
        caller = self._authenticator.holder_of(opening.token)
        service, _, method = SUBSCRIBE.rpartition("/")
        caller.require_method(service, method)
        return self._subscribe(opening.subscribe, caller)

    def close(self) -> None:
        """End each stream when its last subscription has ended; what ends those is the hub. Idempotent."""
        self.closing = True
        for relay in self._relays:
            relay.wake()


class _Subscription:
    """One subscription of a stream.

    Attributes:
        task: Follows the feed.
        unconfirmed: Bytes of events for which no receipt has come.
    """

    __slots__ = ("_room", "_written", "id", "task", "unconfirmed")

    def __init__(self, subscription_id: int) -> None:
        self.id = subscription_id
        self.task: asyncio.Task[None] | None = None
        self.unconfirmed = 0
        self._written: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    async def wait_until_written(self) -> None:
        """Return when `written` is called."""
        self._written = asyncio.get_running_loop().create_future()
        await self._written

    def written(self) -> None:
        """Note that its event has been written."""
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


class _Relay:
    """One stream: what has gathered for it, and who waits for what."""

    def __init__(self, service: RelayService) -> None:
        self._service = service
        self._subscriptions: dict[int, _Subscription] = {}
        self._events: dict[bytes, list[_Subscription]] = {}
        self._endings: list[pb.RelayEnding] = []
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._over = False
        self._failure: TocsinError | None = None

    def wake(self) -> None:
        """Let the writer look around."""
        self._something.set()

    # -- out -----------------------------------------------------------------------------------------

    async def messages(self, requests: AsyncIterator[pb.RelayRequest]) -> AsyncIterator[RelayMessage]:
        """Yield what is to be written. Asking for the next message says that the previous one was written."""
        reader = asyncio.create_task(self._read(requests), name="relay-reader")
        try:
            while True:
                self._something.clear()
                for message, subscriptions in self._gathered():
                    yield RelayMessage(message.SerializeToString())
                    for subscription in subscriptions:
                        subscription.written()
                self._room.set()
                if self._failure is not None:
                    raise self._failure
                if self._over:
                    return
                if not self._events and not self._endings:
                    if self._service.closing and not self._subscriptions:
                        raise ShuttingDown
                    await self._wait()
        finally:
            tasks = [one.task for one in self._subscriptions.values() if one.task is not None]
            for task in (reader, *tasks):
                task.cancel()
            await asyncio.gather(reader, *tasks, return_exceptions=True)

    async def _wait(self) -> None:
        if self._subscriptions:
            await self._something.wait()
            return
        try:
            async with asyncio.timeout(self._service.idleness):
                await self._something.wait()
        except TimeoutError:
            message = f"the relay has had no subscription for {self._service.idleness:g} s"
            raise StreamAged(message, cursor="") from None

    def _gathered(self) -> Iterator[tuple[pb.RelayResponse, Sequence[_Subscription]]]:
        """Return what has gathered, as messages, and the subscriptions that have an event in each.

        A subscription has one event here at the most, and its ending after that, so any order is right.
        """
        events, self._events = self._events, {}
        endings, self._endings = self._endings, []
        message, size = pb.RelayResponse(), 0
        concerned: list[_Subscription] = []
        for data, subscriptions in events.items():
            if size and size + len(data) > LARGEST_RESPONSE:
                yield message, concerned
                message, size, concerned = pb.RelayResponse(), 0, []
            message.events.add(ids=[one.id for one in subscriptions], event=data)
            concerned += subscriptions
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
            async with contextlib.aclosing(self._service.follow(opening)) as messages:  # type: ignore[type-var]
                async for message in messages:
                    await self._write(subscription, message)
        except Exception as error:  # noqa: BLE001 - the caller learns a number, the log the rest
            ours = error if isinstance(error, TocsinError) else status.internal(error, SUBSCRIBE)
            del self._subscriptions[subscription.id]
            self._endings.append(pb.RelayEnding(id=subscription.id, status=status.to_status(ours)))
            self.wake()

    async def _write(self, subscription: _Subscription, message: FeedMessage) -> None:
        """Return when an event is written, and more may be."""
        # Several subscriptions of a recipient have the very same bytes, which then travel once.
        self._events.setdefault(message.data, []).append(subscription)
        subscription.unconfirmed += len(message.data)
        self.wake()
        await subscription.wait_until_written()
        if subscription.unconfirmed >= WINDOW:
            try:
                async with asyncio.timeout(self._service.patience):
                    await subscription.wait_for_room()
            except TimeoutError:
                raise SubscriberTooSlow("the subscriber does not take its events", cursor=message.cursor) from None

    # -- in ------------------------------------------------------------------------------------------

    async def _read(self, requests: AsyncIterator[pb.RelayRequest]) -> None:
        try:
            async for request in requests:
                self._obey(request)
                while len(self._endings) >= MOST_ENDINGS:
                    self._room.clear()
                    await self._room.wait()
        except Exception as error:  # noqa: BLE001 - as above
            self._failure = error if isinstance(error, TocsinError) else status.internal(error, "RelayService/Relay")
        self._over = True
        self.wake()

    def _obey(self, request: pb.RelayRequest) -> None:
        self._check_openings(request.openings)
        for opening in request.openings:
            subscription = _Subscription(opening.id)
            self._subscriptions[opening.id] = subscription
            subscription.task = asyncio.create_task(self._follow(subscription, opening), name="relayed-subscription")
        for closed in request.closings:
            known = self._subscriptions.pop(closed, None)
            if known is not None and known.task is not None:
                known.task.cancel()
        for receipt in request.receipts:
            if (confirmed := self._subscriptions.get(receipt.id)) is not None:
                confirmed.confirm(receipt.bytes)

    def _check_openings(self, openings: Sequence[pb.RelayOpening]) -> None:
        """Raise InvalidArgument for what cannot be answered to a subscription."""
        problems = Violations()
        if len(openings) > MOST_OPENINGS:
            problems.add("openings", f"must be at most {MOST_OPENINGS}, are {len(openings)}")
            problems.raise_any()
        seen: set[int] = set()
        for place, opening in enumerate(openings):
            if opening.id == 0:
                problems.add(f"openings[{place}].id", "must be given, and not be 0")
            elif opening.id in self._subscriptions or opening.id in seen:
                problems.add(f"openings[{place}].id", f"must be new: {opening.id} is in use")
            seen.add(opening.id)
        problems.raise_any()
