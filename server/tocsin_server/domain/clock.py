"""Time as the server sees it: wall time for what is stored, monotonic time for what is waited for."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tocsin_server.domain.model import MICROS_PER_SECOND, Micros

Clock: TypeAlias = Callable[[], Micros]
"""Gives the present time; tests pass their own."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def wall_clock() -> Micros:
    """Return the present time in microseconds since the Unix epoch, UTC."""
    return time.time_ns() // 1000


def micros(seconds: float) -> Micros:
    """Convert a duration in seconds to microseconds, rounded."""
    return round(seconds * MICROS_PER_SECOND)


def isoformat(at: Micros) -> str:
    """Write a time as RFC 3339 in UTC, such as ``2026-01-31T08:15:00.250000Z``."""
    seconds, fraction = divmod(at, MICROS_PER_SECOND)
    return f"{_to_the_second(seconds)}.{fraction:06d}Z" if fraction else f"{_to_the_second(seconds)}Z"


def from_isoformat(text: str) -> Micros:
    """Read what `isoformat` wrote. Raises ValueError for anything that is not a time."""
    at = datetime.fromisoformat(text)
    return from_datetime(at if at.tzinfo else at.replace(tzinfo=UTC))


def to_datetime(at: Micros) -> datetime:
    """Return a time as the standard library has it, in UTC."""
    return _EPOCH + timedelta(microseconds=at)


def from_datetime(at: datetime) -> Micros:
    """Return a time that the standard library has, with any time zone."""
    return (at - _EPOCH) // _MICROSECOND


def zone_by(name: str) -> tzinfo | None:
    """Return a time zone by its name in the IANA's list, None if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@functools.lru_cache(maxsize=16)  # what is written at a time shares its second, and this is what takes time
def _to_the_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat().removesuffix("+00:00")
