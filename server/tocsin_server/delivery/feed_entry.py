"""The clock of the websocket channel: scheduled notifications enter their feeds, expired ones stop waiting."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Protocol

from tocsin_server.clock import Clock
from tocsin_server.errors import TocsinError
from tocsin_server.model import MICROS_PER_SECOND, ChannelType, Micros

log = logging.getLogger(__name__)

POLL_INTERVAL = 1.0
"""Seconds between looks when nothing is known to be due earlier."""

BATCH = 200
"""Rows handled in one transaction."""


class EntryStore(Protocol):
    """The part of the store that feed entry needs; see `tocsin_server.storage.store.Store`."""

    async def next_due(self, channel: ChannelType) -> Micros | None:
        """When the next websocket row is due."""

    async def enter_due(self, limit: int) -> int:
        """Handle due rows."""


class FeedEntry:
    """Handles websocket rows when they become due. Created on the event loop that runs it."""

    def __init__(self, store: EntryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._task = asyncio.create_task(self._run(), name="feed-entry")

    async def stop(self) -> None:
        """Stop. Idempotent."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            pause = POLL_INTERVAL
            try:
                due_at = await self._store.next_due(ChannelType.WEBSOCKET)
                if due_at is not None:
                    wait = (due_at - self._clock()) / MICROS_PER_SECOND
                    if wait <= 0:
                        handled = await self._store.enter_due(BATCH)
                        pause = 0.0 if handled else POLL_INTERVAL
                    else:
                        pause = min(wait, POLL_INTERVAL)
            except TocsinError as error:
                log.warning("feed entry failed", extra={"event": "feed_entry_failed", "reason": error.reason})
            await asyncio.sleep(pause)
