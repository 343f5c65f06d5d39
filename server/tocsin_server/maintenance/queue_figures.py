"""Looking at the queue now and then, for those who want figures of it."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin_server.domain.clock import Clock
from tocsin_server.domain.model import MICROS_PER_SECOND, ChannelType
from tocsin_server.domain.ports import QueueCountStore
from tocsin_server.telemetry.observer import Observer, QueueSeen, UndecidedSeen


class QueueFigures:
    """Counts what each channel's queue holds and what is undecided, and reports it.

    Args:
        store: Where.
        channels: Which.
        clock: That which decides what is due.
        observer: Is told.
    """

    name = "queue_figures"
    longest_pause = 15.0

    def __init__(
        self, store: QueueCountStore, channels: Sequence[ChannelType], clock: Clock, observer: Observer
    ) -> None:
        self._store = store
        self._channels = channels
        self._clock = clock
        self._observer = observer

    async def work(self) -> float | None:
        """See `Job.work`."""
        if self._observer.wants(QueueSeen):
            for channel in self._channels:
                found = await self._store.queue_counts(channel)
                oldest = 0 if found.oldest_due_at is None else self._clock() - found.oldest_due_at
                seconds = max(0.0, oldest / MICROS_PER_SECOND)
                self._observer.report(QueueSeen(channel, found.due, found.leased, found.waiting, seconds))
        if self._observer.wants(UndecidedSeen):
            undecided = await self._store.undecided_counts()
            self._observer.report(UndecidedSeen(undecided.waiting, undecided.late))
        return None
