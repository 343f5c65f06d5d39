"""What no library sends, said to the server by anybody: it answers, or hangs up, and nobody else notices."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc._cython import cygrpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import DEADLINE, AioApi, Api, request, run_async, user
from helpers.hostile_requests import COUNT_UNREAD, HOSTILE, NOT_UTF8
from helpers.http2_frames import (
    INITIAL_WINDOW_SIZE,
    Wire,
    grpc_frame,
    header_block,
)
from helpers.server import ServerUnderTest, running_server
from helpers.waiting import eventually
from tocsin_server.rpc import accepting
from tocsin_server.rpc import server as rpc_server

UNIMPLEMENTED = "12"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    with running_server(tmp_path_factory.mktemp("hostile")) as running:
        yield running


@pytest.fixture
def made_anew(caplog: pytest.LogCaptureFixture) -> Callable[[], int]:
    """Tell how often the library's server ended."""

    def count() -> int:
        return sum(getattr(record, "event", "") == "rpc_server_ended" for record in caplog.records)

    return count


# -- what a stranger may say ---------------------------------------------------------------------


def test_a_path_that_is_not_utf8_gets_the_answer_of_any_unknown_method(
    server: ServerUnderTest, made_anew: Callable[[], int]
) -> None:
    with Wire(server.address) as wire, Wire(server.address) as other:
        answer = wire.answer(wire.request(header_block(NOT_UTF8, "x"), b""))
        known = other.answer(other.request(header_block("/no.Such/Method", "x"), b""))
    assert answer.status == known.status == UNIMPLEMENTED
    assert answer.headers["grpc-message"] == known.headers["grpc-message"]
    assert made_anew() == 0


@pytest.mark.parametrize("what", HOSTILE)
def test_nobody_else_notices(what: str, server: ServerUnderTest, made_anew: Callable[[], int]) -> None:
    block = HOSTILE[what]
    message = grpc_frame(service_pb.CountUnreadRequest(recipient=user()).SerializeToString())
    with Api(server.address) as api:
        assert api.unread(user()) == 0
        with Wire(server.address) as wire:
            wire.request(block, message)
            wire.heard()
        assert api.unread(user()) == 0, "over the connection that was there before"
    assert made_anew() == 0


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="no message"),
        pytest.param(b"\0\0\0\0\xff", id="less than was announced"),
        pytest.param(b"\1\0\0\0\1x", id="compressed by nothing"),
        pytest.param(b"\7\0\0\0\1x", id="flags that nobody knows"),
        pytest.param(b"\0\xff\xff\xff\xff" + b"x" * 100, id="four gigabytes announced"),
        pytest.param(grpc_frame(b"\xff" * 50), id="no protobuf"),
        pytest.param(grpc_frame(b"") * 3, id="three messages of one"),
    ],
)
@pytest.mark.parametrize(
    "path",
    [COUNT_UNREAD, "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/List",
     "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "/tocsin.v1.RelayService/Relay"],
)  # fmt: skip
def test_a_body_that_is_none_leaves_no_trace(
    path: str, octets: bytes, server: ServerUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    with Wire(server.address) as wire, Api(server.address) as api:
        wire.request(header_block(path, "x"), octets)
        wire.heard()
        assert api.unread(user()) == 0
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_reflection_and_health_refuse_bytes_that_do_not_parse(server: ServerUnderTest) -> None:
    with grpc.insecure_channel(server.address) as channel:
        for path in (
            "/grpc.health.v1.Health/Check",
            "/grpc.health.v1.Health/Watch",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ):
            answers: Any = channel.unary_stream(path)(b"\xff\xff", timeout=DEADLINE)  # type: ignore[arg-type]
            with pytest.raises(grpc.RpcError) as caught:
                next(answers)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT, path


def test_health_lists_its_services(server: ServerUnderTest) -> None:
    with grpc.insecure_channel(server.address) as channel:
        answer = health_pb2_grpc.HealthStub(channel).List(health_pb2.HealthListRequest(), timeout=DEADLINE)
    statuses = answer.statuses
    assert {"", "tocsin.v1.NotificationService"} <= set(statuses)
    assert {one.status for one in statuses.values()} == {health_pb2.HealthCheckResponse.SERVING}


def test_a_watcher_of_health_who_does_not_read_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    with running_server(tmp_path) as running, Wire(running.address, [(INITIAL_WINDOW_SIZE, 0)]) as wire:
        watch = header_block("/grpc.health.v1.Health/Watch", "x")
        wire.request(watch, grpc_frame(b""))
        with Api(running.address) as api:
            assert api.unread(user()) == 0
        running.stop()


def test_streams_that_anybody_may_open_are_bounded(server: ServerUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin_server.rpc.services.reflection_service.CALLERS", 2)
    monkeypatch.setattr("tocsin_server.rpc.services.health_service.WATCHERS", 2)
    with grpc.insecure_channel(server.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch
        anything = health_pb2.HealthCheckRequest()
        open_ones = [watch(anything, timeout=DEADLINE) for _ in range(2)]
        assert all(next(one) for one in open_ones)
        with pytest.raises(grpc.RpcError) as caught:
            next(watch(anything, timeout=DEADLINE))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        for one in open_ones:
            one.cancel()

        def again() -> bool:
            one = watch(anything, timeout=DEADLINE)
            try:
                return bool(next(one))
            except grpc.RpcError:
                return False
            finally:
                one.cancel()

        assert eventually(again)
    question = grpc_frame(reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString())
    path = header_block("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "x")
    with Wire(server.address) as wire:
        for _ in range(2):
            wire.request(path)  # begun, and never ended
        refused = wire.answer(wire.request(path, question))
        assert refused.status == "8"


# -- should the library's server end after all ---------------------------------------------------


def calls_and_streams_go_on(address: str, kill: Callable[[], None]) -> None:
    """Look at a call, and at a stream that is resumed if it has to be, before and after what ends the server."""

    async def main() -> None:
        recipient = user()
        async with AioApi(address) as api:
            stream: Any = api.stub.Subscribe(service_pb.SubscribeRequest(recipient=recipient), timeout=DEADLINE)
            cursor = (await stream.read()).cursor
            loop = asyncio.get_running_loop()
            for _ in range(3):
                await asyncio.to_thread(kill)
                killed = loop.time()
                sent = await _until_it_succeeds(lambda: api.stub.Send(request(recipient), timeout=DEADLINE))
                assert loop.time() - killed < 5, "a second is promised; the rest is the machine's"
                title = None
                while title is None:
                    try:
                        event = await stream.read()
                        assert event is not grpc.aio.EOF
                    except grpc.aio.AioRpcError:
                        resume = service_pb.SubscribeRequest(recipient=recipient, cursor=cursor)
                        stream = api.stub.Subscribe(resume, timeout=DEADLINE)
                        continue
                    cursor = event.cursor
                    if event.HasField("notification"):
                        title = event.notification.id
                assert title == sent.notification.id
            stream.cancel()

    run_async(main())


async def _until_it_succeeds(call: Callable[[], Any]) -> Any:
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                raise


def end_by_a_frame(address: str, made_anew: Callable[[], int]) -> None:
    """Say what ends the server until it has ended: at first, the one before may still take connections."""
    before = made_anew()
    while made_anew() == before:
        with Wire(address) as wire:
            answer = wire.answer(wire.request(header_block(NOT_UTF8, "x"), b""))
            assert answer.status != UNIMPLEMENTED


def test_the_servers_own_way_of_taking_calls_is_in_use() -> None:
    assert accepting.fits(), "the inner form of grpcio has changed: see rpc/accepting.py"


def test_a_server_that_ends_unasked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_anew: Callable[[], int]
) -> None:
    class Broken(accepting._Core):
        async def _request_call(self) -> Any:
            await super()._request_call()
            raise UnicodeDecodeError("utf-8", NOT_UTF8, 1, 2, "as the library's own way does")

    monkeypatch.setattr(accepting, "_Core", Broken)
    with running_server(tmp_path) as running:
        calls_and_streams_go_on(running.address, lambda: end_by_a_frame(running.address, made_anew))
    assert made_anew() == 3


def test_a_library_of_another_form_serves_in_its_own_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc_server, "fits", lambda: False)
    with running_server(tmp_path) as running, Api(running.address) as api:
        assert api.send(request()).status == pb.STATUS_PENDING


def test_where_our_way_does_not_fit_the_library_its_own_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_anew: Callable[[], int]
) -> None:
    async def with_other_parameters(core: Any, path: bytes | None) -> None:
        await (core._request_registered_call(path) if path else core._request_call())
        cygrpc._handle_rpc()

    monkeypatch.setattr(accepting._Core, "_take_calls", with_other_parameters)
    with running_server(tmp_path) as running, Api(running.address) as api:
        eventually(lambda: _sends(api))
        assert made_anew() == 1


def _sends(api: Api, timeout: float = DEADLINE) -> bool:
    try:
        return bool(api.stub.Send(request(), timeout=timeout).notification.id)
    except grpc.RpcError:
        return False
