"""An HTTP server that answers every request as Telegram's Bot API does when it has sent a message.

Run as ``python -m bench.peers.telegram_stub``.
"""

from __future__ import annotations

import asyncio
import re
from typing import cast

import uvloop

from bench.processes import end_with_parent, say

TOKEN = "123456789:telegram-bot-token-for-benchmarks"

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_BODY = (
    b'{"ok": true, "result": {"message_id": 7, "date": 1760000000, "chat": {"id": 1, "type": "private"},'
    b' "from": {"id": 123456789, "is_bot": true, "first_name": "Tocsin"}, "text": "x"}}'
)
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


class Stub(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        octets = self._rest + data
        while (end := octets.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(octets, 0, end)
            stop = end + 4 + (int(length[1]) if length else 0)
            if len(octets) < stop:
                break
            octets = octets[stop:]
            self._transport.write(_ANSWER)
        self._rest = octets


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    say(address=f"{host}:{port}")
    await server.serve_forever()


if __name__ == "__main__":
    end_with_parent()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
