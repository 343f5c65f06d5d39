"""Giving out turns at providers that all processes share and that allow so many calls a second."""

from __future__ import annotations

from typing import NamedTuple

from tocsin_server.domain.model import Micros
from tocsin_server.domain.operating import Turn
from tocsin_server.storage.databases.batches import RowInsertIfAbsent
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter, time_parameter
from tocsin_server.storage.schema.tables import Paces
from tocsin_server.storage.writer import Transaction, one_by_one

CLOCK_SET: Micros = 10_000_000
"""No turn is given so much further ahead than asked for: if one was, it was before the clock was set back."""


class TurnWanted(NamedTuple):
    """Ask for the next turn of a name, if it is no more than ``most`` away; any two are ``interval`` apart."""

    name: str
    interval: Micros
    most: Micros


class Pacing:
    """Its method is a handler of the writer."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    _begin = compiled(lambda on: RowInsertIfAbsent(on, Paces, ("name", "next_at")))
    _next = compiled(
        lambda on: Statement(
            on, on.locking(Paces.select(Paces.next_at).where(Paces.name == parameter("name")), Paces)
        )
    )  # fmt: skip
    _move = compiled(
        lambda on: Statement(
            on, Paces.update(next_at=time_parameter("next_at")).where(Paces.name == parameter("name"))
        )
    )  # fmt: skip

    @one_by_one
    def take(self, transaction: Transaction, wanted: TurnWanted) -> Turn:
        """Take the next turn, or tell how far away it is."""
        cursor, now = transaction.cursor, transaction.now
        found = self._next.run(cursor, name=wanted.name).fetchone()
        if found is None:
            self._begin.run(cursor, [(wanted.name, now)])
            found = self._next.run(cursor, name=wanted.name).fetchone()
        wait = max(0, found[0] - now)
        if wait > wanted.most + wanted.interval + CLOCK_SET:
            wait = 0
        if wait > wanted.most:
            return Turn(wait, taken=False)
        self._move.run(cursor, name=wanted.name, next_at=now + wait + wanted.interval)
        return Turn(wait, taken=True)
