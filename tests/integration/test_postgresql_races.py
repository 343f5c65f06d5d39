"""Several replicas on one PostgreSQL database: what each does holds whatever the others do at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psycopg2
import pytest

from helpers import invariants
from helpers.drafts import EMAIL, FAILED, PENDING, SENT, SMS, TELEGRAM, WEBSOCKET, dice, draft, user
from helpers.interleaving import Interleaving, Operation, SteppingStore
from helpers.store import PATIENCE, PostgresqlBackend, RecordingListener, ShiftedClock, in_loops, received, result
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import AlreadySettled, NotRetryable
from tocsin_server.domain.model import (
    Accepted,
    ClaimedChannel,
    Marked,
    Notification,
    NotificationDraft,
    NotificationFilter,
    Recipient,
    RecipientType,
)
from tocsin_server.storage.databases import postgresql
from tocsin_server.storage.databases.postgresql import PostgresqlStore
from tocsin_server.storage.json_text import to_json
from tocsin_server.storage.operations.claiming import Holding
from tocsin_server.storage.operations.settling import Settlement
from tocsin_server.storage.writer import Handler, Transaction

LEASE = micros(60)


@pytest.fixture
def repeated(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What was run again because another transaction was in the way; nothing, unless a test expects it."""
    caplog.set_level(logging.DEBUG, logger="tocsin_server.storage.writer")
    expected: list[str] = []
    yield expected
    found = [record for record in caplog.records if getattr(record, "event", "") == "transaction_repeated"]
    assert [
        str(record.exc_info and record.exc_info[1] and record.exc_info[1].__cause__) for record in found
    ] == expected


# -- every operation inside every other ----------------------------------------------------------


@dataclass(frozen=True)
class World:
    """Two recipients of kinds whose alphabetical order is not that of the enum, with something in every state."""

    user: Recipient
    guest: Recipient
    unread: Sequence[Notification]
    """In the feeds, waiting for their subscribers; of each, the e-mail is held."""
    failed: Sequence[Notification]
    """One of each, cancelled before they entered."""
    due: Sequence[Notification]
    """Not entered yet, for both and for somebody without a feed."""
    expiring: Notification
    free: Notification
    """An SMS that anybody may claim."""
    held: Sequence[ClaimedChannel]
    key: str


def _together(handler: Callable[[PostgresqlStore], Handler[Any, Any]], *payloads: Any) -> Operation:
    """Do several things of one kind in one transaction, as a busy server does."""

    async def run(store: PostgresqlStore) -> object:
        return await store._writer.submit(lambda transaction, _: [handler(store)(transaction, payloads)], None)

    return run


async def _create(store: PostgresqlStore, clock: ShiftedClock, number: int) -> World:
    one, other = user(), Recipient(RecipientType.GUEST, user().id)
    soon = clock() + micros(5)

    async def accept(*drafts: NotificationDraft) -> list[Notification]:
        return [answer.notification for answer in await store.accept(drafts) if isinstance(answer, Accepted)]

    stored = await accept(
        *(draft(WEBSOCKET, EMAIL, recipient=recipient) for recipient in (one, other, one, other)),
        *(draft(WEBSOCKET, SMS, recipient=recipient, send_at=soon) for recipient in (one, other)),
        *(draft(WEBSOCKET, recipient=recipient, send_at=soon) for recipient in (one, other, user())),
        draft(recipient=one, expires_at=soon),
        draft(SMS),
        draft(TELEGRAM),
    )
    unread, failed, due, [expiring, free, _] = stored[:4], stored[4:6], stored[6:9], stored[9:]
    held, *_ = await asyncio.gather(
        store.claim(EMAIL, 10, LEASE * 10_000),
        store.claim(TELEGRAM, 10, micros(5)),
        *(store.cancel(notification.id) for notification in failed),
    )
    assert isinstance(held, list)
    assert len(held) == len(unread)
    clock.advance(6)
    return World(one, other, unread, failed, due, expiring, free, held, f"key-{number}")


def _settle(world: World) -> Operation:
    async def run(store: PostgresqlStore) -> object:
        positions = {recipient: (await store.feed_state(recipient)).head for recipient in (world.user, world.guest)}
        settlements = [
            Settlement(recipient, position, to_json(received())) for recipient, position in positions.items()
        ]
        return await _together(lambda store: store._do.settling.settle, *settlements)(store)

    return run


def _call(call: Callable[[PostgresqlStore], Coroutine[Any, Any, object]]) -> Operation:
    return call


class Case(NamedTuple):
    """An operation, and the letters of what it touches: only what shares something is worth interleaving.

    F feeds, K keys, U the unread notifications, D the due ones, X the failed one, H held rows, S and T due rows.
    """

    touches: str
    operation: Callable[[World], Operation]


CASES = {
    "accept": Case(
        "F",
        lambda world: _call(
            lambda store: store.accept([draft(recipient=recipient) for recipient in (world.user, world.guest, user())])
        ),
    ),
    "accept keys": Case(
        "FK",
        lambda world: _call(
            lambda store: store.accept(
                [draft(recipient=world.user, key=world.key), draft(recipient=world.guest, key=f"a-{world.key}")]
            )
        ),
    ),
    "claim": Case("S", lambda world: _call(lambda store: store.claim(SMS, 10, LEASE))),
    "take over": Case("T", lambda world: _call(lambda store: store.claim(TELEGRAM, 10, LEASE))),
    "record": Case(
        "UH",
        lambda world: _together(
            lambda store: store._do.recording.record,
            *(result(row, status) for row, status in zip(world.held[::-1], (SENT, FAILED) * 2, strict=True)),
        ),
    ),
    "renew": Case(
        "H",
        lambda world: _together(
            lambda store: store._do.claiming.renew, *(Holding(row.id, row.token, LEASE) for row in world.held[::-1])
        ),
    ),
    "release": Case(
        "H",
        lambda world: _together(
            lambda store: store._do.claiming.release, *(Holding(row.id, row.token) for row in world.held[::-1])
        ),
    ),
    "cancel": Case("UH", lambda world: _call(lambda store: store.cancel(world.unread[1].id))),
    "cancel what is due": Case("D", lambda world: _call(lambda store: store.cancel(world.due[1].id))),
    "cancel what is free": Case("S", lambda world: _call(lambda store: store.cancel(world.free.id))),
    "retry": Case("FX", lambda world: _call(lambda store: store.retry(world.failed[1].id, [], {}))),
    "mark": Case(
        "FUD",
        lambda world: _call(lambda store: store.mark_read([world.due[0].id, world.unread[2].id, world.unread[0].id])),
    ),
    "mark what failed": Case("FX", lambda world: _call(lambda store: store.mark_read([world.failed[1].id]))),
    "mark a feed": Case("FU", lambda world: _call(lambda store: store.mark_feed_read(world.user, None))),
    "settle": Case("FU", _settle),
    "enter": Case("FD", lambda world: _call(lambda store: store.enter_due(100))),
}


ORDERED_WAYS = ("enable_nestloop", "enable_mergejoin", "enable_indexscan", "enable_indexonlyscan")
"""Ways of the planner to find rows that happen to keep an order that was not asked for."""

CANCELS = ("cancel", "cancel what is due", "cancel what is free")


class Replicas:
    """Two stores on one database and what is needed to interleave them."""

    def __init__(self, folder: Path) -> None:
        self.backend = PostgresqlBackend(folder)
        # Rows are found as they lie on the disk wherever a query leaves that open: in a small table the planner may.
        self.backend.database.run(
            *(f"ALTER DATABASE {urlsplit(self.backend.url).path[1:]} SET {way} = off" for way in ORDERED_WAYS)
        )
        self.clock = ShiftedClock()
        self.first = SteppingStore(self.backend.url, RecordingListener(), self.clock)
        self.second = self.backend.open(RecordingListener(), self.clock)
        self.interleaving = Interleaving(self.backend.database, self.first, self.second)
        self.runner = asyncio.Runner()
        self._numbers = itertools.count()

    def close(self) -> None:
        for store in (self.first, self.second):
            self.runner.run(store.close())
        self.runner.close()
        self.interleaving.close()
        self.backend.remove()

    def everything(self) -> list[Notification]:
        """Read every notification."""
        return self.runner.run(self.second.find(NotificationFilter(), None, 500)).page.notifications

    def world(self) -> World:
        """Remove everything, and make a new one."""
        self.interleaving.execute(
            "DELETE FROM notifications; DELETE FROM recipient_feeds; DELETE FROM idempotency_keys"
        )
        return self.runner.run(_create(self.second, self.clock, next(self._numbers)))


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    """Two replicas that all interleavings share."""
    replicas = Replicas(tmp_path_factory.mktemp("replicas"))
    with contextlib.closing(replicas):
        yield replicas


def _flat(results: Sequence[object]) -> list[object]:
    flat: list[object] = []
    for one in results:
        flat += _flat(one) if isinstance(one, list) else [one]
    return flat


def _check(replicas: Replicas, world: World, by_name: Sequence[tuple[str, object]]) -> None:
    """Hold what two operations gave against what is stored."""
    rows = replicas.interleaving.rows
    invariants.check(rows)

    def count(table: str, condition: str) -> int:
        [[number]] = rows(f"SELECT count(*) FROM {table} WHERE {condition}")  # noqa: S608 - constants
        return int(number)

    def given(*names: str) -> list[Any]:
        return _flat([value for name, value in by_name if name in names])

    errors = [one for one in given(*CASES) if isinstance(one, Exception)]
    assert all(isinstance(error, AlreadySettled | NotRetryable) for error in errors), errors
    twice = by_name[0][0] == by_name[1][0] and by_name[0][0] in (*CANCELS, "retry")
    assert len(errors) == twice, errors

    stored = {one.id: one for one in replicas.everything()}
    told = [one for one in given(*CANCELS, "retry") if isinstance(one, Notification)]
    for answer in told:
        found = stored[answer.id]
        assert (found.sequence is None) == (answer.sequence is None), "it entered after the answer"
        settled = [row for row in answer.channels if row.status != PENDING]
        assert [row for row in found.channels if row.id in {one.id for one in settled}] == settled
    accepted = given("accept", "accept keys")
    new = [one.notification.id for one in accepted if not one.duplicate]
    assert len(new) == len(set(new))
    assert len(stored) == 12 + len(new)
    assert {one.notification.id for one in accepted if one.duplicate} <= set(new)
    assert count("idempotency_keys", "true") == len({one.notification.id for one in given("accept keys")})

    held = rows("SELECT id, claim_token, due_at FROM notification_channels WHERE channel IN ('sms', 'telegram')")
    assert sorted((row_id, token) for row_id, token, due_at in held if token and due_at > replicas.clock()) == sorted(
        (one.id, one.token) for one in given("claim", "take over")
    )
    assert sum(given("record")) == count("notification_channels", "response ->> 'code' = '250'")
    assert sum(one.marked_count for one in given("mark", "mark a feed", "mark what failed")) == count(
        "notifications", "is_read"
    )
    assert sum(given("settle")) == count("notification_channels", "channel = 'websocket' AND status = 'sent'")
    due = ", ".join(f"'{notification.id}'" for notification in world.due)
    entered = count("notifications", f"sequence IS NOT NULL AND id IN ({due})")
    assert sum(given("enter")) == entered + count("notification_channels", "response ->> 'reason' = 'EXPIRED'")


@pytest.mark.parametrize("first", CASES)
def test_an_operation_holds_whatever_another_replica_does_at_any_step_of_it(
    replicas: Replicas, first: str, repeated: list[str]
) -> None:
    touches, operation = CASES[first]
    for second, (others, other) in CASES.items():
        for step in itertools.count() if set(touches) & set(others) else ():
            world = replicas.world()
            run = replicas.interleaving.run(operation(world), (step, other(world)))
            try:
                _check(replicas, world, list(zip((first, second), run.results, strict=True)))
            except AssertionError as error:
                error.add_note(f"{second!r} before statement {step} of {first!r}")
                raise
            if not run.complete:
                break


@pytest.mark.parametrize("name", ["claim", "take over", "enter"])
def test_replicas_that_look_for_work_do_not_wait_for_each_other(replicas: Replicas, name: str) -> None:
    operation = CASES[name].operation
    for step in itertools.count():
        world = replicas.world()
        run = replicas.interleaving.run(operation(world), (step, operation(world)))
        assert not run.waited, step
        if not run.complete:
            break


def test_a_feed_that_comes_into_being_while_it_is_marked_is_counted_right(
    replicas: Replicas, repeated: list[str]
) -> None:
    steps = 1
    while True:
        for accepting in range(steps):
            recipient = user()
            run = replicas.interleaving.run(
                lambda store, to=recipient: store.mark_feed_read(to, None),  # type: ignore[misc]
                (accepting, lambda store, to=recipient: store.accept([draft(recipient=to)])),  # type: ignore[misc]
                (steps, lambda store, to=recipient: store.mark_feed_read(to, None)),  # type: ignore[misc]
            )
            first, [accepted], second = run.results
            assert isinstance(accepted, Accepted)
            assert isinstance(first, Marked), first
            assert isinstance(second, Marked), second
            state = replicas.runner.run(replicas.second.feed_state(recipient))
            assert first.marked_count + second.marked_count + state.unread_count == 1
            invariants.check(replicas.interleaving.rows)
        if not run.complete:
            break
        steps += 1
    assert steps > 3


# -- the order of locks --------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("claim", "take over")])
def test_locks_are_taken_in_one_order(replicas: Replicas, name: str) -> None:
    """Feeds, notifications, channel rows, each sorted: whoever waits holds nothing that comes later."""
    waited = 0
    for number in itertools.count():
        world = replicas.world()
        places = replicas.interleaving.places()
        if number == len(places):
            break
        held = replicas.interleaving.locks_before(CASES[name].operation(world), places[number], places)
        if held is not None:
            waited += 1
            assert [place for place in held if place > places[number]] == []
    assert waited > 0


def _one_after_the_other(*calls: Operation) -> Operation:
    """Make several calls of which a writer finds all when it gets to them."""

    async def run(store: PostgresqlStore) -> object:
        gate = threading.Event()

        def hold(_: Transaction, waiting: Sequence[None]) -> list[None]:
            assert gate.wait(PATIENCE)
            return [None for _ in waiting]

        held = store._writer.submit(hold, None)
        together = asyncio.gather(*(call(store) for call in calls))
        await asyncio.sleep(0)  # they submit
        gate.set()
        return await asyncio.gather(held, together)

    return run


LATER_FIRST: dict[str, Callable[[World], Operation]] = {
    "cancel": lambda world: _one_after_the_other(
        *(_call(lambda store, one=one: store.cancel(one.id)) for one in reversed(world.unread))  # type: ignore[misc]
    ),
    "retry": lambda world: _one_after_the_other(
        *(_call(lambda store, one=one: store.retry(one.id, [], {})) for one in reversed(world.failed))  # type: ignore[misc]
    ),
    "mark a feed": lambda world: _one_after_the_other(
        *(
            _call(lambda store, one=one: store.mark_feed_read(one, None))  # type: ignore[misc]
            for one in (world.guest, world.user)
        )
    ),
}


@pytest.mark.parametrize("name", LATER_FIRST)
def test_calls_that_find_what_they_lock_on_their_way_do_not_share_a_transaction(
    replicas: Replicas, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "WRITERS", 1)
    store = replicas.backend.open(RecordingListener(), replicas.clock)
    interleaving = Interleaving(replicas.backend.database, replicas.first, store)
    try:
        for number in itertools.count():
            world = replicas.world()
            places = interleaving.places()
            if number == len(places):
                break
            held = interleaving.locks_before(LATER_FIRST[name](world), places[number], places)
            assert [place for place in held or () if place > places[number]] == []
    finally:
        interleaving.close()
        replicas.runner.run(store.close())


def test_keys_are_taken_in_one_order(replicas: Replicas) -> None:
    async def repeat(store: PostgresqlStore) -> object:
        return await store.accept([draft(key=key) for key in ("c", "a", "b")])

    insert = "INSERT INTO idempotency_keys VALUES ('', '{}', 'd', '01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41')"
    with replicas.backend.database.session(autocommit=False) as holder:
        holder.execute(insert.format("b"))
        waiting = replicas.interleaving.begin(repeat)
        with replicas.backend.database.session(autocommit=False) as other:
            other.execute("SET lock_timeout = '50ms'")
            other.execute(insert.format("c"))  # which whoever waits for "b" has not taken
            with pytest.raises(psycopg2.errors.LockNotAvailable):
                other.execute(insert.format("a"))
        holder.connection.rollback()
    accepted = waiting.result(PATIENCE)
    assert isinstance(accepted, list)
    assert [one.duplicate for one in accepted] == [False] * 3


# -- several replicas at full speed ----------------------------------------------------------------


class Crowd:
    """Several replicas, each used from a thread of its own."""

    def __init__(self, replicas: int) -> None:
        self.backend = PostgresqlBackend()
        self.clock = ShiftedClock()
        self.stores = [self.backend.open(RecordingListener(), self.clock) for _ in range(replicas)]

    def close(self) -> None:
        """Close all and remove the database."""
        in_loops(lambda store: store.close(), self.stores)
        self.backend.remove()

    def all_at_once(self, *calls: Callable[[PostgresqlStore], Coroutine[Any, Any, Any]]) -> list[Any]:
        """Make a call with each replica, or each of several calls with the next one."""
        several = itertools.cycle(calls) if len(calls) == 1 else iter(calls)
        stores = itertools.cycle(self.stores)
        count = max(len(calls), len(self.stores))
        pairs = list(itertools.islice(zip(several, stores, strict=False), count))
        return in_loops(lambda pair: pair[0](pair[1]), pairs)

    def accept(self, *drafts: NotificationDraft) -> list[Notification]:
        """Store drafts."""
        [answers] = in_loops(lambda store: store.accept(drafts), self.stores[:1])
        assert all(isinstance(answer, Accepted) for answer in answers)
        return [answer.notification for answer in answers if isinstance(answer, Accepted)]


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """Three replicas on an empty database."""
    crowd = Crowd(3)
    yield crowd
    invariants.check(crowd.backend.database.rows)
    crowd.close()


def test_three_replicas_claim_each_of_2000_rows_once(crowd: Crowd, repeated: list[str]) -> None:
    for _ in range(2):
        crowd.accept(*(draft(EMAIL) for _ in range(1000)))

    async def claim_all(store: PostgresqlStore) -> list[str]:
        mine: list[str] = []
        while rows := await store.claim(EMAIL, 40, LEASE):
            mine += [row.id for row in rows]
        return mine

    claimed = crowd.all_at_once(claim_all)
    everything = [row_id for mine in claimed for row_id in mine]
    assert len(everything) == len(set(everything)) == 2000


def test_three_replicas_let_each_due_row_enter_once(crowd: Crowd, repeated: list[str]) -> None:
    recipients = [user() for _ in range(4)]
    soon = crowd.clock() + micros(5)
    crowd.accept(*(draft(recipient=recipients[number % 4], send_at=soon + number) for number in range(600)))
    crowd.clock.advance(10)

    async def enter_all(store: PostgresqlStore) -> int:
        handled = 0
        # One that is told that another is at it would look again a little later.
        while await store.next_due(WEBSOCKET) is not None:
            handled += await store.enter_due(50)
        return handled

    assert sum(crowd.all_at_once(enter_all)) == 600
    database = crowd.backend.database
    for recipient in recipients:
        places = database.rows(
            "SELECT entered_sequence FROM notifications WHERE recipient_id = ? ORDER BY send_at", recipient.id
        )
        assert places == [(place,) for place in range(1, 151)]


def test_a_key_stands_for_one_notification_on_any_replica(crowd: Crowd, repeated: list[str]) -> None:
    recipient = user()
    drafts = [draft(WEBSOCKET, EMAIL, recipient=recipient, key=f"key-{number}") for number in range(40)]
    seeds = itertools.count()

    async def repeat(store: PostgresqlStore) -> list[Accepted]:
        mine = dice(next(seeds)).sample(drafts, len(drafts))
        calls = [mine[:10], *([wanted] for wanted in mine[10:])]
        answers = await asyncio.gather(*(store.accept(call) for call in calls))
        return [answer for call in answers for answer in call if isinstance(answer, Accepted)]

    answers = [answer for mine in crowd.all_at_once(repeat) for answer in mine]
    assert len(answers) == 3 * 40
    assert sum(not answer.duplicate for answer in answers) == 40
    assert len({answer.notification.id for answer in answers}) == 40


def test_a_replica_takes_over_what_one_that_is_gone_had_claimed(crowd: Crowd) -> None:
    crowd.accept(*(draft(EMAIL) for _ in range(10)))
    gone, other, _ = crowd.stores

    async def claim(store: PostgresqlStore) -> list[ClaimedChannel]:
        return await store.claim(EMAIL, 100, LEASE)

    [lost] = in_loops(claim, [gone])
    in_loops(lambda store: store.close(), [gone])
    assert in_loops(claim, [other]) == [[]]
    crowd.clock.advance(61)
    [taken] = in_loops(claim, [other])
    assert {row.id for row in taken} == {row.id for row in lost}
    assert all(row.taken_over and row.attempts == 1 for row in taken)


def test_a_feed_of_5000_is_marked_while_its_results_are_recorded_and_nothing_deadlocks(
    crowd: Crowd, repeated: list[str]
) -> None:
    recipients = [user(), Recipient(RecipientType.GUEST, user().id), user()]
    for part in range(5):
        crowd.accept(
            *(draft(WEBSOCKET, EMAIL, SMS, recipient=recipients[(number + part) % 3]) for number in range(1000))
        )

    async def deliver(store: PostgresqlStore) -> int:
        done = 0
        for channel in (EMAIL, SMS):
            while rows := await store.claim(channel, 250, LEASE):
                results = zip(rows, itertools.cycle((SENT, FAILED)), strict=False)
                written = await asyncio.gather(*(store.record([result(row, status)]) for row, status in results))
                done += sum(answer is True for answer in itertools.chain.from_iterable(written))
        return done

    async def follow(store: PostgresqlStore) -> int:
        async def one(recipient: Recipient) -> int:
            settled = 0
            for part in range(1, 11):
                state = await store.feed_state(recipient)
                position = state.head._replace(sequence=state.sequence * part // 10)
                settled += await store.settle_feeds({recipient: position}, received())
                await store.accept([draft(recipient=recipient)])
            return settled

        return sum(await asyncio.gather(*(one(recipient) for recipient in recipients)))

    async def read(store: PostgresqlStore) -> int:
        marks = await asyncio.gather(*(store.mark_feed_read(recipient, None) for recipient in recipients * 2))
        return sum(mark.marked_count for mark in marks)

    first, second, settled, marked = crowd.all_at_once(deliver, deliver, follow, read)
    database = crowd.backend.database
    assert first + second == 10_000
    left = "SELECT count(*) FROM notification_channels WHERE channel <> 'websocket' AND status = 'pending'"
    assert database.rows(left) == [(0,)]
    assert database.rows("SELECT count(*) FROM notifications WHERE is_read") == [(marked,)]
    assert marked >= 5000
    sent = "SELECT count(*) FROM notification_channels WHERE channel = 'websocket' AND status = 'sent'"
    assert database.rows(sent) == [(settled,)]
