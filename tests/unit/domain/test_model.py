"""The rules between plain values, and the conversions of time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.drafts import GUEST, user
from tocsin_server.domain.clock import isoformat, micros, wall_clock
from tocsin_server.domain.model import NO_FEED, FeedPosition, FeedState

LATEST = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""


# -- feeds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "covered"),
    [
        (FeedPosition(7, 10), True),  # the head
        (FeedPosition(7, 4), True),
        (FeedPosition(7, 3), True),  # everything after what was purged last is still there
        (FeedPosition(7, 2), False),
        (FeedPosition(7, 11), False),
        (FeedPosition(8, 5), False),
        (FeedPosition(0, 5), False),
        (NO_FEED, False),
    ],
)
def test_a_feed_can_tell_all_after_a_position_of_its_epoch_between_purged_and_head(
    position: FeedPosition,
    covered: bool,
) -> None:
    assert FeedState(epoch=7, sequence=10, purged=3, unread_count=0).covers(position) is covered


def test_a_feed_that_was_never_purged_covers_its_beginning() -> None:
    assert FeedState(epoch=7, sequence=10, purged=0, unread_count=0).covers(NO_FEED)
    assert FeedState(*NO_FEED, purged=0, unread_count=0).covers(NO_FEED)


def test_the_head_is_the_position_of_the_newest_change() -> None:
    assert FeedState(epoch=7, sequence=10, purged=3, unread_count=2).head == FeedPosition(7, 10)


def test_only_a_recipient_with_an_id_is_registered() -> None:
    assert user().registered
    assert not GUEST.registered


# -- time ----------------------------------------------------------------------------------------


def test_the_wall_clock_gives_microseconds_since_the_epoch() -> None:
    before, now, after = time.time_ns(), wall_clock(), time.time_ns()
    assert before // 1000 <= now <= after // 1000


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, 0), (1, 1_000_000), (0.25, 250_000), (0.0000019, 2), (-1, -1_000_000)]
)
def test_a_duration_is_rounded_to_microseconds(seconds: float, expected: int) -> None:
    assert micros(seconds) == expected


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_769_847_300_250_000, "2026-01-31T08:15:00.250000Z"),
        (LATEST, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_is_written_in_utc(at: int, text: str) -> None:
    assert isoformat(at) == text


@settings(deadline=None)
@given(st.integers(0, LATEST))
def test_a_written_time_reads_back_to_the_microsecond(at: int) -> None:
    read = datetime.fromisoformat(isoformat(at))
    assert (read - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) == at
