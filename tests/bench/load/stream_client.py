"""Many subscribers of one server over a few connections, on the raw client of `http2`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, Self

from bench.load.http2 import Client, Messages, Statuses
from helpers.http2_frames import grpc_frame, header_block

SUBSCRIBE: Final = "/tocsin.v1.NotificationService/Subscribe"
SEND: Final = "/tocsin.v1.NotificationService/Send"
SEND_BATCH: Final = "/tocsin.v1.NotificationService/SendBatch"

CONNECTIONS: Final = 21
"""Streams share connections, as they do behind a bridge or a balancer; the first one is for calls."""

SMALLEST_EVENT: Final = 100
"""Bytes of a message that is a notification: the first one of a stream and heartbeats have less than half of that."""

PATIENCE: Final = 60.0
"""Seconds after which something hangs."""


class Failed(Exception):
    """A call did not end well, or a stream ended."""


class Streams:
    """Subscribers, numbered in the order in which they were opened.

    With one connection, calls share it with the streams, and it is never idle while there is one.

    Attributes:
        received: Notifications received on all streams.
        subscribed: Streams that have been told that they are subscribed.
        largest: Bytes of the largest message.
        on_event: Is called for each notification with the number of its stream and the time of its receipt
            (`time.monotonic`).
    """

    def __init__(self, address: str, connections: int = CONNECTIONS) -> None:
        self._client = Client(address, connections)
        self._statuses = Statuses()
        self._begun = bytearray()  # for each stream, whether its first message has come
        self._failure = ""
        self.received = 0
        self.largest = 0
        self.subscribed = 0
        self.on_event: Callable[[int, float], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._client.close()

    def fileno(self) -> int:
        """Return what becomes readable when something has arrived."""
        return self._client.fileno()

    def open(self, requests: Sequence[bytes]) -> None:
        """Open a stream for each serialised request; return when all are subscribed."""
        first_number = len(self._begun)
        self._begun += bytes(len(requests))
        shared = self._client.connections[1:] or self._client.connections
        for number, request in enumerate(requests, first_number):
            connection = shared[number % len(shared)]
            first = Messages(number, self._message, self._ended, self._statuses)
            connection.call(header_block(SUBSCRIBE, connection.address), grpc_frame(request), first)
        deadline = time.monotonic() + PATIENCE
        while self.subscribed < len(self._begun):
            self.pump(1.0)
            if time.monotonic() > deadline:
                raise Failed(f"{self.subscribed} of {len(self._begun)} streams were subscribed in time")

    def call(self, path: str, request: bytes) -> None:
        """Start a unary call; if it fails, a later `pump` raises."""
        connection = self._client.connections[0]
        if not connection.open_calls:
            self.pump(0)
        connection.call(header_block(path, connection.address), grpc_frame(request), _Answer(self))
        self._client.flush()

    def pump(self, timeout: float) -> None:
        """Read what has arrived, or wait up to ``timeout`` seconds for something.

        Raises:
            Failed: See there.
        """
        self._client.poll(timeout)
        if self._failure:
            raise Failed(self._failure)

    def _message(self, message: bytes, at: float, number: int) -> None:
        if len(message) < SMALLEST_EVENT:
            if not self._begun[number]:
                self._begun[number] = True
                self.subscribed += 1
            return
        self.received += 1
        self.largest = max(self.largest, len(message))
        if self.on_event is not None:
            self.on_event(number, at)

    def _ended(self, outcome: str, number: int) -> None:
        self._failure = f"stream {number} ended: {outcome or 'OK'}"

    def failed(self, outcome: str) -> None:
        """Let the next `pump` raise."""
        self._failure = outcome


class _Answer:
    """Receiver of a unary call of which only the status is of interest."""

    __slots__ = ("_streams",)

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def data(self, stream: int, payload: bytes, at: float) -> None:
        """See `bench.load.http2.Receiver`."""

    def ended(self, stream: int, trailers: bytes | None, at: float) -> None:
        """See `bench.load.http2.Receiver`."""
        if outcome := self._streams._statuses.of(trailers):
            self._streams.failed(f"a call failed: {outcome}")
