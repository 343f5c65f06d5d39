"""Reading what operators have ordered, and what there is to tell of the queue beside its counts."""

from __future__ import annotations

from typing import Any, NamedTuple

import peewee
from peewee import SQL

from tocsin_server.domain.model import ChannelType, Micros
from tocsin_server.domain.operating import OpenBreaker, Orders, Pause, QueueNotes, UndecidedCounts
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, time_parameter
from tocsin_server.storage.queries.due import COUNTED
from tocsin_server.storage.queries.rows import PENDING, columns_of, on_channel
from tocsin_server.storage.schema.tables import (
    Erasures,
    NotificationChannels,
    Notifications,
    OpenBreakers,
    PausedChannels,
    Undecided,
)

LATEST_ERASURES = 20
"""Notes of erasures that are looked at: of more that are made within a second, the others are among these."""


class PauseRow(NamedTuple):
    """A row of ``paused_channels``."""

    channel: str
    paused_at: Micros
    paused_by: str
    reason: str

    def value(self) -> Pause:
        """Return the pause."""
        return Pause(ChannelType(self.channel), self.paused_at, self.paused_by, self.reason)


class _BreakerRow(NamedTuple):
    channel: str
    provider: str
    code: str
    opened_at: Micros


def _tried_at(on: Dialect, channel: ChannelType) -> Statement:
    found = (
        NotificationChannels.select(SQL("response ->> 'provider'").alias("provider"))
        .where(PENDING, on_channel(channel))
        .order_by(NotificationChannels.due_at)
        .limit(COUNTED)
        .alias("found")
    )
    query = (
        peewee.Select([found], [found.c.provider, peewee.fn.COUNT(SQL("*"))])
        .where(found.c.provider != SQL("''"))  # what has none was not tried, or put off unasked
        .group_by(found.c.provider)
    )
    return Statement(on, query)


def _waiting_for_decisions(on: Dialect) -> Statement:
    found = (
        Undecided.select(Undecided.route_by, Notifications.created_at)
        .join(Notifications)
        .order_by(Undecided.route_by)
        .limit(COUNTED)
        .alias("found")
    )
    now = time_parameter("now")
    # Differences of times, which are numbers on one database and intervals on the other.
    left = peewee.NodeList((found.c.route_by, SQL(" - "), now), glue="")
    gone = peewee.NodeList((now, SQL(" - "), found.c.created_at), glue="")
    late = peewee.NodeList((SQL("CASE WHEN "), left, SQL(" < "), gone, SQL(" THEN 1 ELSE 0 END")), glue="")
    return Statement(on, peewee.Select([found], [peewee.fn.COUNT(SQL("*")), peewee.fn.SUM(late)]))


class OperatingReader:
    """Reads on any cursor of one database."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    _pauses = compiled(lambda on: Statement(on, PausedChannels.select(*columns_of(PauseRow, PausedChannels))))
    _erasures = compiled(
        lambda on: Statement(
            on,
            Erasures.select(Erasures.id, Erasures.notification_count)
            .order_by(Erasures.id.desc())
            .limit(LATEST_ERASURES),
        )
    )

    def orders(self, cursor: Any) -> Orders:
        """Read what every process has to obey."""
        erasures = [(erasure_id, count) for erasure_id, count in self._erasures.run(cursor).fetchall()]
        return Orders(self.pauses(cursor), erasures)

    def pauses(self, cursor: Any) -> list[Pause]:
        """Read which channels are paused, in the order of their words."""
        return sorted(PauseRow._make(row).value() for row in self._pauses.run(cursor).fetchall())

    _breakers = compiled(
        lambda on: Statement(
            on,
            OpenBreakers.select(*columns_of(_BreakerRow, OpenBreakers))
            .where(OpenBreakers.seen_until >= time_parameter("now"))
            .order_by(OpenBreakers.opened_at),
        )
    )

    # What is counted of a channel ends with a limit, as all counts of the queue do.
    _tried = compiled(lambda on: {channel: _tried_at(on, channel) for channel in ChannelType})

    _undecided = compiled(_waiting_for_decisions)

    def notes(self, cursor: Any, now: Micros) -> QueueNotes:
        """Read what there is to tell beside the counts of each channel."""
        breakers = [
            OpenBreaker(ChannelType(row.channel), row.provider, row.code, row.opened_at)
            for row in map(_BreakerRow._make, self._breakers.run(cursor, now=now).fetchall())
        ]
        retrying = {
            channel: dict(statement.run(cursor).fetchall()) for channel, statement in self._tried.items()
        }  # fmt: skip
        return QueueNotes(self.pauses(cursor), breakers, retrying, self.undecided(cursor, now))

    def undecided(self, cursor: Any, now: Micros) -> UndecidedCounts:
        """Count what waits for a decision."""
        waiting, late = self._undecided.run(cursor, now=now).fetchone()
        return UndecidedCounts(waiting, late or 0)
