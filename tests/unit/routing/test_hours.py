"""Hours by the clock on the wall: within a day, over midnight, and where clocks are set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.decisions import facts
from tocsin_server.domain.clock import from_datetime, to_datetime, zone_by
from tocsin_server.domain.model import Contact
from tocsin_server.routing.hours import Window

LONDON, NEW_YORK = ZoneInfo("Europe/London"), ZoneInfo("America/New_York")


def window(begin: str, end: str, zone: ZoneInfo = LONDON, *, of_recipient: bool = False) -> Window:
    def minutes(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    return Window(minutes(begin), minutes(end), zone, of_recipient)


def opens(hours: Window, at: str) -> str:
    """Return when hours begin for a time in UTC, in UTC."""
    wanted = from_datetime(datetime.fromisoformat(at).replace(tzinfo=UTC))
    return to_datetime(hours.opens(facts(), wanted)).isoformat().removesuffix("+00:00")


@pytest.mark.parametrize(
    ("begin", "end", "at", "opening"),
    [
        ("08:00", "21:00", "2026-01-10T12:00:00", "2026-01-10T12:00:00"),
        ("08:00", "21:00", "2026-01-10T08:00:00", "2026-01-10T08:00:00"),
        ("08:00", "21:00", "2026-01-10T07:59:59.999999", "2026-01-10T08:00:00"),
        ("08:00", "21:00", "2026-01-10T20:59:59", "2026-01-10T20:59:59"),
        ("08:00", "21:00", "2026-01-10T21:00:00", "2026-01-11T08:00:00"),
        ("08:00", "21:00", "2026-07-10T06:30:00", "2026-07-10T07:00:00"),
        ("22:00", "06:00", "2026-01-10T23:30:00", "2026-01-10T23:30:00"),
        ("22:00", "06:00", "2026-01-10T05:59:00", "2026-01-10T05:59:00"),
        ("22:00", "06:00", "2026-01-10T06:00:00", "2026-01-10T22:00:00"),
        ("08:00", "00:00", "2026-01-10T23:59:00", "2026-01-10T23:59:00"),
        ("08:00", "00:00", "2026-01-10T00:00:00", "2026-01-10T08:00:00"),
        ("23:59", "00:01", "2026-12-31T12:00:00", "2026-12-31T23:59:00"),
    ],
)
def test_it_waits_for_the_hours_or_goes_out_in_them(begin: str, end: str, at: str, opening: str) -> None:
    assert opens(window(begin, end), at) == opening


@pytest.mark.parametrize(
    ("zone", "begin", "end", "at", "opening"),
    [
        # Clocks go forward in London on 2026-03-29 at 01:00 UTC: 01:00 is 02:00.
        (LONDON, "08:00", "21:00", "2026-03-28T22:00:00", "2026-03-29T07:00:00"),
        (LONDON, "01:30", "03:00", "2026-03-29T00:45:00", "2026-03-29T01:00:00"),
        (LONDON, "01:15", "01:45", "2026-03-29T00:45:00", "2026-03-30T00:15:00"),
        (LONDON, "02:00", "03:00", "2026-03-29T00:59:00", "2026-03-29T01:00:00"),
        # And back on 2026-10-25 at 01:00 UTC: 02:00 is 01:00 again.
        (LONDON, "08:00", "21:00", "2026-10-24T21:00:00", "2026-10-25T08:00:00"),
        (LONDON, "01:30", "02:30", "2026-10-25T00:00:00", "2026-10-25T00:30:00"),
        (LONDON, "01:30", "02:30", "2026-10-25T01:10:00", "2026-10-25T01:30:00"),
        (LONDON, "00:30", "01:30", "2026-10-25T00:45:00", "2026-10-25T01:00:00"),
        # In New York on 2026-03-08 at 07:00 UTC, and back on 2026-11-01 at 06:00 UTC.
        (NEW_YORK, "08:00", "21:00", "2026-03-08T04:00:00", "2026-03-08T12:00:00"),
        (NEW_YORK, "02:30", "04:00", "2026-03-08T06:00:00", "2026-03-08T07:00:00"),
        (NEW_YORK, "21:00", "02:30", "2026-03-08T07:00:00", "2026-03-09T01:00:00"),
        (NEW_YORK, "01:00", "01:30", "2026-11-01T05:45:00", "2026-11-01T06:00:00"),
    ],
)
def test_where_clocks_are_set_the_wall_decides(zone: ZoneInfo, begin: str, end: str, at: str, opening: str) -> None:
    assert opens(window(begin, end, zone), at) == opening


MINUTE = st.integers(0, 1439)


@given(
    MINUTE,
    MINUTE,
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - of UTC
    st.sampled_from(["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
)
def test_it_begins_in_the_hours_and_nothing_before_was(begin: int, end: int, naive: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    hours = Window(begin, end if end != begin else (begin + 1) % 1440, zone, of_recipient=False)
    at = naive.replace(tzinfo=UTC)
    opening = to_datetime(hours.opens(facts(), from_datetime(at)))
    assert opening >= at
    assert hours._holds(opening.astimezone(zone))
    for minutes in range(0, int((opening - at).total_seconds() // 60), 7):
        assert not hours._holds((at + timedelta(minutes=minutes)).astimezone(zone))


def test_the_recipients_zone_goes_before_the_other() -> None:
    hours = window("08:00", "21:00", of_recipient=True)
    at = from_datetime(datetime(2026, 1, 10, 9, tzinfo=UTC))
    tokyo = facts(contact=Contact(facts().recipient, None, {}, "", "America/Los_Angeles"))
    assert hours.opens(facts(), at) == at
    assert to_datetime(hours.opens(tokyo, at)) == datetime(2026, 1, 10, 16, tzinfo=UTC)
    assert hours.needs_contact
    assert not window("08:00", "21:00").needs_contact


def test_a_zone_that_is_not_known_here_is_none() -> None:
    assert zone_by("Mars/Olympus") is None
    assert zone_by("../../etc/passwd") is None
    lost = facts(contact=Contact(facts().recipient, None, {}, "", "Mars/Olympus"))
    at = from_datetime(datetime(2026, 1, 10, 9, tzinfo=UTC))
    assert window("08:00", "21:00", of_recipient=True).opens(lost, at) == at
