"""Ending that a notification waits for a decision: it was decided, cancelled, or its time is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled
from tocsin_server.storage.schema.tables import Notifications, Undecided


class Leaving:
    """Takes notifications, which the transaction has locked, out of those that are undecided."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    _decided = compiled(
        lambda on: Statement(on, Notifications.update(route_by=None).where(on.among(Notifications.id, "ids")))
    )
    _remove = compiled(lambda on: Statement(on, Undecided.delete().where(on.among(Undecided.notification_id, "ids"))))

    def leave(self, cursor: Any, ids: Sequence[str]) -> None:
        """Let nobody decide about them any more. Their status is the caller's to recompute."""
        self._decided.run(cursor, ids=ids)
        self._remove.run(cursor, ids=ids)
