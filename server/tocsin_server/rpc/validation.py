"""Rules for single values of a request, and the collector of their violations. Pure."""

from __future__ import annotations

import re

from tocsin_server.errors import InvalidArgument, Violation
from tocsin_server.model import Micros

LONGEST_TITLE = 255  # characters
LONGEST_MESSAGE = 64 * 1024  # bytes of UTF-8
LONGEST_METADATA = 32 * 1024  # bytes of JSON
DEEPEST_METADATA = 32
"""Levels of objects and arrays, the outermost included. Protobuf libraries read messages of up to 100 levels, of which
an object takes three; in an answer metadata lies deeper than in a request, so without a limit of ours what Send
accepted could be more than callers can read, and with it every page and stream that holds it."""
LONGEST_KEY = 255  # characters
MOST_IDS = 500
MOST_REQUESTS = 1_000
LARGEST_BATCH = 2 * 1024 * 1024  # bytes
LONGEST_DELAY = 366 * 86_400 * 1_000_000  # microseconds

EARLIEST: Micros = 0
LATEST: Micros = 253_402_300_799_999_999
"""The end of the year 9999, the last time a protobuf Timestamp can hold."""

# Written by hand since `uuid.UUID` accepts braces, URNs and missing hyphens, of which our columns know nothing.
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

# C0, DEL and C1 controls, and the two Unicode separators that some programs take for line ends.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Violations:
    """Collects what is wrong with a request, so that the caller learns everything at once."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[Violation] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, field: str, description: str | None) -> None:
        """Add one; None adds nothing, so that rules can be passed through."""
        if description is not None:
            self._found.append(Violation(field, description))

    def raise_any(self) -> None:
        """Raise `InvalidArgument` if anything was found."""
        if self._found:
            raise InvalidArgument(self._found)


def id_problem(value: str) -> str | None:
    """Check an id."""
    if _UUID.fullmatch(value):
        return None
    if not value:
        return "must be given"
    return "must be a UUID in lower case, such as 01890a5d-ac96-774b-bcce-b302099a8057"


def title_problem(value: str) -> str | None:
    """Check a title, which becomes a mail header and one line of a list."""
    if not value:
        return "must be given"
    if len(value) > LONGEST_TITLE:
        return f"must be at most {LONGEST_TITLE} characters, is {len(value)}"
    return "must not contain control characters or line breaks" if _CONTROL.search(value) else None


def message_problem(value: str) -> str | None:
    """Check a message."""
    if not value:
        return "must be given"
    # Four bytes are the most that a character takes, so most messages need not be encoded to be measured.
    if len(value) * 4 > LONGEST_MESSAGE and (size := len(value.encode())) > LONGEST_MESSAGE:
        return f"must be at most {LONGEST_MESSAGE} bytes of UTF-8, is {size}"
    return "must not contain NUL" if "\x00" in value else None


def key_problem(value: str) -> str | None:
    """Check an idempotency key."""
    if len(value) > LONGEST_KEY:
        return f"must be at most {LONGEST_KEY} characters, is {len(value)}"
    return "must not contain control characters" if _CONTROL.search(value) else None


def send_at_problem(value: Micros, now: Micros) -> str | None:
    """Check when a notification is to be sent; the past means now."""
    return "must be at most 366 days ahead" if value > now + LONGEST_DELAY else None


def expiry_order_problem(expires_at: Micros, send_at: Micros | None) -> str | None:
    """Check that there is time between sending and expiring."""
    return "must be after send_at" if send_at is not None and expires_at <= send_at else None


EXPIRES_IN_PAST = "must lie in the future"
"""Not a rule of `read_send`: a repetition of an accepted request is right whenever it comes."""
