"""The baseline of pushing over gRPC: ``python -m bench.peers.stream_bare FILE``, a bare `grpc.aio` server in a process.

It is what Tocsin's server is built of, and nothing else: uvloop, the same options, the same method with the same
messages and their generated serialisers. Each stream writes one message that says it is subscribed, and from then on
the ready event in FILE (a serialised ``SubscribeResponse``) whenever it is due; see `stream_ready`. There is no
store, no authentication, no conversion, no queue, no timeout.

It also feeds bridges, over ``RelayService``. There, every event of every subscription travels by itself, tagged with
the subscription's id, and as from Tocsin's server: one event of a subscription after the other, in messages as large
as the server's. These are put together from parts that were serialised beforehand.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # as `tocsin` does

import grpc
import uvloop
from tocsin.v1 import notification_service_pb2 as pb
from tocsin.v1 import relay_service_pb2 as relay_pb

from bench.peers.stream_ready import Groups, obey
from tocsin_server.rpc.limits import OPTIONS
from tocsin_server.rpc.relay_stream import LARGEST_RESPONSE

SERVICE = "tocsin.v1.NotificationService"
RELAY_SERVICE = "tocsin.v1.RelayService"


class Relayed:
    """A subscription of a relay: how many messages are due, what the next one is, and what all others are."""

    __slots__ = ("_queue", "_wake", "due", "event", "next")

    def __init__(self, begun: bytes, event: bytes, queue: list[Relayed], wake: asyncio.Event) -> None:
        self.due = 0
        self.next, self.event = begun, event
        self._queue = queue
        self._wake = wake

    def put(self, count: int) -> None:
        """Let so many more events be due."""
        if not self.due:
            self._queue.append(self)
            self._wake.set()
        self.due += count


def single(number: int, event: bytes) -> bytes:
    """Return a serialised ``RelayResponse`` of one event. Several in a row are one that has the events of all."""
    return relay_pb.RelayResponse(events=[relay_pb.RelayEvent(ids=[number], event=event)]).SerializeToString()


async def relay(requests: AsyncIterator[relay_pb.RelayRequest], context: Any, groups: Groups, event: bytes) -> None:
    """Carry subscriptions until the caller leaves."""
    queue: list[Relayed] = []
    wake = asyncio.Event()
    writing = asyncio.create_task(write_due(context, queue, wake))
    members: list[tuple[str, Relayed]] = []
    begun = subscribed_as(event).SerializeToString()
    try:
        async for request in requests:
            for opening in request.openings:
                number = opening.id
                one = Relayed(single(number, begun), single(number, event), queue, wake)
                one.put(1)
                members.append((opening.subscribe.recipient.id, one))
                groups.join(*members[-1])
    finally:
        writing.cancel()
        for member in members:
            groups.remove(*member)


async def write_due(context: Any, queue: list[Relayed], wake: asyncio.Event) -> None:
    """Write what is due, one event of each subscription after the other."""
    while True:
        await wake.wait()
        wake.clear()
        while queue:
            most = max(1, LARGEST_RESPONSE // len(queue[0].event))
            now = queue[:most]
            del queue[:most]
            await context.write(b"".join([one.next for one in now]))
            for one in now:
                one.next = one.event
                one.due -= 1
                if one.due:
                    queue.append(one)


def subscribed_as(event: bytes) -> pb.SubscribeResponse:
    """Return what says that a stream has begun."""
    cursor = pb.SubscribeResponse.FromString(event).cursor
    return pb.SubscribeResponse(cursor=cursor, subscribed=pb.Subscribed(recovered=True))


def subscribing(groups: Groups, ready: bytes) -> grpc.RpcMethodHandler[Any, Any]:
    """Return the handler of streams that write the ready event whenever it is due."""
    event = pb.SubscribeResponse.FromString(ready)
    subscribed = subscribed_as(ready)

    async def subscribe(request: pb.SubscribeRequest, context: Any) -> None:
        group = request.recipient.id
        stream = groups.add(group)
        try:
            await context.write(subscribed)
            while True:
                await stream.take()
                await context.write(event)
        finally:
            groups.remove(group, stream)

    return grpc.unary_stream_rpc_method_handler(
        subscribe,
        request_deserializer=pb.SubscribeRequest.FromString,
        response_serializer=pb.SubscribeResponse.SerializeToString,
    )


async def serve(ready: bytes) -> None:
    """Serve until standard input ends."""
    groups = Groups()

    async def carry(
        requests: AsyncIterator[relay_pb.RelayRequest], context: grpc.aio.ServicerContext[Any, Any]
    ) -> None:
        await relay(requests, context, groups, ready)

    server = grpc.aio.server(options=OPTIONS)
    server.add_registered_method_handlers(SERVICE, {"Subscribe": subscribing(groups, ready)})
    relay_handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Relay": grpc.stream_stream_rpc_method_handler(
            carry,
            request_deserializer=relay_pb.RelayRequest.FromString,
            response_serializer=None,
        )
    }
    server.add_registered_method_handlers(RELAY_SERVICE, relay_handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await obey(groups, port)
    await server.stop(None)


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]).read_bytes()))
