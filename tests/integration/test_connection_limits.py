"""What one connection, and what all of them, may use up of the gRPC server."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import DEADLINE, Api, request, user
from helpers.hostile_requests import COUNT_UNREAD
from helpers.http2_frames import (
    DATA,
    GOAWAY,
    PING,
    RST_STREAM,
    SETTING,
    SETTINGS,
    Wire,
    frame,
    grpc_frame,
    header_block,
)
from helpers.server import ServerUnderTest, running_server
from tocsin_server.application import serving
from tocsin_server.config.network import ListenAddress, parse_listen
from tocsin_server.rpc import limits
from tocsin_server.rpc.limits import LARGEST_HEADERS, LARGEST_REQUEST, STREAMS

MAX_CONCURRENT_STREAMS, ENHANCE_YOUR_CALM = 3, 11
RESOURCE_EXHAUSTED = "8"
TCP_INFO = struct.Struct("8B6I")
"""Of a socket that listens, the last is how many may wait (Linux, tcp_get_info)."""
WATCH = "/grpc.health.v1.Health/Watch"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    with running_server(tmp_path_factory.mktemp("limits")) as running:
        yield running


def question() -> bytes:
    return grpc_frame(service_pb.CountUnreadRequest(recipient=user()).SerializeToString())


# -- of one connection ---------------------------------------------------------------------------


def test_a_connection_has_a_bound_of_streams_and_beyond_it_only_that_connection_suffers(
    server: ServerUnderTest,
) -> None:
    unfinished = header_block(COUNT_UNREAD, "x")
    with Wire(server.address) as wire, Api(server.address) as bystander:
        assert wire.heard()
        for _ in range(STREAMS + 200):
            wire.request(unfinished)
        refused = 0
        for one in wire.frames():
            if one.kind == SETTINGS and one.payload:
                announced = dict(SETTING.iter_unpack(one.payload))
                assert announced.get(MAX_CONCURRENT_STREAMS, STREAMS) == STREAMS
            refused += one.kind == RST_STREAM
            if refused == 200 or one.kind == GOAWAY:
                break
        assert bystander.unread(user()) == 0


def test_the_bound_of_streams_is_announced(server: ServerUnderTest) -> None:
    with Wire(server.address) as wire:
        first = next(one for one in wire.frames() if one.kind == SETTINGS and one.payload)
    assert dict(SETTING.iter_unpack(first.payload))[MAX_CONCURRENT_STREAMS] == STREAMS


def test_headers_have_a_bound_below_which_none_are_refused(server: ServerUnderTest) -> None:
    """Each header counts as its octets and 32 more (RFC 9113, 6.5.2); some are the library's own."""
    for size, refused in ((LARGEST_HEADERS - 2_000, False), (2 * LARGEST_HEADERS, True), (1_000_000, True)):
        with Wire(server.address) as wire:
            assert wire.heard()  # or it is not held to the bound yet
            for _ in range(20):
                padding = [(f"x-{number}", "y" * 1_000) for number in range(size // 1_040)]
                padding.append(("x-rest", "y" * (size - sum(len(k) + len(v) + 32 for k, v in padding))))
                answer = wire.answer(wire.long_request(header_block(COUNT_UNREAD, "x", padding), question()))
                assert answer.status == (RESOURCE_EXHAUSTED if refused else "0"), (size, answer)


def test_a_message_has_a_bound(server: ServerUnderTest) -> None:
    with Api(server.address) as api, pytest.raises(grpc.RpcError) as caught:
        api.stub.Send(request(message="x" * (LARGEST_REQUEST + 1)), timeout=DEADLINE)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_pings_that_come_too_fast_end_the_connection(server: ServerUnderTest) -> None:
    with Wire(server.address) as wire:
        wire.send(frame(PING, 0, 0, b"too fast") * 100)
        ended = [one for one in wire.frames() if one.kind == GOAWAY]
    assert int.from_bytes(ended[-1].payload[4:8], "big") == ENHANCE_YOUR_CALM


def test_a_body_that_is_begun_and_goes_on_for_ever_holds_up_nobody(server: ServerUnderTest) -> None:
    with Wire(server.address) as wire, Api(server.address) as bystander:
        body = b"\0" + LARGEST_REQUEST.to_bytes(4, "big") + b"x" * 60
        for _ in range(STREAMS - 1):
            stream = wire.request(header_block(COUNT_UNREAD, "x"))
            wire.send(frame(DATA, 0, stream, body))
        assert wire.heard()
        assert bystander.unread(user()) == 0


# -- of all connections --------------------------------------------------------------------------


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set options of the library that a test need not wait for."""

    def limit(**values: int) -> None:
        names = {"grpc." + name for name in values}
        kept = tuple(option for option in limits.OPTIONS if option[0] not in names)
        monkeypatch.setattr(limits, "OPTIONS", (*kept, *(("grpc." + name, value) for name, value in values.items())))

    return limit


def test_a_connection_that_says_nothing_is_closed(tmp_path: Path, limited: Callable[..., None]) -> None:
    limited(server_handshake_timeout_ms=200)
    with running_server(tmp_path) as running, socket.create_connection(running.thread.listen) as silent:
        silent.settimeout(DEADLINE)
        while silent.recv(1024):
            """The server introduces itself."""
        with Api(running.address) as api:
            assert api.unread(user()) == 0


def test_a_connection_that_does_not_acknowledge_its_limits_is_closed(
    tmp_path: Path, limited: Callable[..., None]
) -> None:
    limited(**{"http2.settings_timeout": 300})
    with running_server(tmp_path) as running, Wire(running.address) as deaf, Api(running.address) as api:
        assert api.unread(user()) == 0
        deaf.socket.settimeout(DEADLINE)
        while _still_open(deaf.socket):
            """What it is sent, it reads; to none of it does it answer."""
        assert api.unread(user()) == 0


def test_a_connection_without_calls_is_closed_and_its_client_does_not_notice(
    tmp_path: Path, limited: Callable[..., None]
) -> None:
    limited(max_connection_idle_ms=1_000)
    with running_server(tmp_path) as running, Wire(running.address) as idle, Api(running.address) as api:
        assert api.unread(user()) == 0
        assert any(one.kind == GOAWAY for one in idle.frames())
        assert api.unread(user()) == 0


def test_few_connections_may_wait_to_be_taken(server: ServerUnderTest) -> None:
    port = parse_listen(server.address).port
    bounds = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(name))) as one:
            if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and one.getsockname()[1] == port:
                bounds.append(TCP_INFO.unpack(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO.size))[-1])
    assert bounds == [limits.WAITING]


def test_connections_beyond_those_that_there_may_be_are_closed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limited: Callable[..., None]
) -> None:
    limited(server_handshake_timeout_ms=1_000)
    monkeypatch.setattr(serving, "_connections", lambda: 3)
    with running_server(tmp_path) as running, Api(running.address) as api:
        assert api.unread(user()) == 0
        silent = [_connect(running.thread.listen) for _ in range(2)]
        with _connect(running.thread.listen) as beyond:
            beyond.settimeout(DEADLINE)
            assert not _still_open(beyond)
        assert api.unread(user()) == 0
        for one in silent:
            one.settimeout(DEADLINE)
            while one.recv(1024):
                """Until its time is over."""
            one.close()
        with Api(running.address) as newcomer:
            assert newcomer.unread(user()) == 0


def _connect(listen: ListenAddress) -> socket.socket:
    return socket.create_connection(listen)


def _still_open(connection: socket.socket) -> bool:
    try:
        return connection.recv(1024) != b""
    except ConnectionError:
        return False
