"""Listening: HTTP paths, whose pages may connect, how many sockets there may be, and going away.

- ``/ws`` is the WebSocket. What is refused there for its origin or for a limit is closed with a code of the protocol
  instead of an HTTP error, which the browser would not show to its page.
- ``/healthz`` answers 200 while the server behind the bridge is well, else 503.
- Everything else is asked of `Pages`, which has none unless somebody gives some.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from tocsin_client import PermissionDenied, ResourceExhausted, Unavailable
from tocsin_server.bridge import origins
from tocsin_server.bridge.frames import LARGEST_FRAME, CloseCode
from tocsin_server.bridge.heartbeats import Heartbeats
from tocsin_server.bridge.pages import Pages, no_pages, plain_text, response
from tocsin_server.bridge.session import Ending, Session, SessionTimes, close, end
from tocsin_server.bridge.sockets import SocketPath
from tocsin_server.bridge.upstream import Upstream
from tocsin_server.config import ListenAddress
from tocsin_server.errors import ListenError

log = logging.getLogger(__name__)

HANDSHAKE_TIMEOUT: Final = 5.0
"""Seconds in which a connection has to send its HTTP request."""

PING_INTERVAL, PING_TIMEOUT = 25.0, 20.0
"""Seconds between pings of the WebSocket protocol, and for their answer: they find browsers that are gone without a
word, which the frames that we write do not, as long as they fit into the system's buffers."""

WRITE_BUFFER: Final = 32 * 1024
"""Bytes that wait for a browser in this process before writing to it waits, too."""

SYSTEM_BUFFER: Final = 128 * 1024
"""Bytes that wait for a browser in the system; on its own it would take megabytes for each."""

QUEUED_REQUESTS: Final = 4
"""Frames of a browser that wait to be looked at before reading from it pauses."""

BACKLOG: Final = 4096
"""Connections that the system accepts for us ahead, for when all browsers come back at once."""

DRAIN_RATE: Final = 2_000
"""Sockets closed per second at a stop, so that their browsers do not all go to the next bridge at once."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many there may be at a time.

    Attributes:
        sockets: WebSockets.
        unconfirmed: Of these, ones of which the server has not accepted the credentials yet.
        handshakes: Connections beyond the sockets, whose HTTP request is under way; others are cut off.
    """

    sockets: int = 10_000
    unconfirmed: int = 2_000
    handshakes: int = 1_000


@dataclass(slots=True)
class Counts:
    """How many there are now, and how many were closed by the bridge, by close code."""

    connections: int = 0
    sockets: int = 0
    unconfirmed: int = 0
    closed: Counter[int] = field(default_factory=Counter)


class BridgeServer:
    """The listening side of the bridge. Used on one event loop.

    Args:
        upstream: The server behind it; the caller closes it, after this.
        allowed_origins: See `origins`.
        limits: See `Limits`.
        times: See `SessionTimes`.
        pages: What to show beside the WebSocket.
        sockets: What serves WebSockets on other paths.
    """

    def __init__(
        self,
        upstream: Upstream,
        *,
        allowed_origins: Collection[str] = (),
        limits: Limits | None = None,
        times: SessionTimes | None = None,
        pages: Pages = no_pages,
        sockets: Mapping[str, SocketPath] | None = None,
    ) -> None:
        self._upstream = upstream
        self._origins = frozenset(allowed_origins)
        self._limits = limits or Limits()
        self._times = times or SessionTimes()
        self._pages = pages
        self._other_paths = sockets or {}
        self._server: Server | None = None
        self._sockets: dict[ServerConnection, Session | None] = {}
        self._connections: set[ServerConnection] = set()
        self._heartbeats = Heartbeats(self._times.heartbeat)
        self.counts = Counts()

    async def start(self, listen: ListenAddress) -> ListenAddress:
        """Listen; returns where, with the port that the system chose for port 0.

        Raises:
            ListenError: The address is in use, or not one of this machine.
        """
        listener = _listener(listen)
        port = listener.getsockname()[1]
        self._server = await serve(
            self._handle,
            sock=listener,
            backlog=BACKLOG,
            process_request=self._answer_http,
            create_connection=_counted(self),
            server_header=None,
            compression=None,
            open_timeout=HANDSHAKE_TIMEOUT,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            close_timeout=self._times.close,
            max_size=LARGEST_FRAME,
            max_queue=QUEUED_REQUESTS,
            write_limit=WRITE_BUFFER,
        )
        return ListenAddress(listen.host, port)

    async def stop(self, longest_drain: float) -> None:
        """Accept nothing new, and close all sockets with 1001, spread over at most ``longest_drain`` seconds.

        Takes `SessionTimes.close` longer at the most. Idempotent.
        """
        if self._server is None:
            return
        self._server.close(close_connections=False)
        window = min(longest_drain, len(self._sockets) / DRAIN_RATE)
        await asyncio.gather(*(self._send_away(one, window) for one in tuple(self._sockets)))
        for connection in tuple(self._connections):
            connection.transport.abort()
        await self._server.wait_closed()

    async def _send_away(self, connection: ServerConnection, window: float) -> None:
        await asyncio.sleep(random.uniform(0, window))  # noqa: S311 - spreads load, guards nothing
        self.counts.closed[CloseCode.GOING_AWAY] += 1
        await close(connection, CloseCode.GOING_AWAY, "SHUTTING_DOWN", self._times.close)

    # -- HTTP --------------------------------------------------------------------------------------

    async def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a request; None lets the handshake of a WebSocket go on."""
        path = urlsplit(request.path).path
        if path == "/ws":
            return None
        if other := self._other_paths.get(path):
            status = other.refusal(connection, request)
            return None if status is None else response(status, plain_text("not for this page\n"))
        if request.method != "GET":
            return response(HTTPStatus.METHOD_NOT_ALLOWED, plain_text("only GET\n"), ("Allow", "GET"))
        if path == "/healthz":
            if await self._upstream.is_serving():
                return response(HTTPStatus.OK, plain_text("ok\n"))
            return response(
                HTTPStatus.SERVICE_UNAVAILABLE, plain_text("the server behind this bridge does not answer\n")
            )
        page = self._pages(path)
        if page is not None:
            return response(HTTPStatus.OK, page)
        return response(HTTPStatus.NOT_FOUND, plain_text("nothing here; the WebSocket is at /ws\n"))

    # -- WebSockets --------------------------------------------------------------------------------

    async def _handle(self, connection: ServerConnection) -> None:
        """Serve one WebSocket until it ends."""
        unconfirmed = _Unconfirmed(self.counts)
        self._sockets[connection] = None
        self.counts.sockets = len(self._sockets)
        try:
            if other := self._other_paths.get(_path_of(connection)):
                unconfirmed.end()
                await other.serve(connection)
                return
            self._admit(connection)
            _forget_headers(connection)
            session = Session(connection, self._upstream, self._times, self._heartbeats, unconfirmed.end)
            self._sockets[connection] = session
            await session.run()
        except Ending as ending:
            await self._end(connection, ending)
        except Exception:
            log.exception("a socket failed", extra={"event": "bridge_socket_failed"})
            await self._end(connection, Ending(CloseCode.TRY_LATER, Unavailable("a fault in the bridge")))
        finally:
            unconfirmed.end()
            del self._sockets[connection]
            self.counts.sockets = len(self._sockets)

    def _admit(self, connection: ServerConnection) -> None:
        headers = connection.request.headers if connection.request is not None else Headers()
        # Two Host headers are none that an origin could match; get() would raise.
        origin, host = (_only(headers.get_all(name)) for name in ("Origin", "Host"))
        if not origins.is_allowed(origin, host, self._origins):
            log.info("refused a page's origin", extra={"event": "bridge_origin_refused", "origin": repr(origin)[:200]})
            message = "pages of this origin may not connect; to allow it, list it in TOCSIN_BRIDGE_ORIGINS"
            raise Ending(CloseCode.POLICY, PermissionDenied(message, reason="PERMISSION_DENIED"))
        if self.counts.sockets > self._limits.sockets or self.counts.unconfirmed > self._limits.unconfirmed:
            log.warning("refused a socket over the limit", extra={"event": "bridge_full"})
            raise Ending(CloseCode.TRY_LATER, ResourceExhausted("too many sockets", reason="TOO_MANY_STREAMS"))

    async def _end(self, connection: ServerConnection, ending: Ending) -> None:
        self.counts.closed[ending.code] += 1
        log.debug("closed a socket", extra={"event": "bridge_closed", "code": int(ending.code)})
        await end(connection, ending, self._times.close)

    # -- connections -------------------------------------------------------------------------------

    def connected(self, connection: ServerConnection) -> None:
        """Take note of a connection, or cut it off if there are too many."""
        self._connections.add(connection)
        self.counts.connections = len(self._connections)
        if self.counts.connections > self._limits.sockets + self._limits.handshakes:
            connection.transport.abort()

    def disconnected(self, connection: ServerConnection) -> None:
        """Forget a connection."""
        if (session := self._sockets.get(connection)) is not None:
            session.left()
        self._connections.discard(connection)
        self.counts.connections = len(self._connections)


class _Unconfirmed:
    """One socket that counts as unconfirmed until its `end`."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._counts.unconfirmed += 1
        self._ended = False

    def end(self) -> None:
        """Count it no more. Idempotent."""
        if not self._ended:
            self._ended = True
            self._counts.unconfirmed -= 1


def _counted(bridge: BridgeServer) -> type[ServerConnection]:
    """Return a class of connections that are counted from their first moment, long before a handler hears of them."""

    class CountedConnection(ServerConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            bridge.connected(self)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            bridge.disconnected(self)

    return CountedConnection


def _listener(listen: ListenAddress) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            # Connections that are winding down must not keep a restarted bridge from its port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Accepted connections inherit it.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SYSTEM_BUFFER)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ListenError(f"the bridge cannot listen on {listen}: {error.strerror or error}") from error
    return listener


def _path_of(connection: ServerConnection) -> str:
    return urlsplit(connection.request.path).path if connection.request is not None else ""


def _forget_headers(connection: ServerConnection) -> None:
    """Give back the memory of headers that have been judged: up to some kilobytes of cookies and whatever."""
    if connection.request is not None:  # as it has to stay: by it the library knows that the handshake is over
        connection.request.headers.clear()
    connection.response = None


def _only(values: list[str]) -> str | None:
    """Return a header's value, None if there is none; a value that nothing matches if there are several."""
    return None if not values else values[0] if len(values) == 1 else ""
