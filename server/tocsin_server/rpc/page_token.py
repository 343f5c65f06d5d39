"""The token by which a list is continued. Pure.

It holds the place to continue below, and a checksum of the request it belongs to, so that a token used with other
filters is refused rather than answered with a page of nothing in particular.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib

from tocsin_server.errors import MalformedPageToken
from tocsin_server.model import NotificationFilter

_PLACE = re.compile(r"[0-9]{1,19}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LARGEST = 2**63 - 1  # a sequence is a signed 64-bit column
_VERSION = "1"


def _checksum(wanted: NotificationFilter) -> str:
    return f"{zlib.crc32(repr(wanted).encode()):08x}"


def encode(place: str, wanted: NotificationFilter) -> str:
    """Write the place below which the list continues: an id, or for a feed a sequence."""
    return _text(f"{_VERSION}.{_checksum(wanted)}.{place}".encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(token: str, wanted: NotificationFilter) -> str:
    """Read what `encode` wrote for the same filters.

    Raises:
        MalformedPageToken: It was not.
    """
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        version, checksum, place = raw.decode("ascii").split(".")
    except (ValueError, binascii.Error):
        raise _malformed("is not a page token of this service") from None
    numeric = not place.count("-")
    known = version == _VERSION and _PLACE.fullmatch(place) and numeric == wanted.feed_only
    # The last comparison refuses other spellings of the same bytes.
    if not known or (numeric and int(place) > _LARGEST) or _text(raw) != token:
        raise _malformed("is not a page token of this service")
    if checksum != _checksum(wanted):
        raise _malformed("belongs to a list with other filters; repeat the request with only page_token changed")
    return place


def _malformed(description: str) -> MalformedPageToken:
    return MalformedPageToken(description)
