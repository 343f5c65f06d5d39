"""A queue without a database: what a lane asks of the store is noted, and answered as a test says."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from tocsin_server.domain.errors import DatabaseRefusal, TocsinError
from tocsin_server.domain.model import ChannelResult, ChannelType, ClaimedChannel, Micros


class FakeQueue:
    """A `QueueStore` that has what is put into ``due``.

    ``refusals`` are raised by the next calls of `record`; of ``poisonous`` rows, what a provider answered is refused.
    """

    def __init__(self, *due: ClaimedChannel) -> None:
        self.due = list(due)
        self.next_at: Micros | None = None
        self.asked: list[tuple[int, list[str]]] = []
        """Of each claim, its limit and what the caller held."""
        self.recorded: list[ChannelResult] = []
        self.released: list[ClaimedChannel] = []
        self.renewed: list[list[str]] = []
        self.hastened: list[tuple[Micros, Micros]] = []
        self.refusals: list[Exception] = []
        self.poisonous: set[str] = set()
        self.lost: set[str] = set()
        self.read: set[str] = set()
        self.looked: list[str] = []
        self.look_fault: Exception | None = None
        self.fault: Exception | None = None
        """Raised by every look at the queue."""
        self.lock = threading.Lock()

    async def next_due(self, channel: ChannelType) -> Micros | None:
        if self.fault is not None:
            raise self.fault
        return 0 if self.due else self.next_at

    async def claim(
        self, channel: ChannelType, limit: int, lease: Micros, held: Sequence[str] = ()
    ) -> list[ClaimedChannel]:
        with self.lock:
            self.asked.append((limit, list(held)))
            taken, self.due = self.due[:limit], self.due[limit:]
        return taken

    async def is_read(self, notification_id: str) -> bool:
        self.looked.append(notification_id)
        if self.look_fault is not None:
            raise self.look_fault
        return notification_id in self.read

    async def hasten(self, channel: ChannelType, later_than: Micros, by: Micros, limit: int) -> Micros | None:
        self.hastened.append((later_than, by))
        return None

    async def renew(self, held: Sequence[ClaimedChannel], lease: Micros) -> set[str]:
        self.renewed.append([row.id for row in held])
        return {row.id for row in held} - self.lost

    async def release(self, held: Sequence[ClaimedChannel]) -> None:
        self.released += held

    async def record(self, results: Sequence[ChannelResult]) -> Sequence[bool | TocsinError]:
        if self.refusals:
            raise self.refusals.pop(0)
        return [self._take(result) for result in results]

    def _take(self, result: ChannelResult) -> bool | TocsinError:
        if result.channel_id in self.poisonous and (result.response or {}).get("code"):
            return DatabaseRefusal("made up")
        self.recorded.append(result)
        return result.channel_id not in self.lost
