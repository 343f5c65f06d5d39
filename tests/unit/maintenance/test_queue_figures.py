"""What is told of the queue."""

from __future__ import annotations

from helpers.drafts import EMAIL, NOON, WEBSOCKET
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import ChannelType
from tocsin_server.domain.operating import UndecidedCounts
from tocsin_server.domain.upkeep import QueueCounts
from tocsin_server.maintenance.queue_figures import QueueFigures
from tocsin_server.telemetry.observer import Observer, QueueSeen, UndecidedSeen


class Queue:
    """A `QueueCountStore`."""

    def __init__(self) -> None:
        self.asked: list[ChannelType] = []

    async def queue_counts(self, channel: ChannelType) -> QueueCounts:
        self.asked.append(channel)
        return QueueCounts(3, 2, 1, NOON - micros(30)) if channel == EMAIL else QueueCounts(0, 0, 4, None)

    async def undecided_counts(self) -> UndecidedCounts:
        return UndecidedCounts(5, 2)


async def test_each_channel_is_counted_and_its_oldest_row_has_an_age() -> None:
    observer, seen = Observer(), list[QueueSeen]()
    observer.listen(QueueSeen, seen.append)
    assert await QueueFigures(Queue(), (WEBSOCKET, EMAIL), lambda: NOON, observer).work() is None
    assert seen == [QueueSeen(WEBSOCKET, 0, 0, 4, 0.0), QueueSeen(EMAIL, 3, 2, 1, 30.0)]


async def test_what_is_undecided_is_counted() -> None:
    observer, seen = Observer(), list[UndecidedSeen]()
    observer.listen(UndecidedSeen, seen.append)
    await QueueFigures(Queue(), (WEBSOCKET,), lambda: NOON, observer).work()
    assert seen == [UndecidedSeen(5, 2)]


async def test_the_database_is_not_asked_for_what_nobody_wants_to_know() -> None:
    queue = Queue()
    await QueueFigures(queue, (EMAIL,), lambda: NOON, Observer()).work()
    assert queue.asked == []
