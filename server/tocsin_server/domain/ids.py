"""Ids and what is in them.

Those that are made here are UUIDv7, which begin with the milliseconds at which they were made (RFC 9562, 5.7): they
sort by time, and a bound on the time of creation is a bound on ids. A recipient's id is the caller's, or is derived
from what the caller calls the recipient.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

from tocsin_server.domain.model import Micros, RecipientType

RECIPIENT_NAMESPACE: Final = UUID("168e5f94-48b9-5d76-bc1d-bb905714ad3f")
"""The namespace of derived ids, as ``Recipient.external_id`` of the API names it."""


def derived_id(recipient_type: RecipientType, external_id: str) -> str:
    """Return the id of the recipient whom callers call ``external_id``: a UUIDv5 (RFC 9562, 5.5).

    The text goes in as it came: "é" as one character and as two are two recipients.
    """
    return str(uuid5(RECIPIENT_NAMESPACE, f"{recipient_type.value}:{external_id}"))


def created_at_of(uuid7: str) -> Micros:
    """Return the time in an id."""
    return int(uuid7[:8] + uuid7[9:13], 16) * 1000


def first_id_at(at: Micros) -> str:
    """Return a lower bound of the ids made at ``at``, rounded up to a millisecond, or later."""
    digits = f"{-(-at // 1000):012x}"
    return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"
