"""An SMTP server that accepts everything and keeps nothing, made for speed.

Run as ``python -m bench.peers.smtp_sink TALLY``: it counts messages in a `tally.Tally`, and keeps the time of each
whose recipient's local part ends in ``-<number>``. Commands may be pipelined (RFC 2920), and EHLO says so, as nearly
all relays' does. It offers no other extension, as a relay in the same rack would offer none that cost time.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import cast

import uvloop

from bench.processes import end_with_parent, say
from bench.tally import Tally

_RECIPIENT = re.compile(rb"(?i)RCPT TO:<[^@>]*?(?:-([0-9]+))?@")


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._rest = b""
        self._in_content = False
        self._number: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer each command and each message that is complete."""
        octets = self._rest + data if self._rest else data
        answers: list[bytes] = []
        while octets:
            if self._in_content:
                # The line before the dot ends with CRLF, of which nothing may have been cut off: content is kept
                # together until its end arrived.
                stop = octets.find(b"\r\n.\r\n")
                if stop < 0:
                    break
                octets = octets[stop + 5 :]
                self._in_content = False
                self._tally.add(self._number)
                answers.append(b"250 taken\r\n")
            else:
                line, ended, rest = octets.partition(b"\r\n")
                if not ended:
                    break
                octets = rest
                answers.append(self._answer(line))
        self._rest = octets
        if answers:
            self._transport.write(b"".join(answers))

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"EHLO":
            return b"250-sink\r\n250 PIPELINING\r\n"
        if verb == b"RCPT":
            recipient = _RECIPIENT.match(line)
            self._number = int(recipient[1]) if recipient and recipient[1] else None
        elif verb == b"DATA":
            self._in_content = True
            return b"354 go on\r\n"
        elif verb == b"QUIT":
            asyncio.get_running_loop().call_soon(self._transport.close)
            return b"221 bye\r\n"
        return b"250 ok\r\n"


async def _serve(tally: Tally) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Sink(tally), "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    say(address=f"{host}:{port}")
    await server.serve_forever()


if __name__ == "__main__":
    end_with_parent()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Tally(Path(sys.argv[1]), make=False)))
