"""Making channel rows: of what is accepted, and of what is decided later.

A row that is due is made leased to this process where one of its lanes has a place, and handed over after the commit.
"""

from __future__ import annotations

from collections.abc import Sequence

from tocsin_server.domain.channel_row import first_due_at, waits_until
from tocsin_server.domain.model import (
    Channel,
    ChannelDraft,
    ChannelType,
    ClaimedChannel,
    Micros,
    Notification,
    Status,
)
from tocsin_server.storage.databases.batches import RowInsert
from tocsin_server.storage.databases.dialect import Dialect, Row
from tocsin_server.storage.databases.statements import compiled
from tocsin_server.storage.new_ids import new_id
from tocsin_server.storage.operations.words import PENDING_WORD, WORDS
from tocsin_server.storage.schema.tables import NotificationChannels
from tocsin_server.storage.writer import Transaction

_COLUMNS = (
    "id", "notification_id", "channel", "status", "attempts", "created_at", "address", "attempt_limit", "due_at",
    "claim_token",
)  # fmt: skip


class Channels:
    """Makes the rows of one transaction after another.

    Args:
        on: The dialect of the database.
        attempt_limit: Attempts that a row gets.
        lease: Microseconds for which rows handed over at once are leased.
    """

    def __init__(self, on: Dialect, *, attempt_limit: int, lease: Micros) -> None:
        self._on = on
        self._attempt_limit = attempt_limit
        self._lease = lease

    insertion = compiled(lambda on: RowInsert(on, NotificationChannels, _COLUMNS))

    def begin(self, transaction: Transaction) -> ChannelRows:
        """Return what gathers the rows of a transaction."""
        return ChannelRows(transaction, self.insertion, self._attempt_limit, transaction.now + self._lease)


class ChannelRows:
    """The channel rows of one transaction.

    Args:
        transaction: Is told of what is to be sent at once, and gives places in lanes.
        insertion: Writes the rows.
        attempt_limit: Of each row.
        lease_until: When the leases of rows end that are handed over at once.
    """

    def __init__(self, transaction: Transaction, insertion: RowInsert, attempt_limit: int, lease_until: Micros) -> None:
        self._transaction = transaction
        self._insertion = insertion
        self._attempt_limit = attempt_limit
        self._lease_until = lease_until
        self._token = new_id()
        self._rows: list[Row] = []

    def add(
        self,
        notification: Notification,
        chosen: Sequence[ChannelDraft],
        created_at: Micros,
        *,
        unless_read: bool = False,
    ) -> list[Channel]:
        """Add channels of a notification, whose ``sequence`` tells whether it is in its feed by now.

        ``unless_read`` says that they are not to be sent once it is read.
        """
        rows, attempt_limit, notification_id = self._rows, self._attempt_limit, notification.id
        now = self._transaction.now
        first = first_due_at(notification.send_at, created_at, now)
        channels: list[Channel] = []
        for kind, address, _, not_before in chosen:
            row_id = new_id()
            token: str | None = None
            # The two differ as `channel_row.next_attempt_at` says, which is not asked here for what it would cost.
            due_at: Micros | None
            attempt_at: Micros | None
            due_at = attempt_at = begin = first if not_before is None or not_before < first else not_before
            if kind == ChannelType.WEBSOCKET:
                if notification.sequence is not None:
                    due_at, attempt_at = waits_until(notification.expires_at), None
            elif begin <= now and self._transaction.reserve(kind):
                token, due_at, attempt_at = self._token, self._lease_until, None
                self._transaction.claims.append(
                    self._claimed(notification, kind, row_id, address, created_at, unless_read=unless_read)
                )
            rows.append(
                (
                    row_id, notification_id, WORDS[kind], PENDING_WORD, 0, created_at, address, attempt_limit, due_at,
                    token,
                )
            )  # fmt: skip
            channels.append(
                Channel(row_id, notification_id, kind, Status.PENDING, 0, None, created_at, address, attempt_at)
            )
        return channels

    def insert(self) -> None:
        """Write what was added."""
        self._insertion.run(self._transaction.cursor, self._rows)

    def _claimed(
        self,
        notification: Notification,
        kind: ChannelType,
        row_id: str,
        address: str | None,
        created_at: Micros,
        *,
        unless_read: bool,
    ) -> ClaimedChannel:
        return ClaimedChannel(
            row_id, notification.id, kind, address or "", notification.title, notification.message,
            notification.metadata, 0, self._attempt_limit, None, created_at, notification.expires_at,
            self._token, self._lease_until, False, False, notification.send_at, unless_read, notification.category,
            notification.recipient, notification.traceparent,
        )  # fmt: skip
