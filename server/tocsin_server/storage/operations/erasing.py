"""Erasing a person: notifications with all that belongs to them a part at a time, and what else there is of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tocsin_server.domain.operating import Erasure, Person
from tocsin_server.storage.databases.batches import RowUpsert
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.operations.heads import FeedHeads
from tocsin_server.storage.operations.purging import OldRow, Purging
from tocsin_server.storage.queries.rows import columns_of, of_recipient
from tocsin_server.storage.schema.tables import Contacts, Erasures, Notifications, PolicyCounts, RecipientFeeds
from tocsin_server.storage.writer import Transaction, one_by_one


class ErasedPart(NamedTuple):
    """Notifications to be erased, under the note ``id`` of the caller ``by``."""

    id: str
    by: str
    ids: Sequence[str]


class Remains(NamedTuple):
    """What there is of a person beside notifications, to be erased under the same note."""

    id: str
    by: str
    person: Person


class Erasing:
    """Its methods are handlers of the writer."""

    def __init__(self, on: Dialect, heads: FeedHeads, purging: Purging) -> None:
        self._on = on
        self._heads = heads
        self._purging = purging

    _found = compiled(
        lambda on: Statement(
            on,
            Notifications.select(*columns_of(OldRow, Notifications))
            .where(on.among(Notifications.id, "ids"))
            .order_by(Notifications.id),
        )
    )
    _locked = compiled(
        lambda on: Statement(
            on,
            on.locking(
                Notifications.select(*columns_of(OldRow, Notifications)).where(on.among(Notifications.id, "ids")),
                Notifications,
                order_by=[Notifications.id],
            ),
        )
    )

    @one_by_one
    def part(self, transaction: Transaction, part: ErasedPart) -> Erasure:
        """Erase notifications, also those that are being sent; returns the note as it is then."""
        cursor = transaction.cursor
        rows = [OldRow._make(row) for row in self._found.run(cursor, ids=part.ids).fetchall()]
        self._purging.free_keys(cursor, rows)
        self._heads.lock(cursor, {row.recipient for row in rows if row.recipient_id is not None})
        rows = [OldRow._make(row) for row in self._locked.run(cursor, ids=part.ids).fetchall()]
        self._purging.take_out(cursor, rows)
        return self._note(transaction, part.id, part.by, len(rows))

    _columns = ("id", "erased_at", "erased_by", "notification_count")
    _write_note = compiled(
        lambda on: RowUpsert(
            on, Erasures, Erasing._columns, key=("id",), add=("notification_count",), wanted=Erasing._columns
        )
    )

    def _note(self, transaction: Transaction, note_id: str, by: str, count: int) -> Erasure:
        [row] = self._write_note.run(transaction.cursor, [(note_id, transaction.now, by, count)])
        return Erasure(*row)

    _contact = compiled(lambda on: Statement(on, Contacts.delete().where(*of_recipient(Contacts))))
    _counts = compiled(lambda on: Statement(on, PolicyCounts.delete().where(PolicyCounts.key == parameter("key"))))
    _entered = compiled(
        lambda on: Statement(
            on,
            Notifications.select(Notifications.id)
            .where(*of_recipient(Notifications), Notifications.entered_sequence.is_null(is_null=False))
            .limit(1),
        )
    )
    _feed = compiled(lambda on: Statement(on, RecipientFeeds.delete().where(*of_recipient(RecipientFeeds))))

    @one_by_one
    def remains(self, transaction: Transaction, call: Remains) -> Erasure:
        """Erase contact, counts and feed; the feed stays if something has entered it meanwhile."""
        cursor, person = transaction.cursor, call.person
        self._counts.run(cursor, key=person.recipient_key)
        if person.recipient.registered:
            kind, recipient_id = person.recipient
            whose = {"recipient_type": kind.value, "recipient_id": recipient_id}
            # A feed that comes to be after this is not locked, and not looked at: it stays.
            is_locked = bool(self._heads.lock(cursor, [person.recipient]))
            if is_locked and self._entered.run(cursor, **whose).fetchone() is None:
                self._feed.run(cursor, **whose)
            self._contact.run(cursor, **whose)
        return self._note(transaction, call.id, call.by, 0)
