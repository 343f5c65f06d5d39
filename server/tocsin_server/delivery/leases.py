"""What a lane holds: rows under a lease, from the moment they were claimed until their result is written.

A lease tells other lanes and processes to keep off, by the database's clock. Whether this lane may still begin to send
a row it decides by the monotonic clock, which nobody sets.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tocsin_server.domain.clock import Clock, micros
from tocsin_server.domain.model import MICROS_PER_SECOND, ClaimedChannel
from tocsin_server.domain.ports import QueueStore

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Held:
    """A leased row. It may be handed to a provider until ``deadline`` (monotonic seconds), unless ``cancelled``.

    One that is ``lost`` is somebody else's by now, or does not exist any more.
    """

    claim: ClaimedChannel
    deadline: float
    cancelled: bool
    lost: bool = False


class Leases:
    """The rows that one lane holds. Belongs to the lane's event loop.

    Args:
        store: Extends leases.
        lease: Seconds that each lasts.
        clock: The time that leases are given by.
    """

    def __init__(self, store: QueueStore, lease: float, clock: Clock) -> None:
        self._store = store
        self._lease = lease
        self._clock = clock
        self._held: dict[str, Held] = {}

    def __bool__(self) -> bool:
        """Whether anything is held."""
        return bool(self._held)

    @property
    def ids(self) -> list[str]:
        """The rows that are held."""
        return list(self._held)

    def begin(self, claims: Sequence[ClaimedChannel]) -> None:
        """Hold rows that were just leased."""
        now, monotonic = self._clock(), time.monotonic()
        for claim in claims:
            # The lease began with a transaction that may have taken its time. Should the clock have been set back
            # since, no more is left than the lease is long.
            left = min((claim.lease_until - now) / MICROS_PER_SECOND, self._lease)
            self._held[claim.id] = Held(claim, monotonic + left, claim.cancelled)

    def held(self, claim: ClaimedChannel) -> Held | None:
        """Return how a row is held, None if it is not, or was lost."""
        held = self._held.get(claim.id)
        return None if held is None or held.lost else held

    def may_send(self, claim: ClaimedChannel) -> bool:
        """Whether a row may be handed to a provider now: its lease has not run out, and nobody has cancelled it."""
        held = self.held(claim)
        return held is not None and not held.cancelled and time.monotonic() < held.deadline

    def end(self, row_id: str) -> None:
        """Let go of a row."""
        self._held.pop(row_id, None)

    def cancel(self, notification_ids: Collection[str]) -> None:
        """Keep rows of these notifications that wait for their turn from being sent."""
        for held in self._held.values():
            if held.claim.notification_id in notification_ids:
                held.cancelled = True

    async def renew(self) -> None:
        """Extend the leases of what is held, from now on. What was lost meanwhile is not sent any more."""
        claims = [held.claim for held in self._held.values()]
        if not claims:
            return
        asked = time.monotonic()
        kept = await self._store.renew(claims, micros(self._lease))
        lost = 0
        for claim in claims:
            held = self._held.get(claim.id)
            if held is None or held.claim is not claim:
                continue  # its result was written while we asked, and by now it may be held anew
            if claim.id in kept:
                held.deadline = asked + self._lease
            elif not held.lost:
                held.lost = True
                lost += 1
        if lost:
            log.info("rows that were held are gone", extra={"event": "leases_gone", "count": lost})

    async def renew_in_time(self) -> float:
        """Extend leases at half their time; returns the seconds until the next time, see `Repeating`."""
        await self.renew()
        return self._lease / 2
