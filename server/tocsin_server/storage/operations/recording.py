"""Recording what came of attempts, and starting what comes after: the next steps of fallbacks.

What that needs of a notification is read with its lock, so that results of others cost nothing more; only where
something failed, PostgreSQL is asked once whether a next step may enter a feed, whose lock comes first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tocsin_server.domain.attempt_log import CANCELLED, SUPERSEDED, given_up
from tocsin_server.domain.errors import TocsinError
from tocsin_server.domain.fallback import ends_by_reading
from tocsin_server.domain.model import ChannelResult, DecidedBy, Decision, Denial, Micros, Status
from tocsin_server.storage.databases.batches import RowLookup, RowUpdate
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import compiled
from tocsin_server.storage.json_text import dump_json
from tocsin_server.storage.operations.claiming import tokens_of
from tocsin_server.storage.operations.decisions import DecisionLog, NewDecision
from tocsin_server.storage.operations.escalating import Escalating, LockedFeeds
from tocsin_server.storage.operations.statuses import Statuses
from tocsin_server.storage.operations.steps import StepList, Steps
from tocsin_server.storage.schema.tables import NotificationChannels, Notifications
from tocsin_server.storage.writer import Transaction


class Recording:
    """Its method is a handler of the writer."""

    def __init__(self, on: Dialect, statuses: Statuses, log: DecisionLog, steps: Steps, escalating: Escalating) -> None:
        self._on = on
        self._statuses = statuses
        self._log = log
        self._steps = steps
        self._escalating = escalating

    _notifications = compiled(
        lambda on: RowLookup(
            on,
            Notifications,
            ("id",),
            ("id", "cancelled_at", "goal", "is_read"),
            locked=("notifications.id", "notifications"),
        )
    )
    _tokens = compiled(tokens_of)
    _settle = compiled(
        lambda on: RowUpdate(
            on,
            NotificationChannels,
            ("id", "status", "attempts", "response", "due_at", "address"),
            expressions={"address": "COALESCE(given.address, notification_channels.address)", "claim_token": "NULL"},
        )
    )

    def record(self, transaction: Transaction, results: Sequence[ChannelResult]) -> list[bool | TocsinError]:
        """Write results; false for one whose lease was lost, which is then not written."""
        cursor = transaction.cursor
        locked = self._escalating.prepare(
            cursor, {result.notification_id for result in results if result.status == Status.FAILED}
        )
        # The notifications are locked before their rows.
        found = self._notifications.run(cursor, [(key,) for key in {result.notification_id for result in results}])
        ends: dict[str, str] = {}
        fallbacks: set[str] = set()
        for notification_id, cancelled_at, goal, is_read in found:
            if cancelled_at is not None:
                ends[notification_id] = CANCELLED
            elif goal is not None and ends_by_reading(goal, is_read=is_read):
                ends[notification_id] = SUPERSEDED
            if goal is not None:
                fallbacks.add(notification_id)
        lists = self._steps.lock(cursor, fallbacks) if fallbacks else {}
        tokens: dict[str, str | None] = dict(
            self._tokens.run(cursor, [(row_id,) for row_id in {result.channel_id for result in results}])
        )
        kept: list[ChannelResult] = []
        written: list[bool | TocsinError] = []
        for result in results:
            held = tokens.get(result.channel_id) == result.token
            written.append(held)
            if held:
                del tokens[result.channel_id]  # a repetition within the round finds the lease given up
                if result.status == Status.PENDING and (reason := ends.get(result.notification_id)):
                    result = _ended(result, reason, transaction.now)  # noqa: PLW2901 - it takes its place
                kept.append(result)
        self._log.record(
            transaction, [_denied(row, row.denial, transaction.now) for row in kept if row.denial is not None]
        )
        self._settle.run(
            cursor,
            [
                (row.channel_id, row.status, row.attempts, dump_json(row.response), row.due_at, row.address)
                for row in kept
            ],
        )
        if lists:
            self._lead_on(transaction, kept, lists, locked)
        for status in (Status.SENT, Status.FAILED):
            self._statuses.settled(cursor, [row.notification_id for row in kept if row.status == status], status)
        return written

    def _lead_on(
        self,
        transaction: Transaction,
        settled: Sequence[ChannelResult],
        lists: Mapping[str, StepList],
        locked: LockedFeeds,
    ) -> None:
        """Start the next steps of fallbacks, or end them."""
        rows: dict[Status, list[tuple[str, str]]] = {status: [] for status in Status}
        for row in settled:
            if row.notification_id in lists:
                rows[row.status].append((row.notification_id, row.channel_id))
        over = self._steps.sent(transaction.cursor, rows[Status.SENT], lists)
        left = {key: one for key, one in lists.items() if key not in over}
        self._escalating.failed(transaction, rows[Status.FAILED], left, locked)


def _denied(result: ChannelResult, denial: Denial, now: Micros) -> NewDecision:
    """Return what Explain tells of a row that a policy kept from being sent."""
    return NewDecision(result.notification_id, Decision(DecidedBy.POLICY, denial.policy, (), (denial,)), now)


def _ended(result: ChannelResult, reason: str, now: Micros) -> ChannelResult:
    """Return instead of a retry the end of a row that was cancelled, or made pointless, while it was being sent."""
    response = given_up(result.response, reason=reason, at=now)
    return result._replace(status=Status.FAILED, response=response, due_at=None)
