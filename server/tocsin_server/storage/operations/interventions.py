"""Cancel and Retry: what callers do to the channels of a stored notification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from peewee import SQL

from tocsin_server.domain.attempt_log import CANCELLED, given_up
from tocsin_server.domain.channel_row import is_expired, revived_due_at
from tocsin_server.domain.clock import isoformat
from tocsin_server.domain.errors import AlreadySettled, Expired, NotificationNotFound, NotRetryable, TocsinError
from tocsin_server.domain.fallback import ends_by_reading, superseded_due_at
from tocsin_server.domain.model import Channel, ChannelType, Entered, Notification, Status
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter, time_parameter
from tocsin_server.storage.json_text import dump_json, load_json
from tocsin_server.storage.operations.entering import Entering
from tocsin_server.storage.operations.heads import FeedHeads, FeedRange
from tocsin_server.storage.operations.leaving import Leaving
from tocsin_server.storage.operations.statuses import Statuses
from tocsin_server.storage.operations.steps import Steps
from tocsin_server.storage.queries.rows import PENDING, NotificationReader
from tocsin_server.storage.schema.tables import NotificationChannels, Notifications
from tocsin_server.storage.writer import Transaction, one_by_one

MINE = Notifications.id == parameter("id")
"""The notification given as a parameter."""


class Revival(NamedTuple):
    """Ask to revive failed channels (none named: all of them).

    ``refusals`` are the channels that cannot be sent by as things stand, and why.
    """

    notification_id: str
    channels: Sequence[ChannelType]
    refusals: Mapping[ChannelType, TocsinError]


class Interventions:
    """Its methods that take a `Transaction` are handlers of the writer."""

    def __init__(
        self,
        on: Dialect,
        reader: NotificationReader,
        heads: FeedHeads,
        entering: Entering,
        statuses: Statuses,
        leaving: Leaving,
        steps: Steps,
        *,
        attempt_limit: int,
    ) -> None:
        self._on = on
        self._reader = reader
        self._heads = heads
        self._entering = entering
        self._statuses = statuses
        self._leaving = leaving
        self._steps = steps
        self._attempt_limit = attempt_limit

    # -- Cancel ----------------------------------------------------------------------------------

    _lock = compiled(
        lambda on: Statement(
            on,
            on.locking(
                Notifications.select(Notifications.cancelled_at, Notifications.route_by, Notifications.goal).where(
                    MINE
                ),
                Notifications,
            ),
        )
    )
    _cancellable = compiled(
        lambda on: Statement(
            on,
            on.locking(
                NotificationChannels.select(NotificationChannels.id, NotificationChannels.response).where(
                    NotificationChannels.notification_id == parameter("id"),
                    PENDING,
                    NotificationChannels.claim_token.is_null(),
                ),
                NotificationChannels,
            ),
        )
    )
    _mark_cancelled = compiled(
        lambda on: Statement(on, Notifications.update(cancelled_at=time_parameter("now")).where(MINE))
    )
    _cancel_row = compiled(
        lambda on: Statement(
            on,
            NotificationChannels.update(status=SQL("'failed'"), response=parameter("response"), due_at=None).where(
                NotificationChannels.id == parameter("id")
            ),
        )
    )

    @one_by_one
    def cancel(self, transaction: Transaction, notification_id: str) -> Notification:
        """Fail what is pending and not being sent, and let nobody decide and no later step start.

        Returns the notification as it is then.
        """
        cursor, now = transaction.cursor, transaction.now
        locked = self._lock.run(cursor, id=notification_id).fetchone()
        notification = self._reader.get(cursor, notification_id)
        if locked is None or notification is None:
            raise NotificationNotFound(notification_id)
        cancelled_at, route_by, _ = locked
        steps_left = self._steps.drop(cursor, [notification_id])
        cancellable = self._cancellable.run(cursor, id=notification_id).fetchall()
        being_sent = sum(channel.status == Status.PENDING for channel in notification.channels) - len(cancellable)
        if not (cancellable or route_by or steps_left) and (not being_sent or cancelled_at is not None):
            raise AlreadySettled(notification_id, notification.status)
        self._mark_cancelled.run(cursor, id=notification_id, now=now)
        if route_by is not None:
            self._leaving.leave(cursor, [notification_id])
        for row_id, response in cancellable:
            previous = load_json(response)
            self._cancel_row.run(cursor, id=row_id, response=dump_json(given_up(previous, reason=CANCELLED, at=now)))
        if cancellable or steps_left or route_by is not None:
            self._statuses.settled(cursor, [notification_id], Status.FAILED)
        if being_sent:
            transaction.cancelled.append(notification_id)
        return self._reader.get_locked(cursor, notification_id)

    # -- Retry -----------------------------------------------------------------------------------

    _revive_row = compiled(
        lambda on: Statement(
            on,
            NotificationChannels.update(
                status=SQL("'pending'"),
                due_at=time_parameter("due_at"),
                attempt_limit=NotificationChannels.attempts + parameter("attempt_limit"),
            ).where(NotificationChannels.id == parameter("id")),
        )
    )
    _uncancel = compiled(lambda on: Statement(on, Notifications.update(cancelled_at=None).where(MINE)))
    _revive = compiled(
        lambda on: Statement(
            on,
            Notifications.update(status=SQL("'pending'")).where(MINE, Notifications.status == SQL("'failed'")),
        )
    )

    @one_by_one
    def retry(self, transaction: Transaction, revival: Revival) -> Notification:
        """Make failed channels due again with a new budget; returns the notification as it is then.

        What is scheduled keeps its time.
        """
        cursor, now = transaction.cursor, transaction.now
        notification = self._reader.get(cursor, revival.notification_id)
        if notification is None:
            raise NotificationNotFound(revival.notification_id)
        # What it is decided by is read once more, under the locks.
        goal = self._lock_with_feed(cursor, notification)
        notification = self._reader.get_locked(cursor, notification.id)
        chosen = _failed(notification, revival.channels)
        if is_expired(notification.expires_at, now):
            raise Expired(notification.id, isoformat(notification.expires_at or now))
        for channel in chosen:
            if channel.channel in revival.refusals:
                raise revival.refusals[channel.channel]
        start = max(now, notification.send_at or now)
        enters = start <= now or notification.sequence is not None
        pointless = ends_by_reading(goal, is_read=notification.is_read)
        for channel in chosen:
            due_at = revived_due_at(channel.channel, notification.expires_at, start) if enters else start
            if enters and channel.channel == ChannelType.WEBSOCKET and pointless:
                due_at = superseded_due_at(due_at, now)
            self._revive_row.run(cursor, id=channel.id, due_at=due_at, attempt_limit=self._attempt_limit)
        self._uncancel.run(cursor, id=notification.id)
        self._revive.run(cursor, id=notification.id)
        place: FeedRange | None = None
        if enters and any(channel.channel == ChannelType.WEBSOCKET for channel in chosen):
            place = self._entering.enter_again(cursor, notification)
        revived = self._reader.get_locked(cursor, notification.id)
        if place is not None:
            transaction.events.append(
                Entered(revived.recipient, place.epoch, place.last, place.last, place.unread_count, revived)
            )
        return revived

    def _lock_with_feed(self, cursor: Any, notification: Notification) -> str | None:
        """Lock a notification and before it, as the order wants it, the feed that it may enter; returns its goal."""
        if any(channel.channel == ChannelType.WEBSOCKET for channel in notification.channels):
            self._heads.lock_or_create(cursor, [notification.recipient])
        [(_, _, goal)] = self._lock.run(cursor, id=notification.id).fetchall()
        return goal  # type: ignore[no-any-return]


def _failed(notification: Notification, wanted: Sequence[ChannelType]) -> list[Channel]:
    """Return the channels to revive; raises `NotRetryable` if the choice is not possible."""
    failed = [channel for channel in notification.channels if channel.status == Status.FAILED]
    if wanted:
        possible = {channel.channel for channel in failed}
        impossible = [channel for channel in wanted if channel not in possible]
        if impossible:
            raise NotRetryable(notification.id, ",".join(impossible))
        failed = [channel for channel in failed if channel.channel in wanted]
    if not failed:
        raise NotRetryable(notification.id, "")
    return failed
