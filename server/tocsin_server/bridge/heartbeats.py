"""Heartbeats of all sockets, by one timer: a task of its own would be a good part of what an idle socket costs."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

LOOKS: Final = 25
"""How often, in the time between two heartbeats, it is looked which sockets need one. So one comes early by a 25th of
that time, if need be, and never late; and those that are due do not all come at once."""


class Silent(Protocol):
    """A socket that may need a heartbeat.

    Attributes:
        written_at: When something was written last, by the loop's clock.
    """

    written_at: float

    def beat(self) -> None:
        """Write a heartbeat, without waiting."""


class Heartbeats:
    """Makes sockets beat to which nothing was written for ``interval`` seconds. Used on one event loop."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._sockets: set[Silent] = set()
        self._looks = False

    def add(self, socket: Silent) -> None:
        """Look after a socket."""
        self._sockets.add(socket)
        if not self._looks:
            self._look_later(asyncio.get_running_loop())

    def discard(self, socket: Silent) -> None:
        """Look after it no more. Idempotent."""
        self._sockets.discard(socket)

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looks = True
        loop.call_later(self._interval / LOOKS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looks = False
        if self._sockets:
            self._look_later(loop)
        due = loop.time() - self._interval * (1 - 1 / LOOKS)
        for socket in self._sockets:
            if socket.written_at <= due:
                socket.beat()
