"""The raw WebSocket client of the benchmarks, against the `websockets` library's server."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from bench.load.sockets import CLOSE, NOTIFICATION, PING, SUBSCRIBED, TEXT, Broken, Sockets, Tally, frame, scan

SUBSCRIBE = b'{"type":"subscribe"}'
SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]


def text(kind: str, size: int = 0) -> str:
    """Return a frame's text with so many more bytes."""
    return json.dumps({"type": kind, "filler": "x" * size}, separators=(",", ":"))


def wire(opcode: Opcode, payload: bytes) -> bytes:
    """Return a server's frame as the library writes it."""
    return Frame(opcode, payload).serialize(mask=False)


@contextmanager
def server(handler: Callable[[ServerConnection], None], **options: Any) -> Iterator[tuple[str, int]]:
    """Serve; a socket stays open when its handler is done, until the client leaves."""

    def handle(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            handler(connection)
            connection.recv()

    with serve(handle, "127.0.0.1", 0, compression=None, **options) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        try:
            host, port = serving.socket.getsockname()[:2]
            yield host, port
        finally:
            serving.shutdown()
            thread.join()


def await_count(sockets: Sockets, count: int) -> None:
    while sockets.received < count:
        sockets.pump(10.0)


@pytest.mark.parametrize("size", SIZES)
def test_the_library_reads_what_the_client_writes(size: int) -> None:
    received: list[str | bytes] = []

    def handler(connection: ServerConnection) -> None:
        received.append(connection.recv())
        connection.send(text("subscribed"))

    with server(handler) as (host, port), Sockets(host, port) as sockets:
        sockets.open([b"x" * size])
    assert received == ["x" * size]


@pytest.mark.parametrize("size", SIZES)
def test_the_client_counts_what_the_library_writes(size: int) -> None:
    def handler(connection: ServerConnection) -> None:
        connection.recv()
        for kind in ("subscribed", "notification", "heartbeat", "notification"):
            connection.send(text(kind, size))

    with server(handler) as (host, port), Sockets(host, port, stamp=True) as sockets:
        sockets.open([SUBSCRIBE])
        await_count(sockets, 2)
        assert sockets.tally.kinds[SUBSCRIBED] == 1
        assert sockets.tally.kinds[ord("h")] == 1
        assert len(sockets.stamps) == 2
        assert list(sockets.stamps) == sorted(sockets.stamps)


def test_many_sockets_are_counted_together() -> None:
    def handler(connection: ServerConnection) -> None:
        name = json.loads(connection.recv())["name"]
        connection.send(text("subscribed"))
        for _ in range(name):
            connection.send(text("notification"))

    with server(handler) as (host, port), Sockets(host, port) as sockets:
        sockets.open([json.dumps({"name": number}).encode() for number in range(5)])
        sockets.open([json.dumps({"name": 5}).encode()])
        await_count(sockets, 15)
        assert sockets.tally.kinds[SUBSCRIBED] == 6


def test_pings_are_answered() -> None:
    answered = threading.Event()

    def handler(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(text("subscribed"))
        assert connection.ping(b"still there?").wait(60)
        answered.set()
        connection.send(text("notification"))

    with server(handler) as (host, port), Sockets(host, port) as sockets:
        sockets.open([SUBSCRIBE])
        await_count(sockets, 1)
    assert answered.is_set()


def test_a_socket_that_the_server_closes_is_an_error_with_the_code() -> None:
    def handler(connection: ServerConnection) -> None:
        connection.recv()
        connection.close(1013, "TOO_MANY_STREAMS")

    with (
        server(handler) as (host, port),
        Sockets(host, port) as sockets,
        pytest.raises(Broken, match="1013 b'TOO_MANY_STREAMS'"),
    ):
        sockets.open([SUBSCRIBE])


def test_a_handshake_that_is_refused_is_an_error() -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(403, "no")

    with (
        server(lambda _: None, process_request=refuse) as (host, port),
        Sockets(host, port) as sockets,
        pytest.raises(Broken, match=r"no WebSocket: b'HTTP/1.1 403"),
    ):
        sockets.open([SUBSCRIBE])


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_frames_may_arrive_in_pieces(step: int) -> None:
    whole = b"".join(
        wire(Opcode.TEXT, text("notification", size).encode()) + wire(Opcode.PING, b"") for size in (0, 100, 200)
    )
    tally, rest = Tally(), b""
    for at in range(0, len(whole), step):
        rest = scan(rest + whole[at : at + step], tally)
    assert rest == b""
    assert tally.kinds[NOTIFICATION] == 3
    assert len(tally.answers) == 3


def test_a_pong_carries_what_the_ping_did_and_is_masked() -> None:
    tally = Tally()
    assert scan(wire(Opcode.PING, b"abcd"), tally) == b""
    [pong] = tally.answers
    assert pong[:2] == bytes((0x8A, 0x84))
    assert bytes(a ^ b for a, b in zip(pong[2:6], pong[6:], strict=True)) == b"abcd"


@pytest.mark.parametrize(
    "bytes_", [wire(Opcode.BINARY, b"x" * 20), wire(Opcode.TEXT, b"hi"), bytes((TEXT, 20)) + b"x" * 20]
)
def test_what_is_not_understood_is_an_error(bytes_: bytes) -> None:
    with pytest.raises(Broken):
        scan(bytes_, Tally())


def test_a_mask_can_be_given() -> None:
    assert frame(PING, b"abcde", b"\0\0\0\0") == b"\x89\x85\0\0\0\0abcde"
    assert frame(CLOSE, b"", b"1234") == b"\x88\x801234"
