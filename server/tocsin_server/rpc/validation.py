"""Rules for single values of a request, and the collector of their violations. Pure."""

from __future__ import annotations

import functools
import re
from importlib.resources import files

from tocsin_server.domain import model
from tocsin_server.domain.errors import InvalidArgument, Violation
from tocsin_server.domain.model import Micros

LONGEST_TITLE = 255  # characters
LONGEST_MESSAGE = 64 * 1024  # bytes of UTF-8
LONGEST_METADATA = 32 * 1024  # bytes of JSON
DEEPEST_METADATA = 32
"""Levels of objects and arrays, the outermost included. Protobuf libraries read messages of up to 100 levels, of which
an object takes three; in an answer metadata lies deeper than in a request, so without a limit of ours what Send
accepted could be more than callers can read, and with it every page and stream that holds it."""
MOST_VALUES = LONGEST_METADATA // 2
"""Values in metadata: with what separates it from the next, each takes two bytes of JSON or more."""
LARGEST_METADATA = 192 * 1024
"""Bytes of metadata as it travels, where the number 1 takes 11 for its two of JSON and nothing grows more."""
LONGEST_KEY = 255  # characters
LONGEST_EXTERNAL_ID = 255  # characters
LONGEST_LOCALE = 35  # characters
LONGEST_TIME_ZONE = 64  # characters
MOST_VIOLATIONS = 50
"""Bad fields that are looked for in a request; those that are named have to fit into an answer."""
LONGEST_REASON = 500  # characters
LONGEST_DECIDER = 100  # characters
LONGEST_LEASE_TOKEN = 64  # characters
LONGEST_DELAY = 366 * 86_400 * 1_000_000  # microseconds

EARLIEST, LATEST = model.EARLIEST, model.LATEST

# Written by hand since `uuid.UUID` accepts braces, URNs and missing hyphens, of which our columns know nothing.
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")

_CATEGORY = re.compile(r"[a-z0-9._-]{1,64}")
_CATEGORIES = re.compile(r"[a-z0-9._-]{0,61}[a-z0-9_-]\.\*")

# C0, DEL and C1 controls, and the two Unicode separators that some programs take for line ends.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# JSON can write halves of surrogate pairs, which no UTF-8 holds.
_SURROGATE = re.compile("[\ud800-\udfff]")

# RFC 5646, section 2.1: language, script, region, variants, extensions, private use; or private use alone; or one of
# the irregular tags that were registered before there was a grammar.
_LOCALE = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})"
    r"(?:-[a-z]{4})?"
    r"(?:-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[0-9a-wyz](?:-[a-z0-9]{2,8})+)*"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|x(?:-[a-z0-9]{1,8})+"
    r"|en-gb-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)|sgn-(?:be-fr|be-nl|ch-de)",
    re.IGNORECASE | re.ASCII,
)


class Violations:
    """Collects what is wrong with a request, so that the caller learns everything at once.

    It takes `MOST_VIOLATIONS`; whoever looks through many things stops when it is ``full``.
    """

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[Violation] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def full(self) -> bool:
        """Whether no more are taken."""
        return len(self._found) >= MOST_VIOLATIONS

    def add(self, field: str, description: str | None) -> None:
        """Add one; None adds nothing, so that rules can be passed through."""
        if description is not None and not self.full:
            self._found.append(Violation(field, description))

    def raise_any(self) -> None:
        """Raise `InvalidArgument` if anything was found."""
        if self._found:
            raise InvalidArgument(self._found)


def id_problem(value: str) -> str | None:
    """Check an id, which is kept in lower case."""
    if _UUID.fullmatch(value):
        return None
    if not value:
        return "must be given"
    return "must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057"


def external_id_problem(value: str) -> str | None:
    """Check what a caller calls a recipient."""
    if not 0 < len(value) <= LONGEST_EXTERNAL_ID:
        return f"must be 1 to {LONGEST_EXTERNAL_ID} characters, is {len(value)}"
    if _CONTROL.search(value):
        return "must not contain control characters or line breaks"
    return "must not contain half of a surrogate pair" if _SURROGATE.search(value) else None


def locale_problem(value: str) -> str | None:
    """Check a language tag (BCP 47): whether it is well-formed, not whether there is such a language."""
    if len(value) > LONGEST_LOCALE:
        return f"must be at most {LONGEST_LOCALE} characters, is {len(value)}"
    return None if _LOCALE.fullmatch(value) else "must be a language tag as in BCP 47, such as pt-BR or zh-Hant-TW"


def time_zone_problem(value: str) -> str | None:
    """Check the name of a time zone."""
    if len(value) > LONGEST_TIME_ZONE:
        return f"must be at most {LONGEST_TIME_ZONE} characters, is {len(value)}"
    if value in time_zones():
        return None
    return "must be the name of a time zone in the IANA database, such as Europe/Lisbon or UTC"


@functools.cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones: the list that comes with ``tzdata`` (PEP 615).

    Not `zoneinfo.available_timezones`, which opens some 1,200 files, and knows on each machine what that one has.
    """
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


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


def reason_problem(value: str) -> str | None:
    """Check why a decider decided so, in its own words."""
    return _line_problem(value, LONGEST_REASON)


def decider_problem(value: str) -> str | None:
    """Check the name of the program that decided."""
    return _line_problem(value, LONGEST_DECIDER)


def lease_token_problem(value: str) -> str | None:
    """Check the name of a lease, which is ours; any text that is short enough may be one that has ended."""
    return _line_problem(value, LONGEST_LEASE_TOKEN)


def _line_problem(value: str, longest: int) -> str | None:
    if len(value) > longest:
        return f"must be at most {longest} characters, is {len(value)}"
    return "must not contain control characters or line breaks" if _CONTROL.search(value) else None


def category_problem(value: str) -> str | None:
    """Check a category."""
    if _CATEGORY.fullmatch(value):
        return None
    return "must be 1 to 64 characters of a-z, 0-9, '.', '_' and '-', such as order.shipped"


def category_filter_problem(value: str) -> str | None:
    """Check a category, or all below one."""
    if _CATEGORY.fullmatch(value) or _CATEGORIES.fullmatch(value):
        return None
    return "must be a category such as order.shipped, or all below one, such as order.*"


def patience_problem(value: Micros) -> str | None:
    """Check how long a step of a fallback may take."""
    return None if 0 < value <= LONGEST_DELAY else "must be more than 0 and at most 366 days"


def route_by_problem(value: Micros, expires_at: Micros | None, now: Micros) -> str | None:
    """Check when rules are to decide.

    It may be over: a repetition of an accepted request is right whenever it comes.
    """
    if value > now + LONGEST_DELAY:
        return "must be at most 366 days ahead"
    return "must not be after expires_at" if expires_at is not None and value > expires_at else None


def send_at_problem(value: Micros, now: Micros) -> str | None:
    """Check when a notification is to be sent; the past means now."""
    return "must be at most 366 days ahead" if value > now + LONGEST_DELAY else None


def expiry_order_problem(expires_at: Micros, send_at: Micros | None) -> str | None:
    """Check that there is time between sending and expiring."""
    return "must be after send_at" if send_at is not None and expires_at <= send_at else None
