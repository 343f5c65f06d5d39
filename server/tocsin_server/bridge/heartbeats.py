"""Heartbeats of all sockets, by one timer: a task of its own would be a good part of what an idle socket costs."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from tocsin_server.timing.watches import Watch

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


class Heartbeats(Watch[Silent]):
    """Makes sockets beat to which nothing was written for ``interval`` seconds. Used on one event loop."""

    def __init__(self, interval: float) -> None:
        super().__init__(interval / LOOKS, self._beat)
        self._patience = interval * (1 - 1 / LOOKS)

    def _beat(self) -> None:
        due = asyncio.get_running_loop().time() - self._patience
        for socket in self.members:
            if socket.written_at <= due:
                socket.beat()
