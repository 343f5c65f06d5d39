"""Feeds without a server: subscribers that keep what they get, a bus in the test's hands, and a feed in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from helpers import drafts
from helpers.waiting import eventually_async
from tocsin_server.domain.clock import wall_clock
from tocsin_server.domain.model import (
    ANY_WEIGHT,
    Entered,
    FeedPart,
    FeedPosition,
    FeedState,
    MarkedRead,
    Notification,
    Recipient,
    weight_of,
)
from tocsin_server.feed.bus.hints import Hint, HintReceiver
from tocsin_server.feed.bus.memory import MemoryBus
from tocsin_server.feed.hub import Hub
from tocsin_server.feed.items import Changed, FeedItem, ReadChanged
from tocsin_server.feed.settlement import Settler
from tocsin_server.feed.stream import FeedStreams, StreamTimes

NO_CHECKS = StreamTimes(position_check=3600.0, heartbeat=3600.0)
"""So that nothing but events and hints tells a stream anything."""

EPOCH = 7


class Wire(MemoryBus):
    """A bus whose hints a test delivers itself, or does not. ``gate`` holds up whoever joins."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.joined: set[Recipient] = set()
        self.sent: list[Hint] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def start(self, receiver: HintReceiver) -> None:
        self.calls.append("start")

    async def join(self, recipient: Recipient) -> None:
        self.joined.add(recipient)
        await self.gate.wait()

    def leave(self, recipient: Recipient) -> None:
        self.joined.remove(recipient)

    def publish(self, hints: Iterable[Hint]) -> None:
        self.sent += hints

    async def close(self) -> None:
        self.calls.append("close")


@dataclass
class Follower:
    """A subscriber that keeps what it gets."""

    items: list[FeedItem] = field(default_factory=list)
    task: asyncio.Task[None] | None = None

    async def follow(self, stream: AsyncIterator[FeedItem], pause: Callable[[], int] = lambda: 0) -> None:
        """Read until cancelled; ``pause`` gives the turns of the loop that writing an item takes."""
        async with contextlib.aclosing(stream):  # type: ignore[type-var]
            async for item in stream:
                self.items.append(item)
                for _ in range(pause()):
                    await asyncio.sleep(0)

    @property
    def ids(self) -> list[str]:
        """The notifications in the order in which they came."""
        return [item.notification.id for item in self.items if isinstance(item, Changed)]

    @property
    def position(self) -> FeedPosition:
        """Where the stream stands."""
        return self.items[-1].position if self.items else FeedPosition(0, 0)

    @property
    def read_state(self) -> dict[str, bool]:
        """What the subscriber knows of each notification, as clients keep it."""
        known: dict[str, bool] = {}
        for item in self.items:
            if isinstance(item, Changed):
                known[item.notification.id] = item.notification.is_read
            elif isinstance(item, ReadChanged):
                known.update(dict.fromkeys(item.ids, True))
        return known

    async def started(self) -> None:
        """Wait until the stream has begun."""

        async def begun() -> bool:
            return bool(self.items)

        await eventually_async(begun)

    async def has(self, ids: Sequence[str]) -> None:
        """Wait for notifications, and assert that they came in this order, each once."""

        async def enough() -> bool:
            assert self.task is None or not self.task.done()
            return len(self.ids) >= len(ids)

        await eventually_async(enough)
        assert self.ids == list(ids)


def part_of(state: FeedState, notifications: Sequence[Notification], limit: int, weight: int) -> FeedPart:
    """Return as much as a store would read."""
    part: list[Notification] = []
    read = 0
    for one in notifications[:limit]:
        part.append(one)
        read += weight_of(one.title, one.message, 0)
        if read >= weight:
            break
    return FeedPart(state, part, read, len(part) == limit or read >= weight)


class Feed:
    """One recipient's feed in memory.

    What a read finds is there as many turns of the loop after its begin as ``turns`` gives; it arrives as many later,
    and not before ``gate`` is open.
    """

    def __init__(self, turns: Callable[[], int] = lambda: 0) -> None:
        self.recipient = drafts.user()
        self.notifications: dict[str, Notification] = {}
        self.waiting: list[Notification] = []
        self.sequence = 0
        self.limits: list[int] = []
        self.states = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._turns = turns

    @property
    def head(self) -> FeedPosition:
        return FeedPosition(EPOCH, self.sequence) if self.sequence else FeedPosition(0, 0)

    def commit(self, message: str = "It arrives on Friday.") -> Entered:
        """Let a notification enter."""
        self.sequence += 1
        entered = drafts.notification(
            id=f"n{self.sequence}", recipient=self.recipient, sequence=self.sequence, message=message
        )
        self.notifications[entered.id] = entered
        return Entered(self.recipient, EPOCH, self.sequence, self.sequence, 0, entered)

    def mark(self, place: int) -> MarkedRead:
        """Change the read state of a notification."""
        self.sequence += 1
        notification_id = list(self.notifications)[place % len(self.notifications)]
        self.notifications[notification_id] = replace(
            self.notifications[notification_id], is_read=True, sequence=self.sequence
        )
        return MarkedRead(self.recipient, EPOCH, self.sequence, self.sequence, 0, [notification_id], 1)

    async def _pass(self) -> None:
        for _ in range(self._turns()):
            await asyncio.sleep(0)

    @property
    def reads(self) -> int:
        """How often it was read after a position."""
        return len(self.limits)

    def _state(self) -> FeedState:
        return FeedState(self.head.epoch, self.head.sequence, 0, 0)

    async def feed_state(self, recipient: Recipient) -> FeedState:
        self.states += 1
        await self._pass()
        state = self._state()
        await self._pass()
        await self.gate.wait()
        return state

    async def feed_after(
        self, recipient: Recipient, position: FeedPosition, limit: int, weight: int = ANY_WEIGHT
    ) -> FeedPart:
        self.limits.append(limit)
        await self._pass()
        changed = [one for one in self.notifications.values() if (one.sequence or 0) > position.sequence]
        part = part_of(self._state(), sorted(changed, key=lambda one: one.sequence or 0), limit, weight)
        await self._pass()
        await self.gate.wait()
        return part

    async def feed_waiting(self, recipient: Recipient, after: int, limit: int, weight: int = ANY_WEIGHT) -> FeedPart:
        return part_of(self._state(), [one for one in self.waiting if (one.sequence or 0) > after], limit, weight)

    async def settle_feeds(self, positions: Mapping[Recipient, FeedPosition], response: dict[str, Any]) -> int:
        return 0


@contextlib.asynccontextmanager
async def follower_of(
    feed: Feed, hub: Hub, pause: Callable[[], int] = lambda: 0, position: FeedPosition | None = None
) -> AsyncIterator[Follower]:
    settler = Settler(feed, wall_clock)
    follower = Follower()
    stream = FeedStreams(feed, hub, settler, NO_CHECKS).follow(feed.recipient, position)
    follower.task = asyncio.create_task(follower.follow(stream, pause))
    try:
        yield follower
    finally:
        follower.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await follower.task
        await settler.close()


async def reaches(follower: Follower, head: FeedPosition) -> None:
    """Wait until a stream has told of everything."""

    async def there() -> bool:
        assert follower.task is not None
        assert not follower.task.done()
        return follower.position.sequence >= head.sequence

    await eventually_async(there)


async def turns(count: int = 20) -> None:
    """Let everything happen that can happen without waiting for time to pass."""
    for _ in range(count):
        await asyncio.sleep(0)
