"""Giving out what is undecided, and carrying decisions out: each notification is decided once.

The order of locks is that of accepting: counts of limits, the feed that a notification may enter, the notification,
what is undecided of it, its channels. A decision is refused before anything is written, except that a feed may have
come into being.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tocsin_server.domain.channel_row import is_expired
from tocsin_server.domain.clock import isoformat
from tocsin_server.domain.errors import (
    AlreadyRouted,
    AlreadySettled,
    Expired,
    LeaseExpired,
    LeaseHeld,
    NoRoute,
    NotificationNotFound,
    TocsinError,
)
from tocsin_server.domain.limiting import limit_reached, without_full
from tocsin_server.domain.model import ChannelType, Decision, Micros, Notification, Status
from tocsin_server.domain.undecided import HELD, Ruling, UndecidedItem, UndecidedLease
from tocsin_server.storage.databases.batches import RowUpdate
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.new_ids import new_id
from tocsin_server.storage.operations.decisions import DecisionLog, NewDecision
from tocsin_server.storage.operations.heads import FeedHeads
from tocsin_server.storage.operations.leaving import Leaving
from tocsin_server.storage.operations.limits import Limits, OpenCounts
from tocsin_server.storage.operations.starting import Starting
from tocsin_server.storage.operations.statuses import Statuses
from tocsin_server.storage.queries.decisions import NO_CHANNELS, DecisionReader, DecisionRow
from tocsin_server.storage.queries.rows import NotificationReader
from tocsin_server.storage.queries.undecided import ITEM_COLUMNS, UndecidedReader, available, within_a_page
from tocsin_server.storage.schema.tables import Notifications, Undecided
from tocsin_server.storage.writer import Transaction, one_by_one


class Deciding:
    """Its methods that take a `Transaction` are handlers of the writer."""

    def __init__(
        self,
        on: Dialect,
        reader: NotificationReader,
        *,
        undecided: UndecidedReader,
        decisions: DecisionReader,
        heads: FeedHeads,
        limits: Limits,
        starting: Starting,
        statuses: Statuses,
        log: DecisionLog,
        leaving: Leaving,
    ) -> None:
        self._on = on
        self._reader = reader
        self._undecided = undecided
        self._decisions = decisions
        self._heads = heads
        self._limits = limits
        self._starting = starting
        self._statuses = statuses
        self._log = log
        self._leaving = leaving

    # -- leases ----------------------------------------------------------------------------------

    _hold = compiled(
        lambda on: RowUpdate(
            on,
            Undecided,
            ("notification_id", "lease_token", "available_at", "holder"),
            key=("notification_id",),
        )
    )

    @one_by_one
    def lease(self, transaction: Transaction, ask: UndecidedLease) -> list[UndecidedItem]:
        """Lease what nobody holds, each under a token of its own; no lease goes on beyond the deadline."""
        cursor, now = transaction.cursor, transaction.now
        query = (
            Undecided.select(*ITEM_COLUMNS)
            .join(Notifications)
            .where(*available(ask.wanted))
            .order_by(Undecided.notification_id)
            .limit(parameter("limit"))
        )
        query = self._on.locking(query, Undecided, skip_locked=True)
        found = Statement(self._on, query).run(cursor, now=now, limit=ask.limit).fetchall()
        leased = [
            item._replace(
                lease_token=new_id(),
                available_at=min(now + ask.lease, item.notification.route_by or now),
                holder=ask.holder,
            )
            for item in within_a_page(found)
        ]
        self._hold.run(
            cursor, [(item.notification.id, item.lease_token, item.available_at, item.holder) for item in leased]
        )
        return leased

    _free = compiled(
        lambda on: RowUpdate(
            on,
            Undecided,
            ("notification_id", "lease_token", "available_at", "holder"),
            key=("notification_id",),
            expressions={"lease_token": "NULL"},
            condition="undecided.lease_token = given.lease_token",
        )
    )

    def give_back(self, transaction: Transaction, items: Sequence[UndecidedItem]) -> list[None]:
        """End leases."""
        rows = sorted((item.notification.id, item.lease_token, transaction.now, "") for item in items)
        self._free.run(transaction.cursor, rows)
        transaction.deadlines += [item.notification.route_by or transaction.now for item in items]
        return [None] * len(items)

    # -- decisions -------------------------------------------------------------------------------

    _lock = compiled(
        lambda on: Statement(
            on,
            on.locking(
                Notifications.select(Notifications.cancelled_at).where(Notifications.id == parameter("id")),
                Notifications,
            ),
        )
    )
    _lock_undecided = compiled(
        lambda on: Statement(
            on,
            on.locking(
                Undecided.select(Undecided.notification_id).where(Undecided.notification_id == parameter("id")),
                Undecided,
            ),
        )
    )

    @one_by_one
    def decide(self, transaction: Transaction, ruling: Ruling) -> Notification:
        """Carry a decision out, once; returns the notification as it is then. One that is refused counts nothing."""
        counts = self._limits.open(transaction.cursor, ruling.limits)
        try:
            notification = self._decide(transaction, ruling, counts)
        except TocsinError:
            self._limits.close(transaction.cursor, counts)
            raise
        self._limits.close(transaction.cursor, counts)
        return notification

    def _decide(self, transaction: Transaction, ruling: Ruling, counts: OpenCounts) -> Notification:
        cursor, now, notification_id = transaction.cursor, transaction.now, ruling.notification_id
        notification = self._reader.get(cursor, notification_id)
        if notification is None:
            raise NotificationNotFound(notification_id)
        enters = _enters(ruling, notification, now)
        if enters:
            self._heads.lock_or_create(cursor, [notification.recipient])
        [cancelled_at] = self._lock.run(cursor, id=notification_id).fetchone()
        # What it is decided by is read once more, under the locks.
        self._lock_undecided.run(cursor, id=notification_id).fetchall()
        item = self._to_be_decided(cursor, ruling, cancelled_at, now)
        if item is None:
            return self._reader.get_locked(cursor, notification_id)
        decided = NewDecision(notification_id, ruling.decision, now, ruling.caller, ruling.digest)
        if ruling.hold_until is not None:
            self._hold.run(cursor, [(notification_id, None, ruling.hold_until, "")])
            self._log.record_hold(transaction, decided)
            transaction.deadlines.append(item.notification.route_by or now)
            return self._reader.get_locked(cursor, notification_id)
        decision = _within_limits(ruling, counts, now)
        self._leaving.leave(cursor, [notification_id])
        if decision.channels:
            self._starting.begin(transaction, item.notification, decision.channels, ruling.strategy)
        else:
            self._statuses.settled(cursor, [notification_id], Status.FAILED)
        self._log.record(transaction, [decided._replace(decision=decision)])
        return self._reader.get_locked(cursor, notification_id)

    _cancelled = compiled(
        lambda on: Statement(
            on, Notifications.select(Notifications.cancelled_at).where(Notifications.id == parameter("id"))
        )
    )

    def is_made(self, cursor: Any, ruling: Ruling, now: Micros) -> bool:
        """Whether a decision has been made; raises what `decide` would, but for what limits refuse. Writes nothing."""
        row = self._cancelled.run(cursor, id=ruling.notification_id).fetchone()
        if row is None:
            raise NotificationNotFound(ruling.notification_id)
        return self._to_be_decided(cursor, ruling, row[0], now) is None

    def _to_be_decided(
        self, cursor: Any, ruling: Ruling, cancelled_at: Micros | None, now: Micros
    ) -> UndecidedItem | None:
        """Return what a decision is about, None if it has been made; raises why it cannot be."""
        item = self._undecided.item(cursor, ruling.notification_id)
        if self._is_repeated(cursor, ruling, item):
            return None
        if item is None:
            raise self._why_decided(cursor, ruling.notification_id, cancelled_at, now)
        _check(item, ruling, now)
        return item

    def _is_repeated(self, cursor: Any, ruling: Ruling, item: UndecidedItem | None) -> bool:
        """Whether the caller has made this very decision, and nothing came after it."""
        if ruling.digest is None or (item is None) != (ruling.hold_until is None):
            return False
        if item is not None and item.lease_token:
            return False  # somebody has been given it since
        limit = 1 if item is not None else MOST_SEARCHED
        rows = self._decisions.last(cursor, ruling.notification_id, limit=limit)
        return any((row.caller, row.digest) == (ruling.caller, ruling.digest) for row in rows)

    def _why_decided(
        self, cursor: Any, notification_id: str, cancelled_at: Micros | None, now: Micros
    ) -> AlreadyRouted | AlreadySettled | Expired:
        """Return why nobody can decide any more about what is not undecided."""
        notification = self._reader.get_locked(cursor, notification_id)
        decided = any(not _holds(row) for row in self._decisions.last(cursor, notification_id))
        if notification.channels or decided:
            return AlreadyRouted(notification_id)
        if cancelled_at is not None:
            return AlreadySettled(notification_id, notification.status)
        if notification.expires_at is not None and is_expired(notification.expires_at, now):
            return Expired(notification_id, isoformat(notification.expires_at))
        return AlreadyRouted(notification_id)

    def fail_expired(self, transaction: Transaction, ids: Sequence[str]) -> list[bool]:
        """Fail undecided notifications whose time is over; for each, whether it was."""
        cursor, now = transaction.cursor, transaction.now
        ended = set()
        for notification_id in sorted(set(ids)):
            self._lock.run(cursor, id=notification_id).fetchall()
            item = self._undecided.item(cursor, notification_id)
            if item is not None and is_expired(item.notification.expires_at, now):
                ended.add(notification_id)
        self._leaving.leave(cursor, sorted(ended))
        self._statuses.settled(cursor, sorted(ended), Status.FAILED)
        return [notification_id in ended for notification_id in ids]


MOST_SEARCHED = 20
"""Decisions among which a repeated one is looked for: steps of a fallback come after it."""


def _holds(row: DecisionRow) -> bool:
    """Whether a decision was to decide later."""
    return row.channels == NO_CHANNELS and row.reason.startswith(HELD)


def _enters(ruling: Ruling, notification: Notification, now: Micros) -> bool:
    """Whether the notification enters its recipient's feed with this decision."""
    if ruling.hold_until is not None or (notification.send_at is not None and notification.send_at > now):
        return False
    return ChannelType.WEBSOCKET in [draft.channel for draft in ruling.decision.channels]


def _within_limits(ruling: Ruling, counts: OpenCounts, now: Micros) -> Decision:
    """Count a decision, and return it with what limits leave; raises `PolicyLimit` for a decider's if that is nothing.

    Rules have no second try.
    """
    decision = ruling.decision
    left, over = counts.narrow(decision.channels, ruling.limits, whole=False)
    if not over:
        return decision
    if not left and ruling.digest is not None:
        raise limit_reached(over, now)
    reason = decision.reason if left else NoRoute.reason
    return without_full(decision, left, over)._replace(reason=reason)


def _check(item: UndecidedItem, ruling: Ruling, now: Micros) -> None:
    """Raise why the notification cannot be decided so."""
    notification = item.notification
    if notification.expires_at is not None and is_expired(notification.expires_at, now):
        raise Expired(notification.id, isoformat(notification.expires_at))
    if ruling.digest is None:  # rules at the deadline, which no lease outlasts
        return
    held = bool(item.lease_token) and item.available_at > now
    if held and ruling.lease_token != item.lease_token:
        raise LeaseHeld(notification.id, isoformat(item.available_at))
    if not held and ruling.lease_token:
        raise LeaseExpired(notification.id)
