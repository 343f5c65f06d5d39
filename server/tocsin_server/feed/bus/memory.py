"""The bus of a process that has the database to itself: there is nobody to tell."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from tocsin_server.domain.model import Recipient
from tocsin_server.feed.bus.hints import Hint, HintReceiver


class MemoryBus:
    """A `Bus` to nobody."""

    def start(self, receiver: HintReceiver) -> None:
        """See `Bus.start`."""

    async def join(self, recipient: Recipient) -> None:
        """See `Bus.join`."""

    def leave(self, recipient: Recipient) -> None:
        """See `Bus.leave`."""

    def publish(self, hints: Iterable[Hint]) -> None:
        """See `Bus.publish`."""

    async def run(self) -> None:
        """See `Bus.run`: there is nothing that could end."""
        await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        """See `Bus.close`."""
