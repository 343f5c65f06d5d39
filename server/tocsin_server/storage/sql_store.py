"""The store on a SQL database; what the two databases do differently is left to `sqlite` and `postgresql`."""

from __future__ import annotations

import asyncio
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import peewee

from tocsin_server.clock import micros
from tocsin_server.errors import NotificationNotFound, ShuttingDown, TocsinError
from tocsin_server.model import (
    Accepted,
    ChannelResult,
    ChannelType,
    ClaimedChannel,
    FeedPosition,
    FeedState,
    Marked,
    Micros,
    Notification,
    NotificationDraft,
    NotificationFilter,
    Page,
    Recipient,
)
from tocsin_server.storage.accepting import Accepting
from tocsin_server.storage.claims import Claim, Holding, Queue, Renewal
from tocsin_server.storage.feeds import Feeds, MarkFeed, MarkIds, Settlement
from tocsin_server.storage.interventions import Interventions, Revival
from tocsin_server.storage.listing import Listing
from tocsin_server.storage.rows import NotificationReader
from tocsin_server.storage.store import FeedPart, ListPart
from tocsin_server.storage.writer import CommitListener, Writer

R = TypeVar("R")


class SqlStore(ABC):
    """A `Store` whose statements are compiled for one database.

    Args:
        database: What they are compiled for.
        listener: Is told what was committed.
        attempt_limit: Attempts that a new channel row gets.
        lease: Seconds for which rows handed over at once are leased.
        readers: Threads that read.
        writers: Threads that write.
        mixed: See `Writer`.
    """

    def __init__(
        self,
        database: peewee.Database,
        listener: CommitListener,
        *,
        attempt_limit: int,
        lease: float,
        readers: int,
        writers: int = 1,
        mixed: bool = True,
    ) -> None:
        self._notifications = NotificationReader(database)
        self._queue = Queue(database)
        self._feeds = Feeds(database, self._notifications, self._queue)
        self._listing = Listing(database, self._notifications)
        self._accepting = Accepting(database, self._notifications, attempt_limit=attempt_limit, lease=micros(lease))
        self._interventions = Interventions(
            database, self._notifications, self._queue, self._feeds, attempt_limit=attempt_limit
        )
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="tocsin-reader")
        self._closed = False
        self._writer = Writer(self._transaction, listener, threads=writers, mixed=mixed)

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[tuple[Any, Micros]]:
        """Open a write transaction on the calling thread, see `Writer`."""

    @abstractmethod
    def _run_read(self, function: Callable[[Any], R], *, snapshot: bool) -> R:
        """Call ``function`` with a cursor of the calling thread; with ``snapshot`` all its selects see one state.

        Raises `DatabaseUnavailable`.
        """

    async def _read(self, function: Callable[[Any], R], *, snapshot: bool = True) -> R:
        if self._closed:
            raise ShuttingDown
        run = functools.partial(self._run_read, function, snapshot=snapshot)
        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def accept(self, drafts: Sequence[NotificationDraft]) -> Sequence[Accepted | TocsinError]:
        """See `Store.accept`."""
        return await self._writer.submit(self._accepting, drafts, weight=len(drafts))

    async def get(self, notification_id: str) -> Notification:
        """See `Store.get`."""
        found = await self._read(lambda cursor: self._notifications.get(cursor, notification_id))
        if found is None:
            raise NotificationNotFound(notification_id)
        return found

    async def find(self, wanted: NotificationFilter, before: str | None, page_size: int) -> ListPart:
        """See `Store.find`."""

        def read(cursor: Any) -> ListPart:
            state = self._feeds.state(cursor, wanted.recipient) if wanted.recipient is not None else None
            page: Page = self._listing.page(cursor, wanted, before, page_size)
            return ListPart(page, state)

        return await self._read(read)

    async def mark_read(self, ids: Sequence[str], owner: Recipient | None = None) -> Marked:
        """See `Store.mark_read`."""
        return await self._writer.submit(self._feeds.mark_ids, MarkIds(ids, owner), weight=len(ids))

    async def mark_feed_read(self, recipient: Recipient, up_to: FeedPosition | None) -> Marked:
        """See `Store.mark_feed_read`."""
        marked = 0
        while True:
            chunk = await self._writer.submit(self._feeds.mark_feed, MarkFeed(recipient, up_to), alone=True)
            marked += chunk.marked_count
            if not chunk.more:
                return Marked(marked, chunk.unread_count)
            up_to = chunk.head  # what arrives while this call works stays unread

    async def feed_state(self, recipient: Recipient) -> FeedState:
        """See `Store.feed_state`."""
        return await self._read(lambda cursor: self._feeds.state(cursor, recipient), snapshot=False)

    async def feed_after(self, recipient: Recipient, position: FeedPosition, limit: int) -> FeedPart:
        """See `Store.feed_after`."""
        return FeedPart(*await self._read(lambda cursor: self._feeds.after(cursor, recipient, position, limit)))

    async def feed_waiting(self, recipient: Recipient, after: int, limit: int) -> FeedPart:
        """See `Store.feed_waiting`."""
        return FeedPart(*await self._read(lambda cursor: self._feeds.waiting(cursor, recipient, after, limit)))

    async def settle_feeds(self, positions: Mapping[Recipient, FeedPosition], response: dict[str, Any]) -> int:
        """See `Store.settle_feeds`."""
        settlement = Settlement(positions, response)
        return await self._writer.submit(self._feeds.settle, settlement, weight=len(positions), alone=True)

    async def enter_due(self, limit: int) -> int:
        """See `Store.enter_due`."""
        return await self._writer.submit(self._feeds.enter_due, limit, weight=limit)

    async def next_due(self, channel: ChannelType) -> Micros | None:
        """See `Store.next_due`."""
        return await self._read(lambda cursor: self._queue.next_due(cursor, channel), snapshot=False)

    async def claim(self, channel: ChannelType, limit: int, lease: Micros) -> list[ClaimedChannel]:
        """See `Store.claim`."""
        return await self._writer.submit(self._queue.claim, Claim(channel, limit, lease), weight=limit)

    async def renew(self, held: Sequence[ClaimedChannel], lease: Micros) -> set[str]:
        """See `Store.renew`."""
        return await self._writer.submit(self._queue.renew, Renewal(_holdings(held), lease), weight=len(held))

    async def release(self, held: Sequence[ClaimedChannel]) -> None:
        """See `Store.release`."""
        await self._writer.submit(self._queue.release, _holdings(held), weight=len(held))

    async def record(self, results: Sequence[ChannelResult]) -> Sequence[bool]:
        """See `Store.record`."""
        return await self._writer.submit(self._queue.record, results, weight=len(results))

    async def cancel(self, notification_id: str) -> Notification:
        """See `Store.cancel`."""
        return await self._writer.submit(self._interventions.cancel, notification_id, alone=True)

    async def retry(
        self, notification_id: str, channels: Sequence[ChannelType], refusals: Mapping[ChannelType, TocsinError]
    ) -> Notification:
        """See `Store.retry`."""
        revival = Revival(notification_id, channels, refusals)
        return await self._writer.submit(self._interventions.retry, revival, alone=True)

    async def close(self) -> None:
        """See `Store.close`."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.close()
        self._readers.shutdown()


def _holdings(held: Sequence[ClaimedChannel]) -> list[Holding]:
    return [Holding(row.id, row.token) for row in held]
