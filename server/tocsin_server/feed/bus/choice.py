"""Which bus a URL means."""

from __future__ import annotations

import asyncio

from tocsin_server.config.network import MEMORY_BUS, is_postgresql
from tocsin_server.feed.bus import nats, postgresql
from tocsin_server.feed.bus.hints import Bus
from tocsin_server.feed.bus.memory import MemoryBus
from tocsin_server.feed.bus.nats import NatsBus
from tocsin_server.feed.bus.postgresql import PostgresqlBus


async def reach_bus(url: str) -> None:
    """Connect to the bus of such a URL, and no more; raises `BusUnreachable`."""
    if is_postgresql(url):
        await asyncio.to_thread(postgresql.reach, url)
    elif url != MEMORY_BUS:
        await nats.reach(url.split(","))


def make_bus(url: str) -> Bus:
    """Make the bus of a URL such as `tocsin_server.config.settings.Settings.bus` gives.

    Raises:
        ConfigurationError: PostgreSQL does not take the URL.
    """
    if url == MEMORY_BUS:
        return MemoryBus()
    if is_postgresql(url):
        return PostgresqlBus(url)
    return NatsBus(url.split(","))
