"""Times: microseconds since the epoch, and the Timestamp that carries them."""

from __future__ import annotations

from google.protobuf import duration_pb2, timestamp_pb2

from tocsin_server.domain.model import MICROS_PER_SECOND, Micros
from tocsin_server.rpc import validation
from tocsin_server.rpc.validation import Violations

LONGEST_DURATION = 315_576_000_000
"""Seconds that a Duration holds, about 10,000 years (google/protobuf/duration.proto)."""


def read_time(message: timestamp_pb2.Timestamp, field: str, problems: Violations) -> Micros | None:
    """Read a time, rounded down to a microsecond; None if it is none, so that no other rule names it a second time."""
    at: Micros = message.seconds * MICROS_PER_SECOND + message.nanos // 1000
    if not (validation.EARLIEST <= at <= validation.LATEST and 0 <= message.nanos < 1_000_000_000):
        problems.add(field, "must be a valid time between the years 1970 and 9999")
        return None
    return at


def read_duration(message: duration_pb2.Duration, field: str, problems: Violations) -> Micros | None:
    """Read a duration in microseconds, rounded down; None if it is none."""
    if not (abs(message.seconds) <= LONGEST_DURATION and abs(message.nanos) < 1_000_000_000) or (
        message.seconds * message.nanos < 0
    ):
        problems.add(field, "must be a valid duration")
        return None
    return message.seconds * MICROS_PER_SECOND + message.nanos // 1000


def write_time(field: timestamp_pb2.Timestamp, at: Micros) -> None:
    """Fill a Timestamp."""
    seconds, rest = divmod(at, MICROS_PER_SECOND)
    field.seconds, field.nanos = seconds, rest * 1000
