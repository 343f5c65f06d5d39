"""Telling a repeated request from a reused key. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any

VERSION = "1"
"""Stands before each digest, so that the canonical form can change without calling old keys reused."""


def digest(content: list[Any]) -> str:
    """Return version and hash of a request's content, given as JSON values in a fixed order.

    Keys of objects are sorted; numbers that are integral are to be integers already.
    """
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{VERSION}:{hashlib.sha256(canonical.encode()).hexdigest()}"
