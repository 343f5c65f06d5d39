"""Where one stream stands in its feed, and how it goes on: by a live change, or by reading the store again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Self

from tocsin_server.domain.errors import StreamAged, TocsinError
from tocsin_server.domain.model import NO_FEED, FeedPart, FeedPosition, Recipient
from tocsin_server.domain.ports import FeedStore
from tocsin_server.feed import cursor as feed_cursor
from tocsin_server.feed.items import Changed, FeedItem, Heartbeat, LiveItem, Subscribed
from tocsin_server.feed.replay import FIRST_PAGE, GROWTH, PAGE_BYTES, PAGE_LIMIT, Page, ReplayBudget


class Reading:
    """One stream's place, as a context that gives back what it has read.

    Args:
        store: Where the feed is read.
        budget: Room for what is read.
        recipient: Whose feed it is.

    Attributes:
        position: After what was told last.
        unread_count: As of the latest change or reading.
    """

    __slots__ = ("_budget", "_limit", "_page", "_recipient", "_store", "position", "unread_count")

    def __init__(self, store: FeedStore, budget: ReplayBudget, recipient: Recipient) -> None:
        self._store = store
        self._budget = budget
        self._recipient = recipient
        self._page: Page | None = None
        self._limit = FIRST_PAGE
        self.position = NO_FEED
        self.unread_count = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def begin(self, position: FeedPosition | None) -> AsyncIterator[FeedItem]:
        """Yield `Subscribed`, and what follows ``position``; with None what waits for a first subscriber."""
        recovered = True
        if position is not None:
            page = await self._read_after(position)
            recovered = page.state.covers(position)
            if recovered:
                self.position, self.unread_count = position, page.state.unread_count
                yield Subscribed(position, self.unread_count, recovered=True)
                async for item in self._replay(page):
                    yield item
                return
        async for item in self._begin_with_waiting(recovered=recovered):
            yield item

    async def _begin_with_waiting(self, *, recovered: bool) -> AsyncIterator[FeedItem]:
        page = await self._read_waiting(0)
        head, self.unread_count = page.state.head, page.state.unread_count
        first = page.first
        self.position = head if first is None else FeedPosition(head.epoch, first - 1)
        yield Subscribed(self.position, self.unread_count, recovered)
        while True:
            while (notification := page.take()) is not None:
                if notification.sequence is None or notification.sequence > head.sequence:
                    break  # entered or changed after the head was read: comes as a live event
                self.position = FeedPosition(head.epoch, notification.sequence)
                yield Changed(self.position, self.unread_count, notification)
            if not (page.more or page.revoked) or self.position.sequence >= head.sequence:
                break
            page = await self._read_waiting(self.position.sequence)
        self.close()
        self.position = head

    def take(self, live: LiveItem) -> bool:
        """Go on by a live item if it continues the stream; else return false."""
        position = self.position
        if live.first != position.sequence + 1 or not self._comparable(live):
            return False
        self.position, self.unread_count = live.position, live.item.unread_count
        return True

    def _comparable(self, live: LiveItem) -> bool:
        return live.position.epoch == self.position.epoch or self.position == NO_FEED

    async def read_unless_known(self, live: LiveItem) -> AsyncIterator[FeedItem]:
        """Read again if a live item that does not continue the stream is beyond it."""
        if live.position.sequence > self.position.sequence or not self._comparable(live):
            async for item in self.read_again():
                yield item

    async def catch_up(self, position: FeedPosition) -> AsyncIterator[FeedItem]:
        """Read again if the feed has reached a position beyond the stream's."""
        if position.epoch != self.position.epoch or position.sequence > self.position.sequence:
            async for item in self.read_again():
                yield item

    def heartbeat(self) -> FeedItem:
        """Return that nothing happened."""
        return Heartbeat(self.position, self.unread_count)

    async def check(self) -> AsyncIterator[FeedItem]:
        """Compare with the store, and yield what a lost event should have told."""
        state = await self._store.feed_state(self._recipient)
        if state.head != self.position:
            async for item in self.read_again():
                yield item

    async def read_again(self) -> AsyncIterator[FeedItem]:
        """Yield what changed since the stream's position."""
        async for item in self._replay(await self._read_on()):
            yield item

    async def _replay(self, page: Page) -> AsyncIterator[FeedItem]:
        """Yield what changed after the position, page by page, until the head that was read last."""
        while True:
            state = page.state
            self.unread_count = state.unread_count
            while (notification := page.take()) is not None:
                assert notification.sequence is not None  # noqa: S101 - selected by it
                self.position = FeedPosition(state.epoch, notification.sequence)
                yield Changed(self.position, state.unread_count, notification)
            if not (page.more or page.revoked):
                self.close()
                # Sequences between the last change and the head belonged to changes that later ones replaced.
                self.position = state.head
                return
            page = await self._read_on()

    async def _read_on(self) -> Page:
        page = await self._read_after(self.position)
        if not page.state.covers(self.position):
            # The feed was replaced under this stream; the subscriber learns it when it comes back with its cursor.
            raise with_cursor(StreamAged("the feed was reset"), self.position)
        return page

    def _read_after(self, position: FeedPosition) -> Awaitable[Page]:
        return self._read(lambda: self._store.feed_after(self._recipient, position, self._limit, PAGE_BYTES))

    def _read_waiting(self, after: int) -> Awaitable[Page]:
        return self._read(lambda: self._store.feed_waiting(self._recipient, after, self._limit, PAGE_BYTES))

    async def _read(self, read: Callable[[], Awaitable[FeedPart]]) -> Page:
        """Read a page when it is this stream's turn and there is room, in place of the one that was read before."""
        if self._page is not None and self._page.taken and self._page.more:
            self._limit = min(PAGE_LIMIT, GROWTH * self._limit)
        self.close()
        async with self._budget.turn(self._recipient):
            await self._budget.reserve()
            try:
                part = await read()
            except BaseException:
                self._budget.release()
                raise
        self._page = self._budget.hold(part)
        return self._page

    def close(self) -> None:
        """Give back the page that is being told, if there is one. Idempotent."""
        if self._page is not None:
            self._budget.drop(self._page)
            self._page = None


def with_cursor(error: TocsinError, position: FeedPosition) -> TocsinError:
    """Return the error, which now says where to resume."""
    error.metadata = {**error.metadata, "cursor": feed_cursor.encode(position)}
    return error
