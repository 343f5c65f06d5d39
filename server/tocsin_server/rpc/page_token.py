"""The token by which a list is continued. Pure.

It holds the place to continue below, and a checksum of the request it belongs to, so that a token used with other
filters is refused rather than answered with a page of nothing in particular.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib

from tocsin_server.domain.errors import MalformedPageToken
from tocsin_server.domain.model import NotificationFilter, Recipient, RecipientType

_PLACE = re.compile(r"[0-9]{1,19}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CONTACT = re.compile(rf"(?:{'|'.join(RecipientType)}):[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}")
_LARGEST = 2**63 - 1  # a sequence is a signed 64-bit column
_VERSION = "1"
_NOT_OURS = "is not a page token of this service"
_OTHER_FILTERS = "belongs to a list with other filters; repeat the request with only page_token changed"
_LONGEST = 128  # characters; what `encode` writes is shorter


def _checksum(wanted: object) -> str:
    return f"{zlib.crc32(repr(wanted).encode()):08x}"


def encode(place: str, wanted: NotificationFilter) -> str:
    """Write the place below which the list continues: an id, or for a feed a sequence."""
    return _written(place, wanted)


def encode_contact(place: Recipient, wanted: RecipientType | None) -> str:
    """Write the recipient behind whom a list of contacts, of all types or ``wanted``, continues."""
    return _written(f"{place.type.value}:{place.id}", ("contacts", wanted))


def _written(place: str, wanted: object) -> str:
    return _text(f"{_VERSION}.{_checksum(wanted)}.{place}".encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(token: str, wanted: NotificationFilter) -> str:
    """Read what `encode` wrote for the same filters.

    Raises:
        MalformedPageToken: It was not.
    """
    place = _opened(token, wanted, _PLACE)
    numeric = not place.count("-")
    if numeric != wanted.feed_only or (numeric and int(place) > _LARGEST):
        raise MalformedPageToken(_NOT_OURS)
    return place


def decode_contact(token: str, wanted: RecipientType | None) -> Recipient:
    """Read what `encode_contact` wrote for the same type.

    Raises:
        MalformedPageToken: It was not.
    """
    word, _, recipient_id = _opened(token, ("contacts", wanted), _CONTACT).partition(":")
    return Recipient(RecipientType(word), recipient_id)


def _opened(token: str, wanted: object, form: re.Pattern[str]) -> str:
    """Return the place in a token; raises unless it has this form, and the token is for what is ``wanted``."""
    if len(token) > _LONGEST:
        raise MalformedPageToken(_NOT_OURS)
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        version, checksum, place = raw.decode("ascii").split(".")
    except (ValueError, binascii.Error):
        raise MalformedPageToken(_NOT_OURS) from None
    # The last comparison refuses other spellings of the same bytes.
    if version != _VERSION or not form.fullmatch(place) or _text(raw) != token:
        raise MalformedPageToken(_NOT_OURS)
    if checksum != _checksum(wanted):
        raise MalformedPageToken(
            "belongs to a list with other filters; repeat the request with only page_token changed"
        )
    return place
