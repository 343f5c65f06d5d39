"""Contacts: from requests, checked in full, to plain values, and back."""

from __future__ import annotations

from tocsin.v1 import contact_service_pb2 as contact_pb

from tocsin_server.domain.errors import InvalidArgument, Violation
from tocsin_server.domain.model import ChannelType, Contact, RecipientType
from tocsin_server.domain.ports import AddressProblem
from tocsin_server.rpc import validation
from tocsin_server.rpc.convert.addresses import read_addresses
from tocsin_server.rpc.convert.queries import DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE
from tocsin_server.rpc.convert.recipients import checked_recipient
from tocsin_server.rpc.convert.times import write_time
from tocsin_server.rpc.convert.words import (
    CHANNEL_NUMBERS,
    RECIPIENT_NUMBERS,
    RECIPIENT_TYPE_PROBLEM,
    RECIPIENT_TYPES,
)
from tocsin_server.rpc.validation import Violations


def read_put_contact(request: contact_pb.PutContactRequest, address_problem: AddressProblem) -> Contact:
    """Read a contact as it shall be; ``address_problem`` knows the channels' forms of addresses.

    Raises:
        InvalidArgument: Names every bad field.
    """
    if not request.HasField("contact"):
        raise InvalidArgument([Violation("contact", "must be given")])
    message, problems = request.contact, Violations()
    recipient = checked_recipient(message.recipient, problems, registered=True, field="contact.recipient")
    addresses = read_addresses(message.addresses, address_problem, problems, "contact.addresses")
    if message.locale:
        problems.add("contact.locale", validation.locale_problem(message.locale))
    if message.time_zone:
        problems.add("contact.time_zone", validation.time_zone_problem(message.time_zone))
    problems.raise_any()
    return Contact(
        recipient, message.recipient.external_id or None, addresses, message.locale, message.time_zone
    )  # fmt: skip


def read_list_contacts(request: contact_pb.ListContactsRequest) -> tuple[RecipientType | None, int]:
    """Read of which type (None: all), and the page size."""
    problems = Violations()
    recipient_type = RECIPIENT_TYPES.get(request.recipient_type)
    if request.recipient_type and recipient_type is None:
        problems.add("recipient_type", RECIPIENT_TYPE_PROBLEM)
    if request.page_size < 0:
        problems.add("page_size", "must not be negative")
    problems.raise_any()
    return recipient_type, min(request.page_size or DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE)


def write_contact(contact: Contact, message: contact_pb.Contact) -> contact_pb.Contact:
    """Fill a contact, which is returned, too."""
    message.recipient.type = RECIPIENT_NUMBERS[contact.recipient.type]
    message.recipient.id = contact.recipient.id or ""
    message.recipient.external_id = contact.external_id or ""
    for channel in ChannelType:
        if channel in contact.addresses:
            message.addresses.add(channel=CHANNEL_NUMBERS[channel], address=contact.addresses[channel])
    message.locale = contact.locale
    message.time_zone = contact.time_zone
    write_time(message.updated_at, contact.updated_at)
    return message
