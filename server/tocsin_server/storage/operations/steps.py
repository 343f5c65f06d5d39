"""The lists of steps that have not begun, one for each fallback that still has some.

A list is read and changed only under the lock of its notification. By `tocsin_server.domain.fallback`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from tocsin_server.domain.fallback import ends_by_sending
from tocsin_server.domain.model import ChannelDraft, ChannelType, Goal, Micros
from tocsin_server.storage.databases.batches import RowInsert, RowUpdate
from tocsin_server.storage.databases.dialect import Dialect, Row
from tocsin_server.storage.databases.statements import Statement, compiled
from tocsin_server.storage.json_text import to_json
from tocsin_server.storage.schema.tables import Escalations, Notifications
from tocsin_server.storage.writer import Transaction


class StepList(NamedTuple):
    """Steps that have not begun, the row of the one that began last, and when that has had its time."""

    notification_id: str
    steps: Sequence[ChannelDraft]
    channel_id: str
    next_step_at: Micros | None
    goal: Goal

    def row(self) -> Row:
        """Return it as it is stored."""
        return self.notification_id, to_json(list(map(_written, self.steps))), self.channel_id, self.next_step_at


class Steps:
    """Keeps the lists, and notes when the next of them is due (`Transaction.next_step_at`)."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    _insert = compiled(
        lambda on: RowInsert(on, Escalations, ("notification_id", "steps", "channel_id", "next_step_at"))
    )

    def keep(self, transaction: Transaction, lists: Sequence[StepList]) -> None:
        """Store new lists, but those without a step."""
        kept = [one for one in lists if one.steps]
        self._insert.run(transaction.cursor, [one.row() for one in kept])
        _tell(transaction, kept)

    # -- looking, under the locks of the notifications ------------------------------------------

    _locked = compiled(
        lambda on: Statement(
            on,
            on.locking(
                Escalations.select(
                    Escalations.notification_id,
                    Escalations.steps,
                    Escalations.channel_id,
                    Escalations.next_step_at,
                    Notifications.goal,
                )
                .join(Notifications)
                .where(on.among(Escalations.notification_id, "ids")),
                Escalations,
                order_by=[Escalations.notification_id],
            ),
        )
    )

    def lock(self, cursor: Any, ids: Collection[str]) -> dict[str, StepList]:
        """Lock and return the lists of notifications, by their ids; those that have none are left out."""
        found = self._locked.run(cursor, ids=sorted(ids)).fetchall() if ids else ()
        return {
            notification_id: StepList(notification_id, read_steps(steps), channel_id, next_step_at, Goal(goal))
            for notification_id, steps, channel_id, next_step_at, goal in found
        }

    # -- going on, and ending --------------------------------------------------------------------

    _update = compiled(
        lambda on: RowUpdate(
            on, Escalations, ("notification_id", "steps", "channel_id", "next_step_at"), key=("notification_id",)
        )
    )

    def change(self, transaction: Transaction, lists: Sequence[StepList]) -> None:
        """Write what became of lists; one without a step goes."""
        self.drop(transaction.cursor, [one.notification_id for one in lists if not one.steps])
        left = [one for one in lists if one.steps]
        self._update.run(transaction.cursor, [one.row() for one in left])
        _tell(transaction, left)

    def hasten(self, transaction: Transaction, failed: Mapping[str, str]) -> None:
        """Let the clock lead on at once where a step failed that began last; its row, by its notification."""
        lists = self.lock(transaction.cursor, failed).values()
        self.change(
            transaction,
            [
                one._replace(next_step_at=transaction.now)
                for one in lists
                if failed[one.notification_id] == one.channel_id
            ],
        )

    def sent(
        self, cursor: Any, rows: Collection[tuple[str, str]], lists: Mapping[str, StepList] | None = None
    ) -> set[str]:
        """End the lists whose goal is reached now that rows (each after its notification) were sent; returns whose."""
        if lists is None:
            lists = self.lock(cursor, {notification_id for notification_id, _ in rows})
        ended = {
            notification_id
            for notification_id, row_id in rows
            if (one := lists.get(notification_id)) is not None
            and ends_by_sending(one.goal, latest=row_id == one.channel_id, next_step_at=one.next_step_at)
        }
        self.drop(cursor, ended)
        return ended

    _drop = compiled(lambda on: Statement(on, Escalations.delete().where(on.among(Escalations.notification_id, "ids"))))

    def drop(self, cursor: Any, ids: Collection[str]) -> int:
        """End the lists of notifications, and return how many there were."""
        dropped: int = self._drop.run(cursor, ids=sorted(ids)).rowcount if ids else 0
        return dropped


def read_steps(text: str) -> list[ChannelDraft]:
    """Read steps as they are stored."""
    return [
        ChannelDraft(ChannelType(one["channel"]), one.get("address"), one.get("escalate_after"), one.get("not_before"))
        for one in json.loads(text)
    ]


def _written(step: ChannelDraft) -> dict[str, Any]:
    return {name: value for name, value in step._asdict().items() if value is not None}


def _tell(transaction: Transaction, lists: Sequence[StepList]) -> None:
    """Note when the first of them is due."""
    times = [one.next_step_at for one in lists if one.next_step_at is not None]
    if transaction.next_step_at is not None:
        times.append(transaction.next_step_at)
    transaction.next_step_at = min(times, default=None)
