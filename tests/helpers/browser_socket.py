"""A bridge under test, in this process or in one of its own, and what a page does with a WebSocket to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from ipaddress import ip_network
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import jwt
from tocsin.v1 import notification_pb2 as pb
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from helpers import planted
from helpers.process import at_debug, command, environment
from helpers.server import ServerThread
from tocsin_client import Backoff, Tls
from tocsin_server.bridge.admission import Admission, Limits
from tocsin_server.bridge.pages import Pages, no_pages
from tocsin_server.bridge.proxies import Networks
from tocsin_server.bridge.server import BridgeServer
from tocsin_server.bridge.session import SessionTimes
from tocsin_server.bridge.upstream import OUTAGE_LIMIT, Upstream
from tocsin_server.config.network import ListenAddress

PATIENCE = 60.0
"""Seconds after which something has failed: never reached unless it hangs."""

QUICK = Backoff(initial=0.02, cap=0.1)
"""Waits between streams that a test does not notice."""

LOOPBACK: Networks = (ip_network("127.0.0.0/8"), ip_network("::1"))
"""The usual trusted proxies."""

ANY_PORT = ListenAddress("127.0.0.1", 0)

Frame = dict[str, Any]


def plain(recipient: pb.Recipient) -> dict[str, str]:
    """Return a recipient as a frame has it."""
    kind = pb.RecipientType.Name(recipient.type).removeprefix("RECIPIENT_TYPE_").lower()
    if recipient.external_id:
        return {"type": kind, "external_id": recipient.external_id}
    return {"type": kind, "id": recipient.id}


def token_for(recipient: pb.Recipient, secret: str, *, lifetime: float = 600) -> str:
    """Return a recipient's token."""
    parts = [*plain(recipient).values()]
    if recipient.external_id:
        parts.insert(1, "ext")
    claims = {"sub": ":".join(parts), "exp": time.time() + lifetime}
    return jwt.encode(claims, secret, algorithm="HS256")


class BrowserSocket:
    """A page's WebSocket. Reading waits for the next frame; heartbeats count for the cursor, and are skipped.

    ``small`` gives it little room for what it has not read, as a slow line would.
    """

    def __init__(self, url: str, *, origin: str | None = None, small: bool = False) -> None:
        line = None
        if small:
            host, port = re.match(r"ws://(.+):(\d+)/", url + "/").groups()  # type: ignore[union-attr]  # our own
            line = socket.socket()
            # Before connecting: the window is agreed on then.
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect((host, int(port)))
        self._stack = contextlib.ExitStack()
        connecting = connect(
            url,
            sock=line,
            origin=origin,  # type: ignore[arg-type]  # a NewType of str
            compression=None,
            proxy=None,
            ping_interval=None,
            open_timeout=PATIENCE,
            close_timeout=PATIENCE,
            max_size=None,
            max_queue=1 if small else 1024,
        )
        self._socket: ClientConnection = self._stack.enter_context(connecting)
        self.cursor = ""
        self.unread_count = -1
        self.heartbeats = 0
        self.seen: dict[str, Any] = {}  # notifications by id, in the order in which they first came
        self._kept: list[Frame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.leave()

    # -- frames ------------------------------------------------------------------------------------

    def send(self, frame: Frame | str | bytes) -> None:
        """Send a frame, or whatever else."""
        self._socket.send(json.dumps(frame) if isinstance(frame, dict) else frame)

    def any_frame(self) -> Frame:
        """Return the next frame, heartbeats included."""
        data = self._socket.recv(timeout=PATIENCE)
        assert isinstance(data, str), "frames are text"
        frame: Frame = json.loads(data)
        if frame["type"] != "list":
            self.cursor = frame.get("cursor", self.cursor)
        self.unread_count = frame.get("unread_count", self.unread_count)
        if frame["type"] == "notification":
            self.seen[frame["notification"]["id"]] = frame["notification"]
        return frame

    def frame(self) -> Frame:
        """Return the next frame that is no heartbeat."""
        if self._kept:
            return self._kept.pop(0)
        while (frame := self.any_frame())["type"] == "heartbeat":
            self.heartbeats += 1
        return frame

    def take(self, kind: str) -> Frame:
        """Return the next frame, which is of this type."""
        frame = self.frame()
        assert frame["type"] == kind, frame
        return frame

    def ask(self, frame: Frame | str | bytes) -> Frame:
        """Send a frame, and return the next one."""
        self.send(frame)
        return self.frame()

    def answer(self, kind: str, frame: Frame) -> Frame:
        """Send a request, and return its answer; events that come before it are kept for `frame`."""
        self.send(frame)
        passed = []
        while (found := self.frame())["type"] != kind:
            assert found["type"] in ("notification", "read_changed"), found
            passed.append(found)
        self._kept += passed
        return found

    def subscribe(self, recipient: pb.Recipient | None = None, cursor: str = "", **members: Any) -> Frame:
        """Subscribe, and return the frame that says so."""
        self.begin(recipient, cursor, **members)
        return self.take("subscribed")

    def begin(self, recipient: pb.Recipient | None = None, cursor: str = "", **members: Any) -> None:
        """Send a subscribe frame."""
        if recipient is not None:
            members["recipient"] = plain(recipient)
        self.send({"type": "subscribe", "cursor": cursor, **members})

    def ids(self, count: int) -> list[str]:
        """Return the ids of the next notifications."""
        return [self.take("notification")["notification"]["id"] for _ in range(count)]

    # -- the end -----------------------------------------------------------------------------------

    def ending(self) -> tuple[int, str]:
        """Read to the end; return the close code and the reason."""
        try:
            while True:
                self.any_frame()
        except ConnectionClosed as closed:
            return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd is not None else (1006, "")

    def refusal(self) -> tuple[int, Frame]:
        """Return how the bridge closes the socket: the code, and the error that it tells before."""
        error = self.take("error")
        code, reason = self.ending()
        assert reason == error["reason"]
        return code, error

    def leave(self) -> None:
        """Close it from this side. Idempotent."""
        self._stack.close()


# -- a bridge in this process ----------------------------------------------------------------------


class BridgeUnderTest(NamedTuple):
    """A bridge that listens, on a thread of its own."""

    thread: ServerThread
    server: BridgeServer

    @property
    def url(self) -> str:
        """Where its WebSocket is."""
        return f"ws://{self.thread.listen}/ws"

    @property
    def admission(self) -> Admission:
        """Who is here."""
        return self.server.admission

    def open(self, **options: Any) -> BrowserSocket:
        """Open a WebSocket."""
        return BrowserSocket(self.url, **options)

    def http(self, path: str, method: str = "GET") -> tuple[int, str, Mapping[str, str]]:
        """Make a request; return status, body and headers."""
        return http(self.thread.listen, path, method)

    def begin_stop(self) -> None:
        """Tell it to stop, without waiting."""
        self.thread.begin_stop()


def http(listen: ListenAddress, path: str, method: str = "GET") -> tuple[int, str, Mapping[str, str]]:
    """Make a request; return status, body and headers."""
    connection = HTTPConnection(listen.host, listen.port, timeout=PATIENCE)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode(), dict(response.headers)
    finally:
        connection.close()


@contextmanager
def running_bridge(
    target: str,
    *,
    times: SessionTimes | None = None,
    limits: Limits | None = None,
    origins: Sequence[str] = (),
    pages: Pages = no_pages,
    tls: Tls | None = None,
    reconnect: Backoff = QUICK,
    outage_limit: float = OUTAGE_LIMIT,
    longest_drain: float = 0.2,
    trusted_proxies: Networks = LOOPBACK,
    token: str | None = None,
) -> Iterator[BridgeUnderTest]:
    """Run a bridge to the server at ``target``."""
    bridges: list[BridgeServer] = []

    @contextlib.asynccontextmanager
    async def make() -> AsyncIterator[ListenAddress]:
        upstream = Upstream(target, tls=tls, reconnect=reconnect, outage_limit=outage_limit, token=token)
        bridge = BridgeServer(
            upstream,
            allowed_origins=origins,
            trusted_proxies=trusted_proxies,
            limits=limits,
            times=times,
            pages=pages,
        )
        bridges.append(bridge)
        try:
            yield await bridge.start(ANY_PORT)
        finally:
            await bridge.stop(longest_drain)
            await upstream.close()
            # The last words of cancelled calls arrive a moment later; nothing else may be left.
            await asyncio.sleep(0)

    thread = ServerThread(make)
    thread.start()
    try:
        yield BridgeUnderTest(thread, bridges[0])
    finally:
        thread.stop()


# -- a bridge in a process of its own --------------------------------------------------------------


class BridgeProcess:
    """``tocsin bridge``, or another command that announces a bridge, as a process."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self._settings = at_debug(settings)
        self._announced = threading.Event()
        self._address = ""
        self._lines: list[str] = []
        self._process = subprocess.Popen(
            command(*arguments),
            cwd=folder,
            env=environment(self._settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._collect, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _collect(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.append(line)
            if match := re.search(r"bridge listens on http://(\S+)", line):
                self._address = match[1]
                self._announced.set()
        self._announced.set()  # or it never will

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def output(self) -> str:
        """What it has written."""
        return "".join(self._lines)

    @property
    def listen(self) -> ListenAddress:
        """Where it listens; waits for the line that says so."""
        assert self._announced.wait(PATIENCE), "the bridge does not start"
        assert self._address, f"the bridge ended instead of starting:\n{self.output}"
        host, _, port = self._address.rpartition(":")
        return ListenAddress(host, int(port))

    def open(self, **options: Any) -> BrowserSocket:
        """Open a WebSocket."""
        return BrowserSocket(f"ws://{self.listen}/ws", **options)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end, and return the exit status."""
        status = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def close(self) -> None:
        """End it whatever state it is in. Idempotent."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        planted.check(self.output, "", self._settings)


@contextmanager
def bridge_process(folder: Path, server: str, *arguments: str, **settings: str) -> Iterator[BridgeProcess]:
    """Run ``tocsin bridge`` on any free port, and end it in the end."""
    process = BridgeProcess(folder, "bridge", "--listen", "127.0.0.1:0", "--server", server, *arguments, **settings)
    try:
        assert process.listen
        yield process
    finally:
        process.close()
