"""The queue against a simple model: random sends, claims, results, expiries of leases, cancels, retries and crashes."""

from __future__ import annotations

import asyncio
import functools
import tempfile
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule

from helpers import invariants
from helpers.store import Backend, PostgresqlBackend, SqliteBackend
from tocsin_server.domain.clock import micros, wall_clock
from tocsin_server.domain.errors import AlreadySettled, Expired, NotRetryable
from tocsin_server.domain.model import (
    Accepted,
    ChannelDraft,
    ChannelResult,
    ChannelType,
    ClaimedChannel,
    FeedEvent,
    Micros,
    NotificationDraft,
    Recipient,
    RecipientType,
    Status,
)
from tocsin_server.domain.ports import Store
from tocsin_server.storage.databases.postgresql_connection import DatabaseClock
from tocsin_server.storage.databases.sqlite import SqliteStore

LEASE = 60.0
LIMIT = 3
MOST_NOTIFICATIONS = 3
CHANNELS = (ChannelType.EMAIL, ChannelType.SMS)


@dataclass
class Row:
    channel: ChannelType
    status: Status = Status.PENDING
    attempts: int = 0
    limit: int = LIMIT
    due: Micros | None = 0
    token: str | None = None


@dataclass
class Parent:
    """What the model knows of a notification."""

    rows: dict[str, Row]
    expires: Micros | None
    scheduled: Micros | None = None
    cancelled: bool = False
    ever_sent: bool = False

    @property
    def status(self) -> Status:
        statuses = {row.status for row in self.rows.values()}
        if self.ever_sent:
            return Status.SENT
        return Status.PENDING if Status.PENDING in statuses else Status.FAILED


@dataclass
class Lanes:
    """Takes every row that is leased at insert, while it is told to."""

    open: bool = False
    handed: list[ClaimedChannel] = field(default_factory=list)

    def reserve(self, channel: ChannelType) -> bool:
        return self.open

    def cancel_reservations(self, channels: Sequence[ChannelType]) -> None:
        raise AssertionError("no transaction of this test fails")

    def committed(
        self, events: Sequence[FeedEvent], claims: Sequence[ClaimedChannel], cancelled: Sequence[str]
    ) -> None:
        self.handed.extend(claims)

    def undecided(self, route_by: Micros) -> None:
        """See `CommitListener.undecided`."""

    def step_due(self, at: Micros) -> None:
        pass


class SetClock(DatabaseClock):
    """A database's time that stands still until it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.now = wall_clock() + micros(3600)  # ahead of the ids' own time, so that what is due now is due

    def __call__(self) -> Micros:
        return self.now

    def synchronise(self, now: Micros) -> Micros:
        return self.now


class QueueModel(RuleBasedStateMachine):
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = SetClock()
        self.lanes = Lanes()
        self.model: dict[str, Parent] = {}
        self.backend = self._empty()
        self.store = self._open()

    def _empty(self) -> Backend:
        """Return an empty database."""
        raise NotImplementedError

    @property
    def now(self) -> Micros:
        return self.clock.now

    def _open(self) -> Store:
        return self.backend.open(self.lanes, self.clock, attempt_limit=LIMIT, lease=LEASE)

    def _do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(coroutine)

    def teardown(self) -> None:
        self._do(self.store.close())
        self.runner.close()
        invariants.check(self.backend.database.rows)

    def _row(self, claim: ClaimedChannel) -> Row:
        return self.model[claim.notification_id].rows[claim.id]

    # -- what callers do -------------------------------------------------------------------------

    # Few notifications, so that what happens happens to the same rows.
    @precondition(lambda self: len(self.model) < MOST_NOTIFICATIONS)
    @rule(
        channels=st.sets(st.sampled_from(CHANNELS), min_size=1),
        delay=st.sampled_from([None, 30.0]),
        lifetime=st.sampled_from([None, 100.0]),
    )
    def send(self, channels: set[ChannelType], delay: float | None, lifetime: float | None) -> None:
        self._send(channels, delay, lifetime)

    def _send(self, channels: set[ChannelType], delay: float | None, lifetime: float | None) -> str:
        draft = NotificationDraft(
            Recipient(RecipientType.GUEST, None),
            "title",
            "message",
            None,
            [ChannelDraft(channel, "address") for channel in sorted(channels)],
            send_at=None if delay is None else self.now + micros(delay),
            expires_at=None if lifetime is None else self.now + micros(lifetime),
        )
        [accepted] = self._do(self.store.accept([draft]))
        assert isinstance(accepted, Accepted)
        stored = accepted.notification
        self.model[stored.id] = Parent(
            {row.id: Row(row.channel, due=draft.send_at or stored.created_at) for row in stored.channels},
            draft.expires_at,
            draft.send_at,
        )
        return stored.id

    @precondition(lambda self: len(self.model) < MOST_NOTIFICATIONS)
    @rule(target=claims, channels=st.sets(st.sampled_from(CHANNELS), min_size=1))
    def send_with_free_lanes(self, channels: set[ChannelType]) -> Any:
        self.lanes.open = True
        notification_id = self._send(channels, None, None)
        self.lanes.open = False
        handed, self.lanes.handed = self.lanes.handed, []
        assert {claim.id for claim in handed} == set(self.model[notification_id].rows)
        for claim in handed:
            self._take(claim)
        return multiple(*handed)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        notification_id = data.draw(st.sampled_from(list(self.model)))
        parent = self.model[notification_id]
        pending = [row for row in parent.rows.values() if row.status == Status.PENDING]
        free = [row for row in pending if row.token is None]
        try:
            self._do(self.store.cancel(notification_id))
        except AlreadySettled:
            assert not free
            assert parent.cancelled or not pending
            return
        assert free or (pending and not parent.cancelled)
        parent.cancelled = True
        for row in free:
            row.status, row.due = Status.FAILED, None

    @precondition(lambda self: self.model)
    @rule(data=st.data(), channels=st.sets(st.sampled_from(CHANNELS)))
    def retry(self, data: st.DataObject, channels: set[ChannelType]) -> None:
        notification_id = data.draw(st.sampled_from(list(self.model)))
        parent = self.model[notification_id]
        failed = [row for row in parent.rows.values() if row.status == Status.FAILED]
        chosen = [row for row in failed if not channels or row.channel in channels]
        possible = bool(chosen) and channels <= {row.channel for row in failed}
        try:
            self._do(self.store.retry(notification_id, sorted(channels), {}))
        except NotRetryable:
            assert not possible
            return
        except Expired:
            assert parent.expires is not None
            assert parent.expires <= self.now
            return
        assert possible
        parent.cancelled = False
        for row in chosen:
            row.status, row.limit = Status.PENDING, row.attempts + LIMIT
            row.due = max(self.now, parent.scheduled or 0)

    # -- what workers do -------------------------------------------------------------------------

    def _take(self, claim: ClaimedChannel) -> None:
        row = self._row(claim)
        row.attempts += row.token is not None
        assert claim.taken_over == (row.token is not None)
        assert (claim.attempts, claim.attempt_limit) == (row.attempts, row.limit)
        assert claim.cancelled == self.model[claim.notification_id].cancelled
        row.token, row.due = claim.token, self.now + micros(LEASE)
        assert claim.lease_until == row.due

    @rule(target=claims, channel=st.sampled_from(CHANNELS), limit=st.integers(1, 3))
    def claim(self, channel: ChannelType, limit: int) -> Any:
        due = {
            row_id: row.due
            for parent in self.model.values()
            for row_id, row in parent.rows.items()
            if row.status == Status.PENDING and row.channel == channel and row.due is not None and row.due <= self.now
        }
        claimed = self._do(self.store.claim(channel, limit, micros(LEASE)))
        taken = {claim.id for claim in claimed}
        assert len(claimed) == min(limit, len(due))
        assert taken <= set(due)
        left = [at for row_id, at in due.items() if row_id not in taken]
        assert all(due[row_id] <= min(left, default=self.now) for row_id in taken)  # the oldest first
        for claim in claimed:
            self._take(claim)
        return multiple(*claimed)

    @rule(claim=claims, outcome=st.sampled_from(["sent", "failed", "later", "throttled"]))
    def record(self, claim: ClaimedChannel, outcome: str) -> None:
        """Record a result; of a claim that was recorded or lost before, too."""
        row, parent = self._row(claim), self.model[claim.notification_id]
        held = row.status == Status.PENDING and row.token == claim.token
        attempts = claim.attempts + (outcome != "throttled")
        status = {"sent": Status.SENT, "failed": Status.FAILED}.get(outcome, Status.PENDING)
        due = self.now + micros(5) if status == Status.PENDING else None
        result = ChannelResult(claim.id, claim.notification_id, claim.token, status, attempts, {"a": 1}, due)
        assert self._do(self.store.record([result])) == [held]
        if held:
            if status == Status.PENDING and parent.cancelled:
                status, due = Status.FAILED, None
            row.status, row.attempts, row.due, row.token = status, attempts, due, None
            parent.ever_sent = parent.ever_sent or status == Status.SENT

    @rule(claim=claims)
    def renew(self, claim: ClaimedChannel) -> None:
        row = self._row(claim)
        held = row.status == Status.PENDING and row.token == claim.token
        assert self._do(self.store.renew([claim], micros(LEASE))) == ({claim.id} if held else set())
        if held:
            row.due = self.now + micros(LEASE)

    @rule(claim=consumes(claims))
    def release(self, claim: ClaimedChannel) -> None:
        row = self._row(claim)
        self._do(self.store.release([claim]))
        if row.status == Status.PENDING and row.token == claim.token:
            row.due, row.token = self.now, None

    # -- what happens ----------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1.0, 6.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += micros(seconds)

    @rule()
    def crash_and_restart(self) -> None:
        """Holders die without a word, and their results come too late or never.

        Of a file, a new process frees their leases; where there may be other processes, they have to run out.
        """
        self._do(self.store.close())
        self.store = self._open()
        held = [
            row
            for parent in self.model.values()
            for row in parent.rows.values()
            if row.status == Status.PENDING and row.token is not None
        ]
        if isinstance(self.store, SqliteStore):
            assert self._do(self.store.free_all_leases()) == len(held)
            for row in held:
                row.due = self.now

    @invariant()
    def store_and_model_agree(self) -> None:
        for notification_id, parent in self.model.items():
            stored = self._do(self.store.get(notification_id))
            assert stored.status == parent.status
            assert {row.id for row in stored.channels} == set(parent.rows)
            for found in stored.channels:
                row = parent.rows[found.id]
                assert (found.status, found.attempts) == (row.status, row.attempts)
                # Nothing stuck: pending means due at some time, or held under a lease that ends.
                assert (row.status == Status.PENDING) == (row.due is not None)
                assert found.next_attempt_at == (None if row.token is not None else row.due)


class SqliteQueue(QueueModel):
    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        super().__init__()

    def _empty(self) -> SqliteBackend:
        return SqliteBackend(Path(self._folder.name))

    def teardown(self) -> None:
        super().teardown()
        self._folder.cleanup()


@functools.cache
def _shared_database() -> PostgresqlBackend:
    """Return a database that goes with the server; making one for each example would take longer than the example."""
    return PostgresqlBackend()


class PostgresqlQueue(QueueModel):
    def _empty(self) -> PostgresqlBackend:
        backend = _shared_database()
        backend.database.run("DELETE FROM notifications")
        return backend


def _test_of(model: type[QueueModel], examples: int, steps: int) -> Any:
    case = model.TestCase
    case.settings = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    return case


TestSqliteQueue = _test_of(SqliteQueue, 60, 40)
TestPostgresqlQueue = _test_of(PostgresqlQueue, 25, 30)
