"""Letting notifications enter their feeds when their websocket rows are due, and ending those whose time is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from peewee import SQL

from tocsin_server.domain.attempt_log import EXPIRED, REFUSED, SUPERSEDED, given_up
from tocsin_server.domain.channel_row import is_due, is_expired, waits_until
from tocsin_server.domain.fallback import ends_by_reading, superseded_due_at
from tocsin_server.domain.model import Entered, Micros, Notification, Recipient, RecipientType, Status
from tocsin_server.storage.databases.batches import RowUpdate
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.json_text import dump_json
from tocsin_server.storage.operations.heads import FeedHeads, FeedRange
from tocsin_server.storage.operations.statuses import Statuses
from tocsin_server.storage.operations.steps import Steps
from tocsin_server.storage.queries.due import DueRow
from tocsin_server.storage.queries.rows import NotificationReader, columns_of
from tocsin_server.storage.schema.tables import NotificationChannels, Notifications
from tocsin_server.storage.writer import Transaction


class EnteringRow(NamedTuple):
    """A websocket row and what of its notification its entry depends on."""

    id: str
    notification_id: str
    status: str
    due_at: Micros | None
    recipient_type: str
    recipient_id: str
    is_read: bool
    expires_at: Micros | None
    entered_sequence: int | None
    goal: str | None

    @property
    def recipient(self) -> Recipient:
        """Whose feed it enters."""
        return Recipient(RecipientType(self.recipient_type), self.recipient_id)


class Entering:
    """Its methods that take a `Transaction` are handlers of the writer."""

    def __init__(
        self, on: Dialect, reader: NotificationReader, heads: FeedHeads, statuses: Statuses, steps: Steps
    ) -> None:
        self._on = on
        self._reader = reader
        self._heads = heads
        self._statuses = statuses
        self._steps = steps

    _locked = compiled(
        lambda on: Statement(
            on,
            on.locking(
                NotificationChannels.select(*columns_of(EnteringRow, NotificationChannels, Notifications))
                .join(Notifications)
                .where(on.among(NotificationChannels.id, "ids")),
                Notifications,
                NotificationChannels,
                order_by=[Notifications.id],
            ),
        )
    )

    def enter(self, transaction: Transaction, candidates: Sequence[DueRow]) -> list[bool]:
        """Handle websocket rows that were due: let them enter their feeds, or fail those that expired.

        Each result is whether it still was.
        """
        cursor, now = transaction.cursor, transaction.now
        if not self._on.try_entry_lock(cursor):
            return [False] * len(candidates)  # another process, which found the same rows, is at it
        # Their feeds are locked before they are: somebody may be marking one as read at this moment.
        self._heads.lock_or_create(cursor, {row.recipient for row in candidates if not is_expired(row.expires_at, now)})
        due = [row for row in self._lock(cursor, candidates) if is_due(Status(row.status), row.due_at, now)]
        due.sort(key=lambda row: (row.due_at, row.notification_id))
        expired = [row for row in due if is_expired(row.expires_at, now)]
        left = [row for row in due if not is_expired(row.expires_at, now)]
        self._steps.drop(cursor, [row.notification_id for row in expired if row.goal is not None])
        self._fail(cursor, expired, reason=EXPIRED, at=now)
        # What is in its feed already and is due all the same had a moment left to be recorded as sent.
        self._fail(cursor, [row for row in left if row.entered_sequence is not None], reason=SUPERSEDED, at=now)
        self.enter_rows(transaction, [row for row in left if row.entered_sequence is None])
        handled = {row.id for row in due}
        return [row.channel_id in handled for row in candidates]

    def give_up(self, transaction: Transaction, candidates: Sequence[DueRow]) -> list[bool]:
        """Fail websocket rows that the database does not let enter their feeds."""
        rows = self._lock(transaction.cursor, candidates)
        self._steps.hasten(transaction, {row.notification_id: row.id for row in rows if row.goal is not None})
        self._fail(transaction.cursor, rows, reason=REFUSED, at=transaction.now)
        return [True] * len(candidates)

    def _lock(self, cursor: Any, candidates: Sequence[DueRow]) -> list[EnteringRow]:
        found = self._locked.run(cursor, ids=[row.channel_id for row in candidates]).fetchall()
        return list(map(EnteringRow._make, found))

    _fail_rows = compiled(
        lambda on: Statement(
            on,
            NotificationChannels.update(status=SQL("'failed'"), response=parameter("response"), due_at=None).where(
                on.among(NotificationChannels.id, "ids")
            ),
        )
    )

    def _fail(self, cursor: Any, rows: Sequence[EnteringRow], *, reason: str, at: Micros) -> None:
        """End rows that were never tried."""
        if rows:
            response = dump_json(given_up(None, reason=reason, at=at))
            self._fail_rows.run(cursor, ids=[row.id for row in rows], response=response)
            self._statuses.settled(cursor, [row.notification_id for row in rows], Status.FAILED)

    _enter = compiled(lambda on: RowUpdate(on, Notifications, ("id", "entered_sequence", "sequence")))
    _wait = compiled(lambda on: RowUpdate(on, NotificationChannels, ("id", "due_at")))

    def enter_rows(self, transaction: Transaction, entering: Sequence[EnteringRow]) -> None:
        """Give notifications whose websocket rows are due the next places in their feeds, and tell of it.

        Their feeds are locked before, or are so by this, which then must be the first lock of its transaction.
        """
        cursor = transaction.cursor
        left = Counter(row.recipient for row in entering)
        # One that was read before it entered never counts as unread.
        unread_left = Counter(row.recipient for row in entering if not row.is_read)
        ranges = self._heads.take(cursor, left, unread_left)
        places: list[tuple[EnteringRow, FeedRange]] = []
        for row in entering:
            taken = ranges[row.recipient]
            left[row.recipient] -= 1
            unread_left[row.recipient] -= not row.is_read
            unread = taken.unread_count - unread_left[row.recipient]
            places.append((row, FeedRange(taken.epoch, taken.last - left[row.recipient], unread)))
        self._enter.run(cursor, [(row.notification_id, place.last, place.last) for row, place in places])
        self._wait.run(cursor, [(row.id, _waits_until(row, transaction.now)) for row in entering])
        entered = self._reader.get_several(cursor, [row.notification_id for row in entering])
        transaction.events += [
            Entered(
                row.recipient, place.epoch, place.last, place.last, place.unread_count, entered[row.notification_id]
            )
            for row, place in places
        ]

    _move = compiled(lambda on: RowUpdate(on, Notifications, ("id", "sequence")))

    def enter_again(self, cursor: Any, notification: Notification) -> FeedRange:
        """Give a revived notification the next place in its feed, so that it is delivered anew; returns that place.

        One that had not entered yet does so, unread if it is; one that had keeps its place in lists.
        """
        recipient, entered = notification.recipient, notification.sequence is not None
        unread = {recipient: int(not entered and not notification.is_read)}
        taken = self._heads.take(cursor, {recipient: 1}, unread)[recipient]
        if entered:
            self._move.run(cursor, [(notification.id, taken.last)])
        else:
            self._enter.run(cursor, [(notification.id, taken.last, taken.last)])
        return taken


def _waits_until(row: EnteringRow, now: Micros) -> Micros | None:
    """Return when a row that enters its feed has waited: soon, if it is to be read and is."""
    until = waits_until(row.expires_at)
    return superseded_due_at(until, now) if ends_by_reading(row.goal, is_read=row.is_read) else until
