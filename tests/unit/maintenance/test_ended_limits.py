"""When counts of ended windows are removed."""

from __future__ import annotations

import pytest

from tocsin_server.maintenance.ended_limits import BATCH, EndedLimits


class Counts:
    """A `LimitStore` in which so many counts have ended."""

    def __init__(self, ended: int) -> None:
        self.ended = ended

    async def drop_ended_counts(self, limit: int) -> int:
        dropped = min(self.ended, limit)
        self.ended -= dropped
        return dropped


@pytest.mark.parametrize(
    ("ended", "pauses"),
    [(0, [None]), (3, [None]), (BATCH, [0.0, None]), (2 * BATCH + 1, [0.0, 0.0, None])],
)
async def test_counts_are_removed_a_batch_at_a_time_until_none_is_left(ended: int, pauses: list[float | None]) -> None:
    store = Counts(ended)
    job = EndedLimits(store)
    assert [await job.work() for _ in pauses] == pauses
    assert store.ended == 0
