"""What is older than it is kept for is removed, a little at a time, beside everything else."""

from __future__ import annotations

from tocsin_server.domain.clock import Clock, micros
from tocsin_server.domain.ports import RetentionStore
from tocsin_server.telemetry.observer import UNOBSERVED, NotificationsPurged, Observer

BATCH = 200
"""Notifications removed in one transaction."""

BREATH = 0.05
"""Seconds between two parts: removing a great many takes long, and disturbs nobody."""


class Retention:
    """Removes notifications of a certain age.

    Args:
        store: Where.
        kept: Seconds.
        clock: That of the database.
        observer: Is told.
    """

    name = "retention"
    longest_pause = 600.0

    def __init__(self, store: RetentionStore, kept: float, clock: Clock, observer: Observer = UNOBSERVED) -> None:
        self._store = store
        self._kept = micros(kept)
        self._clock = clock
        self._observer = observer
        # What had to stay for another reason is passed over, and looked at again in the next round.
        self._after: str | None = None

    async def work(self) -> float | None:
        """See `Job.work`."""
        removed = await self._store.purge(self._clock() - self._kept, self._after, BATCH)
        self._after = removed.last
        if removed.number:
            self._observer.report(NotificationsPurged(removed.number))
        return None if removed.last is None else BREATH
