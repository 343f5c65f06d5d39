"""Starting channels of a notification that is stored: a decision that came later, or the next step of a fallback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tocsin_server.domain.fallback import ends_by_reading, is_fallback, leads_on_at, steps_of
from tocsin_server.domain.model import Channel, ChannelDraft, ChannelType, Goal, Notification, Strategy
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.operations.channels import Channels
from tocsin_server.storage.operations.entering import Entering, EnteringRow
from tocsin_server.storage.operations.steps import StepList, Steps
from tocsin_server.storage.schema.tables import Notifications
from tocsin_server.storage.writer import Transaction


class Start(NamedTuple):
    """Channels of a locked notification, each with its address. ``goal`` is that of its fallback."""

    notification: Notification
    channels: Sequence[ChannelDraft]
    goal: Goal | None = None


class Starting:
    """Starts channels, and lets a websocket row that is due enter its feed.

    Whoever starts one of those holds the lock of its feed, which comes before the notification's.
    """

    def __init__(self, on: Dialect, entering: Entering, channels: Channels, steps: Steps) -> None:
        self._on = on
        self._entering = entering
        self._channels = channels
        self._steps = steps

    def start(self, transaction: Transaction, starts: Sequence[Start]) -> list[list[Channel]]:
        """Insert rows that are due now, or at the ``send_at`` of their notification; returns them for each start."""
        now = transaction.now
        rows = self._channels.begin(transaction)
        started = [
            rows.add(notification, channels, now, unless_read=ends_by_reading(goal, is_read=True))
            for notification, channels, goal in starts
        ]
        rows.insert()
        entering = [
            _entering(start, channel)
            for start, channels in zip(starts, started, strict=True)
            for channel in channels
            if channel.channel == ChannelType.WEBSOCKET and (channel.next_attempt_at or now) <= now
        ]
        if entering:
            self._entering.enter_rows(transaction, entering)
        return started

    _set_goal = compiled(
        lambda on: Statement(
            on, Notifications.update(goal=parameter("goal")).where(Notifications.id == parameter("id"))
        )
    )

    def begin(
        self, transaction: Transaction, notification: Notification, channels: Sequence[ChannelDraft], strategy: Strategy
    ) -> list[Channel]:
        """Start what was decided about a stored notification: all its channels, or the first step of a fallback.

        Returns the rows that were inserted. The notification is locked, and so is its feed if ``channels`` has a
        websocket; its status is pending. What a feed's subscribers are told of it is read after this.
        """
        if not is_fallback(strategy):
            [rows] = self.start(transaction, [Start(notification, channels)])
            return rows
        first, *later = steps_of(channels, strategy)
        self._set_goal.run(transaction.cursor, id=notification.id, goal=strategy.goal.value)
        [[row]] = self.start(transaction, [Start(notification, [first], strategy.goal)])
        due_at = max(transaction.now, notification.send_at or 0, first.not_before or 0)
        next_step_at = leads_on_at(first, strategy.goal, due_at)
        self._steps.keep(transaction, [StepList(notification.id, later, row.id, next_step_at, strategy.goal)])
        return [row]


def _entering(start: Start, channel: Channel) -> EnteringRow:
    notification = start.notification
    kind, recipient_id = notification.recipient
    assert recipient_id is not None  # noqa: S101 - else it could not have a websocket channel
    return EnteringRow(
        channel.id, notification.id, channel.status, channel.next_attempt_at, kind, recipient_id, notification.is_read,
        notification.expires_at, None, start.goal,
    )  # fmt: skip
