"""How durations are written: ``5``, ``250ms``, ``5s``, ``1h``."""

from __future__ import annotations

import re
from typing import Final

_DURATION: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m|h|d)?")
_UNIT_SECONDS: Final = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(value: object) -> object:
    """Turn ``5``, ``"250ms"``, ``"5s"``, ``"1h"`` into seconds; raises ValueError for other texts."""
    if isinstance(value, bool):
        raise ValueError("is not a duration")  # noqa: TRY004 - of the setting's text; Python takes true for 1
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"{value[:100]!r} is not a duration: give seconds, or a number with ms, s, m, h or d")
    return float(match["number"]) * _UNIT_SECONDS[match["unit"]]
