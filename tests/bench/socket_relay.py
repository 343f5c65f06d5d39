"""The least that a bridge can be: ``python -m bench.socket_relay FILE SERVER``, from gRPC streams to WebSockets.

As `socket_bare`, but every socket also holds a stream of ``Subscribe`` to SERVER on one shared connection, as the
bridge does, and writes the ready text in FILE for each message that it has read from it and parsed. Nothing is
converted, resumed, answered, counted or timed. It tells how much of the bridge's distance to a bare server is the
price of a gRPC stream for every socket, and how much is the bridge's own.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # as `tocsin` does

import uvloop
from websockets.asyncio.server import ServerConnection

from bench import stream_event
from bench.socket_bare import SUBSCRIBED, serving
from bench.stream_ready import Groups, obey
from tocsin_client.transport import methods, open_aio_channel
from tocsin_server.bridge.upstream import OPTIONS


async def run(text: bytes, server: str) -> None:
    """Serve until standard input ends."""
    channel = open_aio_channel(server, None, OPTIONS)
    subscribe = methods(channel)["Subscribe"]

    async def push(connection: ServerConnection) -> None:
        to = json.loads(await connection.recv())["recipient"]["id"]
        stream = subscribe(stream_event.subscribe(to))
        await stream.read()
        await connection.send(SUBSCRIBED)
        while True:
            await stream.read()
            await connection.send(text, text=True)

    async with serving(push) as port:
        await obey(Groups(), port)
    await channel.close()


if __name__ == "__main__":
    uvloop.run(run(Path(sys.argv[1]).read_bytes(), sys.argv[2]))
