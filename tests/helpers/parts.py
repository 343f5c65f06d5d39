"""The parts of a store on one open transaction, to look at single operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import peewee

from helpers.drafts import EMAIL
from helpers.store import RecordingListener
from tocsin_server.errors import TocsinError
from tocsin_server.model import ClaimedChannel, Micros, NotificationFilter, Page
from tocsin_server.storage.accepting import Accepting
from tocsin_server.storage.claims import Claim, Queue
from tocsin_server.storage.feeds import Feeds
from tocsin_server.storage.interventions import Interventions
from tocsin_server.storage.listing import Listing
from tocsin_server.storage.rows import NotificationReader
from tocsin_server.storage.writer import Transaction


class Parts(NamedTuple):
    """The statements of a store, on one transaction."""

    transaction: Transaction
    queue: Queue
    feeds: Feeds
    listing: Listing
    accepting: Accepting
    interventions: Interventions
    reader: NotificationReader

    def claimed(self, limit: int = 1) -> Sequence[ClaimedChannel]:
        """Lease rows."""
        [rows] = self.queue.claim(self.transaction, [Claim(EMAIL, limit, 1)])
        assert not isinstance(rows, TocsinError)
        assert rows
        return rows

    def list(self, before: str | None = None, **conditions: Any) -> Page:
        """Read a page."""
        return self.listing.page(self.transaction.cursor, NotificationFilter(**conditions), before, 50)


def parts_on(database: peewee.Database, cursor: Any, now: Micros) -> Parts:
    """Compile a store's statements for a database, to be run with a cursor."""
    reader, queue = NotificationReader(database), Queue(database)
    feeds = Feeds(database, reader, queue)
    return Parts(
        Transaction(cursor, now, RecordingListener()),
        queue,
        feeds,
        Listing(database, reader),
        Accepting(database, reader, attempt_limit=1, lease=1),
        Interventions(database, reader, queue, feeds, attempt_limit=1),
        reader,
    )
