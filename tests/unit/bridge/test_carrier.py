"""What a bridge writes on its stream to the server: all there is to tell, in messages that the server takes."""

from __future__ import annotations

import asyncio
from typing import Any

from tocsin.v1 import notification_service_pb2 as service_pb
from tocsin.v1 import relay_service_pb2 as pb

from helpers.waiting import eventually_async
from tocsin_server.bridge.carrier import CONFIRMED_AT_ONCE, Carrier
from tocsin_server.rpc.requests import request_reader

SUBSCRIPTIONS = 12_000
TOKEN = "x" * 2_000


class SilentCall:
    """A stream whose server takes everything and says nothing; it reads what it gets as a server does."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self._read = request_reader(pb.RelayRequest.DESCRIPTOR)

    async def write(self, request: Any) -> None:
        self.taken.append(self._read(request.SerializeToString()))
        await asyncio.sleep(0)

    async def read(self) -> Any:
        await asyncio.Event().wait()

    def cancel(self) -> None:
        pass


class Anybody:
    """A subscriber to whom nothing happens."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


async def test_however_much_there_is_to_tell_each_message_is_one_that_the_server_takes() -> None:
    call = SilentCall()

    async def written(field: str) -> bool:
        return sum(len(getattr(request, field)) for request in call.taken) == SUBSCRIPTIONS

    carrier = Carrier(lambda: call, lambda _: None)
    several = [carrier.open(Anybody(), TOKEN, service_pb.SubscribeRequest()) for _ in range(SUBSCRIPTIONS)]
    await eventually_async(lambda: written("openings"))
    for carried in several:
        carrier.got_rid(carried, CONFIRMED_AT_ONCE)
        carrier.close(carried)
    await eventually_async(lambda: written("closings"))
    await carrier.end()

    numbers = [carried.number for carried in several]
    assert [one.id for request in call.taken for one in request.openings] == numbers
    assert [one for request in call.taken for one in request.closings] == numbers
    assert [(one.id, one.bytes) for request in call.taken for one in request.receipts] == [
        (number, CONFIRMED_AT_ONCE) for number in numbers
    ]
