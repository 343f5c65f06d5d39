"""Writing what came of rows: results, and rows that are given back unsent, as many at a time as have gathered.

A result is kept for as long as the database is away, and its row stays held: giving up would have accepted messages
sent again. While the database is away nobody else can claim the rows, and once it is back the tokens decide. A result
that the database refuses for what it is would never be taken: what became of the row is written without it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from tocsin_server.delivery.outcomes import reason_of, without_answer
from tocsin_server.domain.clock import Clock
from tocsin_server.domain.errors import DatabaseRefusal, LimitExceeded, ShuttingDown, TocsinError, Unavailable
from tocsin_server.domain.model import ChannelResult, ChannelType, ClaimedChannel, Status
from tocsin_server.domain.ports import QueueStore
from tocsin_server.telemetry.observer import DeliveryFailed, LeaseLost, Observer, ResultRefused

log = logging.getLogger(__name__)

AGAIN_AFTER = 0.2
"""Seconds before what the database does not take now is tried again."""


class Recorder:
    """Writes the results of one lane. Created on its event loop.

    Args:
        channel: Whose.
        store: Takes them.
        let_go: Is told of each row that is done with, and whether it was put back to be tried again.
        clock: The present time.
        observer: Is told of rows that fail for good, and of results that were not written.
    """

    def __init__(
        self,
        channel: ChannelType,
        store: QueueStore,
        let_go: Callable[[str, bool], None],
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._channel = channel
        self._store = store
        self._let_go = let_go
        self._clock = clock
        self._observer = observer
        self._news = asyncio.Event()
        self._results: list[ChannelResult] = []
        self._unsent: list[ClaimedChannel] = []
        self._drained = False
        self.patient = True
        """Whether what the database does not take now is kept."""

    def add(self, result: ChannelResult) -> None:
        """Have a result written."""
        self._results.append(result)
        self._news.set()

    def give_back(self, claim: ClaimedChannel) -> None:
        """Have a row given back unsent."""
        self._unsent.append(claim)
        self._news.set()

    def finish(self) -> None:
        """Let `run` end once all is written; nothing is added any more."""
        self._drained = True
        self._news.set()

    async def run(self) -> None:
        """Write what comes, until `finish`."""
        while True:
            await self._news.wait()
            self._news.clear()
            unsent, self._unsent = self._unsent, []
            results, self._results = self._results, []
            if unsent:
                await self._release(unsent)
            if results and (not_now := await self._record(results)):
                self._results = not_now + self._results
                await asyncio.sleep(AGAIN_AFTER)
            if self._results or self._unsent:
                self._news.set()
            elif self._drained:
                return

    async def _record(self, results: Sequence[ChannelResult], *, plain: bool = False) -> list[ChannelResult]:
        """Write results, and return those that the database does not take now.

        Of what it will never take, only what became of the row is written (``plain``).
        """
        answers: Sequence[bool | Exception]
        try:
            answers = await self._store.record(results)
        except Exception as error:  # noqa: BLE001 - a fault of ours may cost these results, not the lane
            answers = [error] * len(results)
        not_now: list[ChannelResult] = []
        refused: list[ChannelResult] = []
        for result, answer in zip(results, answers, strict=True):
            if not isinstance(answer, Exception):
                self._written(result, kept=answer)
            elif isinstance(answer, DatabaseRefusal) and not plain:
                self._observer.report(ResultRefused(self._channel, result.channel_id, _name(answer), left=False))
                refused.append(result)
            elif (
                self.patient
                and isinstance(answer, Unavailable | LimitExceeded)
                and not isinstance(answer, ShuttingDown)
            ):
                not_now.append(result)
            else:
                # Its lease will run out and the row is claimed again, counting this attempt as unknown.
                self._observer.report(ResultRefused(self._channel, result.channel_id, _name(answer), left=True))
                self._let_go(result.channel_id, False)
        if refused:
            now = self._clock()
            not_now += await self._record([without_answer(result, now=now) for result in refused], plain=True)
        return not_now

    def _written(self, result: ChannelResult, *, kept: bool) -> None:
        if not kept:
            self._observer.report(LeaseLost(self._channel, result.channel_id))
        elif result.status == Status.FAILED and self._observer.wants(DeliveryFailed):
            provider, reason = reason_of(result)
            self._observer.report(
                DeliveryFailed(
                    self._channel, result.channel_id, result.notification_id, result.attempts, provider, reason
                )
            )
        self._let_go(result.channel_id, result.status == Status.PENDING)

    async def _release(self, claims: Sequence[ClaimedChannel]) -> None:
        """Give rows back unsent."""
        try:
            await self._store.release(claims)
        except TocsinError as error:
            log.warning(
                "rows could not be given back, and will be when their leases run out",
                extra={"event": "release_failed", "channel": self._channel, "reason": error.reason},
            )
        for claim in claims:
            self._let_go(claim.id, False)


def _name(error: Exception) -> str:
    return error.reason if isinstance(error, TocsinError) else type(error).__name__
