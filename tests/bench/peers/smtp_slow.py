"""The SMTP sink as a provider that takes its time: it accepts each message only after a delay.

Run as ``python -m bench.peers.smtp_slow TALLY SECONDS``. Connections do not wait for one another.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

import uvloop

from bench.peers.smtp_sink import Sink
from bench.processes import end_with_parent, say
from bench.tally import Tally

_TAKEN = b"250 taken\r\n"


class _Late:
    """A transport that holds back what ends with the acceptance of a message; what follows it waits for the client."""

    def __init__(self, transport: asyncio.Transport, delay: float) -> None:
        self._transport = transport
        self._delay = delay
        self.close = transport.close

    def write(self, octets: bytes) -> None:
        if octets.endswith(_TAKEN):
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, octets)
        else:
            self._transport.write(octets)


class SlowSink(Sink):
    """One connection."""

    def __init__(self, tally: Tally, delay: float) -> None:
        super().__init__(tally)
        self._delay = delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        late = _Late(cast("asyncio.Transport", transport), self._delay)
        super().connection_made(cast("asyncio.BaseTransport", late))


async def _serve(tally: Tally, delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SlowSink(tally, delay), "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    say(address=f"{host}:{port}")
    await server.serve_forever()


if __name__ == "__main__":
    end_with_parent()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Tally(Path(sys.argv[1]), make=False), float(sys.argv[2])))
