"""The least that a bridge can be: ``python -m bench.peers.socket_relay FILE SERVER``, from a gRPC stream to WebSockets.

As `socket_bare`, but all sockets also have subscriptions on one stream of ``RelayService`` to SERVER, as those of the
bridge do, and for each event that has been read and parsed the ready text in FILE is written. Nothing is converted,
confirmed, resumed, answered, counted or timed. It tells how much of the bridge's distance to a bare server is the
price of getting the events, and how much is the bridge's own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # as `tocsin` does

import uvloop
from tocsin.v1 import notification_service_pb2 as pb
from tocsin.v1 import relay_service_pb2 as relay_pb
from websockets.asyncio.server import ServerConnection, broadcast

from bench.load import stream_event
from bench.peers.socket_bare import SUBSCRIBED, serving
from bench.peers.stream_ready import Groups, obey
from tocsin_client.calls import RELAY
from tocsin_client.transport import methods, open_aio_channel
from tocsin_server.bridge.upstream import OPTIONS


async def run(text: bytes, server: str) -> None:
    """Serve until standard input ends."""
    channel = open_aio_channel(server, None, OPTIONS)
    stream = methods(channel)[RELAY]()
    sockets: dict[int, ServerConnection] = {}
    begun: dict[int, asyncio.Future[None]] = {}
    writing = asyncio.Lock()  # gRPC takes one write at a time

    async def read() -> None:
        while True:
            response = await stream.read()
            for relayed in response.events:
                event = pb.SubscribeResponse.FromString(relayed.event)
                for number in relayed.ids:
                    if event.HasField("notification"):
                        broadcast((sockets[number],), text, text=True)
                    else:
                        begun.pop(number).set_result(None)

    async def push(connection: ServerConnection) -> None:
        to = json.loads(await connection.recv())["recipient"]["id"]
        number = len(sockets) + 1
        sockets[number] = connection
        begun[number] = asyncio.get_running_loop().create_future()
        opening = relay_pb.RelayOpening(id=number, subscribe=stream_event.subscribe(to))
        confirmed = begun[number]
        async with writing:
            await stream.write(relay_pb.RelayRequest(openings=[opening]))
        await confirmed
        await connection.send(SUBSCRIBED)
        await connection.wait_closed()

    reader = asyncio.create_task(read())
    async with serving(push) as port:
        await obey(Groups(), port)
    reader.cancel()
    await channel.close()


if __name__ == "__main__":
    uvloop.run(run(Path(sys.argv[1]).read_bytes(), sys.argv[2]))
