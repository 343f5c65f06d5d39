"""The life of one WebSocket: a first frame that says whose feed, then events out and requests in, then its end.

Its task answers requests, one after the other. Events are written as they come, by whoever brings them, unless the
browser has to take others before: then they wait, with a task that watches how long it takes. `heartbeats` fill the
silence. Whatever ends one of these ends all: the browser leaves, its feed ends, or it takes nothing any more.

Messages are written past the library, which has nothing to do for them: it neither compresses nor fragments here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from tocsin_client import InvalidArgument, ResourceExhausted, TocsinError, Unauthenticated, Unavailable
from tocsin_server.bridge.admission import Visitor
from tocsin_server.bridge.backlog import Backlog
from tocsin_server.bridge.events import FeedEvent
from tocsin_server.bridge.heartbeats import Heartbeats
from tocsin_server.bridge.protocol import frames
from tocsin_server.bridge.protocol.frames import CloseCode, ListFeed, MarkRead, Subscribe
from tocsin_server.bridge.subscription import Subscription
from tocsin_server.bridge.upstream import Upstream

AT_ONCE: Final = 16 * 1024
"""Bytes that may wait for a browser in this process when a frame is written without looking after it. It is less than
what makes writing wait (`server.WRITE_BUFFER`)."""

_OPEN: Final = State.OPEN  # the attribute of an enum is a property, which takes as long as writing to a buffer


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """Durations in seconds, and a rate.

    Attributes:
        first_frame: Within this, ``subscribe`` has to come.
        confirmation: Within this, the server has to confirm it. A socket is nobody's until then, and may not wait for
            a server that is away as long as one that was confirmed.
        heartbeat: Silence after which a heartbeat is written.
        write: How long a browser may let a frame wait, on top of what ``slowest`` allows.
        slowest: Bytes per second that a browser has to take: a page of a list may take its time on a poor line.
        close: How long the closing handshake may take.
    """

    first_frame: float = 5.0
    confirmation: float = 15.0
    heartbeat: float = 25.0
    write: float = 10.0
    slowest: float = 16 * 1024.0
    close: float = 2.0


class Ending(Exception):
    """The bridge ends the session, with this code; ``error`` is told before, unless the browser takes nothing."""

    def __init__(self, code: CloseCode, error: TocsinError, *, tell: bool = True) -> None:
        super().__init__(code)
        self.code = code
        self.error = error
        self.tell = tell


class _Left(Exception):
    """The browser has left."""


async def end(socket: ServerConnection, ending: Ending, patience: float) -> None:
    """Close a socket, after an error frame; return when its connection is gone, within twice ``patience`` seconds."""
    try:
        async with asyncio.timeout(patience):
            if ending.tell:
                await socket.send(frames.error_frame(ending.error))
    except (TimeoutError, ConnectionClosed):
        pass
    # A reason is for people who look at the network; it has at most 123 bytes, which reasons of the API fit in.
    await close(socket, ending.code, ending.error.reason, patience)


async def close(socket: ServerConnection, code: CloseCode, reason: str, patience: float) -> None:
    """Close a socket; return when its connection is gone, within ``patience`` seconds."""
    try:
        async with asyncio.timeout(patience):
            # Closing is writing, too: behind what a browser does not take, it would wait for ever.
            await socket.close(code, reason)
    except TimeoutError:
        socket.transport.abort()
        await socket.wait_closed()


class Session:
    """One WebSocket, from the end of its handshake on.

    Args:
        socket: The socket.
        upstream: Where feeds are.
        times: See `SessionTimes`.
        heartbeats: Fills the silence.
        visitor: Its place at the bridge.
        backlog: Counts what waits for browsers.
    """

    __slots__ = (
        "_backlog",
        "_begun",
        "_cursor",
        "_heartbeats",
        "_late",
        "_protocol",
        "_socket",
        "_subscription",
        "_task",
        "_times",
        "_transport",
        "_upstream",
        "_visitor",
        "_waiting",
        "_why",
        "written_at",
    )

    def __init__(
        self,
        socket: ServerConnection,
        upstream: Upstream,
        times: SessionTimes,
        heartbeats: Heartbeats,
        visitor: Visitor,
        backlog: Backlog,
    ) -> None:
        self._socket = socket
        # Looked up for each event otherwise.
        self._protocol, self._transport = socket.protocol, socket.transport
        self._upstream = upstream
        self._times = times
        self._heartbeats = heartbeats
        self._visitor = visitor
        self._backlog = backlog
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[Any] | None = None  # runs the session, from the start to the end
        self._begun: asyncio.Future[None] | None = None  # until the first event
        self._why: Exception | None = None  # what ends the session from outside its task
        # Events that the browser has to take others before. None while there are none.
        self._waiting: deque[FeedEvent] | None = None
        self._late: asyncio.Task[None] | None = None  # writes them
        self._cursor = ""  # of the last event written
        self.written_at = 0.0  # of the loop's clock

    async def run(self) -> None:
        """Serve the socket; returns when the browser has left.

        Raises:
            Ending: The bridge has to close the socket.
            ResourceExhausted: Likewise; it has no room for it.
        """
        try:
            subscribe = await self._first_frame()
        except ConnectionClosed:
            return
        self._task = asyncio.current_task()
        self._subscription = subscription = Subscription(self._upstream, subscribe, self)
        try:
            # Whoever subscribes and asks at once is answered after `subscribed`, which is always the first frame.
            await self._begin(subscription)
            await self._answer(subscription)
        except (ConnectionClosed, _Left):
            return
        except asyncio.CancelledError:
            task, self._task = self._task, None
            if self._why is None or task is None or task.uncancel():
                raise
            if isinstance(self._why, _Left):
                return
            raise self._why from None
        finally:
            self._task = None
            if self._late is not None:
                self._late.cancel()
            self._waiting = None
            self._backlog.forget(self)
            self._heartbeats.discard(self)
            subscription.end()

    def _end(self, why: Exception) -> None:
        """Let `run` raise this, wherever it is."""
        if self._why is None and self._task is not None:
            self._why = why
            self._task.cancel()

    def too_slow(self) -> None:
        """See `tocsin_server.bridge.backlog.Slow`."""
        if self._waiting is not None:
            self._waiting.clear()
        self._end(_too_slow())

    def left(self) -> None:
        """Take note that the connection is gone, which nobody else notices who waits for the server."""
        self._end(_Left())

    def beat(self) -> None:
        """Write a heartbeat. Where something waits to be taken none is needed."""
        self._write_at_once(
            frames.text_message(frames.heartbeat_frame(self._cursor)), asyncio.get_running_loop().time()
        )

    async def _first_frame(self) -> Subscribe:
        try:
            async with asyncio.timeout(self._times.first_frame):
                data = await self._socket.recv()
        except TimeoutError:
            raise _first(f"no subscribe frame came within {self._times.first_frame:g} s") from None
        try:
            frame = frames.parse(data)
        except TocsinError as error:
            raise Ending(frames.close_code_for(error), error) from error
        if not isinstance(frame, Subscribe):
            raise _first("type: the first frame must be subscribe")
        self._visitor.spoke()
        return frame

    async def _begin(self, subscription: Subscription) -> None:
        """Wait for the first event."""
        self._begun = begun = asyncio.get_running_loop().create_future()
        subscription.begin()
        try:
            async with asyncio.timeout(self._times.confirmation):
                await begun
        except TimeoutError:
            error = Unavailable("the server cannot be reached; come back later")
            raise Ending(frames.close_code_for(error), error) from None

    # -- what the subscription tells -----------------------------------------------------------------

    def take(self, event: FeedEvent, now: float) -> bool:
        """See `Subscriber`. The first event shows that the server has accepted the credentials."""
        if self._why is not None:
            return False  # the socket ends, and behind what it did not get there would be a gap
        if self._begun is not None:
            self._confirmed(self._begun)
        waiting = self._waiting
        if waiting is None and self._write_at_once(event.message, now):
            self._cursor = event.cursor
            return True
        if waiting is not None:
            waiting.append(event)
        else:
            self._waiting = deque([event])
            self._late = asyncio.create_task(self._write_waiting(self._waiting), name="slow-browser")
        self._backlog.add(self, len(event.message))
        return False

    def _confirmed(self, begun: asyncio.Future[None]) -> None:
        self._begun = None
        self._visitor.confirmed()
        self._heartbeats.add(self)
        if not begun.done():
            begun.set_result(None)

    def over(self, error: Exception) -> None:
        """See `Subscriber`."""
        self._end(Ending(frames.close_code_for(error), error) if isinstance(error, TocsinError) else error)

    async def _write_waiting(self, waiting: deque[FeedEvent]) -> None:
        """Write what waits, as the browser takes it."""
        try:
            while waiting and self._subscription is not None:
                event = waiting.popleft()
                self._backlog.remove(self, len(event.message))
                await self._write_and_wait(event.message)
                self._cursor = event.cursor
                self._subscription.got_rid(event.size)
            self._waiting = None
        except Exception as problem:  # noqa: BLE001 - the session's own task has to raise it
            self._end(problem)

    # -- requests ------------------------------------------------------------------------------------

    async def _answer(self, subscription: Subscription) -> None:
        """Read requests and write their answers, in order: a browser has one request under way at a time."""
        while True:
            data = await self._socket.recv()
            await self._write(await self._answer_to(data, subscription))

    async def _answer_to(self, data: str | bytes, subscription: Subscription) -> str:
        try:
            frame = frames.parse(data)
        except TocsinError as error:
            return frames.error_frame(error)
        try:
            match frame:
                case ListFeed():
                    return frames.list_frame(await subscription.list(frame))
                case MarkRead():
                    return frames.marked_frame(await subscription.mark_read(frame))
                case Subscribe():
                    return frames.error_frame(_refusal("type: this socket has its feed; open another for another"))
        except Unauthenticated as error:
            raise Ending(frames.close_code_for(error), error) from error
        except TocsinError as error:
            return frames.error_frame(error)

    # -- writing -------------------------------------------------------------------------------------

    async def _write(self, frame: str) -> None:
        message = frames.text_message(frame)
        if self._write_at_once(message, asyncio.get_running_loop().time()):
            return
        self._backlog.add(self, len(message))
        try:
            await self._write_and_wait(message)
        finally:
            self._backlog.remove(self, len(message))

    def _write_at_once(self, message: bytes, now: float) -> bool:
        """Write a message if that needs no waiting, which is nearly always so and costs a third as much."""
        transport = self._transport
        if len(message) + transport.get_write_buffer_size() > AT_ONCE or self._protocol.state is not _OPEN:
            return False
        transport.write(message)
        self.written_at = now
        return True

    async def _write_and_wait(self, message: bytes) -> None:
        """Write a message, and wait until the browser has taken most of what was written."""
        if self._protocol.state is not _OPEN:
            raise _Left
        waiting = len(message) + self._transport.get_write_buffer_size()
        try:
            async with asyncio.timeout(self._times.write + waiting / self._times.slowest):
                self._transport.write(message)
                await self._socket.drain()
        except TimeoutError:
            raise _too_slow() from None
        except OSError:
            raise _Left from None
        self.written_at = asyncio.get_running_loop().time()


def _too_slow() -> Ending:
    slow = ResourceExhausted("the browser takes nothing", reason="SUBSCRIBER_TOO_SLOW")
    return Ending(CloseCode.TRY_LATER, slow, tell=False)


def _refusal(message: str) -> InvalidArgument:
    return InvalidArgument(message, reason="INVALID_FIELD")


def _first(message: str) -> Ending:
    return Ending(CloseCode.POLICY, _refusal(message))
