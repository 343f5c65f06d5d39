"""The queue side of ``notification_channels``: claiming what is due, renewing, releasing and recording results.

Every claim carries a token of its own and every later write names it, so that a worker whose lease has run out
cannot overwrite what its successor did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import peewee
from peewee import SQL

from tocsin_server.errors import TocsinError
from tocsin_server.model import ChannelResult, ChannelType, ClaimedChannel, Micros, Status
from tocsin_server.responses import CANCELLED, given_up
from tocsin_server.storage.accepting import new_id
from tocsin_server.storage.batches import RowLookup, RowUpdate
from tocsin_server.storage.rows import dump_json, load_json
from tocsin_server.storage.statements import Statement, among, locking, parameter, time_parameter
from tocsin_server.storage.tables import NotificationChannels, Notifications
from tocsin_server.storage.writer import Transaction

PENDING = NotificationChannels.status == SQL("'pending'")
"""Literal, since SQLite uses a partial index only for the very condition that it was made with."""


class Claim(NamedTuple):
    """Ask for up to ``limit`` due rows of one channel, leased for ``lease`` microseconds."""

    channel: ChannelType
    limit: int
    lease: Micros


class Holding(NamedTuple):
    """A row held under a token."""

    channel_id: str
    token: str


class Renewal(NamedTuple):
    """Ask for ``lease`` microseconds more, from now, on rows that are held."""

    holdings: Sequence[Holding]
    lease: Micros


class Queue:
    """Statements over the queue of one database; its methods are handlers of the writer."""

    def __init__(self, database: peewee.Database) -> None:
        rows, parents = NotificationChannels, Notifications
        # A claim per channel with the channel as a literal keeps the partial index in use; hence one statement each.
        self._due = {
            channel: Statement(
                database,
                locking(
                    database,
                    rows.select(
                        rows.id, rows.notification_id, rows.address, parents.title, parents.message, parents.metadata,
                        rows.attempts, rows.attempt_limit, rows.response, rows.created_at, parents.expires_at,
                        rows.claim_token,
                        parents.cancelled_at,
                    )
                    .join(parents)
                    .where(
                        PENDING,
                        rows.channel == SQL(f"'{channel.value}'"),
                        rows.due_at <= time_parameter("now"),
                    )
                    .order_by(rows.due_at)
                    .limit(parameter("limit")),
                    rows,
                    skip_locked=True,
                ),
            )
            for channel in ChannelType
        }  # fmt: skip
        self._next_due = {
            channel: Statement(
                database,
                rows.select(peewee.fn.MIN(rows.due_at)).where(
                    PENDING, rows.channel == SQL(f"'{channel.value}'"), rows.due_at.is_null(is_null=False)
                ),
            )
            for channel in ChannelType
        }
        taken_over = peewee.Case(None, [(rows.claim_token.is_null(), SQL("0"))], SQL("1"))
        self._lease = Statement(
            database,
            rows.update(
                claim_token=parameter("token"),
                due_at=time_parameter("lease_until"),
                attempts=rows.attempts + taken_over,
            ).where(among(database, rows.id, "ids")),
        )
        self._renew = Statement(
            database,
            rows.update(due_at=time_parameter("lease_until"))
            .where(among(database, rows.id, "ids"), among(database, rows.claim_token, "tokens"))
            .returning(rows.id, rows.claim_token),
        )
        self._release = RowUpdate(
            database,
            rows,
            ("id", "claim_token", "due_at"),
            expressions={"claim_token": "NULL"},
            condition="notification_channels.claim_token = given.claim_token",
        )
        self._parents = RowLookup(
            database, parents, ("id",), ("id", "cancelled_at"), locked=("notifications.id", "notifications")
        )
        self._held = RowLookup(
            database,
            rows,
            ("id",),
            ("id", "claim_token"),
            locked=("notification_channels.id", "notification_channels"),
        )
        self._settle = RowUpdate(
            database,
            rows,
            ("id", "status", "attempts", "response", "due_at", "address"),
            expressions={"address": "COALESCE(given.address, notification_channels.address)", "claim_token": "NULL"},
        )
        self._free_all = Statement(
            database,
            rows.update(due_at=time_parameter("now")).where(PENDING, rows.claim_token.is_null(is_null=False)),
        )
        self._mark_sent = Statement(
            database,
            parents.update(status=SQL("'sent'")).where(
                among(database, parents.id, "ids"), parents.status != SQL("'sent'")
            ),
        )
        # Nothing sent and nothing pending: failed. A sent one stays so.
        unfinished = rows.select(SQL("1")).where(rows.notification_id == parents.id, rows.status != SQL("'failed'"))
        self._mark_failed = Statement(
            database,
            parents.update(status=SQL("'failed'")).where(
                among(database, parents.id, "ids"),
                parents.status == SQL("'pending'"),
                ~peewee.fn.EXISTS(unfinished),
            ),
        )

    def next_due(self, cursor: Any, channel: ChannelType) -> Micros | None:
        """Return when the next pending row of a channel is due (possibly in the past), None if there is none."""
        at: Micros | None = self._next_due[channel].run(cursor).fetchone()[0]
        return at

    def free_all(self, transaction: Transaction, calls: Sequence[None]) -> list[int | TocsinError]:
        """Make every leased row due at once; right only when no other process can hold leases.

        The token stays: the row's next claim then counts the attempt that its holder may have made.
        """
        return [self._free_all.run(transaction.cursor, now=transaction.now).rowcount for _ in calls]

    def claim(self, transaction: Transaction, claims: Sequence[Claim]) -> list[list[ClaimedChannel] | TocsinError]:
        """Lease due rows. A row whose lease ran out counts as one more attempt, of unknown outcome."""
        return [self._claim(transaction, claim) for claim in claims]

    def _claim(self, transaction: Transaction, claim: Claim) -> list[ClaimedChannel]:
        now, token = transaction.now, new_id()
        lease_until = now + claim.lease
        due = self._due[claim.channel].run(transaction.cursor, now=now, limit=claim.limit).fetchall()
        claimed = []
        for row in due:
            taken_over = row[11] is not None
            attempts = row[6] + taken_over
            claimed.append(
                ClaimedChannel(
                    id=row[0],
                    notification_id=row[1],
                    channel=claim.channel,
                    address=row[2] or "",
                    title=row[3],
                    message=row[4],
                    metadata=load_json(row[5]),
                    attempts=attempts,
                    attempt_limit=row[7],
                    response=load_json(row[8]),
                    created_at=row[9],
                    expires_at=row[10],
                    token=token,
                    lease_until=lease_until,
                    taken_over=taken_over,
                    cancelled=row[12] is not None,
                )
            )
        if claimed:
            self._lease.run(transaction.cursor, token=token, lease_until=lease_until, ids=[row.id for row in claimed])
        return claimed

    def renew(self, transaction: Transaction, renewals: Sequence[Renewal]) -> list[set[str] | TocsinError]:
        """Extend leases; each result is the ids of the rows that are still held."""
        held = {holding.channel_id for renewal in renewals for holding in renewal.holdings}
        # Locks them in order, as an update would not.
        self._held.run(transaction.cursor, [(row_id,) for row_id in held])
        kept: list[set[str] | TocsinError] = []
        for renewal in renewals:
            renewed = self._renew.run(
                transaction.cursor,
                ids=[holding.channel_id for holding in renewal.holdings],
                tokens=sorted({holding.token for holding in renewal.holdings}),
                lease_until=transaction.now + renewal.lease,
            ).fetchall()
            kept.append({channel_id for channel_id, token in renewed if (channel_id, token) in set(renewal.holdings)})
        return kept

    def release(self, transaction: Transaction, releases: Sequence[Sequence[Holding]]) -> list[TocsinError | None]:
        """Give rows back unsent: due at once, and the attempt not counted."""
        holdings = sorted(holding for released in releases for holding in released)
        self._release.run(
            transaction.cursor, [(holding.channel_id, holding.token, transaction.now) for holding in holdings]
        )
        return [None] * len(releases)

    def record(
        self, transaction: Transaction, batches: Sequence[Sequence[ChannelResult]]
    ) -> list[list[bool] | TocsinError]:
        """Write results; false for one whose lease was lost, which is then not written.

        The status of each notification is recomputed by a later statement, under the notification's lock: two workers
        that end two channels of it would otherwise each miss the other's row.
        """
        cursor = transaction.cursor
        results = [result for batch in batches for result in batch]
        cancelled = {
            notification_id
            for notification_id, cancelled_at in self._parents.run(
                cursor, [(notification_id,) for notification_id in {result.notification_id for result in results}]
            )
            if cancelled_at is not None
        }
        tokens: dict[str, str | None] = dict(
            self._held.run(cursor, [(row_id,) for row_id in {result.channel_id for result in results}])
        )
        kept: list[ChannelResult] = []

        def write(result: ChannelResult) -> bool:
            if tokens.get(result.channel_id) != result.token:
                return False
            del tokens[result.channel_id]  # a repetition within the round finds the lease given up
            if result.status == Status.PENDING and result.notification_id in cancelled:
                result = _ended(result, transaction.now)
            kept.append(result)
            return True

        written: list[list[bool] | TocsinError] = [[write(result) for result in batch] for batch in batches]
        self._settle.run(
            cursor,
            [
                (row.channel_id, row.status, row.attempts, dump_json(row.response), row.due_at, row.address)
                for row in kept
            ],
        )
        for status in (Status.SENT, Status.FAILED):
            self.update_notifications(cursor, [row.notification_id for row in kept if row.status == status], status)
        return written

    def update_notifications(self, cursor: Any, ids: Sequence[str], settled: Status) -> None:
        """Recompute the status of notifications of each of which a channel became ``settled`` (sent or failed)."""
        if ids:
            (self._mark_sent if settled == Status.SENT else self._mark_failed).run(cursor, ids=ids)


def _ended(result: ChannelResult, now: Micros) -> ChannelResult:
    """Return instead of a retry the end of a row that was cancelled while it was being sent."""
    response = given_up(result.response, reason=CANCELLED, at=now)
    return result._replace(status=Status.FAILED, response=response, due_at=None)
