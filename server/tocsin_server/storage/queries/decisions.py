"""Reading who decided about a notification, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from tocsin_server.domain.model import (
    ChannelDraft,
    ChannelType,
    DecidedBy,
    Decision,
    Denial,
    Micros,
)
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.queries.rows import columns_of
from tocsin_server.storage.schema.tables import Decisions

MOST = 50
"""Decisions that are read of a notification, the oldest: each step of a fallback makes one, each hold another."""


NO_CHANNELS = "[]"
"""The channels of a decision that chose none."""


class DecisionRow(NamedTuple):
    """A row of ``decisions``."""

    decided_at: Micros
    decided_by: str
    name: str
    channels: str
    denied: str | None
    reason: str
    decider: str
    caller: str
    digest: str | None

    def value(self) -> Decision:
        """Return the decision."""
        chosen = [ChannelDraft(ChannelType(one["channel"]), one.get("address")) for one in json.loads(self.channels)]
        denied = [
            Denial(ChannelType(one["channel"]), one["policy"], one["detail"]) for one in json.loads(self.denied or "[]")
        ]
        return Decision(
            DecidedBy(self.decided_by), self.name, chosen, denied, self.reason, self.decider, self.decided_at
        )


class DecisionReader:
    """Reads decisions on any cursor of one database."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    _of = compiled(
        lambda on: Statement(
            on,
            Decisions.select(*columns_of(DecisionRow, Decisions))
            .where(Decisions.notification_id == parameter("id"))
            .order_by(Decisions.id)
            .limit(parameter("limit")),
        )
    )
    _last = compiled(
        lambda on: Statement(
            on,
            Decisions.select(*columns_of(DecisionRow, Decisions))
            .where(Decisions.notification_id == parameter("id"))
            .order_by(Decisions.id.desc())
            .limit(parameter("limit")),
        )
    )

    def of(self, cursor: Any, notification_id: str) -> list[DecisionRow]:
        """Read the decisions about a notification, oldest first."""
        return list(self._rows(self._of.run(cursor, id=notification_id, limit=MOST)))

    def last(self, cursor: Any, notification_id: str, limit: int = 1) -> list[DecisionRow]:
        """Read the latest decisions about a notification, newest first."""
        return list(self._rows(self._last.run(cursor, id=notification_id, limit=limit)))

    @staticmethod
    def _rows(cursor: Any) -> Iterator[DecisionRow]:
        return map(DecisionRow._make, cursor.fetchall())
