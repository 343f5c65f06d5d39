"""Telling a repeated request from a reused key. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any

VERSION = "1"
"""Stands before each digest, so that the canonical form can change without calling old keys reused."""


_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))

canonical = _encoder.encode
"""Writes a JSON value so that equal values give equal text: keys of objects are sorted, and there is no white space.
Numbers that are integral are to be integers already."""


def digest(before: list[Any], metadata: str, after: list[Any]) -> str:
    """Return version and hash of a request's content, a list of JSON values in a fixed order.

    Args:
        before: What comes before the metadata, at least one value.
        metadata: The metadata's canonical form, which its size was measured by.
        after: What comes after it, likewise.
    """
    text = f"{canonical(before)[:-1]},{metadata},{canonical(after)[1:]}"
    return f"{VERSION}:{hashlib.sha256(text.encode()).hexdigest()}"
