"""The clock of the websocket channel: scheduled notifications enter their feeds, expired ones stop waiting."""

from __future__ import annotations

from tocsin_server.domain.clock import Clock
from tocsin_server.domain.model import ChannelType
from tocsin_server.domain.ports import EntryStore
from tocsin_server.maintenance.next_look import when_due
from tocsin_server.telemetry.observer import UNOBSERVED, FeedEntered, Observer

BATCH = 200
"""Rows handled in one transaction."""


class FeedEntry:
    """Handles websocket rows when they become due."""

    name = "feed_entry"
    longest_pause = 1.0

    def __init__(self, store: EntryStore, clock: Clock, observer: Observer = UNOBSERVED) -> None:
        self._store = store
        self._clock = clock
        self._observer = observer

    async def work(self) -> float | None:
        """See `Job.work`."""
        return await when_due(self._clock, lambda: self._store.next_due(ChannelType.WEBSOCKET), self._enter)

    async def _enter(self) -> float | None:
        handled = await self._store.enter_due(BATCH)
        if not handled:  # another process was faster
            return None
        self._observer.report(FeedEntered(handled))
        return 0.0
