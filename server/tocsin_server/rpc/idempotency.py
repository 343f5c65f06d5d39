"""Telling a repeated request from a reused key. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

VERSION = "1"
"""Stands before each digest, so that the canonical form can change without calling old keys reused."""


_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))

canonical = _encoder.encode
"""Writes a JSON value so that equal values give equal text: keys of objects are sorted, and there is no white space.
Numbers that are integral are to be integers already."""


def digest(parts: Iterable[str | int | None]) -> str:
    """Return version and hash of a request's content.

    Args:
        parts: The fields' values in a fixed order; a list is its length and then its items. Each is written with its
            length before it, so that no two contents read the same.
    """
    written = []
    for part in parts:
        if part is None:
            written.append("-")
        else:
            text = part if type(part) is str else str(part)
            written.append(f"{len(text)}:{text}")
    return f"{VERSION}:{hashlib.sha256(''.join(written).encode()).hexdigest()}"
