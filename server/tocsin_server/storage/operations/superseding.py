"""Ending what reading has made pointless: the later steps of a fallback, and those of its channels that still wait."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from tocsin_server.domain.attempt_log import SUPERSEDED, given_up
from tocsin_server.domain.fallback import superseded_due_at
from tocsin_server.domain.model import ChannelType, Micros, Status
from tocsin_server.storage.databases.batches import RowUpdate
from tocsin_server.storage.databases.dialect import Dialect, Row
from tocsin_server.storage.databases.statements import Statement, compiled
from tocsin_server.storage.json_text import dump_json, load_json
from tocsin_server.storage.operations.statuses import Statuses
from tocsin_server.storage.operations.steps import Steps
from tocsin_server.storage.queries.rows import PENDING, columns_of
from tocsin_server.storage.schema.tables import NotificationChannels, Notifications
from tocsin_server.storage.writer import Transaction


class _WaitingRow(NamedTuple):
    """A row that waits, for its time or its subscriber."""

    id: str
    notification_id: str
    channel: str
    response: str | None
    due_at: Micros | None
    entered_sequence: int | None


class Superseding:
    """Ends channels of notifications that were read."""

    def __init__(self, on: Dialect, statuses: Statuses, steps: Steps) -> None:
        self._on = on
        self._statuses = statuses
        self._steps = steps

    # What is held is being sent, or looked at again by its lane before that.
    _waiting = compiled(
        lambda on: Statement(
            on,
            on.locking(
                NotificationChannels.select(*columns_of(_WaitingRow, NotificationChannels, Notifications))
                .join(Notifications)
                .where(
                    on.among(NotificationChannels.notification_id, "ids"),
                    PENDING,
                    NotificationChannels.claim_token.is_null(),
                ),
                NotificationChannels,
                order_by=[NotificationChannels.id],
            ),
        )
    )
    _end = compiled(lambda on: RowUpdate(on, NotificationChannels, ("id", "status", "response", "due_at")))

    def supersede(self, transaction: Transaction, read: Collection[str]) -> None:
        """End what is still to come of notifications that are locked and have just been read.

        They are those of fallbacks whose goal is that they are read.
        """
        if not read:
            return
        cursor, now = transaction.cursor, transaction.now
        self._steps.drop(cursor, read)
        rows = list(map(_WaitingRow._make, self._waiting.run(cursor, ids=sorted(read)).fetchall()))
        in_feed = [row for row in rows if row.channel == ChannelType.WEBSOCKET and row.entered_sequence is not None]
        ended = [row for row in rows if row not in in_feed]
        changes: list[Row] = [
            (row.id, Status.FAILED.value, dump_json(given_up(load_json(row.response), reason=SUPERSEDED, at=now)), None)
            for row in ended
        ]
        changes += [(row.id, Status.PENDING.value, row.response, superseded_due_at(row.due_at, now)) for row in in_feed]
        self._end.run(cursor, sorted(changes, key=_id))
        self._statuses.settled(cursor, [row.notification_id for row in ended], Status.FAILED)


def _id(row: Row) -> Any:
    return row[0]
