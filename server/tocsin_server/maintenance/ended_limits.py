"""Counts of limits leave when their windows are over."""

from __future__ import annotations

from tocsin_server.domain.ports import LimitStore

BATCH = 500
"""Counts removed in one transaction."""


class EndedLimits:
    """Removes counts whose windows ended."""

    name = "ended_limits"
    longest_pause = 300.0

    def __init__(self, store: LimitStore) -> None:
        self._store = store

    async def work(self) -> float | None:
        """See `Job.work`."""
        dropped = await self._store.drop_ended_counts(BATCH)
        return 0.0 if dropped == BATCH else None
