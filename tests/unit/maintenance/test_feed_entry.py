"""When websocket rows are handled."""

from __future__ import annotations

import pytest

from helpers.drafts import NOON, WEBSOCKET
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import ChannelType, Micros
from tocsin_server.maintenance.feed_entry import BATCH, FeedEntry
from tocsin_server.telemetry.observer import FeedEntered, Observer


class Feed:
    """An `EntryStore` with one row due at a time, which ``handled`` rows turn out to be."""

    def __init__(self, due_at: Micros | None, handled: int = 0) -> None:
        self.due_at = due_at
        self.handled = handled
        self.limits: list[int] = []

    async def next_due(self, channel: ChannelType) -> Micros | None:
        assert channel == WEBSOCKET
        return self.due_at

    async def enter_due(self, limit: int) -> int:
        self.limits.append(limit)
        return self.handled


@pytest.mark.parametrize(
    ("due_at", "handled", "pause", "limits"),
    [
        (None, 0, None, []),
        (NOON + micros(90), 0, 90.0, []),
        (NOON, 3, 0.0, [BATCH]),
        (NOON - 1, BATCH, 0.0, [BATCH]),
        (NOON, 0, None, [BATCH]),  # another process was faster
    ],
)
async def test_rows_are_handled_when_they_are_due(
    due_at: Micros | None, handled: int, pause: float | None, limits: list[int]
) -> None:
    observer, entered = Observer(), list[FeedEntered]()
    observer.listen(FeedEntered, entered.append)
    feed = Feed(due_at, handled)
    assert await FeedEntry(feed, lambda: NOON, observer).work() == pause
    assert feed.limits == limits
    assert entered == ([FeedEntered(handled)] if handled else [])
