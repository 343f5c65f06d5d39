"""Putting and deleting contacts."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin_server.domain.errors import ContactNotFound, TocsinError
from tocsin_server.domain.model import Contact, Recipient
from tocsin_server.storage.databases.batches import RowReplace
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled
from tocsin_server.storage.queries.contacts import CONTACT_KEY, ContactRow
from tocsin_server.storage.queries.rows import of_recipient
from tocsin_server.storage.schema.tables import Contacts
from tocsin_server.storage.writer import Transaction, one_by_one


class ContactWriting:
    """Its methods that take a `Transaction` are handlers of the writer."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    _replace = compiled(lambda on: RowReplace(on, Contacts, ContactRow._fields, key=CONTACT_KEY))

    def put(self, transaction: Transaction, contacts: Sequence[Contact]) -> list[Contact | TocsinError]:
        """Write contacts, each as a whole; the last of several for one recipient stays."""
        last = {contact.recipient: ContactRow.of(contact, transaction.now) for contact in contacts}
        self._replace.run(transaction.cursor, sorted(last.values()))  # in the order of keys, as everybody locks them
        return [contact._replace(updated_at=transaction.now) for contact in contacts]

    _delete = compiled(
        lambda on: Statement(
            on,
            Contacts.delete().where(*of_recipient(Contacts)),
        )
    )

    @one_by_one
    def delete(self, transaction: Transaction, recipient: Recipient) -> None:
        """Delete a contact; raises `ContactNotFound`."""
        kind, recipient_id = recipient
        if not self._delete.run(transaction.cursor, recipient_type=kind.value, recipient_id=recipient_id).rowcount:
            raise ContactNotFound(kind.value, str(recipient_id))
