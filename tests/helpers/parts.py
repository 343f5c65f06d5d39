"""The parts of a store on one open transaction, to look at single operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from helpers.drafts import EMAIL
from helpers.store import RecordingListener
from tocsin_server.domain.errors import TocsinError
from tocsin_server.domain.model import ClaimedChannel, Micros, NotificationFilter, Page
from tocsin_server.storage.catalogue import Catalogue
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.operations.claiming import Claim
from tocsin_server.storage.writer import Transaction


class Parts(Catalogue):
    """All that a store does, to be run with a cursor."""

    def __init__(self, on: Dialect, cursor: Any, now: Micros) -> None:
        super().__init__(on, attempt_limit=1, lease=1)
        self.on = on
        self.transaction = Transaction(cursor, now, RecordingListener())

    def claimed(self, limit: int = 1) -> Sequence[ClaimedChannel]:
        """Lease rows."""
        [rows] = self.claiming.claim(self.transaction, [Claim(EMAIL, limit, 1)])
        assert not isinstance(rows, TocsinError)
        assert rows
        return rows

    def entered(self, limit: int) -> Sequence[object]:
        """Let due notifications enter their feeds."""
        cursor, now = self.transaction.cursor, self.transaction.now
        return self.entering.enter(self.transaction, self.due.due_entries(cursor, now, limit))

    def list(self, before: str | None = None, **conditions: Any) -> Page:
        """Read a page."""
        return self.listing.page(self.transaction.cursor, NotificationFilter(**conditions), before, 50)
