"""A port that several servers share: who gets it, who does not, and how connections move between them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import DEADLINE, AioApi, Api, run_async, user
from helpers.server import ServerThread
from helpers.waiting import eventually, eventually_async
from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.clock import wall_clock
from tocsin_server.domain.errors import ListenError
from tocsin_server.domain.model import NO_FEED
from tocsin_server.process import port
from tocsin_server.rpc import limits
from tocsin_server.rpc.auth import Authenticator
from tocsin_server.rpc.convert import FeedMessage
from tocsin_server.rpc.recipient_tokens import TokenRules
from tocsin_server.rpc.server import RpcServer

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - what a server may listen on
ANY_PORT = ListenAddress("127.0.0.1", 0)
EVENTS: dict[int, int] = {}
"""The latest position of each server's stream."""


class Numbered:
    """A service that answers with its number; the cursors of its stream are numbers as well."""

    def __init__(self, number: int) -> None:
        self._number = number

    async def CountUnread(self, *_: object) -> service_pb.CountUnreadResponse:  # noqa: N802 - the RPC's name
        return service_pb.CountUnreadResponse(unread_count=self._number)

    async def Subscribe(self, *_: object) -> AsyncIterator[FeedMessage]:  # noqa: N802 - as above
        for position in itertools.count():
            EVENTS[self._number] = position
            message = service_pb.SubscribeResponse(cursor=str(position), unread_count=self._number)
            yield FeedMessage(message.SerializeToString(), NO_FEED)
            await asyncio.sleep(0.01)


def sharing(listen: ListenAddress, number: int) -> AbstractContextManager[ServerThread]:
    """Serve on a port that others may share."""
    return serving_at(listen, number, shared_port=True)


@contextmanager
def serving_at(listen: ListenAddress, number: int, *, shared_port: bool) -> Iterator[ServerThread]:
    """Serve; the service answers with the number."""

    @contextlib.asynccontextmanager
    async def make() -> AsyncIterator[ListenAddress]:
        rpc = RpcServer(
            {"NotificationService": Numbered(number)},
            Authenticator((), TokenRules(), wall_clock),
            shared_port=shared_port,
        )
        try:
            yield ListenAddress(listen.host, await rpc.start(listen))
        finally:
            await rpc.stop(0)

    thread = ServerThread(make)
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()


def answer_of(listen: ListenAddress) -> int:
    """Return the number of the server that gets a new connection."""
    with Api(str(listen)) as api:
        return api.unread(user())


# -- who gets the port ---------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", EVERY_ADDRESS, "::", "localhost"])
def test_servers_share_a_port_that_is_reserved_for_them(host: str) -> None:
    with port.reserved(ListenAddress(host, 0)) as listen:
        assert listen.host == host
        assert listen.port != 0
        with sharing(listen, 1) as first, sharing(listen, 2) as second:
            assert first.listen == second.listen == listen
            local = ListenAddress("::1" if host == "::" else "127.0.0.1", listen.port)
            eventually(lambda: answer_of(local) == 1)
            eventually(lambda: answer_of(local) == 2)


@pytest.mark.parametrize("host", ["127.0.0.1", EVERY_ADDRESS, "::"])
@pytest.mark.parametrize("serving", [False, True])
def test_nobody_else_gets_a_reserved_port_whether_somebody_serves_there_or_not(host: str, serving: bool) -> None:
    with contextlib.ExitStack() as stack:
        listen = stack.enter_context(port.reserved(ListenAddress(host, 0)))
        if serving:
            stack.enter_context(sharing(listen, 1))
        with pytest.raises(ListenError, match=str(listen.port)):
            port.probe(listen)
        with pytest.raises(ListenError), port.reserved(listen):
            pass


def test_a_port_that_somebody_has_is_not_shared() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = ListenAddress(*taken.getsockname())
        with pytest.raises(ListenError, match=str(listen.port)), port.reserved(listen):
            pass
        with pytest.raises(ListenError, match=str(listen.port)):
            port.probe(listen, shared=True)


def test_a_reserved_port_takes_no_connection_and_is_free_afterwards() -> None:
    with port.reserved(ANY_PORT) as listen, pytest.raises(ConnectionRefusedError):
        socket.create_connection(listen).close()
    port.probe(listen)


def test_connections_that_have_just_ended_are_not_in_the_way() -> None:
    """The side that closes first keeps the port in the system's tables for a while."""
    with socket.create_server(("127.0.0.1", 0)) as earlier:
        listen = ListenAddress(*earlier.getsockname())
        with socket.create_connection(listen) as client:
            served, _ = earlier.accept()
            served.close()
            assert client.recv(1) == b""
    with port.reserved(listen) as again:
        assert again == listen


# -- how connections move ------------------------------------------------------------------------


def test_a_connection_that_stays_moves_on_and_its_stream_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONNECTION_AGE", 0.2)

    async def main(listen: ListenAddress) -> None:
        async with AioApi(str(listen)) as api:
            stream: Any = api.stub.Subscribe(service_pb.SubscribeRequest(recipient=user()), timeout=DEADLINE)
            first = (await stream.read()).unread_count
            wanted = service_pb.CountUnreadRequest(recipient=user())
            seen: list[int] = []

            async def moved() -> bool:
                # Not one of these calls may fail.
                seen.append((await api.stub.CountUnread(wanted, timeout=DEADLINE)).unread_count)
                return {1, 2} <= set(seen)

            await eventually_async(moved, DEADLINE)
            # Some while after the old connection's time, the stream is still there, with the same server.
            later = EVENTS[first] + 50
            event = await stream.read()
            while int(event.cursor) < later:
                event = await stream.read()
            assert event.unread_count == first
            stream.cancel()

    with port.reserved(ANY_PORT) as listen, sharing(listen, 1), sharing(listen, 2):
        run_async(main(listen))


def test_a_server_alone_on_its_port_lets_connections_grow_old() -> None:
    names = {name for name, _ in limits.options(shared_port=False)}
    assert "grpc.max_connection_age_ms" not in names


def test_a_server_alone_on_its_port_lets_nobody_else_in() -> None:
    with serving_at(ANY_PORT, 1, shared_port=False) as first:
        with pytest.raises(ListenError, match=str(first.listen.port)), serving_at(first.listen, 2, shared_port=False):
            pass
        assert answer_of(first.listen) == 1
    port.probe(first.listen)
