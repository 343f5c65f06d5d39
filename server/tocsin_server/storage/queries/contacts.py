"""Reading contacts: those of some recipients for routing, and all of them page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tocsin_server.domain.model import ChannelType, Contact, ContactPage, Micros, Recipient, RecipientType
from tocsin_server.storage.databases.batches import RowLookup
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.json_text import load_json, to_json
from tocsin_server.storage.queries.listing import PAGE_BYTES
from tocsin_server.storage.queries.rows import columns_of
from tocsin_server.storage.schema.tables import Contacts


class ContactRow(NamedTuple):
    """A row of ``contacts``."""

    recipient_type: str
    recipient_id: str
    external_id: str | None
    addresses: str
    locale: str
    time_zone: str
    updated_at: Micros

    @classmethod
    def of(cls, contact: Contact, now: Micros) -> ContactRow:
        """Return the row of a contact that is put now."""
        kind, recipient_id = contact.recipient
        if recipient_id is None:
            raise TypeError("a contact is a registered recipient's")
        addresses = to_json({channel.value: address for channel, address in contact.addresses.items()})
        return cls(
            kind.value, recipient_id, contact.external_id, addresses, contact.locale, contact.time_zone, now
        )  # fmt: skip

    def value(self) -> Contact:
        """Return the contact."""
        addresses = {ChannelType(word): address for word, address in (load_json(self.addresses) or {}).items()}
        return Contact(
            Recipient(RecipientType(self.recipient_type), self.recipient_id),
            self.external_id, addresses, self.locale, self.time_zone, self.updated_at,
        )  # fmt: skip


CONTACT_KEY = ContactRow._fields[:2]


class ContactReader:
    """Reads contacts on any cursor of one database."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    _of = compiled(lambda on: RowLookup(on, Contacts, CONTACT_KEY, ContactRow._fields))

    def of(self, cursor: Any, recipients: Sequence[Recipient]) -> dict[Recipient, Contact]:
        """Read the contacts of registered recipients, in one query; those who have none are left out."""
        keys = dict.fromkeys((recipient.type.value, recipient.id) for recipient in recipients)
        found = map(ContactRow._make, self._of.run(cursor, list(keys)))
        return {contact.recipient: contact for contact in map(ContactRow.value, found)}

    _first = compiled(lambda on: Statement(on, _of_type().limit(parameter("limit"))))
    _behind = compiled(
        lambda on: Statement(on, _of_type().where(Contacts.recipient_id > parameter("after")).limit(parameter("limit")))
    )

    def page(
        self, cursor: Any, recipient_type: RecipientType | None, after: Recipient | None, page_size: int
    ) -> ContactPage:
        """Read the contacts of a type (None: all) that come after a recipient (None: from the first).

        Each type has a query of its own: the databases do not sort the types alike.
        """
        types = list(RecipientType) if recipient_type is None else [recipient_type]
        if after is not None:
            types = types[types.index(after.type) :]
        page, size = ContactPage([]), 0
        for kind in types:
            limit = page_size + 1 - len(page.contacts)
            if after is not None and kind == after.type:
                rows = self._behind.run(cursor, recipient_type=kind.value, after=after.id, limit=limit).fetchall()
            else:
                rows = self._first.run(cursor, recipient_type=kind.value, limit=limit).fetchall()
            for row in map(ContactRow._make, rows):
                if len(page.contacts) == page_size or size >= PAGE_BYTES:
                    return page._replace(more=True)
                page.contacts.append(row.value())
                size += _size(row)
        return page


def _of_type() -> Any:
    return (
        Contacts.select(*columns_of(ContactRow, Contacts))
        .where(Contacts.recipient_type == parameter("recipient_type"))
        .order_by(Contacts.recipient_id)
    )


def _size(row: ContactRow) -> int:
    return sum(len(text.encode()) for text in (row.external_id or "", row.addresses, row.locale, row.time_zone))
