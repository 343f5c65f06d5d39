"""An HTTP server in a thread, which does as it is told: what the servers of Twilio's and Telegram's API share.

Each request takes the next step of the script, and is answered as the API documents when none is left.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message as Headers
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs

import trustme


@dataclass(frozen=True)
class Reply:
    """An answer. ``body`` is sent as it is when it is bytes, and as JSON otherwise."""

    status: int
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drop:
    """Reset the connection; with ``unread``, without having read the request's body."""

    unread: bool = False


@dataclass(frozen=True)
class Hang:
    """Say nothing until the server's `release`, then answer as usual."""


@dataclass(frozen=True)
class Drip:
    """Begin an answer, and add a byte now and then until the server's `release`: no read of it takes long."""


@dataclass(frozen=True)
class Garble:
    """Answer something that is not HTTP."""

    octets: bytes = b"\x16\x03 this is no HTTP\r\n\r\n"


Step = Reply | Drop | Hang | Drip | Garble


@dataclass(frozen=True)
class Request:
    """A request that was read. ``connection`` is the client's port, which tells connections apart."""

    method: str
    path: str
    headers: Headers
    body: bytes
    connection: int

    @property
    def form(self) -> dict[str, str]:
        """The body's fields, sent as a form or as JSON."""
        if "json" in self.headers.get("Content-Type", ""):
            return {name: str(value) for name, value in json.loads(self.body).items()}
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}


class ScriptedHttpServer(ABC):
    """Listens on a port of its own on 127.0.0.1 while the context is open."""

    def __init__(self, *, tls: bool = False) -> None:
        self.requests: list[Request] = []
        self.authority = trustme.CA() if tls else None
        """Whose certificate the server has."""
        self.hanging = threading.Event()
        self._steps: deque[Step] = deque()
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._stopping = False
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, name=type(self).__name__
        )

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"{'https' if self.authority else 'http'}://{host!s}:{port}"

    def script(self, *steps: Step) -> None:
        """Add what is to happen to the next requests."""
        self._steps.extend(steps)

    def release(self) -> None:
        """Let everything that hangs go on."""
        self._released.set()

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """Answer as the API documents."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening, drop all connections, hanging ones too, and end all threads. Idempotent."""
        if not self._thread.is_alive():
            return
        self._stopping = True
        self._server.shutdown()
        self._thread.join(timeout=60)
        self._released.set()
        self._server.drop_connections()
        self._server.server_close()  # joins the threads

    def next_step(self) -> Step | None:
        with self._lock:
            return self._steps.popleft() if self._steps else None

    def goes_on(self, seconds: float) -> bool:
        """Wait a little; tells whether nobody has called `release` meanwhile."""
        self.hanging.set()
        return not self._released.wait(seconds)

    def hang(self) -> bool:
        """Wait for `release`; False when the server stops instead."""
        self.hanging.set()
        self._released.wait()
        return not self._stopping


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close joins them

    def __init__(self, owner: ScriptedHttpServer) -> None:
        self.owner = owner
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)
        if owner.authority is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            owner.authority.issue_cert("127.0.0.1").configure_cert(context)
            # The handshake is made in the connection's own thread, by the first read.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def drop_connections(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):  # closed in the meantime
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: the client's delayed acknowledgement would cost 40 ms between them
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the client has given up
            super().handle()

    def do_POST(self) -> None:
        owner = self.server.owner
        step = owner.next_step()
        if isinstance(step, Drop) and step.unread:
            self._reset()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        request = Request(self.command, self.path, self.headers, body, self.client_address[1])
        owner.requests.append(request)
        if isinstance(step, Drop) or (isinstance(step, Hang) and not owner.hang()):
            self._reset()
        elif isinstance(step, Drip):
            self._drip()
        elif isinstance(step, Garble):
            self.wfile.write(step.octets)
            self.close_connection = True
        else:
            self._reply(step if isinstance(step, Reply) else owner.answer(request))

    do_GET = do_POST  # noqa: N815 - the library's name

    def _reply(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):  # the client has given up
            self.wfile.write(body)
            self.wfile.flush()

    def _drip(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with contextlib.suppress(OSError):  # the client has given up
            while self.server.owner.goes_on(0.02):
                self.wfile.write(b" ")
                self.wfile.flush()

    def _reset(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass
