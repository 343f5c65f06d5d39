"""A load generator for HTTP/1.1 that costs next to nothing: requests made before the clock runs, over plain sockets.

The counterpart of `http2`. Over one connection goes one request at a time, so that as many are in flight as there are
connections. Of HTTP/1.1 (RFC 9112) it reads what API servers write: a status, headers, a Content-Length and that many
bytes::

    with Client("127.0.0.1:8000", connections=256) as client:
        outcome = client.closed_loop([post("/notifications", "127.0.0.1:8000", body) for body in bodies])
"""

from __future__ import annotations

import re
import select
import socket
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from bench.load.http2 import CallsFailed, Outcome

READ_SIZE = 64 * 1024

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")


def post(path: str, authority: str, body: bytes) -> bytes:
    """Write a request with a JSON body."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


def parse(octets: bytes) -> tuple[int, bytes] | None:
    """Return status and body of a response, None if it is not complete.

    Raises:
        CallsFailed: It is followed by something else, or does not tell its length.
    """
    end = octets.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = _LENGTH.search(octets, 0, end)
    if length is None:
        raise CallsFailed(f"a response without a length: {octets[:end]!r}")
    stop = end + 4 + int(length[1])
    if len(octets) < stop:
        return None
    if len(octets) > stop:
        raise CallsFailed(f"more than one response to a request: {octets!r}")
    return int(octets[9:12]), octets[end + 4 :]


class Client:
    """Connections to ``address`` (host:port)."""

    def __init__(self, address: str, connections: int) -> None:
        host, _, port = address.rpartition(":")
        self._connections = [socket.create_connection((host, int(port)), timeout=30) for _ in range(connections)]
        self._epoll = select.epoll()
        self._by_number = {connection.fileno(): connection for connection in self._connections}
        for connection in self._connections:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._epoll.register(connection, select.EPOLLIN)

    def closed_loop(
        self, requests: Sequence[bytes], *, status: int = 201, keep: int = 3, patience: float = 30.0
    ) -> Outcome:
        """Keep a request open on each connection until all were sent and answered with ``status``.

        Args:
            requests: As `post` writes them; each fits into a socket's buffer.
            status: What success looks like.
            keep: Of how many requests, the first, the answers are kept.
            patience: Seconds without any answer after which the load has failed.
        """
        load = _Load(requests, status, keep)
        for connection in self._connections:
            load.start(connection)
        while load.done < len(requests):
            ready = self._epoll.poll(patience)
            if not ready:
                raise CallsFailed(f"no answer for {patience:g} s; {load.done} requests were answered")
            for number, _ in ready:
                connection = self._by_number[number]
                if load.receive(connection):
                    load.start(connection)
        return load.outcome()

    def close(self) -> None:
        """Hang up."""
        self._epoll.close()
        for connection in self._connections:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Load:
    """Requests to be sent once each, over whatever connection is free."""

    def __init__(self, requests: Sequence[bytes], status: int, keep: int) -> None:
        self._requests = requests
        self._status = status
        self._keep = keep
        self._next = 0
        self._open: dict[socket.socket, tuple[int, float]] = {}
        self._parts: dict[socket.socket, bytes] = {}
        self._latencies = array("d", bytes(8 * len(requests)))
        self._bodies: dict[int, bytes] = {}
        self._failures: Counter[str] = Counter()
        self._begun = self._ended = time.monotonic()
        self.done = 0

    def start(self, connection: socket.socket) -> None:
        """Send the next request, if any is left."""
        place = self._next
        if place < len(self._requests):
            self._next = place + 1
            self._open[connection] = (place, time.monotonic())
            connection.sendall(self._requests[place])

    def receive(self, connection: socket.socket) -> bool:
        """Read what is there, and tell whether that ends the response."""
        chunk = connection.recv(READ_SIZE)
        self._ended = time.monotonic()
        if not chunk:
            raise CallsFailed("the server closed a connection")
        octets = self._parts.pop(connection, b"") + chunk
        answer = parse(octets)
        if answer is None:
            self._parts[connection] = octets
            return False
        status, body = answer
        place, at = self._open.pop(connection)
        self._latencies[place] = self._ended - at
        self.done += 1
        if status != self._status:
            self._failures[f"{status} {body[:200]!r}"] += 1
        if place < self._keep:
            self._bodies[place] = body
        return True

    def outcome(self) -> Outcome:
        """Return what it brought.

        Raises:
            CallsFailed: Some were not answered as they should.
        """
        if self._failures:
            raise CallsFailed("; ".join(f"{count} requests: {text}" for text, count in self._failures.items()))
        bodies = [self._bodies[place] for place in sorted(self._bodies)]
        return Outcome(self._begun, self._ended - self._begun, self._latencies, bodies)
