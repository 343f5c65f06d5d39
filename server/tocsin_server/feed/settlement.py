"""Recording that websocket rows were received, off the path of the streams.

A stream notes how far it has written; one task writes the notes to the store, all that gathered while the previous
write was under way in one go.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Protocol

from tocsin_server.clock import Clock
from tocsin_server.errors import TocsinError
from tocsin_server.model import FeedPosition, Recipient
from tocsin_server.responses import attempted

log = logging.getLogger(__name__)

RETRY_AFTER = 1.0
"""Seconds before a failed write is tried again."""


class SettlementStore(Protocol):
    """The part of the store that settling needs."""

    async def settle_feed(self, recipient: Recipient, position: FeedPosition, response: dict[str, Any]) -> int:
        """See `tocsin_server.storage.store.Store.settle_feed`."""


class Settler:
    """Writes down how far recipients have received their feeds."""

    def __init__(self, store: SettlementStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._notes: dict[Recipient, FeedPosition] = {}
        self._noted = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="feed-settlement")

    def note(self, recipient: Recipient, position: FeedPosition) -> None:
        """Everything up to ``position`` was written to a live stream of the recipient."""
        earlier = self._notes.get(recipient)
        if earlier is None or earlier.epoch != position.epoch or earlier.sequence < position.sequence:
            self._notes[recipient] = position
            self._noted.set()

    async def close(self) -> None:
        """Write what is noted and stop. Idempotent."""
        if not self._task.done():
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._flush()

    async def _run(self) -> None:
        while True:
            await self._noted.wait()
            self._noted.clear()
            if not await self._flush():
                await asyncio.sleep(RETRY_AFTER)
                self._noted.set()

    async def _flush(self) -> bool:
        """Write the notes; on failure keep them and return false."""
        notes, self._notes = self._notes, {}
        response = attempted(
            None, outcome="accepted", code="", detail="written to a live stream", provider="feed", at=self._clock()
        )
        results = await asyncio.gather(
            *(self._store.settle_feed(recipient, position, response) for recipient, position in notes.items()),
            return_exceptions=True,
        )
        failed = False
        for (recipient, position), result in zip(notes.items(), results, strict=True):
            if isinstance(result, TocsinError):
                failed = True
                self.note(recipient, position)
            elif isinstance(result, BaseException):
                raise result
        if failed:
            log.warning("settling received notifications failed, will try again", extra={"event": "settle_failed"})
        return not failed
