"""The cursor that subscribers keep: a feed position in opaque form. Pure."""

from __future__ import annotations

import base64
import binascii
import struct

from tocsin_server.domain.errors import MalformedCursor
from tocsin_server.domain.model import FeedPosition

_LAYOUT = struct.Struct(">BQQ")  # version, epoch, sequence
_VERSION = 1
_LENGTH = 23  # characters of what `encode` writes
_LARGEST = 2**63 - 1  # both numbers are signed 64-bit columns


def encode(position: FeedPosition) -> str:
    """Write a position as 23 characters that are safe in URLs."""
    return base64.urlsafe_b64encode(_LAYOUT.pack(_VERSION, *position)).rstrip(b"=").decode()


def decode(cursor: str, field: str = "cursor") -> FeedPosition:
    """Read what `encode` wrote.

    Args:
        cursor: Not empty.
        field: The request's field that it came in, for the error.

    Raises:
        MalformedCursor: It was not written by `encode`.
    """
    if len(cursor) != _LENGTH:
        raise _malformed(field)
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        version, epoch, sequence = _LAYOUT.unpack(raw)
    except (UnicodeEncodeError, binascii.Error, struct.error):
        raise _malformed(field) from None
    position = FeedPosition(epoch, sequence)
    # The comparison refuses spellings that decode to the same bytes.
    if version != _VERSION or max(position) > _LARGEST or encode(position) != cursor:
        raise _malformed(field)
    return position


def _malformed(field: str) -> MalformedCursor:
    return MalformedCursor(field, "is not a cursor of this service: use one from List or Subscribe")
