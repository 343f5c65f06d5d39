"""How old notifications are removed: a part at a time, from the oldest on, and again from the start."""

from __future__ import annotations

from helpers.drafts import NOON
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import Micros
from tocsin_server.domain.upkeep import Purged
from tocsin_server.maintenance.retention import BATCH, BREATH, Retention
from tocsin_server.telemetry.observer import NotificationsPurged, Observer


class Store:
    """A `RetentionStore` that has three parts."""

    def __init__(self) -> None:
        self.parts = [Purged(BATCH, "a"), Purged(0, "b"), Purged(3, "c"), Purged(0, None), Purged(0, None)]
        self.asked: list[tuple[Micros, str | None, int]] = []

    async def purge(self, before: Micros, after: str | None, limit: int) -> Purged:
        self.asked.append((before, after, limit))
        return self.parts.pop(0)


async def test_parts_follow_each_other_until_nothing_is_left_and_begin_anew() -> None:
    store, observer, removed = Store(), Observer(), list[int]()
    observer.listen(NotificationsPurged, lambda report: removed.append(report.number))
    job = Retention(store, 3600.0, lambda: NOON, observer)
    assert [await job.work() for _ in range(5)] == [BREATH, BREATH, BREATH, None, None]
    before = NOON - micros(3600)
    assert store.asked == [(before, after, BATCH) for after in (None, "a", "b", "c", None)]
    assert removed == [BATCH, 3]
