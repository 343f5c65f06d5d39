"""The stream to the server that carries the subscriptions of many sockets: `tocsin.v1.RelayService`.

Each message of the stream brings what has happened to many sockets. All of it is turned into text first, and then all
of it is written: going back and forth between the two for each event costs the processor's caches what they need.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice
from typing import Any, Final

import grpc
from tocsin.v1 import relay_service_pb2 as pb
from tocsin.v1.notification_service_pb2 import SubscribeResponse

from tocsin_client import (
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
    TocsinError,
    Unauthenticated,
    Unavailable,
)
from tocsin_client.relaying import SILENCE, ended, error_from, error_from_rpc, fell_silent
from tocsin_server.bridge.events import FeedEvent, Happened, Started, Subscriber
from tocsin_server.bridge.protocol.frames import EVENTS, event_frame, text_message

log = logging.getLogger(__name__)

WINDOW: Final = 64 * 1024
"""Bytes of events that the server sends for a subscription before it waits for a receipt."""

CONFIRMED_AT_ONCE: Final = WINDOW // 2
"""Bytes of a subscription's events that are confirmed together."""

RETIREMENT: Final = 600.0
"""Seconds after which new subscriptions go to another stream, which may be another server's."""

MOST_OPENINGS: Final = 1_000
LARGEST_OPENINGS: Final = 512 * 1024
"""Of one request, in number and in bytes; a single one may be larger."""

MOST_NOTES: Final = 10_000
"""Closings of one request, and receipts."""


_parse: Final = SubscribeResponse.FromString


LOST_STATUS = "Internal error from Core"
"""What grpc.aio says of a stream that had ended when something was written on it, in place of how it had ended
(grpc/_cython/_cygrpc/aio/callback_common.pyx.pxi). Whoever asks again learns it, sooner or later."""


class Carried:
    """One subscription on the stream.

    Attributes:
        number: What the stream calls it.
        subscriber: Whom it is for.
        unconfirmed: Bytes of events that were got rid of, and not confirmed yet.
    """

    __slots__ = ("number", "subscriber", "unconfirmed")

    def __init__(self, number: int, subscriber: Subscriber) -> None:
        self.number = number
        self.subscriber = subscriber
        self.unconfirmed = 0


class Carrier:
    """One stream. Made on the event loop that uses it.

    Args:
        start: Starts the RPC; returns the gRPC call.
        on_end: Is called when the stream has ended.
    """

    def __init__(self, start: Callable[[], Any], on_end: Callable[[Carrier], None]) -> None:
        self._start = start
        self._on_end = on_end
        self._carried: dict[int, Carried] = {}
        self._numbers: Iterator[int] = count(1)
        self._openings: dict[int, pb.RelayOpening] = {}
        self._closings: list[int] = []
        self._receipts: dict[int, int] = {}
        self._something = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._retires_at = self._loop.time() + RETIREMENT
        self._retired = False
        self._task = asyncio.create_task(self._run(), name="carrier")

    @property
    def retired(self) -> bool:
        """Whether new subscriptions should go elsewhere."""
        return self._retired or self._loop.time() >= self._retires_at

    def open(self, subscriber: Subscriber, token: str | None, request: Any) -> Carried:
        """Open a subscription."""
        carried = Carried(next(self._numbers), subscriber)
        self._carried[carried.number] = carried
        self._openings[carried.number] = pb.RelayOpening(id=carried.number, token=token or "", subscribe=request)
        self._something.set()
        return carried

    def close(self, carried: Carried) -> None:
        """Close a subscription. Its subscriber hears no more. Idempotent."""
        if self._carried.pop(carried.number, None) is None:
            return
        if self._openings.pop(carried.number, None) is None:
            self._closings.append(carried.number)
            self._something.set()
        self._leave_if_done()

    def got_rid(self, carried: Carried, size: int) -> None:
        """Note that so many bytes of a subscription have been written on, and tell the server from time to time."""
        carried.unconfirmed += size
        if carried.unconfirmed >= CONFIRMED_AT_ONCE and carried.number in self._carried:
            self._receipts[carried.number] = self._receipts.get(carried.number, 0) + carried.unconfirmed
            carried.unconfirmed = 0
            self._something.set()

    def retire(self) -> None:
        """Let it end with its last subscription."""
        self._retired = True
        self._leave_if_done()

    def _leave_if_done(self) -> None:
        if self._retired and not self._carried:
            self._task.cancel()

    async def end(self) -> None:
        """End it. Its subscribers hear no more. Idempotent."""
        self._carried.clear()
        self._task.cancel()
        await asyncio.wait([self._task])

    # -- the stream ----------------------------------------------------------------------------------

    async def _run(self) -> None:
        error = ended()
        try:
            call = self._start()
            writer = asyncio.create_task(self._write(call), name="carrier-writer")
            try:
                await self._read(call)
            finally:
                writer.cancel()
                call.cancel()
        except grpc.RpcError as problem:
            error = error_from_rpc(problem)
            if error.message == LOST_STATUS:
                error = ended()
            _tell_operator(error)
        except TimeoutError:
            error = fell_silent(SILENCE)
        except Exception:
            log.exception("the stream to the server failed", extra={"event": "bridge_stream_failed"})
        finally:
            self._retired = True
            self._on_end(self)
            # What the stream as a whole is refused for is no browser's fault: a limit, or the bridge's own token.
            if isinstance(error, ResourceExhausted | Unauthenticated | PermissionDenied | InvalidArgument):
                error = Unavailable(error.message)
            several, self._carried = self._carried, {}
            for carried in several.values():
                carried.subscriber.over(error)

    async def _read(self, call: Any) -> None:
        while True:
            async with asyncio.timeout(SILENCE):
                response = await call.read()
            if response is grpc.aio.EOF:
                return
            self._received(response)

    async def _write(self, call: Any) -> None:
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                while request := self._request():
                    await call.write(request)
        except (grpc.RpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
            pass  # the stream is over, and the reader learns why

    def _request(self) -> Any | None:
        """Return what there is to tell, or as much of it as one request may hold; None if nothing."""
        if not self._openings and not self._closings and not self._receipts:
            return None
        request, size = pb.RelayRequest(), 0
        for number in list(islice(self._openings, MOST_OPENINGS)):
            opening = self._openings[number]
            size += opening.ByteSize()
            if size > LARGEST_OPENINGS and request.openings:
                break
            request.openings.append(opening)
            del self._openings[number]
        request.closings.extend(self._closings[:MOST_NOTES])
        del self._closings[:MOST_NOTES]
        for number in list(islice(self._receipts, MOST_NOTES)):
            request.receipts.add(id=number, bytes=self._receipts.pop(number))
        return request

    # -- what comes ----------------------------------------------------------------------------------

    def _received(self, response: pb.RelayResponse) -> None:
        now = self._loop.time()
        for numbers, event in self._made(response):
            for number in numbers:
                if (carried := self._carried.get(number)) is None:
                    continue  # it was closed while this was on its way
                try:
                    if carried.subscriber.take(event, now):
                        self.got_rid(carried, event.size)
                except Exception as fault:  # noqa: BLE001 - it must not cost the others theirs
                    carried.subscriber.over(fault)
        if response.endings:
            self._take_endings(response.endings)

    def _made(self, response: pb.RelayResponse) -> list[tuple[list[int], FeedEvent]]:
        """Return the events, each with the numbers that it is for."""
        made: list[tuple[list[int], FeedEvent]] = []
        for relayed in response.events[:]:  # iterating over a repeated field costs twice what its slice does
            try:
                made.append((relayed.ids[:], _event(relayed.event)))
            except Exception as fault:  # noqa: BLE001 - its subscribers are told, and nobody else
                for number in relayed.ids:
                    if (carried := self._carried.get(number)) is not None:
                        carried.subscriber.over(fault)
        return made

    def _take_endings(self, endings: Iterable[pb.RelayEnding]) -> None:
        for ending in endings:
            error = error_from(ending.status)
            if error.reason == "SHUTTING_DOWN":
                # The rest follows soon; whoever comes back should come to another server.
                self._retired = True
            if (carried := self._carried.pop(ending.id, None)) is not None:
                carried.subscriber.over(error)
        self._leave_if_done()


def _event(data: bytes) -> FeedEvent:
    """Read an event, and make the message of it that goes to browsers."""
    response = _parse(data)
    kind = response.WhichOneof("event")
    cursor: str = response.cursor
    message = text_message(event_frame(response, kind, cursor)) if kind in EVENTS else b""
    if kind == "subscribed":
        return Started(cursor, message, len(data), response.subscribed.recovered)
    return Happened(cursor, message, len(data))


def _tell_operator(error: TocsinError) -> None:
    """Log what keeps every stream from beginning until somebody does something about it."""
    match error.code:
        case "UNIMPLEMENTED":
            sentence = "the server has no tocsin.v1.RelayService: a bridge needs a server of its own version or newer"
            log.error(sentence, extra={"event": "bridge_relay_unimplemented"})
        case "UNAUTHENTICATED" | "PERMISSION_DENIED":
            sentence = (
                "the server refuses the bridge's own token: TOCSIN_BRIDGE_TOKEN is not the server's, nor a token of "
                "TOCSIN_AUTH_TOKENS with the scope relay"
            )
            log.error(sentence, extra={"event": "bridge_token_refused"})
