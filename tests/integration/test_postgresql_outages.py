"""PostgreSQL going away and coming back: what callers see meanwhile, and that nothing is lost or done twice."""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import psycopg2
import pytest

from helpers import invariants
from helpers.calls import DEADLINE, EMAIL, SENT, WEBSOCKET, Api, read_refusal, refused, request, user
from helpers.databases import DatabaseAtUrl
from helpers.drafts import EMAIL as EMAIL_LANE
from helpers.drafts import draft
from helpers.engine import QUICK, Engine, engine
from helpers.postgresql import PostgresqlServer
from helpers.senders import Provider
from helpers.server import ServerUnderTest, running_server
from helpers.store import PostgresqlBackend, StoreBench
from helpers.waiting import eventually, eventually_async
from tocsin_server.domain.errors import DatabaseUnavailable
from tocsin_server.domain.model import Accepted, Micros, Status
from tocsin_server.storage.databases.postgresql import PostgresqlStore
from tocsin_server.storage.databases.postgresql_connection import prepare, said_of
from tocsin_server.telemetry.tally import LEASE_LOST


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgresqlServer]:
    """A server that the tests of this file stop and start."""
    server = PostgresqlServer()
    yield server
    server.remove()


@pytest.fixture
def database(postgresql: PostgresqlServer) -> DatabaseAtUrl:
    """An empty database of it."""
    url = postgresql.create_database()
    prepare(url)
    return DatabaseAtUrl(url)


@pytest.fixture
def server(database: DatabaseAtUrl, tmp_path: Path) -> Iterator[ServerUnderTest]:
    """A service on it. What a commit of unknown outcome left leased is found again after the lease."""
    with running_server(tmp_path, dev=True, database_url=database.url, lease=1.0) as running:
        yield running


@pytest.fixture
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as api:
        yield api


@contextlib.contextmanager
def away(postgresql: PostgresqlServer, mode: str = "fast") -> Iterator[None]:
    """Stop the database, and start it again."""
    postgresql.stop(mode)
    try:
        yield
    finally:
        postgresql.start()


def cut(database: DatabaseAtUrl) -> int:
    """End every session of the service, and return how many there were."""
    [[count]] = database.rows(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'tocsin'"
    )
    return int(count)


# -- what callers see ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_while_the_database_is_away_calls_are_unavailable_and_afterwards_they_work(
    postgresql: PostgresqlServer, server: ServerUnderTest, api: Api, mode: str
) -> None:
    to = user()
    cursor = api.list(recipient=to).cursor
    kept = api.send(request(to))
    wanted = request(to, idempotency_key=str(uuid.uuid4()), title="Sent in the end")
    calls: dict[str, Callable[[], object]] = {
        "Send": lambda: api.send(wanted),
        "SendBatch": lambda: api.batch(wanted, request(to)),
        "Get": lambda: api.get(kept.id),
        "List": lambda: api.list(recipient=to),
        "MarkRead by ids": lambda: api.mark(ids=[kept.id]),
        "MarkRead by recipient": lambda: api.mark(recipient=to),
        "CountUnread": lambda: api.unread(to),
        "Subscribe": lambda: api.subscribe(to).event(),
        "Subscribe with a cursor": lambda: api.subscribe(to, cursor).event(),
    }
    before = server.database.counts()
    with away(postgresql, mode):
        for name, call in [*calls.items()] * 2:
            refusal = refused(call)  # which sees to RetryInfo
            assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE"), name
            assert "127.0.0.1" not in refusal.message
    assert server.database.counts() == before
    assert not api.stub.Send(wanted, timeout=DEADLINE).duplicate
    with api.subscribe(to, cursor) as stream:
        assert stream.subscribed().recovered
        assert [stream.notification().title for _ in range(2)] == [kept.title, wanted.title]


def test_a_restart_between_two_calls_goes_unnoticed(
    postgresql: PostgresqlServer, server: ServerUnderTest, api: Api
) -> None:
    """Kept connections are dead then, which shows only when they are used."""
    to = user()
    for mode in ("fast", "immediate"):
        # As many as there are connections at least.
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: (api.send(request(to)), api.list(recipient=to)), range(24)))
        with away(postgresql, mode):
            pass
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: (api.send(request(to)), api.list(recipient=to)), range(24)))
    assert api.unread(to) == 4 * 24


def test_streams_and_lanes_go_on_by_themselves_after_an_outage(
    postgresql: PostgresqlServer, server: ServerUnderTest, api: Api
) -> None:
    to = user()
    with api.subscribe(to) as stream:
        stream.subscribed()
        with away(postgresql):
            assert refused(lambda: api.send(request(to))).reason == "DATABASE_UNAVAILABLE"
        sent = api.send(request(to, WEBSOCKET, (EMAIL, "ann@example.org")))
        assert stream.notification().id == sent.id

        def all_sent() -> bool:
            return {row.status for row in api.get(sent.id).channels} == {SENT}

        eventually(all_sent)


# -- under load ----------------------------------------------------------------------------------

SENDERS = 4
EACH = 40


class Load:
    """Clients that send, each notification under a key of its own, and repeat what was UNAVAILABLE."""

    def __init__(self, address: str) -> None:
        self.answered: dict[str, str] = {}
        """Id by key, of what was answered OK."""
        self.refusals: Counter[str] = Counter()
        self.recipients = [user() for _ in range(3)]
        self._address = address
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(SENDERS)
        self._calls = [self._pool.submit(self._send, number) for number in range(SENDERS)]

    def _send(self, number: int) -> None:
        with Api(self._address) as api:
            for place in range(EACH):
                key = f"{number}-{place}"
                to = self.recipients[place % len(self.recipients)]
                wanted = request(to, WEBSOCKET, (EMAIL, "ann@example.org"), idempotency_key=key, title=key)
                while True:
                    try:
                        answer = api.stub.Send(wanted, timeout=DEADLINE)
                    except grpc.RpcError as error:
                        with self._lock:
                            self.refusals[read_refusal(error).reason] += 1
                        continue
                    with self._lock:
                        self.answered[key] = answer.notification.id
                    break

    def progress(self) -> None:
        """Wait until some more is answered, or everything."""
        wanted = min(len(self.answered) + SENDERS, SENDERS * EACH)
        eventually(lambda: len(self.answered) >= wanted)

    def end(self) -> None:
        """Wait until everything is answered."""
        for call in self._calls:
            call.result(2 * DEADLINE)
        self._pool.shutdown()
        assert len(self.answered) == SENDERS * EACH
        assert set(self.refusals) <= {"DATABASE_UNAVAILABLE"}


def _cut_often(_: PostgresqlServer, database: DatabaseAtUrl, load: Load) -> None:
    ended = 0
    for _round in range(10):
        load.progress()
        ended += cut(database)
    assert ended > 10


def _restart(postgresql: PostgresqlServer, _: DatabaseAtUrl, load: Load) -> None:
    for mode in ("fast", "immediate"):
        load.progress()
        before = load.refusals.total()
        with away(postgresql, mode):
            eventually(lambda before=before: load.refusals.total() > before)  # type: ignore[misc]


@pytest.mark.parametrize("disturb", [_cut_often, _restart], ids=["connections are cut", "the server restarts"])
def test_whatever_was_answered_is_kept_once_and_delivered(
    postgresql: PostgresqlServer,
    database: DatabaseAtUrl,
    server: ServerUnderTest,
    disturb: Callable[[PostgresqlServer, DatabaseAtUrl, Load], None],
) -> None:
    load = Load(server.address)
    disturb(postgresql, database, load)
    load.end()

    def all_sent() -> bool:
        return database.rows(
            "SELECT count(*) FROM notification_channels WHERE channel = 'email' AND status <> 'sent'"
        ) == [(0,)]

    eventually(all_sent)
    stored = database.rows("SELECT title, id, recipient_id FROM notifications")
    assert len(stored) == len(load.answered)
    assert {title: notification_id for title, notification_id, _ in stored} == load.answered
    invariants.check(database.rows)
    with Api(server.address) as api:
        for to in load.recipients:
            expected = {title for title, _, recipient_id in stored if recipient_id == to.id}
            assert api.unread(to) == len(expected)
            with api.subscribe(to) as stream:
                stream.subscribed()
                assert {stream.notification().title for _ in expected} == expected


# -- results -------------------------------------------------------------------------------------


@pytest.fixture
def backend(database: DatabaseAtUrl) -> PostgresqlBackend:
    return PostgresqlBackend(url=database.url)


async def test_what_was_accepted_by_a_provider_during_an_outage_is_recorded_after_it_and_not_sent_again(
    postgresql: PostgresqlServer, backend: PostgresqlBackend
) -> None:
    provider = Provider(lambda _: None)
    async with engine(backend, settings=replace(QUICK, concurrency=8)) as running:
        dispatcher = running.dispatcher({EMAIL_LANE: [provider]})
        sent = [await running.send(EMAIL_LANE) for _ in range(8)]
        eventually(lambda: len(provider.log) == 8)
        with away(postgresql, "immediate"):
            provider.release()
            eventually(lambda: dispatcher.counts[EMAIL_LANE]["accepted"] == 8)
        found = [await running.settled(one.id) for one in sent]

    assert {(one.channels[0].status, one.channels[0].attempts) for one in found} == {(Status.SENT, 1)}
    assert set(provider.entries.values()) == {1}
    assert len(provider.log) == 8
    assert dispatcher.counts[EMAIL_LANE][LEASE_LOST] == 0


async def test_results_of_a_server_whose_connections_are_cut_are_all_recorded(
    backend: PostgresqlBackend, database: DatabaseAtUrl
) -> None:
    provider = Provider()
    async with engine(backend, settings=replace(QUICK, lease=1.0)) as running:
        sent = await _accept(running, 300)
        running.dispatcher({EMAIL_LANE: [provider]}, lease_at_insert=False)
        for part in range(1, 9):
            await eventually_async(lambda part=part: _log_has(provider, 30 * part))  # type: ignore[misc]
            await asyncio.to_thread(cut, database)
        found = [await running.settled(one) for one in sent]

    rows = [one.channels[0] for one in found]
    assert {row.status for row in rows} == {Status.SENT}
    # Whose claim was not known to be committed is leased to nobody, and counts as an attempt when it is over.
    assert set(provider.entries.values()) == {1}
    assert {row_id for row_id, _ in provider.log} == {row.id for row in rows}
    invariants.check(database.rows)


async def _accept(running: Engine, count: int) -> list[str]:
    answers = await running.store.accept([draft(EMAIL_LANE) for _ in range(count)])
    return [answer.notification.id for answer in answers if isinstance(answer, Accepted)]


async def _log_has(provider: Provider, count: int) -> bool:
    return len(provider.log) >= count


# -- a commit whose answer is lost ---------------------------------------------------------------


class _Deaf:
    """A cursor that commits, and then does not hear of it."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def execute(self, sql: str, *arguments: Any) -> Any:
        self._cursor.execute(sql, *arguments)
        if sql == "COMMIT":
            self._cursor.connection.close()
            raise psycopg2.OperationalError("server closed the connection unexpectedly")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class DeafStore(PostgresqlStore):
    """A store that loses the line at the commit, when it is told to."""

    deaf = False

    def _begin_once(self) -> tuple[Any, Micros]:
        cursor, now = super()._begin_once()
        return (_Deaf(cursor) if self.deaf else cursor), now


@pytest.fixture
def bench(backend: PostgresqlBackend) -> Iterator[StoreBench]:
    with StoreBench(backend) as bench:
        bench.run(bench.store.close())
        bench.store = DeafStore(backend.url, bench.listener, attempt_limit=3, lease=60.0, clock=bench.clock)
        yield bench


@contextlib.contextmanager
def deaf(bench: StoreBench) -> Iterator[None]:
    assert isinstance(bench.store, DeafStore)
    bench.store.deaf = True
    yield
    bench.store.deaf = False


def test_a_commit_of_unknown_outcome_is_not_run_again(bench: StoreBench) -> None:
    keyed, plain = draft(EMAIL_LANE, key="order-1"), draft()
    bench.listener.places[EMAIL_LANE] = 5
    with deaf(bench):
        for wanted in (keyed, plain):
            with pytest.raises(DatabaseUnavailable):
                bench.answers(wanted)
    assert len(bench.find()) == 2
    assert bench.state(plain.recipient)[1:] == (1, 0, 1)
    assert bench.listener.events == []
    assert bench.listener.claims == []
    assert bench.listener.places[EMAIL_LANE] == 5, "what is not handed over takes no place"
    [again] = bench.answers(keyed)
    assert isinstance(again, Accepted)
    assert again.duplicate
    assert len(bench.find()) == 2


def test_what_was_leased_by_a_commit_of_unknown_outcome_is_taken_over_when_the_lease_is_over(
    bench: StoreBench,
) -> None:
    bench.accept(draft(EMAIL_LANE))
    with deaf(bench), pytest.raises(DatabaseUnavailable):
        bench.claim(EMAIL_LANE)
    assert bench.claim(EMAIL_LANE) == []
    bench.clock.advance(61)
    assert [row.taken_over for row in bench.claim(EMAIL_LANE)] == [True]


def test_a_result_of_unknown_outcome_is_written_once(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(EMAIL_LANE))
    row = bench.claim_one(EMAIL_LANE)
    with deaf(bench), pytest.raises(DatabaseUnavailable):
        bench.record(row, Status.SENT)
    found = bench.get(stored)
    assert (found.status, found.channels[0].attempts) == (Status.SENT, 1)
    assert not bench.record(row, Status.SENT)
    assert bench.get(stored) == found


# -- what is said of it --------------------------------------------------------------------------


def test_of_a_refusal_the_sentence_is_told_and_not_the_row(database: DatabaseAtUrl) -> None:
    with contextlib.closing(psycopg2.connect(database.url)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE unique_ones (text text PRIMARY KEY)")
        with pytest.raises(psycopg2.Error) as caught:
            cursor.copy_expert("COPY unique_ones FROM STDIN", io.StringIO("ann@example.org\n" * 2))
    assert "ann" in str(caught.value)
    assert said_of(caught.value) == 'duplicate key value violates unique constraint "unique_ones_pkey"'
