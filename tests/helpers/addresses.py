"""Names with several addresses, of which some never answer, without a name server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

HANGING = "127.0.0.2"
ANSWERING = "127.0.0.1"


@contextmanager
def hanging(port: int) -> Iterator[None]:
    """Let connections to `HANGING` at ``port`` be neither accepted nor refused, as on a network that loses packets."""
    with socket.socket() as listener:
        listener.bind((HANGING, port))
        listener.listen(0)
        waiting = []
        try:
            while True:  # until the queue of the listener is full
                caller = socket.socket()
                waiting.append(caller)
                caller.settimeout(0.2)
                try:
                    caller.connect((HANGING, port))
                except TimeoutError:
                    break
            yield
        finally:
            for caller in waiting:
                caller.close()


def loops_that_resolve(**names: list[str]) -> list[Callable[[], asyncio.AbstractEventLoop]]:
    """Return factories of event loops, of asyncio and of uvloop, that know the addresses of names."""

    async def resolved(host: Any, port: Any, *, type: int = 0, **_rest: Any) -> list[Any]:  # noqa: A002
        host = host.decode() if isinstance(host, bytes) else str(host)
        addresses = names.get(host.partition(".")[0], [host])
        return [(socket.AF_INET, type or socket.SOCK_STREAM, 6, "", (address, int(port))) for address in addresses]

    class Asyncio(asyncio.SelectorEventLoop):
        async def getaddrinfo(self, *args: Any, **rest: Any) -> list[Any]:
            return await resolved(*args, **rest)

    class Uvloop(uvloop.Loop):
        async def getaddrinfo(self, *args: Any, **rest: Any) -> list[Any]:
            return await resolved(*args, **rest)

    return [Asyncio, Uvloop]
