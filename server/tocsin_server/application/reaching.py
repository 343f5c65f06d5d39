"""Whether what the settings name is there: database, bus and each provider. Nothing is changed, and nothing sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from tocsin_server.application.checking import Checked
from tocsin_server.channels.registry import CHANNELS, REQUIRED_SETTING
from tocsin_server.channels.sender import SenderFactory
from tocsin_server.config.settings import Settings
from tocsin_server.domain.errors import DatabaseUnusable
from tocsin_server.feed.bus.choice import reach_bus
from tocsin_server.feed.bus.connection import BusUnreachable
from tocsin_server.storage import opening

PATIENCE: Final = 20.0
"""Seconds that each may take; the time-outs of what is asked are shorter."""


class Reached(NamedTuple):
    """Something that was asked: what it is, what is wrong with it, if anything, and which settings name it."""

    name: str
    problem: str = ""
    settings: str = ""


async def reach(settings: Settings, checked: Checked) -> list[Reached]:
    """Ask all of them at once, and return what came of it, in the order of the settings."""
    url = settings.database_url.get_secret_value()
    asked = [_within(opening.describe(url), lambda: _database(url), "TOCSIN_DATABASE_URL")]
    if settings.bus_url is not None and settings.bus != url:
        asked.append(_within("the bus", lambda: _bus(settings.bus), "TOCSIN_BUS_URL"))
    asked += [
        _provider(factory, REQUIRED_SETTING[channel])
        for channel, factories in checked.senders.items()
        for factory in factories
    ]
    return list(await asyncio.gather(*asked))


async def advise(settings: Settings, server: tuple[str, int] | None) -> Sequence[str]:
    """Return what may keep messages from arriving though nothing is wrong here; ``server`` is the DNS server to ask."""
    advice = await asyncio.gather(*(channel.advise(settings, server) for channel in CHANNELS))
    return [line for of_channel in advice for line in of_channel]


async def _within(name: str, ask: Callable[[], Awaitable[str]], settings: str) -> Reached:
    try:
        async with asyncio.timeout(PATIENCE):
            return Reached(name, await ask(), settings)
    except TimeoutError:
        return Reached(name, f"no answer within {PATIENCE:g} s", settings)


async def _database(url: str) -> str:
    try:
        await asyncio.to_thread(opening.reach, url)
    except DatabaseUnusable as error:
        return error.message
    return ""


async def _bus(url: str) -> str:
    try:
        await reach_bus(url)
    except BusUnreachable as error:
        return str(error)
    return ""


async def _provider(factory: SenderFactory, settings: str) -> Reached:
    sender = factory()
    try:
        return await _within(sender.name, sender.reach, settings)
    finally:
        await sender.close()
