"""What a handler leaves behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from tocsin.v1 import notification_service_pb2 as pb

from helpers.feeds import turns
from tocsin_server.domain.clock import wall_clock
from tocsin_server.domain.errors import NotificationNotFound, Unauthenticated
from tocsin_server.rpc.auth import Authenticator
from tocsin_server.rpc.handlers import handlers_of
from tocsin_server.rpc.principal import Principal
from tocsin_server.rpc.recipient_tokens import TokenRules
from tocsin_server.rpc.refusing import LONGEST, Refusals
from tocsin_server.rpc.write_watch import WriteWatch


class Body(bytes):
    """A request that tells when it is gone."""

    def __init__(self, _content: bytes) -> None:
        self.gone: list[bool] = []

    def __del__(self) -> None:
        self.gone.append(True)


class Aborted(Exception):
    """What the library raises in a handler that ends its call."""


class Call:
    """A call as far as a handler looks at it."""

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", "Bearer nobody's"),)

    def auth_context(self) -> dict[str, list[bytes]]:
        return {}

    async def abort(self, *_: object) -> None:
        raise Aborted


class Refusing:
    """A service that refuses what it reads."""

    async def Get(self, _request: pb.GetRequest, _caller: Principal) -> pb.GetResponse:  # noqa: N802
        raise NotificationNotFound("01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41")

    async def Subscribe(self, _request: Any, _caller: Principal) -> Any:  # noqa: N802
        raise Unauthenticated
        yield


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


TOKEN = "shop:send:" + "0" * 64


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("tokens", [(), (TOKEN,)], ids=["refused by the service", "refused at the door"])
@pytest.mark.parametrize("rpc", ["Get", "Send", "Subscribe"])
async def test_a_refused_request_is_gone_when_the_call_is(rpc: str, tokens: tuple[str, ...]) -> None:
    authenticator = Authenticator(tokens, TokenRules(), wall_clock)
    service = pb.DESCRIPTOR.services_by_name["NotificationService"]
    handler: Any = handlers_of(service, Refusing(), authenticator, WriteWatch(30), Refusals())[rpc]
    body = Body(b"\xff" * 10 if rpc == "Send" else b"")
    gone = body.gone
    call = handler.unary_unary or handler.unary_stream
    with pytest.raises(Aborted):
        await call(body, Call())
    del body
    assert gone


@pytest.mark.parametrize("rpc", ["Get", "Send", "Subscribe"])
async def test_a_stranger_is_refused_when_the_turn_has_come(rpc: str) -> None:
    refusals = Refusals(lambda: 0.0)
    while refusals.wait_of(Unauthenticated(), 0, known=False) <= LONGEST / 2:
        pass  # others were refused just now
    authenticator = Authenticator((TOKEN,), TokenRules(), wall_clock)
    service = pb.DESCRIPTOR.services_by_name["NotificationService"]
    handler: Any = handlers_of(service, Refusing(), authenticator, WriteWatch(30), refusals)[rpc]
    call = asyncio.ensure_future((handler.unary_unary or handler.unary_stream)(b"", Call()))
    await turns()
    assert not call.done()
    refusals.close()
    with pytest.raises(Aborted):
        await call
