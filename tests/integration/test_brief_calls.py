"""Brief calls: one whose client goes away, one that turns out to last, one that is refused, one that meets a stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from helpers.calls import DEADLINE
from helpers.feeds import turns
from helpers.waiting import eventually_async
from tocsin_server.rpc import accepting
from tocsin_server.rpc.accepting import make_server

SERVICE = "test.Brief"


class Handlers:
    """What a call finds: it waits until it is let go on, or is cancelled, and tells which."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.ended: asyncio.Queue[str] = asyncio.Queue()

    async def wait(self, request: bytes, _context: object) -> bytes:
        """Wait."""
        self.begun.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.ended.put_nowait("cancelled")
            raise
        self.ended.put_nowait("went on")
        return request

    async def refuse(self, _request: bytes, context: Any) -> bytes:
        """Refuse."""
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
        raise AssertionError

    async def fail(self, _request: bytes, _context: object) -> bytes:
        """Do what no handler should."""
        raise RuntimeError("a secret")

    def methods(self) -> dict[str, grpc.RpcMethodHandler[bytes, bytes]]:
        """Return them by name."""
        several = {"Wait": self.wait, "Refuse": self.refuse, "Fail": self.fail}
        return {name: grpc.unary_unary_rpc_method_handler(handler) for name, handler in several.items()}


class Running:
    """A server of brief calls, and how to call it."""

    def __init__(self, handlers: Handlers, server: grpc.aio.Server, channel: grpc.aio.Channel) -> None:
        self.handlers = handlers
        self.server = server
        self._channel = channel

    def call(self, method: str, request: bytes = b"") -> Any:
        """Begin a call."""
        begin: Any = self._channel.unary_unary(f"/{SERVICE}/{method}")
        return begin(request, timeout=DEADLINE)

    async def watched(self) -> bool:
        """Tell whether all calls are watched."""
        return not self.server._server.unwatched  # type: ignore[attr-defined]

    async def waiting(self) -> Any:
        """Begin a call that waits, and return it once it does."""
        call = self.call("Wait")
        await self.handlers.begun.wait()
        return call


@asynccontextmanager
async def running() -> AsyncIterator[Running]:
    handlers = Handlers()
    methods = handlers.methods()
    brief = {f"/{SERVICE}/{name}" for name in methods}
    server = make_server((), {SERVICE: methods}, lambda _error: None, brief=brief)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            yield Running(handlers, server, channel)
    finally:
        await server.stop(0)


async def status_of(call: Any) -> grpc.StatusCode:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged as a warning or worse, by the library too."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_brief_call_whose_client_goes_away_goes_on_to_its_end_in_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running() as served:
        (await served.waiting()).cancel()
        assert await status_of(served.call("Refuse")) == grpc.StatusCode.NOT_FOUND  # the server has heard of both
        assert served.handlers.ended.empty()
        served.handlers.go_on.set()
        assert await served.handlers.ended.get() == "went on"
        assert await served.call("Wait", b"next") == b"next"
    assert not lines(caplog)


@pytest.mark.parametrize("gone", ["before", "after"])
async def test_one_that_lasts_is_cancelled_when_its_client_goes_away(
    gone: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accepting, "LASTING", 0.05)
    async with running() as served:
        call = await served.waiting()
        if gone == "after":
            await eventually_async(served.watched)
        call.cancel()
        assert await asyncio.wait_for(served.handlers.ended.get(), DEADLINE) == "cancelled"
        served.handlers.go_on.set()
        assert await served.call("Wait", b"next") == b"next"
    assert not lines(caplog)


async def test_after_a_client_has_left_in_the_middle_all_calls_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "LASTING", 3600.0)
    async with running() as served:
        (await served.waiting()).cancel()
        await served.call("Refuse").code()  # the server has heard of both
        served.handlers.go_on.set()
        assert await served.handlers.ended.get() == "went on"
        await served.call("Refuse").code()
        served.handlers.begun.clear()
        served.handlers.go_on.clear()
        (await served.waiting()).cancel()
        assert await asyncio.wait_for(served.handlers.ended.get(), DEADLINE) == "cancelled"


async def test_a_stop_lets_brief_calls_end_within_its_grace() -> None:
    async with running() as served:
        call = await served.waiting()
        stopping = asyncio.create_task(served.server.stop(DEADLINE))
        await turns()
        served.handlers.go_on.set()
        assert await status_of(call) == grpc.StatusCode.OK
        await asyncio.wait_for(stopping, DEADLINE)
    assert await served.handlers.ended.get() == "went on"


async def test_a_stop_ends_what_is_not_over_after_its_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "LASTING", 3600.0)
    async with running() as served:
        call = await served.waiting()
        await asyncio.wait_for(served.server.stop(0.1), DEADLINE)
        assert await served.handlers.ended.get() == "cancelled"
        assert await status_of(call) != grpc.StatusCode.OK


async def test_what_breaks_off_in_a_handler_is_told_to_the_log_and_not_to_the_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running() as served:
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await served.call("Fail")
    assert "secret" not in str(told.value.details())
    [line] = caplog.records
    assert (line.__dict__["event"], line.__dict__["error"]) == ("call_broken", "RuntimeError")
    assert __file__ in line.getMessage()


async def test_a_brief_method_that_there_is_not_is_told() -> None:
    with pytest.raises(LookupError, match=f"{SERVICE}/Sned"):
        make_server((), {SERVICE: Handlers().methods()}, lambda _error: None, brief={f"/{SERVICE}/Sned"})


async def test_a_refused_call_leaves_nothing_for_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[weakref.ref[Any]] = []

    class Request:
        """What a handler holds while it refuses."""

    async def refuse(_self: Handlers, _request: bytes, context: Any) -> bytes:
        request = Request()
        kept.append(weakref.ref(request))
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
        raise AssertionError

    monkeypatch.setattr(Handlers, "refuse", refuse)
    async with running() as served:
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                assert await status_of(served.call("Refuse")) == grpc.StatusCode.NOT_FOUND
            served.handlers.go_on.set()
            await served.call("Wait")  # which ends after them
            assert [one() for one in kept] == [None] * 3
        finally:
            gc.enable()
