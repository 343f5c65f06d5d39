"""Telling the other processes which providers this one leaves alone, so that whichever is asked can show it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

from tocsin_server.domain.clock import Clock, micros
from tocsin_server.domain.model import ChannelType
from tocsin_server.domain.operating import OpenBreaker
from tocsin_server.domain.ports import BreakerStore
from tocsin_server.telemetry.observer import BreakerClosed, BreakerOpened, Observer

LASTING = 60.0
"""Seconds for which it is believed of a process that says nothing any more."""


class BreakerNotes:
    """Notes down each change, and while a provider is left alone, now and then that this is still so.

    While all is well it costs nothing.

    Args:
        store: Where.
        clock: The present time.
        observer: Tells of breakers.
    """

    name = "breakers"
    longest_pause = LASTING / 3

    def __init__(self, store: BreakerStore, clock: Clock, observer: Observer) -> None:
        self._store = store
        self._clock = clock
        self._process = str(uuid.uuid4())
        self._lock = threading.Lock()
        self._open: dict[tuple[ChannelType, str], OpenBreaker] = {}
        self._noted: list[OpenBreaker] = []
        self._wake: Callable[[], None] = lambda: None
        observer.listen(BreakerOpened, self._opened)
        observer.listen(BreakerClosed, self._closed)

    def woken_by(self, wake: Callable[[], None]) -> None:
        """See `Woken.woken_by`."""
        self._wake = wake

    def _opened(self, report: BreakerOpened) -> None:
        breaker = OpenBreaker(report.channel, report.provider, report.code, self._clock())
        with self._lock:
            self._open[report.channel, report.provider] = breaker
        self._wake()

    def _closed(self, report: BreakerClosed) -> None:
        with self._lock:
            self._open.pop((report.channel, report.provider), None)
        self._wake()

    async def work(self) -> float | None:
        """See `Job.work`."""
        with self._lock:
            open_now = list(self._open.values())
        if open_now or self._noted:
            await self._store.note_breakers(self._process, open_now, micros(LASTING))
            self._noted = open_now
        return None
