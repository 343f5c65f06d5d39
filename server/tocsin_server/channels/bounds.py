"""How much is believed of what a provider says. Pure.

Whatever answers at a provider's address may answer anything: a wait until the next century, an id of a megabyte, a
list in a list in a list. What passes here can be waited for, stored by any database and shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

LONGEST_WAIT: Final = 3600.0
"""Seconds that a provider can make us wait at most, whatever it asks for."""

ANSWER_LIMIT: Final = 256 * 1024
"""Octets of an answer that are read; the longest legitimate one repeats a message of 4,096 characters, escaped."""

CODE_LIMIT: Final = 64
"""Characters of a code; the longest of ours are names of exceptions."""

FACT_LIMIT: Final = 320
"""Characters of a fact that is text; the longest of ours is a Message-ID, of a UUID and a domain."""

FACTS_LIMIT: Final = 16
"""Facts that are kept of one attempt."""

_LARGEST_NUMBER: Final = 2**53
"""Beyond it, a number changes where numbers are doubles, as in the API's Struct."""

_SECONDS: Final = re.compile(r"[0-9]+")
_NOT_TEXT: Final = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")


def bounded_wait(seconds: object) -> float | None:
    """Return a wait as seconds from 0 to `LONGEST_WAIT`, None if it is no time that one could wait."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
        return None
    return float(min(seconds, LONGEST_WAIT))


def wait_of_header(retry_after: str | None) -> float | None:
    """Read ``Retry-After`` in seconds (RFC 9110 section 10.2.3), None without it.

    Its other form, a date, is not worth trusting two clocks for.
    """
    if retry_after is None or not _SECONDS.fullmatch(retry_after.strip()):
        return None
    return bounded_wait(float(retry_after))  # too many digits are infinity, not an error


def bounded_text(text: str, limit: int) -> str:
    """Return text as one line of at most ``limit`` characters, valid Unicode and without control characters."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text.strip()
    # Bytes that were no UTF-8 arrive as lone surrogates, which neither JSON nor a database would take.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return _NOT_TEXT.sub(" ", text).strip()[:limit].rstrip()


def bounded_facts(facts: Mapping[str, object]) -> dict[str, Any]:
    """Return the facts that are plain values of reasonable size, texts cut; the keys are ours."""
    kept: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, str):
            kept[name] = bounded_text(value, FACT_LIMIT)
        elif value is None or isinstance(value, bool) or _is_number(value):
            kept[name] = value
        if len(kept) == FACTS_LIMIT:
            break
    return kept


def json_object(octets: bytes) -> dict[str, Any]:
    """Read an answer that is a JSON object; anything else reads as an empty one."""
    try:
        value = json.loads(octets)
    except (ValueError, RecursionError):  # not JSON, a number of thousands of digits, or nested too deeply
        return {}
    return value if isinstance(value, dict) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= _LARGEST_NUMBER  # which is False of NaN
