"""The life of one WebSocket: a first frame that says whose feed, then events out and requests in, then its end.

Three things go on at once: events are pushed as they come, heartbeats fill the silence, and requests are answered one
after the other. Whatever ends one of them ends all: the browser leaves, its feed ends, or it takes nothing any more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tocsin_client import Event, InvalidArgument, ResourceExhausted, TocsinError, Unauthenticated, Unavailable
from tocsin_server.bridge import frames
from tocsin_server.bridge.frames import CloseCode, ListFeed, MarkRead, Subscribe
from tocsin_server.bridge.upstream import Feed, Upstream


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
        on_confirmed: Is called when the server has accepted the credentials.
    """

    def __init__(
        self, socket: ServerConnection, upstream: Upstream, times: SessionTimes, on_confirmed: Callable[[], None]
    ) -> None:
        self._socket = socket
        self._upstream = upstream
        self._times = times
        self._on_confirmed = on_confirmed
        self._confirmed = asyncio.Event()
        self._written_at = 0.0  # of the loop's clock
        self._cursor = ""  # of the last event written

    async def run(self) -> None:
        """Serve the socket; returns when the browser has left.

        Raises:
            Ending: The bridge has to close the socket.
        """
        try:
            feed = self._upstream.feed(await self._first_frame())
        except ConnectionClosed:
            return
        ends: tuple[Exception, ...] = ()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._push(feed))
                group.create_task(self._beat())
                await self._answer(feed)
        except* (ConnectionClosed, Ending, _Left) as several:
            ends = several.exceptions
        finally:
            await feed.close()
        if all(isinstance(one, Ending) for one in ends):
            raise ends[0]

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

    async def _push(self, feed: Feed) -> None:
        """Write the feed's events."""
        try:
            async with contextlib.aclosing(feed.events()) as events:
                await self._write_event(await self._first_event(events))
                self._confirmed.set()
                async for event in events:
                    await self._write_event(event)
        except TocsinError as error:
            raise Ending(frames.close_code_for(error), error) from error
        raise _Left  # feeds end only when somebody closes them: this socket, or the bridge when it stops

    async def _first_event(self, events: AsyncGenerator[Event]) -> Event:
        try:
            async with asyncio.timeout(self._times.confirmation):
                async for event in events:
                    self._on_confirmed()
                    return event
        except TimeoutError as late:
            if isinstance(late, TocsinError):  # DeadlineExceeded is one, too
                raise
        raise Unavailable("the server cannot be reached; come back later")

    async def _beat(self) -> None:
        """Write a heartbeat whenever nothing else was written for long enough; notice when the browser has left.

        The others would notice too, but not while they wait for the server.
        """
        loop = asyncio.get_running_loop()
        self._written_at = loop.time()
        while True:
            due = self._written_at + self._times.heartbeat
            if due > loop.time():
                try:
                    async with asyncio.timeout_at(due):
                        await self._socket.wait_closed()
                except TimeoutError:
                    continue
                raise _Left
            if self._confirmed.is_set():
                await self._write(frames.heartbeat_frame(self._cursor))
            else:
                self._written_at = loop.time()  # the first frame is another one

    async def _answer(self, feed: Feed) -> None:
        """Read requests and write their answers, in order: a browser has one request under way at a time."""
        while True:
            data = await self._socket.recv()
            # Whoever subscribes and asks at once is answered after `subscribed`, which is always the first frame.
            await self._confirmed.wait()
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

    async def _write_event(self, event: Event) -> None:
        await self._write(frames.event_frame(event))
        self._cursor = event.cursor

    async def _write(self, frame: str) -> None:
        """Write a frame, and wait until the browser has taken most of what was written."""
        data = frame.encode()
        waiting = len(data) + self._socket.transport.get_write_buffer_size()
        try:
            async with asyncio.timeout(self._times.write + waiting / self._times.slowest):
                await self._socket.send(data, text=True)
        except TimeoutError:
            slow = ResourceExhausted("the browser takes nothing", reason="SUBSCRIBER_TOO_SLOW")
            raise Ending(CloseCode.TRY_LATER, slow, tell=False) from None
        self._written_at = asyncio.get_running_loop().time()


def _refusal(message: str) -> InvalidArgument:
    return InvalidArgument(message, reason="INVALID_FIELD")


def _first(message: str) -> Ending:
    return Ending(CloseCode.POLICY, _refusal(message))
