"""The stream to the server that carries the subscriptions of many sockets: `tocsin.v1.RelayService`.

Each message of the stream brings what has happened to many sockets. All of it is turned into text first, and then all
of it is written: going back and forth between the two for each event costs the processor's caches what they need.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice
from typing import Any, Final, Protocol

import grpc
from tocsin.v1 import relay_service_pb2 as pb
from tocsin.v1.notification_service_pb2 import SubscribeResponse

from tocsin_client import TocsinError, convert, resume
from tocsin_client.transport import error_from_rpc
from tocsin_server.bridge.frames import EVENTS, event_frame, text_message

log = logging.getLogger(__name__)

WINDOW: Final = 64 * 1024
"""Bytes of events that the server sends for a subscription before it waits for a receipt."""

RETIREMENT: Final = 600.0
"""Seconds after which new subscriptions go to another stream, which may be another server's."""

MOST_OPENINGS: Final = 1_000
"""Of one request."""


_parse: Final = SubscribeResponse.FromString


class Subscriber(Protocol):
    """Whom a subscription is for."""

    def started(self, cursor: str, recovered: bool, frame: bytes, size: int, now: float) -> None:
        """Learn that the subscription has begun: ``subscribed``. For the rest see `happened`."""

    def happened(self, cursor: str, frame: bytes, size: int, now: float) -> None:
        """Take an event.

        Args:
            cursor: Where to resume after it.
            frame: The WebSocket message; empty for a kind that has none, or is newer than this bridge.
            size: Bytes to confirm when it is got rid of.
            now: Of the loop's clock.
        """

    def ended(self, error: TocsinError) -> None:
        """Learn that the subscription has ended, and why."""

    def broken(self, error: TocsinError) -> None:
        """Learn that the stream has ended, and the subscription with it."""

    def failed(self, fault: Exception) -> None:
        """Learn that an event could not be made or taken: whatever came after it would leave a gap."""


class Relay:
    """One stream. Made on the event loop that uses it.

    Args:
        start: Starts the RPC; returns the gRPC call.
        on_end: Is called when the stream has ended.

    Attributes:
        retired: No new subscriptions should be opened here.
    """

    def __init__(self, start: Callable[[], Any], on_end: Callable[[Relay], None]) -> None:
        self._start = start
        self._on_end = on_end
        self._subscribers: dict[int, Subscriber] = {}
        self._ids: Iterator[int] = count(1)
        self._openings: dict[int, pb.RelayOpening] = {}
        self._closings: list[int] = []
        self._receipts: dict[int, int] = {}
        self._something = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._retires_at = self._loop.time() + RETIREMENT
        self._retired = False
        self._task = asyncio.create_task(self._run(), name="relay")

    @property
    def retired(self) -> bool:
        """Whether new subscriptions should go elsewhere."""
        return self._retired or self._loop.time() >= self._retires_at

    def open(self, subscriber: Subscriber, token: str | None, request: Any) -> int:
        """Open a subscription; returns its id."""
        number = next(self._ids)
        self._subscribers[number] = subscriber
        self._openings[number] = pb.RelayOpening(id=number, token=token or "", subscribe=request)
        self._something.set()
        return number

    def close(self, number: int) -> None:
        """Close a subscription. Its subscriber hears no more. Idempotent."""
        if self._subscribers.pop(number, None) is None:
            return
        if self._openings.pop(number, None) is None:
            self._closings.append(number)
            self._something.set()
        self._leave_if_done()

    def confirm(self, number: int, size: int) -> None:
        """Tell that so many bytes of a subscription have been written on."""
        if number in self._subscribers:
            self._receipts[number] = self._receipts.get(number, 0) + size
            self._something.set()

    def retire(self) -> None:
        """Let it end with its last subscription."""
        self._retired = True
        self._leave_if_done()

    def _leave_if_done(self) -> None:
        if self._retired and not self._subscribers:
            self._task.cancel()

    async def end(self) -> None:
        """End it. Its subscribers hear no more. Idempotent."""
        self._subscribers.clear()
        self._task.cancel()
        await asyncio.wait([self._task])

    # -- the stream ----------------------------------------------------------------------------------

    async def _run(self) -> None:
        error = resume.ended()
        try:
            call = self._start()
            writer = asyncio.create_task(self._write(call), name="relay-writer")
            try:
                await self._read(call)
            finally:
                writer.cancel()
                call.cancel()
        except grpc.RpcError as problem:
            error = error_from_rpc(problem)
            if error.code == "UNIMPLEMENTED":
                log.error(  # noqa: TRY400 - the operator has to act, and needs no traceback for it
                    "the server has no tocsin.v1.RelayService: a bridge needs a server of its own version or newer",
                    extra={"event": "bridge_relay_unimplemented"},
                )
        except TimeoutError:
            error = resume.fell_silent(resume.SILENCE)
        except Exception:
            log.exception("the stream to the server failed", extra={"event": "bridge_relay_failed"})
        finally:
            self._retired = True
            self._on_end(self)
            subscribers, self._subscribers = self._subscribers, {}
            for subscriber in subscribers.values():
                subscriber.broken(error)

    async def _read(self, call: Any) -> None:
        while True:
            async with asyncio.timeout(resume.SILENCE):
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
        """Return what there is to tell, None if nothing."""
        openings = list(islice(self._openings.values(), MOST_OPENINGS))
        if not openings and not self._closings and not self._receipts:
            return None
        for opening in openings:
            del self._openings[opening.id]
        closings, self._closings = self._closings, []
        receipts, self._receipts = self._receipts, {}
        request = pb.RelayRequest(openings=openings, closings=closings)
        for number, size in receipts.items():
            request.receipts.add(id=number, bytes=size)
        return request

    # -- what comes ----------------------------------------------------------------------------------

    def _received(self, response: pb.RelayResponse) -> None:
        now = self._loop.time()
        for numbers, size, cursor, recovered, frame in self._made(response):
            for number in numbers:
                if (subscriber := self._subscribers.get(number)) is None:
                    continue  # it was closed while this was on its way
                try:
                    if recovered is None:
                        subscriber.happened(cursor, frame, size, now)
                    else:
                        subscriber.started(cursor, recovered, frame, size, now)
                except Exception as fault:  # noqa: BLE001 - it must not cost the others theirs
                    subscriber.failed(fault)
        if response.endings:
            self._take_endings(response.endings)

    def _made(self, response: pb.RelayResponse) -> list[tuple[list[int], int, str, bool | None, bytes]]:
        """Return the events with the ids that they are for, their sizes, and what `_ready` makes of them."""
        made = []
        for relayed in response.events[:]:  # iterating over a repeated field costs twice what its slice does
            data = relayed.event
            try:
                made.append((relayed.ids[:], len(data), *_ready(data)))
            except Exception as fault:  # noqa: BLE001 - its subscribers are told, and nobody else
                self._fail(relayed.ids, fault)
        return made

    def _take_endings(self, endings: Iterable[pb.RelayEnding]) -> None:
        for ending in endings:
            error = convert.error_from(ending.status)
            if error.reason == "SHUTTING_DOWN":
                # The rest follows soon; whoever comes back should come to another server.
                self._retired = True
            if (subscriber := self._subscribers.pop(ending.id, None)) is not None:
                subscriber.ended(error)
        self._leave_if_done()

    def _fail(self, numbers: Iterable[int], fault: Exception) -> None:
        for number in numbers:
            if (subscriber := self._subscribers.get(number)) is not None:
                subscriber.failed(fault)


def _ready(data: bytes) -> tuple[str, bool | None, bytes]:
    """Return an event's cursor, whether it says that the feed is ``recovered`` (None if it does not say), its frame.

    It is no object, since making one for each event costs a twentieth of all that an event costs.
    """
    message = _parse(data)
    kind = message.WhichOneof("event")
    cursor: str = message.cursor
    if kind not in EVENTS:
        return cursor, None, b""
    frame = text_message(event_frame(message, kind, cursor))
    return cursor, message.subscribed.recovered if kind == "subscribed" else None, frame
