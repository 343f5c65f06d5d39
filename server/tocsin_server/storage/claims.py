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
from tocsin_server.storage.rows import dump_json, load_json
from tocsin_server.storage.statements import Statement, parameter
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
                    rows.due_at <= parameter("now"),
                )
                .order_by(rows.due_at)
                .limit(parameter("limit")),
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
        self._lease_row = Statement(
            database,
            rows.update(
                claim_token=parameter("token"),
                due_at=parameter("lease_until"),
                attempts=parameter("attempts"),
            ).where(rows.id == parameter("id")),
        )
        held = (rows.id == parameter("id"), rows.claim_token == parameter("token"))
        self._renew = Statement(database, rows.update(due_at=parameter("lease_until")).where(*held))
        self._release = Statement(database, rows.update(due_at=parameter("now"), claim_token=None).where(*held))
        self._settle = Statement(
            database,
            rows.update(
                status=parameter("status"),
                attempts=parameter("attempts"),
                response=parameter("response"),
                due_at=parameter("due_at"),
                claim_token=None,
                address=peewee.fn.COALESCE(parameter("address"), rows.address),
            ).where(*held),
        )
        self._free_all = Statement(
            database,
            rows.update(due_at=parameter("now")).where(PENDING, rows.claim_token.is_null(is_null=False)),
        )
        self._mark_sent = Statement(
            database,
            parents.update(status=SQL("'sent'")).where(parents.id == parameter("id"), parents.status != SQL("'sent'")),
        )
        self._cancelled = Statement(database, parents.select(parents.cancelled_at).where(parents.id == parameter("id")))
        # Nothing sent and nothing pending: failed. A sent one stays so.
        unfinished = rows.select(SQL("1")).where(
            rows.notification_id == parameter("id"), rows.status != SQL("'failed'")
        )
        self._mark_failed = Statement(
            database,
            parents.update(status=SQL("'failed'")).where(
                parents.id == parameter("id"),
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
        transaction.cursor.executemany(
            self._lease_row.sql,
            [
                self._lease_row.bind(token=token, lease_until=lease_until, attempts=row.attempts, id=row.id)
                for row in claimed
            ],
        )
        return claimed

    def renew(self, transaction: Transaction, renewals: Sequence[Renewal]) -> list[set[str] | TocsinError]:
        """Extend leases; each result is the ids of the rows that are still held."""
        kept: list[set[str] | TocsinError] = []
        for renewal in renewals:
            lease_until = transaction.now + renewal.lease
            kept.append(
                {
                    holding.channel_id
                    for holding in sorted(renewal.holdings)
                    if self._renew.run(
                        transaction.cursor,
                        id=holding.channel_id,
                        token=holding.token,
                        lease_until=lease_until,
                    ).rowcount
                }
            )
        return kept

    def release(self, transaction: Transaction, releases: Sequence[Sequence[Holding]]) -> list[TocsinError | None]:
        """Give rows back unsent: due at once, and the attempt not counted."""
        for holdings in releases:
            for holding in sorted(holdings):
                self._release.run(transaction.cursor, id=holding.channel_id, token=holding.token, now=transaction.now)
        return [None] * len(releases)

    def record(self, transaction: Transaction, results: Sequence[ChannelResult]) -> list[bool | TocsinError]:
        """Write results; false for one whose lease was lost, which is then not written.

        The status of each notification is recomputed by a later statement of the same transaction.
        """
        written = [False] * len(results)
        statuses = [result.status for result in results]
        places = sorted(range(len(results)), key=lambda place: results[place].channel_id)
        for place in places:
            result = self._unless_cancelled(transaction, results[place])
            statuses[place] = result.status
            written[place] = bool(
                self._settle.run(
                    transaction.cursor,
                    id=result.channel_id,
                    token=result.token,
                    status=result.status,
                    attempts=result.attempts,
                    response=dump_json(result.response),
                    due_at=result.due_at,
                    address=result.address,
                ).rowcount
            )
        for place in places:
            if written[place]:
                self.update_notification(transaction.cursor, results[place].notification_id, statuses[place])
        return list(written)

    def _unless_cancelled(self, transaction: Transaction, result: ChannelResult) -> ChannelResult:
        """Return the result, or instead of a retry the end of a row that was cancelled while it was being sent."""
        if result.status != Status.PENDING:
            return result
        cancelled = self._cancelled.run(transaction.cursor, id=result.notification_id).fetchone()
        if cancelled is None or cancelled[0] is None:
            return result
        response = given_up(result.response, reason=CANCELLED, at=transaction.now)
        return result._replace(status=Status.FAILED, response=response, due_at=None)

    def update_notification(self, cursor: Any, notification_id: str, settled: Status) -> None:
        """Recompute a notification's status after one of its channels became ``settled``."""
        if settled == Status.SENT:
            self._mark_sent.run(cursor, id=notification_id)
        elif settled == Status.FAILED:
            self._mark_failed.run(cursor, id=notification_id)
