"""Recording that websocket rows were received, off the path of the streams.

A stream notes how far it has written; one task writes the notes to the store, all that gathered in a moment in one go.
"""

from __future__ import annotations

import asyncio
import contextlib

from tocsin_server.domain.attempt_log import attempted
from tocsin_server.domain.clock import Clock
from tocsin_server.domain.errors import TocsinError
from tocsin_server.domain.model import FeedPosition, Recipient
from tocsin_server.domain.ports import SettlementStore
from tocsin_server.process.ends import end_of
from tocsin_server.telemetry.outage import Trouble

GATHER = 0.05
"""Seconds for which notes gather: a transaction for each would cost a quiet server more than the Send that led to it.
What a crash takes with it is noted again by the cursor that its subscriber comes back with."""

CHUNK = 500
"""Feeds settled in one transaction: after a mass reconnect there are notes of all of them."""

RETRY_AFTER = 1.0
"""Seconds before a failed write is tried again."""


class Settler:
    """Writes down how far recipients have received their feeds."""

    def __init__(self, store: SettlementStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._notes: dict[Recipient, FeedPosition] = {}
        self._noted = asyncio.Event()
        self._trouble = Trouble("settle", "settling received notifications")
        self._task = asyncio.create_task(self._run(), name="feed-settlement")

    def note(self, recipient: Recipient, position: FeedPosition) -> None:
        """Everything up to ``position`` was written to a live stream of the recipient."""
        earlier = self._notes.get(recipient)
        if earlier is None or earlier.epoch != position.epoch or earlier.sequence < position.sequence:
            self._notes[recipient] = position
            self._noted.set()

    async def run(self) -> None:
        """Wait until it ends, which it does not before `close`; raises what ended it all the same."""
        await end_of(self._task)

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
            await asyncio.sleep(GATHER)
            self._noted.clear()
            if not await self._flush():
                await asyncio.sleep(RETRY_AFTER)
                self._noted.set()

    async def _flush(self) -> bool:
        """Write the notes; on failure keep what is not written and return false."""
        notes, self._notes = self._notes, {}
        response = attempted(
            None, outcome="accepted", code="", detail="written to a live stream", provider="feed", at=self._clock()
        )
        recipients = list(notes)
        for begin in range(0, len(recipients), CHUNK):
            chunk = {recipient: notes[recipient] for recipient in recipients[begin : begin + CHUNK]}
            try:
                await self._store.settle_feeds(chunk, response)
            except BaseException as error:
                for recipient in recipients[begin:]:
                    self.note(recipient, notes[recipient])
                if not isinstance(error, TocsinError):
                    raise
                self._trouble.failed(error)
                return False
        self._trouble.worked()
        return True
