"""JSON as columns hold it: as short as it gets."""

from __future__ import annotations

import json

from tocsin_server.domain.model import Json

to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Writes JSON; `json.dumps` would make an encoder each time."""


def dump_json(value: Json | None) -> str | None:
    """Write a JSON column."""
    return None if value is None else to_json(value)


def load_json(text: str | None) -> Json | None:
    """Read a JSON column."""
    if text is None:
        return None
    value: Json = json.loads(text)
    return value
