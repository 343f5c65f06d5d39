"""Which bus a URL means."""

from __future__ import annotations

from tocsin_server.config import MEMORY_BUS, is_postgresql
from tocsin_server.feed.bus import Bus, MemoryBus
from tocsin_server.feed.bus_nats import NatsBus
from tocsin_server.feed.bus_postgresql import PostgresqlBus


def make_bus(url: str) -> Bus:
    """Make the bus of a URL such as `tocsin_server.config.Settings.bus` gives.

    Raises:
        ConfigurationError: PostgreSQL does not take the URL.
    """
    if url == MEMORY_BUS:
        return MemoryBus()
    if is_postgresql(url):
        return PostgresqlBus(url)
    return NatsBus(url.split(","))
