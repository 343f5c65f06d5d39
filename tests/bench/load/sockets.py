"""Many WebSockets in one process that cost next to nothing: plain sockets behind one selector.

A client library would cost more than the servers that it shall measure. So the first bytes (the handshake and the
subscribe frame) are made once per socket, and what comes back is counted frame by frame and never decoded: of a text
frame only the first letter of its ``"type"`` is looked at. What has to be answered (pings) is.

Only what our servers do is understood: no compression, no fragments, text frames that begin with ``{"type":"``.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Final, Self

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
"""Opcodes (RFC 6455, section 5.2)."""

FINAL: Final = 0x80
MASKED: Final = 0x80

TYPE_AT: Final = len('{"type":"')
"""Where the first letter of a frame's type is. All types begin with different letters."""

SUBSCRIBED, NOTIFICATION = ord("s"), ord("n")

_READ: Final = 256 * 1024
"""Bytes read at once."""

_HANDSHAKES: Final = 200
"""Sockets that are being opened at a time: enough to keep a server busy, few enough not to be what it is busy with."""

PATIENCE: Final = 60.0
"""Seconds after which something hangs."""


class Broken(Exception):
    """A server closed a socket, or said what this client does not understand."""


class Tally:
    """What one or many sockets have received.

    Attributes:
        kinds: Text frames, by the first letter of their type (an index below 256).
        answers: Control frames to write back: pongs.
    """

    __slots__ = ("answers", "kinds")

    def __init__(self) -> None:
        self.kinds = [0] * 256
        self.answers: list[bytes] = []


def frame(opcode: int, payload: bytes, mask: bytes | None = None) -> bytes:
    """Return a client's frame, which RFC 6455 wants masked with four random bytes."""
    mask = os.urandom(4) if mask is None else mask
    size = len(payload)
    if size < 126:
        head = bytes((FINAL | opcode, MASKED | size))
    elif size < 1 << 16:
        head = bytes((FINAL | opcode, MASKED | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((FINAL | opcode, MASKED | 127)) + size.to_bytes(8, "big")
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")


def scan(data: bytes, tally: Tally) -> bytes:
    """Count the frames of a server in ``data``, and return the beginning of one that is not complete yet.

    Raises:
        Broken: A close frame, or what this client does not understand.
    """
    at, end, kinds = 0, len(data), tally.kinds
    while end - at >= 2:
        size, start = data[at + 1], at + 2
        if size >= 126:
            start += 2 if size == 126 else 8
            if start > end:
                break
            size = int.from_bytes(data[at + 2 : start], "big")
        after = start + size
        if after > end:
            break
        if data[at] == FINAL | TEXT and size > TYPE_AT:
            kinds[data[start + TYPE_AT]] += 1
        else:
            _control(data[at], data[start:after], tally)
        at = after
    return data[at:] if at else data


def _control(first: int, payload: bytes, tally: Tally) -> None:
    if first == FINAL | PING:
        tally.answers.append(frame(PONG, payload))
    elif first == FINAL | CLOSE:
        raise Broken(f"the server closed a socket: {int.from_bytes(payload[:2], 'big')} {payload[2:]!r}")
    elif first != FINAL | PONG:
        raise Broken(f"a frame that begins with {first:#x}: {payload[:80]!r}")


class _Socket:
    """One socket, and what it has of a frame."""

    __slots__ = ("number", "open", "rest", "socket")

    def __init__(self, number: int, line: socket.socket) -> None:
        self.number = number
        self.socket = line
        self.rest = b""
        self.open = False


class Sockets:
    """WebSockets to one server, each of which sends one frame and then only listens.

    Args:
        host, port: Where the server listens.
        stamp: Keep the time of receipt of each notification.

    Attributes:
        tally: What all of them have received.
        stamps: With ``stamp``: `time.perf_counter_ns` of each notification, in the order of their receipt. All that
            one read brought count as received by its end.
        on_read: Is called with the number of a socket and the bytes of each of its reads: for a look at an example.
    """

    def __init__(self, host: str, port: int, *, stamp: bool = False) -> None:
        self._address = (host, port)
        self._selector = selectors.EpollSelector()
        self._sockets: list[_Socket] = []
        self._stamp = stamp
        self._opening = 0
        self.tally = Tally()
        self.stamps = array("q")
        self.on_read: Callable[[int, bytes], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def received(self) -> int:
        """Notifications received."""
        return self.tally.kinds[NOTIFICATION]

    def fileno(self) -> int:
        """Return what becomes readable when something has arrived."""
        return self._selector.fileno()

    def open(self, firsts: Sequence[bytes], path: str = "/ws") -> None:
        """Open a socket for each payload of ``firsts``, and return when each has been told that it is subscribed."""
        wanted = self.tally.kinds[SUBSCRIBED] + len(firsts)
        deadline = time.monotonic() + PATIENCE
        for first in firsts:
            while self._opening - self.tally.kinds[SUBSCRIBED] >= _HANDSHAKES:
                self._open_more(deadline)
            self._begin(path, first)
        while self.tally.kinds[SUBSCRIBED] < wanted:
            self._open_more(deadline)

    def _open_more(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise Broken(f"{self.tally.kinds[SUBSCRIBED]} of {self._opening} sockets were subscribed in time")
        self.pump(0.1)

    def _begin(self, path: str, first: bytes) -> None:
        line = socket.create_connection(self._address, PATIENCE)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.setblocking(False)
        host = f"{self._address[0]}:{self._address[1]}"
        # The key is nobody's secret; that of RFC 6455's example serves all. The frame need not wait for the answer:
        # the server reads it when the handshake is over.
        line.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            + frame(TEXT, first)
        )
        one = _Socket(len(self._sockets), line)
        self._sockets.append(one)
        self._selector.register(line, selectors.EVENT_READ, one)
        self._opening += 1

    def pump(self, timeout: float) -> None:
        """Read what has arrived, or wait up to ``timeout`` seconds for something.

        Raises:
            Broken: A socket was closed.
        """
        tally = self.tally
        for key, _ in self._selector.select(timeout):
            one: _Socket = key.data
            try:
                data = one.socket.recv(_READ)
            except BlockingIOError:
                continue
            except ConnectionError as error:
                raise Broken(f"the line of a socket broke: {error}") from error
            if not data:
                raise Broken("the server closed the line of a socket")
            if self.on_read is not None:
                self.on_read(one.number, data)
            if one.rest:
                data = one.rest + data
            before = tally.kinds[NOTIFICATION]
            one.rest = scan(data, tally) if one.open else self._handshake(one, data)
            if self._stamp and (more := tally.kinds[NOTIFICATION] - before):
                self.stamps.extend([time.perf_counter_ns()] * more)
            if tally.answers:
                one.socket.sendall(b"".join(tally.answers))
                tally.answers.clear()

    def _handshake(self, one: _Socket, data: bytes) -> bytes:
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            return data
        if not head.startswith(b"HTTP/1.1 101 "):
            raise Broken(f"no WebSocket: {head[:200]!r}")
        one.open = True
        return scan(rest, self.tally)

    def close(self) -> None:
        """Cut all lines. Idempotent."""
        self._selector.close()
        for one in self._sockets:
            one.socket.close()
        self._sockets.clear()
