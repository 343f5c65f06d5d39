"""Listening: HTTP paths, whose pages may connect, who has a place, and going away.

- ``/ws`` is the WebSocket. What is refused there for its origin or for a limit is closed with a code of the protocol
  instead of an HTTP error, which the browser would not show to its page.
- ``/healthz`` answers 200 while the server behind the bridge is well, else 503; ``/readyz`` while its database answers,
  too.
- Everything else is asked of `Pages`, which has none unless somebody gives some.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Final

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.protocol import State

from tocsin_client import PermissionDenied, ResourceExhausted, Unavailable
from tocsin_server.bridge import origins
from tocsin_server.bridge.admission import Admission, Limits, Visitor, too_many
from tocsin_server.bridge.backlog import Backlog
from tocsin_server.bridge.heartbeats import Heartbeats
from tocsin_server.bridge.pages import Pages, answer, no_pages, path_of, plain_text, response
from tocsin_server.bridge.protocol.frames import LARGEST_FRAME, CloseCode, error_frame
from tocsin_server.bridge.proxies import Networks, Proxies
from tocsin_server.bridge.session import Ending, Session, SessionTimes, close, end
from tocsin_server.bridge.sockets import SocketPath
from tocsin_server.bridge.upstream import Upstream
from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.errors import ListenError

log = logging.getLogger(__name__)

HANDSHAKE_TIMEOUT: Final = 5.0
"""Seconds in which a connection has to send its HTTP request."""

LARGEST_REQUEST: Final = 32 * 1024
"""Bytes of a request. The library would keep 1 MB of headers for each connection."""

PING_INTERVAL, PING_TIMEOUT = 25.0, 20.0
"""Seconds between pings of the WebSocket protocol, and for their answer: they find browsers that are gone without a
word, which the frames that we write do not, as long as they fit into the system's buffers."""

WRITE_BUFFER: Final = 32 * 1024
"""Bytes that wait for a browser in this process before writing to it waits, too."""

SEND_BUFFER: Final = 128 * 1024
"""Bytes that wait for a browser in the system; on its own it would take megabytes for each."""

RECEIVE_BUFFER: Final = 32 * 1024
"""Bytes from a browser that wait in the system, and so the most that is read at once; likewise."""

QUEUED_REQUESTS: Final = 4
"""Frames of a browser that wait to be looked at before reading from it pauses."""

BACKLOG: Final = 4096
"""Connections that the system accepts for us ahead, for when all browsers come back at once."""

DRAIN_RATE: Final = 2_000
"""Sockets closed per second at a stop, so that their browsers do not all go to the next bridge at once."""

_LIBRARY_LOG: Final = logging.getLogger(f"{__name__}.websockets")
"""The library's. It logs a traceback of what it did not foresee in a stranger's bytes; what we do not foresee in them
is logged here."""
_LIBRARY_LOG.setLevel(logging.CRITICAL + 1)


class BridgeServer:
    """The listening side of the bridge. Used on one event loop.

    Args:
        upstream: The server behind it; the caller closes it, after this.
        allowed_origins: See `origins`.
        trusted_proxies: See `proxies`.
        limits: See `Limits`.
        times: See `SessionTimes`.
        pages: What to show beside the WebSocket.
        sockets: What serves WebSockets on other paths.

    Attributes:
        admission: Who is here.
    """

    def __init__(
        self,
        upstream: Upstream,
        *,
        allowed_origins: Collection[str] = (),
        trusted_proxies: Networks = (),
        limits: Limits | None = None,
        times: SessionTimes | None = None,
        pages: Pages = no_pages,
        sockets: Mapping[str, SocketPath] | None = None,
    ) -> None:
        self._upstream = upstream
        self._probes = {"/healthz": upstream.health.is_serving, "/readyz": upstream.health.is_ready}
        self._origins = frozenset(allowed_origins)
        self._proxies = Proxies(trusted_proxies)
        self._limits = limits or Limits()
        self._times = times or SessionTimes()
        self._pages = pages
        self._other_paths = sockets or {}
        self._server: Server | None = None
        self._sockets: set[ServerConnection] = set()
        self._sessions: dict[ServerConnection, Session] = {}
        self._visitors: dict[ServerConnection, Visitor] = {}
        self._heartbeats = Heartbeats(self._times.heartbeat)
        self._backlog = Backlog()
        self.admission = Admission(self._limits)

    @property
    def connections(self) -> int:
        """How many there are, of all kinds."""
        return len(self._visitors)

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
            create_connection=_noticed(self),
            server_header=None,
            compression=None,
            open_timeout=HANDSHAKE_TIMEOUT,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            close_timeout=self._times.close,
            max_size=LARGEST_FRAME,
            max_queue=QUEUED_REQUESTS,
            write_limit=WRITE_BUFFER,
            logger=_LIBRARY_LOG,
        )
        return ListenAddress(listen.host, port)

    async def run(self) -> None:
        """Return when it listens no more, which it does until `stop`."""
        assert self._server is not None  # noqa: S101 - made by `start`
        await self._server.wait_closed()

    async def stop(self, longest_drain: float) -> None:
        """Accept nothing new, and close all sockets with 1001, spread over at most ``longest_drain`` seconds.

        Takes `SessionTimes.close` longer at the most. Idempotent.
        """
        if self._server is None:
            return
        self._server.close(close_connections=False)
        window = min(longest_drain, len(self._sockets) / DRAIN_RATE)
        await asyncio.gather(*(self._send_away(one, window) for one in tuple(self._sockets)))
        for connection in tuple(self._visitors):
            connection.transport.abort()
        await self._server.wait_closed()

    async def _send_away(self, connection: ServerConnection, window: float) -> None:
        await asyncio.sleep(random.uniform(0, window))  # noqa: S311 - spreads load, guards nothing
        self.admission.closed[CloseCode.GOING_AWAY] += 1
        await close(connection, CloseCode.GOING_AWAY, "SHUTTING_DOWN", self._times.close)

    # -- HTTP --------------------------------------------------------------------------------------

    async def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a request; None lets the handshake of a WebSocket go on."""
        try:
            if (visitor := self._visitors.get(connection)) is not None:
                visitor.came_from(self._proxies.origin_behind(_peer(connection), request.headers))
            path = path_of(request.path)
            if path == "/ws":
                return None
            if other := self._other_paths.get(path):
                status = other.refusal(connection, request)
                return None if status is None else response(status, plain_text("not for this page\n"))
            return await answer(request, self._pages, self._probes)
        except Exception:
            log.exception("a request failed", extra={"event": "bridge_request_failed"})
            return response(HTTPStatus.INTERNAL_SERVER_ERROR, plain_text("a fault in the bridge\n"))

    # -- WebSockets --------------------------------------------------------------------------------

    async def _handle(self, connection: ServerConnection) -> None:
        """Serve one WebSocket until it ends."""
        visitor = self._visitors.get(connection)
        if visitor is None:
            return  # it left at once
        self._sockets.add(connection)
        try:
            if other := self._other_paths.get(_path_of(connection)):
                visitor.spoke()
                visitor.confirmed()
                await other.serve(connection)
                return
            self._check_page(connection)
            visitor.check_room()
            _forget_headers(connection)
            session = Session(connection, self._upstream, self._times, self._heartbeats, visitor, self._backlog)
            self._sessions[connection] = session
            await session.run()
        except Ending as ending:
            await self._end(connection, ending)
        except ResourceExhausted as error:
            log.warning("refused a socket over a limit", extra={"event": "bridge_full"})
            await self._end(connection, Ending(CloseCode.TRY_LATER, error))
        except Exception:
            log.exception("a socket failed", extra={"event": "bridge_socket_failed"})
            await self._end(connection, Ending(CloseCode.TRY_LATER, Unavailable("a fault in the bridge")))
        finally:
            self._sockets.discard(connection)
            self._sessions.pop(connection, None)

    def _check_page(self, connection: ServerConnection) -> None:
        """Raise `Ending` for a page that may not connect."""
        assert connection.request is not None  # noqa: S101 - the handshake is over
        headers = connection.request.headers
        found = headers.get_all("Origin")
        # Two of them are none that anything could match.
        origin = None if not found else found[0] if len(found) == 1 else ""
        if origins.is_allowed(origin, self._proxies.host_of(_peer(connection), headers), self._origins):
            return
        log.info("refused a page's origin", extra={"event": "bridge_origin_refused", "origin": ascii(origin)[:200]})
        message = "pages of this origin may not connect; to allow it, list it in TOCSIN_BRIDGE_ORIGINS"
        raise Ending(CloseCode.POLICY, PermissionDenied(message, reason="PERMISSION_DENIED"))

    async def _end(self, connection: ServerConnection, ending: Ending) -> None:
        self.admission.closed[ending.code] += 1
        log.debug("closed a socket", extra={"event": "bridge_closed", "code": int(ending.code)})
        await end(connection, ending, self._times.close)

    # -- connections -------------------------------------------------------------------------------

    def connected(self, connection: ServerConnection) -> None:
        """Give a connection a place among the strangers; one of them may have to go for it."""
        visitor = Visitor(self.admission, lambda: self._turn_out(connection))
        self._visitors[connection] = visitor
        visitor.came_from(self._proxies.origin_of(_peer(connection)))

    def disconnected(self, connection: ServerConnection) -> None:
        """Forget a connection."""
        if (session := self._sessions.get(connection)) is not None:
            session.left()
        if (visitor := self._visitors.pop(connection, None)) is not None:
            visitor.left()

    def _turn_out(self, connection: ServerConnection) -> None:
        """End a stranger at once, without waiting for it, but not without a word if it has a WebSocket."""
        log.warning("turned out who had said nothing", extra={"event": "bridge_crowded"})
        protocol, transport = connection.protocol, connection.transport
        if protocol.state is not State.OPEN:
            transport.abort()
            return
        self.admission.closed[CloseCode.TRY_LATER] += 1
        error = too_many("the bridge has", self._limits.strangers)
        protocol.send_text(error_frame(error).encode())
        protocol.send_close(CloseCode.TRY_LATER, error.reason)
        connection.send_data()
        transport.close()
        if transport.get_write_buffer_size():
            transport.abort()  # it does not read either


def _noticed(bridge: BridgeServer) -> type[ServerConnection]:
    """Return a class of connections that are known from their first moment, long before a handler hears of them."""

    class NoticedConnection(ServerConnection):
        unread = LARGEST_REQUEST  # bytes that it may send before its handshake is over

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            bridge.connected(self)

        def data_received(self, data: bytes) -> None:
            if self.protocol.state is State.CONNECTING:
                self.unread -= len(data)
                if self.unread < 0:
                    self.transport.abort()
                    return
            super().data_received(data)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            bridge.disconnected(self)

    return NoticedConnection


def _listener(listen: ListenAddress) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            # Connections that are winding down must not keep a restarted bridge from its port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Accepted connections inherit them.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        reason = error.strerror or error
        raise ListenError(f"the bridge cannot listen on {listen}: {reason} (TOCSIN_BRIDGE_LISTEN)") from error
    return listener


def _peer(connection: ServerConnection) -> str:
    """Return the address that a connection comes from, nothing if it is gone already."""
    address = connection.transport.get_extra_info("peername")
    return str(address[0]) if isinstance(address, tuple) and address else ""


def _path_of(connection: ServerConnection) -> str:
    return path_of(connection.request.path) if connection.request is not None else ""


def _forget_headers(connection: ServerConnection) -> None:
    """Give back the memory of headers that have been judged: up to some kilobytes of cookies and whatever."""
    if connection.request is not None:  # as it has to stay: by it the library knows that the handshake is over
        connection.request.headers.clear()
    connection.response = None
