"""The life of one WebSocket: a first frame that says whose feed, then events out and requests in, then its end.

Two things go on at once: events are pushed as they come, and requests are answered one after the other (and
`heartbeats` fill the silence). Whatever ends one of them ends both: the browser leaves, its feed ends, or it takes
nothing any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from tocsin_client import InvalidArgument, ResourceExhausted, TocsinError, Unauthenticated, Unavailable
from tocsin_server.bridge import frames
from tocsin_server.bridge.batch import Batch
from tocsin_server.bridge.frames import CloseCode, ListFeed, MarkRead, Subscribe
from tocsin_server.bridge.heartbeats import Heartbeats
from tocsin_server.bridge.upstream import Feed, Upstream

AT_ONCE: Final = 16 * 1024
"""Bytes that may wait for a browser in this process when a frame is written without looking after it. It is less than
what makes writing wait (`server.WRITE_BUFFER`)."""


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
        batch: Delivers the events.
        heartbeats: Fills the silence.
        on_confirmed: Is called when the server has accepted the credentials.
    """

    __slots__ = (
        "_batch",
        "_cursor",
        "_feed",
        "_group",
        "_heartbeats",
        "_late",
        "_on_confirmed",
        "_socket",
        "_times",
        "_upstream",
        "written_at",
    )

    def __init__(
        self,
        socket: ServerConnection,
        upstream: Upstream,
        times: SessionTimes,
        batch: Batch,
        heartbeats: Heartbeats,
        on_confirmed: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._upstream = upstream
        self._times = times
        self._batch = batch
        self._heartbeats = heartbeats
        self._on_confirmed = on_confirmed
        self._feed: Feed | None = None
        self._group: asyncio.TaskGroup | None = None  # from the start to the end
        self._late: asyncio.Task[None] | None = None  # writes an event that had to wait
        self._cursor = ""  # of the last event written
        self.written_at = 0.0  # of the loop's clock

    async def run(self) -> None:
        """Serve the socket; returns when the browser has left.

        Raises:
            Ending: The bridge has to close the socket.
        """
        try:
            self._feed = feed = self._upstream.feed(await self._first_frame())
        except ConnectionClosed:
            return
        ends: tuple[Exception, ...] = ()
        try:
            # Whoever subscribes and asks at once is answered after `subscribed`, which is always the first frame.
            await self._begin(feed)
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._push(feed))
                try:
                    await self._answer(feed)
                finally:
                    self._group = None
        except* (ConnectionClosed, Ending, _Left) as several:
            ends = several.exceptions
        finally:
            self._heartbeats.discard(self)
            feed.end()
        if all(isinstance(one, Ending) for one in ends):
            raise ends[0]

    def left(self) -> None:
        """Take note that the connection is gone, which nobody else notices who waits for the server."""
        if self._feed is not None:
            self._feed.end()

    def beat(self) -> None:
        """Write a heartbeat. Where something waits to be taken none is needed."""
        self._write_at_once(frames.heartbeat_frame(self._cursor).encode())

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
        return frame

    async def _begin(self, feed: Feed) -> None:
        """Wait for the first event, and write it."""
        try:
            try:
                async with asyncio.timeout(self._times.confirmation):
                    message = await anext(feed, None)
            except TimeoutError as late:
                if isinstance(late, TocsinError):  # DeadlineExceeded is one, too
                    raise
                raise Unavailable("the server cannot be reached; come back later") from None
        except TocsinError as error:
            raise Ending(frames.close_code_for(error), error) from error
        if message is None:
            raise _Left
        self._on_confirmed()
        await self._write_event(message)
        self._heartbeats.add(self)

    async def _push(self, feed: Feed) -> None:
        """Write the feed's other events."""
        try:
            async for message in feed:
                if self._late is not None:
                    await self._late
                    self._late = None
                self._batch.add(self, message)
        except TocsinError as error:
            raise Ending(frames.close_code_for(error), error) from error
        raise _Left  # feeds end only when somebody ends them, because the browser has left

    def deliver(self, message: Any, frame: bytes | None) -> None:
        """Write an event, or have a task write it that waits for the browser, and for which the next event waits."""
        if self._group is None:
            return  # the session has ended meanwhile
        if frame is not None and self._write_at_once(frame):
            self._cursor = message.cursor
        else:
            self._late = self._group.create_task(self._write_event(message))

    def cut(self) -> None:
        """Cut the line after a fault of ours. The browser comes back with its cursor."""
        self._socket.transport.abort()

    async def _write_event(self, message: Any) -> None:
        await self._write(frames.event_frame(message))
        self._cursor = message.cursor

    async def _answer(self, feed: Feed) -> None:
        """Read requests and write their answers, in order: a browser has one request under way at a time."""
        while True:
            data = await self._socket.recv()
            await self._write(await self._answer_to(data, feed))

    async def _answer_to(self, data: str | bytes, feed: Feed) -> str:
        try:
            frame = frames.parse(data)
        except TocsinError as error:
            return frames.error_frame(error)
        try:
            match frame:
                case ListFeed():
                    return frames.list_frame(await feed.list(frame))
                case MarkRead():
                    return frames.marked_frame(await feed.mark_read(frame))
                case Subscribe():
                    return frames.error_frame(_refusal("type: this socket has its feed; open another for another"))
        except Unauthenticated as error:
            raise Ending(CloseCode.BAD_TOKEN, error) from error
        except TocsinError as error:
            return frames.error_frame(error)

    async def _write(self, frame: str) -> None:
        data = frame.encode()
        if not self._write_at_once(data):
            await self._write_and_wait(data)

    def _write_at_once(self, data: bytes) -> bool:
        """Write a frame if that needs no waiting, which is nearly always so and costs half as much."""
        socket = self._socket
        waiting = len(data) + socket.transport.get_write_buffer_size()
        if waiting > AT_ONCE or socket.state is not State.OPEN:
            return False
        broadcast((socket,), data, text=True)
        self.written_at = asyncio.get_running_loop().time()
        return True

    async def _write_and_wait(self, data: bytes) -> None:
        """Write a frame, and wait until the browser has taken most of what was written."""
        waiting = len(data) + self._socket.transport.get_write_buffer_size()
        try:
            async with asyncio.timeout(self._times.write + waiting / self._times.slowest):
                await self._socket.send(data, text=True)
        except TimeoutError:
            slow = ResourceExhausted("the browser takes nothing", reason="SUBSCRIBER_TOO_SLOW")
            raise Ending(CloseCode.TRY_LATER, slow, tell=False) from None
        self.written_at = asyncio.get_running_loop().time()


def _refusal(message: str) -> InvalidArgument:
    return InvalidArgument(message, reason="INVALID_FIELD")


def _first(message: str) -> Ending:
    return Ending(CloseCode.POLICY, _refusal(message))
