"""Obeying what operators order, wherever it was said: they are looked for in the database."""

from __future__ import annotations

from collections.abc import Callable, Collection

from tocsin_server.domain.model import ChannelType
from tocsin_server.domain.operating import Orders
from tocsin_server.domain.ports import OrderStore
from tocsin_server.telemetry.observer import UNOBSERVED, ChannelPaused, Observer


class OrderWatch:
    """Looks for orders now and then, and passes on what is new in them.

    Args:
        store: Where.
        pause: Is told the channels that are paused, first by the first look.
        erased: Is told that something was erased, whoever it was.
        observer: Is told when a channel is paused or goes on.
    """

    name = "orders"
    longest_pause = 1.0

    def __init__(
        self,
        store: OrderStore,
        pause: Callable[[Collection[ChannelType]], None],
        erased: Callable[[], None],
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._store = store
        self._pause = pause
        self._erased = erased
        self._observer = observer
        self._known: Orders | None = None
        self._wake: Callable[[], None] = lambda: None

    def woken_by(self, wake: Callable[[], None]) -> None:
        """See `Woken.woken_by`."""
        self._wake = wake

    def look(self) -> None:
        """Look at once. May be called from any thread."""
        self._wake()

    async def work(self) -> float | None:
        """See `Job.work`."""
        orders = await self._store.orders()
        known, self._known = self._known, orders
        before = set() if known is None else {pause.channel for pause in known.pauses}
        paused = {pause.channel for pause in orders.pauses}
        if known is None or paused != before:
            self._pause(paused)
        for channel in sorted(paused ^ before):
            self._observer.report(ChannelPaused(channel, channel in paused))
        if known is not None and orders.erasures != known.erasures:
            self._erased()
        return None
