"""What the bare servers have in common: streams in groups that wait until a message is due, and then write it.

This is as little as a push server can do. All messages are the same one, made beforehand, so that what waits for a
stream is a number. A group stands for a recipient: its streams get the same messages.

A bare server is driven over its standard input, a line ``<group> <count>`` for each push, and ends with it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from typing import Final, Protocol

EVERYBODY: Final = "*"
"""The group of all streams."""


class Stream:
    """One stream: how many messages are due, and what it waits on."""

    __slots__ = ("_due", "_waiter")

    def __init__(self) -> None:
        self._due = 0
        self._waiter: asyncio.Future[None] | None = None

    def put(self, count: int) -> None:
        """Let so many more messages be due."""
        self._due += count
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self) -> None:
        """Return when a message is due."""
        while not self._due:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        self._waiter = None
        self._due -= 1


class Due(Protocol):
    """What messages can be due on."""

    def put(self, count: int) -> None:
        """Let so many more messages be due."""


class Groups:
    """The streams of a bare server."""

    def __init__(self) -> None:
        self._streams: defaultdict[str, set[Due]] = defaultdict(set)

    def add(self, group: str) -> Stream:
        """Return a new stream of a group."""
        stream = Stream()
        self.join(group, stream)
        return stream

    def join(self, group: str, stream: Due) -> None:
        """Let a stream be one of a group."""
        self._streams[group].add(stream)

    def remove(self, group: str, stream: Due) -> None:
        """Forget a stream."""
        self._streams[group].discard(stream)

    def push(self, group: str, count: int) -> None:
        """Let messages be due on all streams of a group."""
        groups = list(self._streams) if group == EVERYBODY else [group]
        for one in groups:
            for stream in self._streams[one]:
                stream.put(count)


class _Commands(asyncio.Protocol):
    def __init__(self, groups: Groups, ended: asyncio.Event) -> None:
        self._groups = groups
        self._ended = ended
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            group, count = line.decode().split()
            self._groups.push(group, int(count))

    def connection_lost(self, _exc: Exception | None) -> None:
        self._ended.set()


async def obey(groups: Groups, port: int) -> None:
    """Tell on standard output which port of 127.0.0.1 is served, and do what comes in until it ends."""
    ended = asyncio.Event()
    await asyncio.get_running_loop().connect_read_pipe(lambda: _Commands(groups, ended), sys.stdin)
    print(port, flush=True)  # noqa: T201 - what the parent waits for
    await ended.wait()
