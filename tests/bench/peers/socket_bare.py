"""The baseline of pushing over WebSockets: ``python -m bench.peers.socket_bare FILE``, a bare `websockets` server.

It is what the bridge's outer side is built of, and nothing else: uvloop, the same settings of the library (no
compression among them). Each socket reads one frame, which names its recipient, answers that it is subscribed, and
from then on writes the ready text in FILE whenever it is due; see `stream_ready`. There is nothing behind it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import uvloop
from websockets.asyncio.server import ServerConnection, serve

from bench.peers.stream_ready import Groups, obey
from tocsin_server.bridge import server as bridge
from tocsin_server.bridge.admission import Limits
from tocsin_server.bridge.protocol.frames import LARGEST_FRAME
from tocsin_server.config.network import ListenAddress
from tocsin_server.process.open_files import SPARE, raise_open_files

SUBSCRIBED: Final = json.dumps({"type": "subscribed", "recovered": True}, separators=(",", ":"))


@asynccontextmanager
async def serving(handler: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[int]:
    """Serve sockets with the bridge's settings while the context is open; gives the port."""
    limits = Limits()
    raise_open_files(limits.sockets + limits.strangers + SPARE)
    listener = bridge._listener(ListenAddress("127.0.0.1", 0))
    server = await serve(
        handler,
        sock=listener,
        backlog=bridge.BACKLOG,
        server_header=None,
        compression=None,
        open_timeout=bridge.HANDSHAKE_TIMEOUT,
        ping_interval=bridge.PING_INTERVAL,
        ping_timeout=bridge.PING_TIMEOUT,
        max_size=LARGEST_FRAME,
        max_queue=bridge.QUEUED_REQUESTS,
        write_limit=bridge.WRITE_BUFFER,
    )
    try:
        yield listener.getsockname()[1]
    finally:
        server.close()


async def run(text: bytes) -> None:
    """Serve until standard input ends."""
    groups = Groups()

    async def push(connection: ServerConnection) -> None:
        group = json.loads(await connection.recv())["recipient"]["id"]
        stream = groups.add(group)
        try:
            await connection.send(SUBSCRIBED)
            while True:
                await stream.take()
                await connection.send(text, text=True)
        finally:
            groups.remove(group, stream)

    async with serving(push) as port:
        await obey(groups, port)


if __name__ == "__main__":
    uvloop.run(run(Path(sys.argv[1]).read_bytes()))
