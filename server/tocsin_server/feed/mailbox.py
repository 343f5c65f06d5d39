"""What a stream is told, in one place: committed changes, and all else that it may have to act on.

Everything is an entry of one of the types below, taken in the order in which it came; only what ends the stream goes
before the rest. What waits is bounded in number and in bytes. A change that finds no room is not lost: it leaves a
`Reached` behind, by which the stream reads the store. Only one that stays behind by too many is told so and ended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from tocsin_server.domain.errors import TocsinError
from tocsin_server.domain.model import FeedPosition
from tocsin_server.domain.shares import Room
from tocsin_server.feed.bus.hints import newer
from tocsin_server.feed.items import LiveItem

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of changes that wait for one stream. Of usual ones it is more than the most that may wait in number."""


class Reached:
    """The feed has reached a position, by a change that does not come here. While it waits, it is kept up to date."""

    __slots__ = ("position",)

    def __init__(self, position: FeedPosition) -> None:
        self.position = position


class CheckWithin(NamedTuple):
    """Compare the position with the store, at some time in the next ``seconds``."""

    seconds: float


class Due:
    """The time has come that `Mailbox.ring_within` was given, or an earlier one."""

    __slots__ = ()


class TooSlow:
    """The stream stayed behind by more changes than are kept for it."""

    __slots__ = ()


class Closing:
    """The server stops."""

    __slots__ = ()


class Revoked(NamedTuple):
    """The subscriber may not follow the feed any more; ``error`` says why."""

    error: TocsinError


Entry: TypeAlias = LiveItem | Reached | CheckWithin | Due | TooSlow | Closing | Revoked

DUE, TOO_SLOW, CLOSING = Due(), TooSlow(), Closing()


class Mailbox:
    """The entries of one stream. Used on the event loop only.

    Args:
        limit: Changes by which the stream may stay behind.
        room: For what waits in all mailboxes.
        loop: The event loop.
        allowed: Raises `TocsinError` once the subscriber may not follow the feed any more. Called from any thread.
    """

    __slots__ = (
        "_alarm",
        "_bytes",
        "_changes",
        "_entries",
        "_limit",
        "_loop",
        "_missed",
        "_over",
        "_reached",
        "_room",
        "_waiter",
        "allowed",
    )

    def __init__(
        self, limit: int, room: Room, loop: asyncio.AbstractEventLoop, allowed: Callable[[], None] | None = None
    ) -> None:
        self.allowed = allowed
        # None while nothing waits, which is nearly always: an empty deque has 0.7 KB.
        self._entries: deque[Entry] | None = None
        self._limit = limit
        self._room = room
        self._loop = loop
        self._changes = self._bytes = 0  # that wait
        self._missed = 0  # changes for which there was no room, since the last `Reached` was taken
        self._reached: Reached | None = None  # the one that waits
        self._over = False
        self._waiter: asyncio.Future[None] | None = None
        # When it rings, and what rings it.
        self._alarm: tuple[float, asyncio.TimerHandle] | None = None

    # -- for those who have something to tell --------------------------------------------------------

    def put(self, live: LiveItem) -> None:
        """Add a change, or note that there was one for which there is no room."""
        if self._changes + self._missed >= self._limit:
            self._end(TOO_SLOW)
            return
        weight = live.weight
        # One is always taken, so that whoever keeps up has nothing to do with those who do not.
        if self._changes and (self._bytes + weight > MOST_BYTES or weight > self._room.left):
            self._missed += 1
            self.reached(live.position)
            return
        self._changes += 1
        self._bytes += weight
        live.enter(self._room)
        self._add(live)

    def reached(self, position: FeedPosition) -> None:
        """Note that the feed has reached a position. Of several that wait only the newest is kept."""
        if self._reached is None:
            self._reached = Reached(position)
            self._add(self._reached)
        else:
            self._reached.position = newer(self._reached.position, position)

    def check_within(self, seconds: float) -> None:
        """Let the stream check its position at some time in the next ``seconds``."""
        self._add(CheckWithin(seconds))

    def close(self) -> None:
        """Let the stream end, since the server does."""
        self._end(CLOSING)

    def revoke(self, error: TocsinError) -> None:
        """Let the stream end with this error."""
        self._end(Revoked(error))

    def _end(self, ending: Entry) -> None:
        """Let nothing be taken any more but this."""
        if self._over:
            return
        self._drop()
        self._add(ending)
        self._over = True

    def _add(self, entry: Entry) -> None:
        if self._over:
            return
        if self._entries is None:
            self._entries = deque()
        self._entries.append(entry)
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():  # it is when the stream is being cancelled
                waiter.set_result(None)

    def _drop(self) -> None:
        for entry in self._entries or ():
            if type(entry) is LiveItem:
                entry.leave(self._room)
        self._entries = self._reached = None
        self._changes = self._bytes = 0

    # -- for the stream ------------------------------------------------------------------------------

    def take(self) -> Entry | None:
        """Return the next entry, None if none is waiting."""
        if self._entries is None:
            return None
        entry = self._entries.popleft()
        if entry is self._reached and not self._missed and self._entries:
            # What waits behind it may be the very change that it tells of, and then nothing has to be read.
            self._entries.append(entry)
            entry = self._entries.popleft()
        if type(entry) is LiveItem:
            self._changes -= 1
            self._bytes -= entry.weight
            entry.leave(self._room)
        elif entry is self._reached:
            self._reached = None
            self._missed = 0
        if not self._entries:
            self._entries = None
        return entry

    def wait(self) -> asyncio.Future[None]:
        """Return a future that is done when there is an entry. None must be waiting now."""
        self._waiter = self._loop.create_future()
        return self._waiter

    def ring_within(self, seconds: float) -> None:
        """Let `DUE` come after ``seconds`` at the latest, once.

        An earlier one that was asked for before comes all the same, and only that: it is cheaper to ring too early and
        ask again than to set another alarm whenever a stream has something to write.
        """
        at = self._loop.time() + seconds
        if self._alarm is None or self._alarm[0] > at:
            self._silence()
            self._alarm = (at, self._loop.call_at(at, self._ring))

    def _ring(self) -> None:
        self._alarm = None
        self._add(DUE)

    def _silence(self) -> None:
        if self._alarm is not None:
            self._alarm[1].cancel()
            self._alarm = None

    def discard(self) -> None:
        """Forget everything, and take nothing any more. Idempotent."""
        self._over = True
        self._drop()
        self._silence()
