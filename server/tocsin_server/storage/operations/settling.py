"""Recording what subscribers have received."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from peewee import SQL

from tocsin_server.domain.model import ChannelType, FeedPosition, Recipient, RecipientType, Status
from tocsin_server.storage.databases.batches import RowLookup, RowUpdate
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.operations.heads import FeedHeads
from tocsin_server.storage.operations.statuses import Statuses
from tocsin_server.storage.operations.steps import Steps
from tocsin_server.storage.queries.feeds import Span, as_entered, changed
from tocsin_server.storage.schema.tables import NotificationChannels, Notifications, RecipientFeeds
from tocsin_server.storage.writer import Transaction


class Settlement(NamedTuple):
    """Everything of a feed up to a position was written to a live stream; ``response`` is the JSON that tells so."""

    recipient: Recipient
    position: FeedPosition
    response: str


class _Advance(NamedTuple):
    """A settlement, by its place, that brings its feed on: what is after ``after`` up to ``up_to`` is new."""

    place: int
    after: int
    up_to: int


def _waiting_rows(on: Dialect) -> RowLookup:
    """Return the lookup of what waits in spans of feeds: the row, its notification, whose that is and its goal."""
    notifications, rows = Notifications.alias("n"), NotificationChannels.alias("c")
    span = Span(*(SQL(f"given.{name}") for name in Span._fields))
    condition, arguments = on.compile(
        (as_entered(notifications, span) | changed(notifications, span))
        & (rows.notification_id == notifications.id)
        & (rows.status == SQL("'pending'"))
        & (rows.channel == SQL(f"'{ChannelType.WEBSOCKET.value}'"))
    )
    assert not arguments  # noqa: S101 - there are but columns and literals in it
    return RowLookup(
        on,
        RecipientFeeds,
        ("recipient_type", "recipient_id", "after=last_sequence", "up_to=last_sequence"),
        ("c.id", "n.id", "n.recipient_type", "n.recipient_id", "n.goal"),
        # SQLite takes tables in the order of CROSS JOINs; by itself it would begin with all that waits anywhere.
        source=f"CROSS JOIN notifications AS n CROSS JOIN notification_channels AS c WHERE {condition}",
        locked=("n.id", "n, c"),
    )


class Settling:
    """Its methods are handlers of the writer."""

    def __init__(self, on: Dialect, heads: FeedHeads, statuses: Statuses, steps: Steps) -> None:
        self._on = on
        self._heads = heads
        self._statuses = statuses
        self._steps = steps

    _advance = compiled(
        lambda on: RowUpdate(
            on,
            RecipientFeeds,
            ("recipient_type", "recipient_id", "delivered_sequence"),
            key=("recipient_type", "recipient_id"),
        )
    )
    _waiting = compiled(_waiting_rows)
    _deliver = compiled(
        lambda on: Statement(
            on,
            NotificationChannels.update(
                status=SQL("'sent'"),
                attempts=NotificationChannels.attempts + 1,
                response=parameter("response"),
                due_at=None,
            ).where(on.among(NotificationChannels.id, "ids")),
        )
    )

    def settle(self, transaction: Transaction, settlements: Sequence[Settlement]) -> list[int]:
        """Record waiting websocket rows up to a position as sent; each result is how many there were.

        A position of another epoch, or beyond the head, settles nothing: whoever presents it has seen another feed.
        Of several positions of one feed, the furthest counts.
        """
        cursor = transaction.cursor
        advances = self._advances(cursor, settlements)
        self._advance.run(cursor, [(*recipient, advance.up_to) for recipient, advance in advances.items()])
        waiting = self._waiting.run(
            cursor, [(*recipient, advance.after, advance.up_to) for recipient, advance in advances.items()]
        )
        counts = [0] * len(settlements)
        delivered: dict[str, list[str]] = {}
        notification_ids = []
        fallbacks: list[tuple[str, str]] = []
        for row_id, notification_id, recipient_type, recipient_id, goal in waiting:
            place = advances[Recipient(RecipientType(recipient_type), recipient_id)].place
            counts[place] += 1
            delivered.setdefault(settlements[place].response, []).append(row_id)
            notification_ids.append(notification_id)
            if goal is not None:
                fallbacks.append((notification_id, row_id))
        if fallbacks:
            self._steps.sent(cursor, fallbacks)
        for response, row_ids in delivered.items():
            self._deliver.run(cursor, ids=row_ids, response=response)
        self._statuses.settled(cursor, notification_ids, Status.SENT)
        return counts

    def _advances(self, cursor: Any, settlements: Sequence[Settlement]) -> dict[Recipient, _Advance]:
        heads = self._heads.lock(cursor, {settlement.recipient for settlement in settlements})
        advances: dict[Recipient, _Advance] = {}
        for place, (recipient, position, _) in enumerate(settlements):
            head = heads.get(recipient)
            if head is None:
                continue
            after = head.delivered_sequence
            reached = advances[recipient].up_to if recipient in advances else after
            if position.epoch == head.epoch and reached < position.sequence <= head.last_sequence:
                advances[recipient] = _Advance(place, after, position.sequence)
        return advances
