"""Memory for what streams read from the store: one budget for the process, in turns.

A stream that comes back after a while reads what it missed page by page, and keeps a page until its subscriber has
taken it. So many streams may come back at once, and so slow may their subscribers be, that their pages have to be
counted together. Whoever waits for room gets it in turn. A page that is kept for longer than `HOLD` while others wait
is taken back; its stream reads again what is left of it, when its turn comes.

The streams of one recipient read one after the other. A hundred that ask for a long replay at once and take nothing of
it would keep all threads that read busy, and with them the interpreter: a Send beside them then took 71 ms (p99, in
turns) in place of 29. A stream that is cut off while it reads leaves its turn to the next at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import deque
from typing import Final

from tocsin_server.domain.model import FeedPart, FeedState, Notification, Recipient

PAGE_BYTES: Final = 512 * 1024
"""Bytes of a page (`FeedPart.weight`), which one notification may go beyond."""

PAGE_LIMIT: Final = 200
"""Notifications of a page."""

FIRST_PAGE: Final = 20
"""Notifications of a stream's first page: who asks for a long replay on many streams and reads nothing costs little."""

GROWTH: Final = 4
"""How many times longer a page may be than the one before that its subscriber has taken, up to `PAGE_LIMIT`."""

BUDGET: Final = 64 * 1024 * 1024
"""Bytes of all pages."""

HOLD: Final = 0.25
"""Seconds for which a page is its stream's own, whoever waits."""


class Page:
    """Part of a feed as it was read, to be taken one by one.

    Attributes:
        state: The head of the feed.
        more: More is to be read after it.
        revoked: What was left of it was taken back.
    """

    __slots__ = ("_left", "held_since", "more", "revoked", "size", "state")

    def __init__(self, part: FeedPart, size: int, held_since: float) -> None:
        self.state: FeedState = part.state
        self.more = part.more
        self.revoked = False
        self.size = size
        self.held_since = held_since
        self._left = deque(part.notifications)

    @property
    def first(self) -> int | None:
        """The sequence of the next one, None if none is left."""
        return self._left[0].sequence if self._left else None

    @property
    def taken(self) -> bool:
        """Whether its subscriber has taken all of it."""
        return not (self._left or self.revoked)

    def take(self) -> Notification | None:
        """Return the next one, None if none is left."""
        return self._left.popleft() if self._left else None

    def revoke(self) -> None:
        """Take back what is left."""
        self.revoked = True
        self._left.clear()


class ReplayBudget:
    """Room for pages. Created on the event loop that uses it.

    Args:
        size: Bytes.
        hold: See `HOLD`.
    """

    def __init__(self, size: int = BUDGET, hold: float = HOLD) -> None:
        self._free = size
        self._hold = hold
        self._loop = asyncio.get_running_loop()
        self._pages: dict[Page, None] = {}  # in the order in which they were read
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._look: asyncio.TimerHandle | None = None
        self._turns: weakref.WeakValueDictionary[Recipient, asyncio.Lock] = weakref.WeakValueDictionary()

    def turn(self, recipient: Recipient) -> asyncio.Lock:
        """Return what whoever reads a feed of this recipient holds meanwhile."""
        turn = self._turns.get(recipient)
        if turn is None:
            turn = self._turns[recipient] = asyncio.Lock()
        return turn

    async def reserve(self) -> None:
        """Return when there is room for a page, which is then the caller's, to be given to `hold` or `release`."""
        if not self._waiting and self._free >= PAGE_BYTES:
            self._free -= PAGE_BYTES
            return
        turn = self._loop.create_future()
        self._waiting.append(turn)
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            else:
                with contextlib.suppress(ValueError):  # it was passed over already
                    self._waiting.remove(turn)
            raise

    def release(self) -> None:
        """Give back room for a page that was not read after all."""
        self._free += PAGE_BYTES
        self._let_in()

    def hold(self, part: FeedPart) -> Page:
        """Keep what was read, in place of the room that was reserved."""
        self._free += PAGE_BYTES - part.weight
        page = Page(part, part.weight, self._loop.time())
        if part.notifications:
            self._pages[page] = None
        self._let_in()
        return page

    def drop(self, page: Page) -> None:
        """Give a page back. Idempotent."""
        if page in self._pages:
            del self._pages[page]
            self._free += page.size
            self._let_in()

    def _let_in(self) -> None:
        """Give room to those who wait, in turn; take back pages that are kept for too long."""
        while self._waiting:
            while self._free < PAGE_BYTES and self._pages:
                oldest = next(iter(self._pages))
                wait = oldest.held_since + self._hold - self._loop.time()
                if wait > 0:
                    self._look_in(wait)
                    return
                oldest.revoke()
                del self._pages[oldest]
                self._free += oldest.size
            if self._free < PAGE_BYTES:
                return  # all of it is being read into at this moment
            turn = self._waiting.popleft()
            if not turn.done():
                self._free -= PAGE_BYTES
                turn.set_result(None)

    def _look_in(self, seconds: float) -> None:
        if self._look is None:
            self._look = self._loop.call_later(seconds, self._looked)

    def _looked(self) -> None:
        self._look = None
        self._let_in()
