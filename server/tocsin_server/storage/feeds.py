"""The feed side of the store: entering, reading state, settling what subscribers received, and replay.

A recipient's feed is not a table of its own: it is the recipient's notifications that carry a ``sequence``. Whatever
changes a feed takes the next sequences from its row in ``recipient_feeds`` in the same transaction, and that row's
lock makes the order of sequences the order of commits.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import peewee
from peewee import SQL

from tocsin_server.errors import (
    InvalidArgument,
    MalformedCursor,
    NotificationNotFound,
    TocsinError,
    Violation,
)
from tocsin_server.model import (
    NO_FEED,
    FeedEvent,
    FeedPosition,
    FeedState,
    Marked,
    Micros,
    Notification,
    Recipient,
    RecipientType,
    Status,
)
from tocsin_server.responses import EXPIRED, given_up
from tocsin_server.storage.accepting import FeedSequencer
from tocsin_server.storage.batches import RowLookup, RowUpdate
from tocsin_server.storage.claims import PENDING, Queue
from tocsin_server.storage.rows import (
    NOTIFICATION_COLUMNS,
    NotificationReader,
    dump_json,
    notification_from_row,
)
from tocsin_server.storage.statements import (
    Statement,
    among,
    is_postgresql,
    locking,
    merged,
    parameter,
    time_parameter,
)
from tocsin_server.storage.tables import NotificationChannels, Notifications, RecipientFeeds
from tocsin_server.storage.writer import Transaction

UNREAD, READ = SQL("NOT is_read"), SQL("is_read")
"""Literals, see `claims.PENDING`."""

CHANGED = SQL("(is_read OR sequence <> entered_sequence)")
"""What has changed since it entered its feed, in the words of the index."""

ENTRY_LOCK = 0x656E747279
"""Key of the advisory lock under which due rows enter their feeds ("entry" in ASCII)."""

MARK_CHUNK = 500
"""Notifications marked as read in one transaction, and ids in one event: 100,000 at once would hold the writer."""


class MarkIds(NamedTuple):
    """Mark notifications of one recipient as read, of ``owner`` if that is given."""

    ids: Sequence[str]
    owner: Recipient | None


class MarkFeed(NamedTuple):
    """Mark a recipient's feed as read, up to and including ``up_to`` (None: all), one chunk."""

    recipient: Recipient
    up_to: FeedPosition | None


class MarkedChunk(NamedTuple):
    """``head`` is the position up to which the call marks; ``more`` says whether a further chunk is needed."""

    marked_count: int
    unread_count: int
    head: FeedPosition
    more: bool


class Settlement(NamedTuple):
    """Everything of these feeds up to a position was written to a live stream."""

    positions: Mapping[Recipient, FeedPosition]
    response: dict[str, Any]


_NO_STATE = FeedState(*NO_FEED, purged=0, unread_count=0)
"""That of a feed that nothing entered."""


def _of(recipient_type: Any, recipient_id: Any) -> tuple[Any, Any]:
    return Notifications.recipient_type == recipient_type, Notifications.recipient_id == recipient_id


class Feeds:
    """Statements over the feeds of one database; methods that take a `Transaction` are handlers of the writer."""

    def __init__(self, database: peewee.Database, reader: NotificationReader, queue: Queue) -> None:
        self._reader = reader
        self._queue = queue
        self._sequencer = FeedSequencer(database)
        notifications, rows, feeds = Notifications, NotificationChannels, RecipientFeeds
        mine = _of(parameter("recipient_type"), parameter("recipient_id"))
        my_feed = (
            feeds.recipient_type == parameter("recipient_type"),
            feeds.recipient_id == parameter("recipient_id"),
        )
        columns = (
            feeds.epoch,
            feeds.last_sequence,
            feeds.purged_sequence,
            feeds.unread_count,
            feeds.delivered_sequence,
        )
        state = feeds.select(*columns).where(*my_feed)
        self._state = Statement(database, state)
        kinds = [feeds.recipient_type == SQL(f"'{kind.value}'") for kind in RecipientType]
        self._locked = Statement(
            database,
            locking(
                database,
                feeds.select(feeds.recipient_type, feeds.recipient_id, *columns).where(
                    functools.reduce(operator.or_, kinds), among(database, feeds.recipient_id, "ids")
                ),
                feeds,
                # Words sort by the alphabet in `FeedSequencer`, but in the order of their declaration as an enum.
                order_by=[feeds.recipient_type.cast("TEXT"), feeds.recipient_id],
            ),
        )
        # The latest changes of a feed, in two parts: the entries of what is as it was then, and the changes since.
        as_entered = (
            *mine,
            UNREAD,
            notifications.sequence == notifications.entered_sequence,
            notifications.entered_sequence > parameter("after"),
            notifications.entered_sequence <= parameter("up_to"),
        )
        changed = (
            *mine,
            CHANGED,
            notifications.sequence > parameter("after"),
            notifications.sequence <= parameter("up_to"),
        )
        waiting = (PENDING, rows.channel == SQL("'websocket'"))
        as_entered_rows = notifications.select(notifications.entered_sequence, *NOTIFICATION_COLUMNS)
        changed_rows = notifications.select(notifications.sequence, *NOTIFICATION_COLUMNS)
        self._after = Statement(
            database,
            merged(database, as_entered_rows.where(*as_entered), changed_rows.where(*changed), parameter("limit")),
        )
        self._waiting = Statement(
            database,
            merged(
                database,
                as_entered_rows.join(rows).where(*as_entered, *waiting),
                changed_rows.join(rows).where(*changed, *waiting),
                parameter("limit"),
            ),
        )
        self._waiting_rows = RowLookup(
            database,
            feeds,
            ("recipient_type", "recipient_id", "after=last_sequence", "up_to=last_sequence"),
            ("c.id", "n.id"),
            # SQLite takes tables in the order of CROSS JOINs; by itself it would begin with all that waits anywhere.
            source=(
                "CROSS JOIN notifications AS n CROSS JOIN notification_channels AS c"
                " WHERE ("
                "n.recipient_type = given.recipient_type AND n.recipient_id = given.recipient_id"
                " AND NOT n.is_read AND n.sequence = n.entered_sequence"
                " AND n.entered_sequence > given.after AND n.entered_sequence <= given.up_to"
                " OR n.recipient_type = given.recipient_type AND n.recipient_id = given.recipient_id"
                " AND (n.is_read OR n.sequence <> n.entered_sequence)"
                " AND n.sequence > given.after AND n.sequence <= given.up_to"
                ") AND c.notification_id = n.id AND c.status = 'pending' AND c.channel = 'websocket'"
            ),
            locked=("n.id", "n, c"),
        )
        self._deliver = Statement(
            database,
            rows.update(
                status=SQL("'sent'"), attempts=rows.attempts + 1, response=parameter("response"), due_at=None
            ).where(among(database, rows.id, "ids")),
        )
        self._advance_delivered = RowUpdate(
            database,
            feeds,
            ("recipient_type", "recipient_id", "delivered_sequence"),
            key=("recipient_type", "recipient_id"),
        )
        due = (PENDING, rows.channel == SQL("'websocket'"), rows.due_at <= time_parameter("now"))
        self._due_candidates = Statement(
            database,
            notifications.select(
                rows.id, notifications.recipient_type, notifications.recipient_id, notifications.expires_at
            )
            .join(rows)
            .where(*due)
            .order_by(rows.due_at)
            .limit(parameter("limit")),
        )
        # Where one transaction writes at a time they still are; asked for it, SQLite goes through everything due.
        still_due = due if is_postgresql(database) else ()
        self._due = Statement(
            database,
            locking(
                database,
                notifications.select(rows.id, rows.due_at, *NOTIFICATION_COLUMNS)
                .join(rows)
                .where(*still_due, among(database, rows.id, "ids")),
                notifications,
                rows,
                order_by=[notifications.id],
            ),
        )
        self._enter = RowUpdate(database, notifications, ("id", "entered_sequence", "sequence"))
        self._move = RowUpdate(database, notifications, ("id", "sequence"))
        self._wait = RowUpdate(database, rows, ("id", "due_at"))
        self._expire = Statement(
            database,
            rows.update(status=SQL("'failed'"), response=parameter("response"), due_at=None).where(
                rows.id == parameter("id")
            ),
        )
        self._unread = Statement(
            database,
            notifications.select(notifications.id)
            .where(
                *mine,
                UNREAD,
                notifications.entered_sequence.is_null(is_null=False),
                notifications.entered_sequence <= parameter("up_to"),
            )
            .order_by(notifications.entered_sequence)
            .limit(MARK_CHUNK),
        )
        self._change = Statement(
            database,
            feeds.update(
                last_sequence=feeds.last_sequence + parameter("count"),
                unread_count=feeds.unread_count - parameter("count"),
            )
            .where(*my_feed)
            .returning(feeds.epoch, feeds.last_sequence, feeds.unread_count),
        )
        self._read_in_feed = RowUpdate(database, notifications, ("id", "is_read", "read_at", "sequence"))
        self._read_outside = RowUpdate(database, notifications, ("id", "is_read", "read_at"))
        states = notifications.select(
            notifications.id,
            notifications.recipient_type,
            notifications.recipient_id,
            notifications.is_read,
            notifications.entered_sequence,
        ).where(among(database, notifications.id, "ids"))
        self._states = Statement(database, states)
        self._locked_states = Statement(database, locking(database, states, notifications, order_by=[notifications.id]))
        self._shared = is_postgresql(database)
        """Whether other transactions work beside ours."""
        self._try_alone = Statement(database, peewee.Select(columns=[peewee.fn.pg_try_advisory_xact_lock(ENTRY_LOCK)]))

    # -- reading ---------------------------------------------------------------------------------

    def state(self, cursor: Any, recipient: Recipient) -> FeedState:
        """Read the head of a feed; that of a feed that does not exist yet is all zero."""
        row = self._state.run(cursor, recipient_type=recipient.type, recipient_id=recipient.id).fetchone()
        return _NO_STATE if row is None else FeedState(*row[:4])

    def after(
        self, cursor: Any, recipient: Recipient, position: FeedPosition, limit: int
    ) -> tuple[FeedState, list[Notification]]:
        """Read the head, and in order of change up to ``limit`` notifications that changed after ``position``.

        None are returned when the feed cannot tell everything after ``position`` (see `FeedState.covers`).
        """
        state = self.state(cursor, recipient)
        if not state.covers(position) or state.sequence == position.sequence:
            return state, []
        return state, self._rows(cursor, self._after, recipient, position.sequence, state.sequence, limit)

    def waiting(
        self, cursor: Any, recipient: Recipient, after: int, limit: int
    ) -> tuple[FeedState, list[Notification]]:
        """Read the head, and in order up to ``limit`` notifications after ``after`` that wait for a subscriber."""
        row = self._state.run(cursor, recipient_type=recipient.type, recipient_id=recipient.id).fetchone()
        if row is None:
            return _NO_STATE, []
        state, delivered = FeedState(*row[:4]), row[4]
        return state, self._rows(cursor, self._waiting, recipient, max(after, delivered), state.sequence, limit)

    def _rows(
        self, cursor: Any, statement: Statement, recipient: Recipient, after: int, up_to: int, limit: int
    ) -> list[Notification]:
        found = statement.run(
            cursor,
            recipient_type=recipient.type,
            recipient_id=recipient.id,
            after=after,
            up_to=up_to,
            limit=limit,
        ).fetchall()
        notifications = [notification_from_row(row[1:]) for row in found]
        self._reader.add_channels(cursor, notifications)
        return notifications

    # -- entering --------------------------------------------------------------------------------

    def enter_due(self, transaction: Transaction, limits: Sequence[int]) -> list[int | TocsinError]:
        """Handle websocket rows that are due: let them enter their feeds, or fail those that expired.

        Each result is the number of rows handled, at most the limit asked for.
        """
        return [self._enter_due(transaction, limit) for limit in limits]

    def _enter_due(self, transaction: Transaction, limit: int) -> int:
        cursor, now = transaction.cursor, transaction.now
        if self._shared and not self._try_alone.run(cursor).fetchone()[0]:
            return 0  # another process, which would find the same rows, is at it
        candidates = self._due_candidates.run(cursor, now=now, limit=limit).fetchall()
        # Their feeds are locked before they are: somebody may be marking one as read at this moment.
        feeds = {Recipient(RecipientType(row[1]), row[2]) for row in candidates if not _expired(row[3], now)}
        if self._shared:
            self.lock_or_create(cursor, feeds)
        due = self._due.run(cursor, now=now, ids=[row[0] for row in candidates]).fetchall()
        due.sort(key=lambda row: (row[1], row[2]))
        entering: list[tuple[str, Notification]] = []
        expired: list[str] = []
        for row_id, _, *columns in due:
            notification = notification_from_row(columns)
            if _expired(notification.expires_at, now):
                self._expire.run(cursor, id=row_id, response=dump_json(given_up(None, reason=EXPIRED, at=now)))
                expired.append(notification.id)
            else:
                entering.append((row_id, notification))
        self._queue.update_notifications(cursor, expired, Status.FAILED)
        counts: dict[Recipient, int] = {}
        unread: dict[Recipient, int] = {}  # one that was read before it entered never counts as unread
        for _, notification in entering:
            recipient = notification.recipient
            counts[recipient] = counts.get(recipient, 0) + 1
            unread[recipient] = unread.get(recipient, 0) + (not notification.is_read)
        ranges = self._sequencer.enter(cursor, counts, unread)
        entered: list[tuple[str, int, int]] = []
        waiting: list[tuple[str, Micros | None]] = []
        for row_id, notification in entering:
            recipient = notification.recipient
            taken = ranges[recipient]
            counts[recipient] -= 1
            unread[recipient] -= not notification.is_read
            sequence = taken.last - counts[recipient]
            notification.sequence = sequence
            entered.append((notification.id, sequence, sequence))
            waiting.append((row_id, notification.expires_at))
            transaction.events.append(
                FeedEvent(
                    recipient,
                    taken.epoch,
                    sequence,
                    sequence,
                    taken.unread_count - unread[recipient],
                    notification,
                )
            )
        self._enter.run(cursor, entered)
        self._wait.run(cursor, waiting)
        self._reader.add_channels(cursor, [notification for _, notification in entering])
        return len(due)

    def enter_again(self, cursor: Any, notification: Notification) -> FeedEvent:
        """Give a revived notification the next place in its feed, so that it is delivered anew.

        One that had not entered yet does so, unread if it is; one that had keeps its place in lists.
        """
        recipient, entered = notification.recipient, notification.sequence is not None
        unread = {recipient: int(not entered and not notification.is_read)}
        taken = self._sequencer.enter(cursor, {recipient: 1}, unread)[recipient]
        if entered:
            self._move.run(cursor, [(notification.id, taken.last)])
        else:
            self._enter.run(cursor, [(notification.id, taken.last, taken.last)])
        return FeedEvent(recipient, taken.epoch, taken.last, taken.last, taken.unread_count)

    # -- reading state ---------------------------------------------------------------------------

    def mark_ids(self, transaction: Transaction, calls: Sequence[MarkIds]) -> list[Marked | TocsinError]:
        """Mark notifications of one recipient as read, all of them or, on an error, none."""
        found = self._read_states(transaction.cursor, self._states, calls)
        if self._shared:  # what was read may change until it is locked, the feeds first
            self.lock(transaction.cursor, {Recipient(RecipientType(row[1]), row[2]) for row in found.values()})
            found = self._read_states(transaction.cursor, self._locked_states, calls)
        return [self._guarded(self._mark_ids, transaction, call, found) for call in calls]

    def mark_feed(self, transaction: Transaction, calls: Sequence[MarkFeed]) -> list[MarkedChunk | TocsinError]:
        """Mark a chunk of a feed as read."""
        locked = self.lock(transaction.cursor, {call.recipient for call in calls})
        return [self._guarded(self._mark_feed, transaction, call, call.recipient in locked) for call in calls]

    @staticmethod
    def _guarded(function: Any, *arguments: Any) -> Any:
        """Turn a refusal, which comes before anything is written, into the result of this call alone."""
        try:
            return function(*arguments)
        except TocsinError as refusal:
            return refusal

    @staticmethod
    def _read_states(cursor: Any, statement: Statement, calls: Sequence[MarkIds]) -> dict[str, list[Any]]:
        """Read recipient and state of what several calls name, by id."""
        ids = sorted({notification_id for call in calls for notification_id in call.ids})
        return {row[0]: list(row) for row in statement.run(cursor, ids=ids).fetchall()}

    def _mark_ids(self, transaction: Transaction, call: MarkIds, found: dict[str, list[Any]]) -> Marked:
        rows = []
        for notification_id in dict.fromkeys(call.ids):
            row = found.get(notification_id)
            if row is None or (call.owner is not None and (row[1], row[2]) != call.owner):
                raise NotificationNotFound(notification_id)
            rows.append(row)
        recipients = {(row[1], row[2]) for row in rows}
        if len(recipients) > 1:
            raise InvalidArgument([Violation("ids", "must all belong to one recipient")])
        recipient_type, recipient_id = recipients.pop()
        recipient = Recipient(RecipientType(recipient_type), recipient_id)
        unread = [row for row in rows if not row[3]]
        in_feed = [row[0] for row in sorted(unread, key=lambda row: row[4] or 0) if row[4] is not None]
        outside = sorted(row[0] for row in unread if row[4] is None)
        self._read_outside.run(transaction.cursor, [(row_id, True, transaction.now) for row_id in outside])
        unread_count = self._mark(transaction, recipient, in_feed)
        for row in unread:
            row[3] = True  # for the calls that follow in this transaction
        return Marked(len(unread), unread_count)

    def _mark_feed(self, transaction: Transaction, call: MarkFeed, locked: bool) -> MarkedChunk:
        # One that came into being after the lock was asked for is not locked: to this call, it is not there yet.
        state = self.state(transaction.cursor, call.recipient) if locked else _NO_STATE
        up_to = call.up_to if call.up_to is not None else state.head
        if up_to != NO_FEED and (up_to.epoch != state.epoch or up_to.sequence > state.sequence):
            raise MalformedCursor("up_to_cursor", "is not a cursor of this feed as it is now; list again")
        ids = [
            row[0]
            for row in self._unread.run(
                transaction.cursor,
                recipient_type=call.recipient.type,
                recipient_id=call.recipient.id,
                up_to=up_to.sequence,
            ).fetchall()
        ]
        if self._shared:
            self._locked_states.run(transaction.cursor, ids=ids)  # in the order of ids, as everybody locks them
        unread_count = self._mark(transaction, call.recipient, ids)
        return MarkedChunk(len(ids), unread_count, up_to, more=len(ids) == MARK_CHUNK)

    def _mark(self, transaction: Transaction, recipient: Recipient, ids: Sequence[str]) -> int:
        """Mark unread notifications that are in the feed, and return the unread count."""
        cursor = transaction.cursor
        if not ids:
            return self.state(cursor, recipient).unread_count
        epoch, last, unread_count = self._change.run(
            cursor, recipient_type=recipient.type, recipient_id=recipient.id, count=len(ids)
        ).fetchone()
        first = last - len(ids) + 1
        self._read_in_feed.run(
            cursor,
            [
                (notification_id, True, transaction.now, sequence)
                for notification_id, sequence in zip(ids, range(first, last + 1), strict=True)
            ],
        )
        transaction.events.append(
            FeedEvent(recipient, epoch, first, last, unread_count, read_ids=tuple(ids), read_at=transaction.now)
        )
        return int(unread_count)

    def lock(self, cursor: Any, recipients: Collection[Recipient]) -> dict[Recipient, tuple[FeedState, int]]:
        """Lock those of the feeds that exist, in order, and return the head of each and how far it was delivered."""
        ids = sorted({recipient.id for recipient in recipients if recipient.id is not None})
        locked = self._locked.run(cursor, ids=ids).fetchall() if ids else ()
        return {Recipient(RecipientType(row[0]), row[1]): (FeedState(*row[2:6]), row[6]) for row in locked}

    def lock_or_create(self, cursor: Any, recipients: Collection[Recipient]) -> None:
        """Lock feeds in order, those that do not exist yet too."""
        self._sequencer.enter(cursor, dict.fromkeys(recipients, 0))

    # -- settling --------------------------------------------------------------------------------

    def settle(self, transaction: Transaction, settlements: Sequence[Settlement]) -> list[int | TocsinError]:
        """Record waiting websocket rows up to a position as sent; each result is how many there were.

        A position of another epoch, or beyond the head, settles nothing: whoever presents it has seen another feed.
        """
        return [self._settle(transaction.cursor, settlement) for settlement in settlements]

    def _settle(self, cursor: Any, settlement: Settlement) -> int:
        heads = self.lock(cursor, settlement.positions)
        new: list[tuple[RecipientType, str | None, int, int]] = []
        for recipient, position in settlement.positions.items():
            state, delivered = heads.get(recipient, (_NO_STATE, 0))
            if position.epoch == state.epoch and delivered < position.sequence <= state.sequence:
                new.append((*recipient, delivered, position.sequence))
        self._advance_delivered.run(cursor, [(kind, key, sequence) for kind, key, _, sequence in new])
        waiting = self._waiting_rows.run(cursor, new)
        if waiting:
            self._deliver.run(cursor, ids=[row[0] for row in waiting], response=dump_json(settlement.response))
            self._queue.update_notifications(cursor, [row[1] for row in waiting], Status.SENT)
        return len(waiting)


def _expired(expires_at: Micros | None, now: Micros) -> bool:
    return expires_at is not None and expires_at <= now
