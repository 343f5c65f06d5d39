"""What operators order reaches this process by the database."""

from __future__ import annotations

from collections.abc import Collection

from helpers.drafts import EMAIL, NOON, SMS
from tocsin_server.domain.model import ChannelType
from tocsin_server.domain.operating import Orders, Pause
from tocsin_server.maintenance.orders import OrderWatch
from tocsin_server.telemetry.observer import ChannelPaused, Observer


class Orderly:
    """An `OrderStore`, and what is told by a watch of it."""

    def __init__(self, orders: Orders) -> None:
        self.now = orders
        self.paused: list[set[ChannelType]] = []
        self.erasures = 0
        self.reports: list[ChannelPaused] = []
        observer = Observer()
        observer.listen(ChannelPaused, self.reports.append)
        self.watch = OrderWatch(self, self._pause, self._erased, observer)

    async def orders(self) -> Orders:
        return self.now

    def _pause(self, channels: Collection[ChannelType]) -> None:
        self.paused.append(set(channels))

    def _erased(self) -> None:
        self.erasures += 1


async def test_the_first_look_says_what_may_be_sent_and_later_ones_what_has_changed() -> None:
    orderly = Orderly(Orders([]))
    await orderly.watch.work()
    await orderly.watch.work()
    assert (orderly.paused, orderly.reports) == ([set()], [])
    orderly.now = Orders([Pause(SMS, NOON), Pause(EMAIL, NOON)])
    await orderly.watch.work()
    orderly.now = Orders([Pause(EMAIL, NOON)])
    await orderly.watch.work()
    await orderly.watch.work()
    assert orderly.paused == [set(), {SMS, EMAIL}, {EMAIL}]
    assert orderly.reports == [ChannelPaused(EMAIL, True), ChannelPaused(SMS, True), ChannelPaused(SMS, False)]


async def test_what_was_erased_before_the_start_is_no_news_and_each_part_of_a_later_one_is() -> None:
    orderly = Orderly(Orders([], [("a", 200)]))
    await orderly.watch.work()
    assert orderly.erasures == 0
    for count in (1, 200, 200):
        orderly.now = Orders([], [("b", count), ("a", 200)])
        await orderly.watch.work()
    assert orderly.erasures == 2
