"""The load generator's HTTP/2, against the real server of the library."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import hpack
import pytest

from bench.load import http2
from bench.load.http2 import CallsFailed, Client, Messages, UnaryLoad, open_streams
from helpers import http2_frames

SERVICE = "echo.Echo"


async def _echo(request: bytes, context: Any) -> bytes:
    return request


async def _refuse(request: bytes, context: Any) -> bytes:
    await context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
    raise AssertionError


async def _repeat(request: bytes, context: Any) -> AsyncIterator[bytes]:
    for number in range(20):
        yield request + str(number).encode()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where a server listens that echoes bytes, refuses, and repeats."""
    listening: list[str] = []
    started, ended = threading.Event(), threading.Event()

    async def serve() -> None:
        server = grpc.aio.server()
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "Echo": grpc.unary_unary_rpc_method_handler(_echo),
            "Refuse": grpc.unary_unary_rpc_method_handler(_refuse),
            "Repeat": grpc.unary_stream_rpc_method_handler(_repeat),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        listening.append(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        await server.start()
        started.set()
        await asyncio.to_thread(ended.wait)
        await server.stop(0)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(60)
    yield listening[0]
    ended.set()
    thread.join(60)


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    """Three connections."""
    with Client(address, 3) as client:
        yield client


def _load(client: Client, method: str, messages: list[bytes], keep: int = 3) -> UnaryLoad:
    return UnaryLoad(client, f"/{SERVICE}/{method}", messages, keep=keep)


def test_all_calls_are_answered_with_their_own_answer(client: Client) -> None:
    messages = [str(number).encode() * 10 for number in range(300)]
    outcome = _load(client, "Echo", messages, keep=300).closed_loop(in_flight=32)
    assert outcome.bodies == messages
    assert len(outcome.latencies) == 300
    assert all(0 < latency < 30 for latency in outcome.latencies)
    assert outcome.rate > 0


def test_connections_are_used_again_by_the_next_load(client: Client) -> None:
    for _ in range(3):
        assert _load(client, "Echo", [b"x"] * 10).closed_loop(4).bodies == [b"x"] * 3


def test_where_the_server_hung_up_meanwhile_it_connects_anew(client: Client) -> None:
    before = [connection.socket for connection in client.connections]
    for connection in before:
        connection.shutdown(socket.SHUT_WR)  # at which a server ends it
    while {*before} & {connection.socket for connection in client.connections}:
        client.poll(1.0)
    assert _load(client, "Echo", [b"x"] * 10).closed_loop(4).bodies == [b"x"] * 3
    assert _load(client, "Echo", [b"x"] * 10).paced(rate=500).bodies == [b"x"] * 3


def test_messages_beyond_every_window_and_frame_go_through(client: Client) -> None:
    messages = [bytes([number]) * 400_000 for number in range(6)]
    assert _load(client, "Echo", messages, keep=6).closed_loop(in_flight=6).bodies == messages


def test_an_empty_message_is_a_message(client: Client) -> None:
    assert _load(client, "Echo", [b""]).closed_loop(1).bodies == [b""]


def test_a_paced_load_keeps_its_pace(client: Client) -> None:
    outcome = _load(client, "Echo", [b"x"] * 50).paced(rate=500)
    assert outcome.seconds >= 49 / 500
    assert len(outcome.late) == 50
    assert min(outcome.late) >= 0


@pytest.mark.parametrize(("method", "status"), [("Refuse", "grpc-status 5: no such thing"), ("None", "grpc-status 12")])
def test_calls_that_fail_make_the_load_fail_and_say_how_many(client: Client, method: str, status: str) -> None:
    with pytest.raises(CallsFailed, match=f"7 calls: {status}"):
        _load(client, method, [b"x"] * 7).closed_loop(2)


def test_streams_hand_over_each_message_with_the_number_of_its_call(client: Client) -> None:
    got: dict[int, list[bytes]] = {}
    ends: dict[int, str] = {}
    requests = [str(number).encode() * 100 for number in range(10)]
    open_streams(
        client,
        f"/{SERVICE}/Repeat",
        requests,
        lambda message, at, number: got.setdefault(number, []).append(message),
        lambda status, number: ends.update({number: status}),
    )
    while len(ends) < len(requests):
        client.poll(10.0)
    assert ends == dict.fromkeys(range(10), "")
    for number, request in enumerate(requests):
        assert got[number] == [request + str(part).encode() for part in range(20)]


def test_a_client_that_opens_no_window_again_stops_the_server(address: str) -> None:
    got = bytearray()
    with Client(address, 1, window=1_000, replenish=False) as narrow:
        request = b"x" * 300
        open_streams(narrow, f"/{SERVICE}/Repeat", [request], lambda message, at, number: got.extend(message))
        for _ in range(20):
            narrow.poll(0.01)
    assert 0 < len(got) <= 1_000


def test_a_server_that_hangs_up_on_a_call_is_noticed(client: Client) -> None:
    open_streams(client, f"/{SERVICE}/Repeat", [b"x"], lambda message, at, number: None)
    client.connections[0].socket.shutdown(2)
    with pytest.raises(http2.HungUp):
        client.poll(60.0)


def test_headers_are_literals_that_any_decoder_reads() -> None:
    long = "a" * 300
    block = http2_frames.header_block("/service/Method", "127.0.0.1:50051", [("authorization", long)])
    headers = {str(name): str(value) for name, value in hpack.Decoder().decode(block)}
    assert headers == {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/service/Method",
        ":authority": "127.0.0.1:50051",
        "content-type": "application/grpc",
        "te": "trailers",
        "authorization": long,
    }
    assert http2_frames.decode_headers(block) == headers


def test_statuses_are_told_from_trailers() -> None:
    statuses = http2.Statuses()
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    trailers = encoder.encode([("grpc-status", "8"), ("grpc-message", "too many")], huffman=False)
    assert statuses.of(trailers) == statuses.of(trailers) == "grpc-status 8: too many"
    assert statuses.of(encoder.encode([("grpc-status", "0")])) == ""
    assert statuses.of(encoder.encode([(":status", "503")])) == "grpc-status none: "
    assert statuses.of(None) == "stream reset"


@pytest.mark.parametrize("size", [1, 4, 5, 6, 11, 1000])
def test_messages_are_put_together_however_they_were_cut(size: int) -> None:
    octets = b"".join(map(http2_frames.grpc_frame, (b"first", b"", b"third one")))
    got: list[bytes] = []
    receiver = Messages(0, lambda message, at, number: got.append(message))
    for begin in range(0, len(octets), size):
        receiver.data(1, octets[begin : begin + size], 0.0)
    assert got == [b"first", b"", b"third one"]
