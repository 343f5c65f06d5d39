"""Leading on: the next step of a fallback starts since the one before has failed, or has had its time.

The order of locks is that of all transactions: feeds, notifications, lists of steps, channel rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from tocsin_server.domain import fallback
from tocsin_server.domain.fallback import is_over, leads_on_at
from tocsin_server.domain.model import (
    ChannelType,
    DecidedBy,
    Decision,
    Micros,
    Notification,
    Recipient,
    RecipientType,
    Status,
)
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter, time_parameter
from tocsin_server.storage.operations.decisions import DecisionLog, NewDecision
from tocsin_server.storage.operations.heads import FeedHeads
from tocsin_server.storage.operations.starting import Start, Starting
from tocsin_server.storage.operations.statuses import Statuses
from tocsin_server.storage.operations.steps import StepList, Steps, read_steps
from tocsin_server.storage.queries.rows import NotificationReader
from tocsin_server.storage.schema.tables import Escalations, Notifications
from tocsin_server.storage.writer import Transaction


class DueStep(NamedTuple):
    """A fallback whose step has had its time, and whose feed a later one may enter."""

    notification_id: str
    recipient: Recipient
    may_enter: bool


class LockedFeeds(NamedTuple):
    """The feeds that a transaction has locked; None where there is nothing to lock."""

    feeds: AbstractSet[Recipient] | None

    def has(self, recipient: Recipient) -> bool:
        """Whether a feed may be entered."""
        return self.feeds is None or recipient in self.feeds


NOTHING_TO_LOCK = LockedFeeds(None)


class Escalating:
    """Starts next steps. `outwaited` is a handler of the writer."""

    def __init__(
        self,
        on: Dialect,
        reader: NotificationReader,
        heads: FeedHeads,
        statuses: Statuses,
        starting: Starting,
        steps: Steps,
        log: DecisionLog,
    ) -> None:
        self._on = on
        self._reader = reader
        self._heads = heads
        self._statuses = statuses
        self._starting = starting
        self._steps = steps
        self._log = log

    # -- by the clock ----------------------------------------------------------------------------

    _next = compiled(
        lambda on: Statement(
            on,
            Escalations.select(Escalations.next_step_at)
            .where(Escalations.next_step_at.is_null(is_null=False))
            .order_by(Escalations.next_step_at)
            .limit(1),
        )
    )

    def next_due(self, cursor: Any) -> Micros | None:
        """Return when the next step is due (possibly in the past), None if none is."""
        found = self._next.run(cursor).fetchone()
        return None if found is None else found[0]

    _due = compiled(
        lambda on: Statement(
            on,
            _with_recipients()
            .where(Escalations.next_step_at <= time_parameter("now"))
            .order_by(Escalations.next_step_at)
            .limit(parameter("limit")),
        )
    )

    def due(self, cursor: Any, now: Micros, limit: int) -> list[DueStep]:
        """Read up to ``limit`` fallbacks whose next step is due, those that have been so for longest first."""
        return [_due_step(*row) for row in self._due.run(cursor, now=now, limit=limit)]

    _lock = compiled(
        lambda on: Statement(
            on,
            on.locking(
                Notifications.select(Notifications.id).where(on.among(Notifications.id, "ids")),
                Notifications,
                order_by=[Notifications.id],
            ),
        )
    )

    def outwaited(self, transaction: Transaction, candidates: Sequence[DueStep]) -> list[bool]:
        """Start the next steps of what was due; each result is whether it still was.

        What another process has started meanwhile is found not to be due under the lock.
        """
        cursor = transaction.cursor
        locked = self._lock_feeds(cursor, candidates)
        ids = [one.notification_id for one in candidates]
        if not self._on.one_writer:
            self._lock.run(cursor, ids=ids).fetchall()
        lists = self._steps.lock(cursor, ids)
        due = {
            one.notification_id: one
            for one in lists.values()
            if one.next_step_at is not None and one.next_step_at <= transaction.now
        }
        over = self._lead_on(transaction, due.values(), locked)
        self._statuses.settled(cursor, over, Status.FAILED)
        # Several calls that found the same share this transaction; it counts for the first of them.
        return [due.pop(one.notification_id, None) is not None for one in candidates]

    # -- by failure ------------------------------------------------------------------------------

    _of = compiled(
        lambda on: Statement(
            on,
            _with_recipients().where(on.among(Escalations.notification_id, "ids")),
        )
    )

    def prepare(self, cursor: Any, failing: Collection[str]) -> LockedFeeds:
        """Lock the feeds that next steps may enter when channels of notifications fail, before anything else."""
        if self._on.one_writer or not failing:
            return NOTHING_TO_LOCK
        return self._lock_feeds(cursor, [_due_step(*row) for row in self._of.run(cursor, ids=sorted(failing))])

    def failed(
        self,
        transaction: Transaction,
        rows: Iterable[tuple[str, str]],
        lists: Mapping[str, StepList],
        locked: LockedFeeds,
    ) -> None:
        """Lead on where one of ``rows`` (each a notification and its channel row) began last, and has failed now.

        ``lists`` are those of the notifications, ``locked`` what `prepare` returned. The statuses are recomputed after
        this, by the caller.
        """
        ended = [one for key, row_id in rows if (one := lists.get(key)) is not None and one.channel_id == row_id]
        if ended:
            self._lead_on(transaction, ended, locked)

    # -- for both --------------------------------------------------------------------------------

    def _lock_feeds(self, cursor: Any, found: Sequence[DueStep]) -> LockedFeeds:
        if self._on.one_writer:
            return NOTHING_TO_LOCK
        feeds = {one.recipient for one in found if one.may_enter}
        self._heads.lock_or_create(cursor, feeds)
        return LockedFeeds(feeds)

    def _lead_on(self, transaction: Transaction, lists: Collection[StepList], locked: LockedFeeds) -> list[str]:
        """Start the next step of each list that is not over; returns the notifications of those that are."""
        cursor, now = transaction.cursor, transaction.now
        notifications = self._reader.get_several(cursor, [one.notification_id for one in lists])
        over: list[str] = []
        going_on: list[StepList] = []
        put_off: list[StepList] = []
        for one in sorted(lists):
            notification = notifications[one.notification_id]
            if is_over(one.goal, is_read=notification.is_read, expires_at=notification.expires_at, now=now):
                over.append(one.notification_id)
            elif one.steps[0].channel == ChannelType.WEBSOCKET and not locked.has(notification.recipient):
                put_off.append(one._replace(next_step_at=now))  # the clock will lock the feed before
            else:
                going_on.append(one)
        self._steps.drop(cursor, over)
        self._steps.change(transaction, [*self._start(transaction, going_on, notifications), *put_off])
        return over

    def _start(
        self, transaction: Transaction, lists: Sequence[StepList], notifications: Mapping[str, Notification]
    ) -> list[StepList]:
        """Start the first step of each list, and return what is left of the lists."""
        if not lists:
            return []
        now = transaction.now
        self._log.record(
            transaction,
            [
                NewDecision(
                    one.notification_id,
                    Decision(DecidedBy.ESCALATION, _why(one, notifications[one.notification_id]), one.steps[:1]),
                    now,
                )
                for one in lists
            ],
        )
        started = self._starting.start(
            transaction, [Start(notifications[one.notification_id], one.steps[:1], one.goal) for one in lists]
        )
        left = []
        for one, [row] in zip(lists, started, strict=True):
            step, *later = one.steps
            due_at = max(now, step.not_before or 0)
            left.append(one._replace(steps=later, channel_id=row.id, next_step_at=leads_on_at(step, one.goal, due_at)))
        return left


def _with_recipients() -> Any:
    """Select what `_due_step` takes."""
    return Escalations.select(
        Escalations.notification_id, Notifications.recipient_type, Notifications.recipient_id, Escalations.steps
    ).join(Notifications)


def _due_step(notification_id: str, recipient_type: str, recipient_id: str | None, steps: str) -> DueStep:
    may_enter = any(step.channel == ChannelType.WEBSOCKET for step in read_steps(steps))
    return DueStep(notification_id, Recipient(RecipientType(recipient_type), recipient_id), may_enter)


def _why(one: StepList, notification: Notification) -> str:
    """Return why a next step starts: what became of the one before."""
    status = next(row.status for row in notification.channels if row.id == one.channel_id)
    return fallback.FAILED if status == Status.FAILED else fallback.UNREAD
