"""Deciders that wait for something to decide: woken by what is committed here or elsewhere, and by the clock.

One look at the store serves all who wait. It is taken when somebody comes, when a Send or another replica says that
something became undecided, when the next lease ends or what was put off is due, and every `SLOW_LOOK` seconds in case
a hint was lost. While nobody waits there are no looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from tocsin_server.domain.clock import Clock
from tocsin_server.domain.errors import ShuttingDown, TooManyStreams
from tocsin_server.domain.model import MICROS_PER_SECOND
from tocsin_server.domain.shares import Quota
from tocsin_server.domain.undecided import UndecidedFilter, UndecidedKind, Waiting
from tocsin_server.telemetry.outage import Trouble
from tocsin_server.timing.repeating import Repeating

SLOW_LOOK = 2.0
"""Seconds between two looks while somebody waits and nothing is heard of."""

LOOK = 200
"""What could be given out that one look sees. If there is more, all who wait try for themselves, but not more often
than every `SLOW_LOOK` seconds."""

WAITERS = 2_000
"""Calls that wait at once, of which one caller may have half."""

AT_REST = 3_600.0
"""Seconds until the next look while nobody waits; whoever comes wakes it."""


class WaitingStore(Protocol):
    """Knows what could be given out."""

    async def waiting_undecided(self, limit: int) -> Waiting:
        """See `DecisionStore.waiting_undecided`."""


class Others(Protocol):
    """The other processes that take deferred notifications."""

    async def join(self) -> None:
        """Return when what they tell arrives, or will soon."""

    def leave(self) -> None:
        """Let them tell no more."""

    def tell(self) -> None:
        """Tell them that something became undecided. May be called from any thread."""


class Nobody:
    """No other processes."""

    async def join(self) -> None:
        """See `Others.join`."""

    def leave(self) -> None:
        """See `Others.leave`."""

    def tell(self) -> None:
        """See `Others.tell`."""


class Place:
    """Somebody's place among those who wait."""

    __slots__ = ("_woken", "limit", "wanted")

    def __init__(self, wanted: UndecidedFilter, limit: int) -> None:
        self.wanted = wanted
        self.limit = limit
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Let it try."""
        self._woken.set()

    async def woken(self, seconds: float) -> bool:
        """Wait until there may be something, or `Waiters.closing`; false if the time is over before that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        woken = self._woken.is_set()
        self._woken.clear()
        return woken

    def takes(self, kind: UndecidedKind) -> bool:
        """Whether its filter lets something through."""
        category, types = self.wanted
        if types and kind.recipient_type not in types:
            return False
        if category.endswith(".*"):
            return kind.category.startswith(category[:-1])
        return not category or kind.category == category


class Waiters:
    """Those who wait, first come, first served. Belongs to the event loop that starts it.

    Args:
        store: Where what is undecided is kept.
        clock: The present time.
        others: Tell what they stored, and are told what was here; None if there are none.
        limit: See `WAITERS`.
    """

    def __init__(self, store: WaitingStore, clock: Clock, others: Others | None = None, limit: int = WAITERS) -> None:
        self._store = store
        self._clock = clock
        self._others = others or Nobody()
        self._quota = Quota(limit, max(1, limit // 2))
        self._places: dict[Place, None] = {}
        self._repeating = Repeating(self._look, Trouble("undecided", "looking for what is undecided"))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._all_tried = float("-inf")
        self._closing = False

    @property
    def count(self) -> int:
        """How many wait."""
        return len(self._places)

    def start(self) -> None:
        """Begin."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._repeating.run(), name="undecided")

    def arrived(self) -> None:
        """Something became undecided here, and is committed. May be called from any thread."""
        self.wake()
        self._others.tell()

    def wake(self) -> None:
        """Look at once, if anybody waits. May be called from any thread."""
        if self._places and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._repeating.wake)

    @contextlib.asynccontextmanager
    async def place(self, wanted: UndecidedFilter, limit: int, holder: str | None) -> AsyncIterator[Place]:
        """Wait in line, for up to ``limit`` of what is wanted, while the context is open.

        Raises:
            TooManyStreams: On entering: the holder or the server has as many as are allowed.
            ShuttingDown: The server is about to stop.
        """
        if self._closing:
            raise ShuttingDown
        if (most := self._quota.exceeded_by(holder)) is not None:
            raise TooManyStreams("server" if most == self._quota.limit else "token", most)
        place = Place(wanted, limit)
        self._quota.take(holder)
        self._places[place] = None
        try:
            await self._others.join()
            self._repeating.wake()
            yield place
        finally:
            del self._places[place]
            self._quota.give_back(holder)
            if not self._places:
                self._others.leave()

    @property
    def closing(self) -> bool:
        """Whether nobody is to wait any more."""
        return self._closing

    def close(self) -> None:
        """End every wait. Idempotent."""
        self._closing = True
        for place in self._places:
            place.wake()

    async def run(self) -> None:
        """Wait until it looks no more; raises what ended it, if nobody had told it to."""
        if self._task is not None:
            await asyncio.wait([self._task])
            if not self._closing:
                self._task.result()

    async def stop(self) -> None:
        """Stop looking. Idempotent."""
        self.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _look(self) -> float:
        if not self._places:
            return AT_REST
        waiting = await self._store.waiting_undecided(LOOK)
        self._share_out(waiting.available)
        if waiting.next_at is None:
            return SLOW_LOOK
        return min(SLOW_LOOK, max(0.001, (waiting.next_at - self._clock()) / MICROS_PER_SECOND))

    def _share_out(self, available: Sequence[UndecidedKind]) -> None:
        """Wake as many as it takes to take all, those who have waited for longest first."""
        left = {place: place.limit for place in self._places}
        for kind in available:
            place = next((place for place in left if place.takes(kind)), None)
            if place is not None:
                place.wake()
                left[place] -= 1
                if not left[place]:
                    del left[place]
        now = time.monotonic()
        if len(available) >= LOOK and now - self._all_tried >= SLOW_LOOK:
            self._all_tried = now
            for place in left:
                place.wake()
