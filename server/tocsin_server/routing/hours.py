"""The hours of the day in which something may be sent, by the clock on the wall. Pure.

Something is in the hours if the clock shows a time in them. Where clocks are set, an hour that comes twice counts
twice, and one that is left out does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from tocsin_server.domain.clock import from_datetime, to_datetime, zone_by
from tocsin_server.domain.model import Micros
from tocsin_server.routing.facts import Facts

MINUTES: Final = 24 * 60
_DAY: Final = timedelta(days=1)


class Hours(Protocol):
    """The hours in which something may be sent."""

    @property
    def needs_contact(self) -> bool:
        """Whether they are those of the recipient's time zone."""

    def opens(self, facts: Facts, at: Micros) -> Micros:
        """Return when it may be sent that is to go out at a time: then, or when the hours begin next."""


class Window(NamedTuple):
    """From ``begin`` to ``end``, minutes of the day; over midnight if that is the smaller one.

    ``zone`` is the one of ``of_recipient``s whose own is not known.
    """

    begin: int
    end: int
    zone: tzinfo
    of_recipient: bool

    @property
    def needs_contact(self) -> bool:
        """Whether they are those of the recipient's time zone."""
        return self.of_recipient

    def opens(self, facts: Facts, at: Micros) -> Micros:
        """Return when it may be sent that is to go out at a time: then, or when the hours begin next."""
        zone = (self.of_recipient and zone_of(facts)) or self.zone
        wanted = to_datetime(at)
        if self._holds(wanted.astimezone(zone)):
            return at
        return min((from_datetime(begin) for begin in self._begins(wanted, zone) if begin > wanted), default=at)

    def _holds(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end

    def _begins(self, near: datetime, zone: tzinfo) -> Iterator[datetime]:
        """Yield when the hours begin: at their time, or when clocks are set from before it to within them."""
        today = near.astimezone(zone).date()
        for days in range(3):
            day = today + days * _DAY
            begin = datetime(day.year, day.month, day.day, self.begin // 60, self.begin % 60)  # noqa: DTZ001 - wall time
            moments = [begin.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
            change = _change(day, zone)
            for moment in (*moments, *((change,) if change else ())):
                shown = moment.astimezone(zone)
                exact = shown.replace(tzinfo=None) == begin
                if self._holds(shown) and (exact or moment == change):
                    yield moment


@lru_cache(maxsize=1_024)
def _change(day: date, zone: tzinfo) -> datetime | None:
    """Return when clocks are set on a day, None if they are not; to the second."""
    early = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    late = early + _DAY
    if early.astimezone(zone).utcoffset() == late.astimezone(zone).utcoffset():
        return None
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if middle <= early:
            break
        if middle.astimezone(zone).utcoffset() == early.astimezone(zone).utcoffset():
            early = middle
        else:
            late = middle
    return late


def zone_of(facts: Facts) -> tzinfo | None:
    """Return the recipient's time zone, None if it is not known here."""
    name = facts.contact.time_zone if facts.contact is not None else ""
    return zone_by(name) if name else None


def local_time(facts: Facts) -> datetime:
    """Return the time at which it goes out where the recipient is; in UTC if that is not known."""
    return to_datetime(facts.goes_out_at).astimezone(zone_of(facts) or UTC)
