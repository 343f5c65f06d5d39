"""Finding and reading what is stored of a person, in all tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from peewee import BooleanField

from tocsin_server.domain.clock import isoformat
from tocsin_server.domain.operating import Person, PersonPage
from tocsin_server.storage.databases.batches import RowLookup
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.json_text import to_json
from tocsin_server.storage.queries.rows import of_recipient
from tocsin_server.storage.schema.tables import (
    Contacts,
    Decisions,
    Escalations,
    IdempotencyKeys,
    JsonField,
    NotificationChannels,
    Notifications,
    PolicyCounts,
    RecipientFeeds,
    TimeField,
    Undecided,
)

WINDOW = 5_000
"""Notifications among which those of somebody are looked for who is not registered: no index leads to an address."""

HIDDEN = frozenset({"claim_token", "lease_token"})
"""Columns that nobody is shown: who knows a token may do what its holder may."""

_OF_NOTIFICATIONS = (NotificationChannels, Undecided, Escalations, Decisions)


class PersonReader:
    """Reads on any cursor of one database."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    # -- which notifications ---------------------------------------------------------------------

    _registered = compiled(
        lambda on: Statement(
            on,
            Notifications.select(Notifications.id)
            .where(
                *of_recipient(Notifications),
                Notifications.id > parameter("after"),
            )
            .order_by(Notifications.id)
            .limit(parameter("limit")),
        )
    )
    _window_end = compiled(
        lambda on: Statement(
            on,
            Notifications.select(Notifications.id)
            .where(Notifications.id > parameter("after"))
            .order_by(Notifications.id)
            .limit(1)
            .offset(parameter("window")),
        )
    )

    def page(self, cursor: Any, person: Person, after: str, limit: int) -> PersonPage:
        """Read ids behind one, ``limit`` at most, or all those in the next `WINDOW` of somebody who is not registered.

        A page may be empty and yet not be the last.
        """
        if person.recipient.registered:
            kind, recipient_id = person.recipient
            found = self._registered.run(
                cursor, recipient_type=kind.value, recipient_id=recipient_id, after=after, limit=limit
            ).fetchall()
            ids = [row[0] for row in found]
            return PersonPage(ids, ids[-1] if len(ids) == limit else None)
        end = self._window_end.run(cursor, after=after, window=WINDOW - 1).fetchone()
        up_to = end[0] if end is not None else _LAST
        found_ids = self._in_window(cursor, person, after, up_to)
        return PersonPage(sorted(found_ids), None if end is None else up_to)

    _by_channel = compiled(
        lambda on: Statement(
            on,
            NotificationChannels.select(NotificationChannels.notification_id)
            .join(Notifications)
            .where(
                *_unregistered(),
                NotificationChannels.channel == parameter("channel"),
                NotificationChannels.address == parameter("address"),
            ),
        )
    )
    # What else has addresses has them in JSON.
    _in_json = compiled(
        lambda on: [
            Statement(
                on,
                table.select(table.notification_id, column).join(Notifications).where(*_unregistered()),
            )
            for table, column in (
                (Undecided, Undecided.addresses),
                (Escalations, Escalations.steps),
                (Decisions, Decisions.channels),
            )
        ]
    )

    def _in_window(self, cursor: Any, person: Person, after: str, up_to: str) -> set[str]:
        assert person.channel is not None  # noqa: S101 - as one is who is not registered
        channel, address = person.channel.value, person.address
        window = {"recipient_type": person.recipient.type.value, "after": after, "up_to": up_to}
        found = {row[0] for row in self._by_channel.run(cursor, **window, channel=channel, address=address)}
        needle = to_json(address)
        for statement in self._in_json:
            for notification_id, text in statement.run(cursor, **window).fetchall():
                if text is not None and needle in text and _names(json.loads(text), channel, address):
                    found.add(notification_id)
        return found

    # -- what is stored of them ------------------------------------------------------------------

    _notifications = compiled(
        lambda on: Statement(
            on,
            Notifications.select(*_shown(Notifications))
            .where(on.among(Notifications.id, "ids"))
            .order_by(Notifications.id),
        )
    )
    _beside = compiled(
        lambda on: [
            (table, Statement(on, table.select(*_shown(table)).where(on.among(table.notification_id, "ids"))))
            for table in _OF_NOTIFICATIONS
        ]
    )
    _keys = compiled(lambda on: RowLookup(on, IdempotencyKeys, ("caller", "key"), _names_of(IdempotencyKeys)))

    def rows_of(self, cursor: Any, ids: Sequence[str]) -> list[str]:
        """Read all rows of notifications, each as a line of JSON."""
        lines, keys = [], []
        for row in self._notifications.run(cursor, ids=ids).fetchall():
            lines.append(_line(Notifications, row))
            values = dict(zip(_names_of(Notifications), row, strict=True))
            if values["idempotency_key"] is not None:
                keys.append((values["owner"], values["idempotency_key"]))
        for table, statement in self._beside:
            lines += [_line(table, row) for row in statement.run(cursor, ids=ids).fetchall()]
        lines += [_line(IdempotencyKeys, row) for row in self._keys.run(cursor, sorted(keys))]
        return lines

    _contact = compiled(lambda on: Statement(on, Contacts.select(*_shown(Contacts)).where(*of_recipient(Contacts))))
    _feed = compiled(
        lambda on: Statement(on, RecipientFeeds.select(*_shown(RecipientFeeds)).where(*of_recipient(RecipientFeeds)))
    )
    _counts = compiled(
        lambda on: Statement(
            on, PolicyCounts.select(*_shown(PolicyCounts)).where(PolicyCounts.key == parameter("key"))
        )
    )  # fmt: skip

    def rows_beside(self, cursor: Any, person: Person) -> list[str]:
        """Read what is stored of a person beside notifications, each row as a line of JSON."""
        lines = []
        if person.recipient.registered:
            kind, recipient_id = person.recipient
            for table, statement in ((Contacts, self._contact), (RecipientFeeds, self._feed)):
                found = statement.run(cursor, recipient_type=kind.value, recipient_id=recipient_id).fetchall()
                lines += [_line(table, row) for row in found]
        lines += [_line(PolicyCounts, row) for row in self._counts.run(cursor, key=person.recipient_key).fetchall()]
        return lines


_LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""Behind every id."""


def _unregistered() -> list[Any]:
    """Return the conditions of notifications, within a window, that went to nobody who is registered."""
    return [
        Notifications.recipient_id.is_null(),
        Notifications.recipient_type == parameter("recipient_type"),
        Notifications.id > parameter("after"),
        Notifications.id <= parameter("up_to"),
    ]


def _names(value: Any, channel: str, address: str) -> bool:
    """Tell whether stored JSON has an address: by channel in an object, or among objects that have both."""
    if isinstance(value, dict):
        return bool(value.get(channel) == address)
    return any(one.get("channel") == channel and one.get("address") == address for one in value)


def _names_of(table: Any) -> list[str]:
    return [field.column_name for field in _shown(table)]


def _shown(table: Any) -> list[Any]:
    """Return the columns of a table that may be shown, in their order."""
    return [field for field in table._meta.sorted_fields if field.column_name not in HIDDEN]  # noqa: SLF001 - peewee's documented name


def _line(table: Any, row: Sequence[Any]) -> str:
    pairs: Iterator[tuple[Any, Any]] = zip(_shown(table), row, strict=True)
    columns = {field.column_name: _plain(field, value) for field, value in pairs}
    return to_json({"table": table._meta.table_name, **columns})  # noqa: SLF001 - as above


def _plain(field: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(field, TimeField):
        return isoformat(value)
    if isinstance(field, JsonField):
        return json.loads(value)
    return bool(value) if isinstance(field, BooleanField) else value
