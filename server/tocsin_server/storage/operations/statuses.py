"""The status of a notification, recomputed when a channel of it is settled.

By `tocsin_server.domain.channel_row.notification_status`, in statements that come after those which settle channels,
under the lock of the notification: two workers that end two channels of it would otherwise each miss the other's row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import peewee
from peewee import SQL

from tocsin_server.domain.model import Status
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled
from tocsin_server.storage.schema.tables import Escalations, NotificationChannels, Notifications


class Statuses:
    """Keeps the statuses of notifications right."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    _mark_sent = compiled(
        lambda on: Statement(
            on,
            Notifications.update(status=SQL("'sent'")).where(
                on.among(Notifications.id, "ids"), Notifications.status != SQL("'sent'")
            ),
        )
    )
    # Nothing sent, nothing pending, nothing to be decided and no later step: failed. A sent one stays so.
    _mark_failed = compiled(
        lambda on: Statement(
            on,
            Notifications.update(status=SQL("'failed'")).where(
                on.among(Notifications.id, "ids"),
                Notifications.status == SQL("'pending'"),
                Notifications.route_by.is_null(),
                ~peewee.fn.EXISTS(
                    NotificationChannels.select(SQL("1")).where(
                        NotificationChannels.notification_id == Notifications.id,
                        NotificationChannels.status != SQL("'failed'"),
                    )
                ),
                Notifications.goal.is_null()
                | ~peewee.fn.EXISTS(
                    Escalations.select(SQL("1")).where(Escalations.notification_id == Notifications.id)
                ),
            ),
        )
    )

    def settled(self, cursor: Any, ids: Sequence[str], status: Status) -> None:
        """Recompute the status of notifications of each of which a channel became ``status`` (sent or failed)."""
        if ids:
            (self._mark_sent if status == Status.SENT else self._mark_failed).run(cursor, ids=ids)
