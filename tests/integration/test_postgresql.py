"""The PostgreSQL side of the store: schema, sessions, what errors mean, opening, and that values cross unchanged."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import peewee
import psycopg2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.databases import MIGRATIONS, DatabaseAtUrl
from helpers.drafts import EMAIL, FAILED, PENDING, SMS, WEBSOCKET, draft, user
from helpers.postgresql import drop_database, shared_server_url, temporary_database
from helpers.store import (
    PATIENCE,
    PostgresqlBackend,
    RecordingListener,
    StoreBench,
    in_loops,
)
from helpers.waiting import eventually
from tocsin_server.domain.clock import micros, wall_clock
from tocsin_server.domain.errors import (
    DatabaseNewer,
    DatabaseRefusal,
    DatabaseUnavailable,
    DatabaseUnusable,
    MigrationsPending,
)
from tocsin_server.domain.model import ChannelDraft, MarkedRead, Micros, NotificationFilter
from tocsin_server.storage.databases import postgresql_connection
from tocsin_server.storage.databases.faults import Fault
from tocsin_server.storage.databases.postgresql import READERS, WRITERS, PostgresqlStore
from tocsin_server.storage.databases.postgresql_connection import (
    Database,
    DatabaseClock,
    describe,
    fault_of,
    prepare,
)
from tocsin_server.storage.writer import Transaction


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[StoreBench]:
    """An empty store."""
    with StoreBench(PostgresqlBackend(tmp_path)) as bench:
        yield bench


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreBench]:
    """A store for tests that look at nothing but what they store themselves."""
    with StoreBench(PostgresqlBackend(tmp_path_factory.mktemp("shared"))) as bench:
        yield bench


@pytest.fixture
def url() -> Iterator[str]:
    """A database that nothing was done to yet."""
    with temporary_database() as url:
        yield url


def database_of(bench: StoreBench) -> DatabaseAtUrl:
    assert isinstance(bench.backend, PostgresqlBackend)
    return bench.backend.database


def store_of(bench: StoreBench) -> PostgresqlStore:
    assert isinstance(bench.store, PostgresqlStore)
    return bench.store


# -- schema --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (
            "notifications",
            [
                ("id", "uuid", True, None),
                ("recipient_id", "uuid", False, None),
                ("recipient_type", "recipient_type", True, None),
                ("title", "character varying(255)", True, None),
                ("message", "text", True, None),
                ("status", "delivery_status", True, None),
                ("metadata", "jsonb", False, None),
                ("is_read", "boolean", True, "false"),
                ("created_at", "timestamp with time zone", True, None),
            ],
        ),
        (
            "notification_channels",
            [
                ("id", "uuid", True, None),
                ("notification_id", "uuid", True, None),
                ("channel", "channel_type", True, None),
                ("status", "delivery_status", True, None),
                ("attempts", "integer", True, "0"),
                ("response", "jsonb", False, None),
                ("created_at", "timestamp with time zone", True, None),
            ],
        ),
    ],
)
def test_the_specifications_columns_come_first_with_their_names_and_native_types(
    shared: StoreBench, table: str, columns: list[tuple[str, str, bool, str | None]]
) -> None:
    found = database_of(shared).rows(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid) "
        "FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum "
        "WHERE attrelid = ?::regclass AND attnum > 0 ORDER BY attnum",
        table,
    )
    assert found[: len(columns)] == columns


def test_the_words_of_the_native_types_are_those_of_the_specification_in_its_order(shared: StoreBench) -> None:
    found = database_of(shared).rows(
        "SELECT typname, array_agg(enumlabel::text ORDER BY enumsortorder) "
        "FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid GROUP BY typname ORDER BY typname"
    )
    assert found == [
        ("channel_type", ["websocket", "email", "telegram", "sms"]),
        ("delivery_status", ["pending", "sent", "failed"]),
        ("recipient_type", ["user", "guest", "potential_customer", "partner", "other"]),
    ]


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("notifications SET recipient_type = 'customer'", "22P02"),
        ("notifications SET status = 'queued'", "22P02"),
        ("notifications SET id = 'short'", "22P02"),
        ("notifications SET title = ''", "23514"),
        ("notifications SET title = repeat('x', 256)", "22001"),
        ("notifications SET message = NULL", "23502"),
        ("notifications SET metadata = '{'", "22P02"),
        ("notification_channels SET channel = 'pigeon'", "22P02"),
        ("notification_channels SET channel = 'sms'", "23505"),
        ("notification_channels SET notification_id = gen_random_uuid()", "23503"),
        ("notification_channels SET attempts = -1", "23514"),
        ("recipient_feeds SET unread_count = -1", "23514"),
        ("notifications SET entered_sequence = 1, sequence = 1", "23505"),
        ("notifications SET sequence = 7", "23505"),
    ],
)
def test_the_database_itself_refuses_what_must_not_be(shared: StoreBench, change: str, state: str) -> None:
    recipient = user()
    first, _ = shared.accept(*(draft(WEBSOCKET, EMAIL, recipient=recipient) for _ in range(2)))
    column = "notification_id" if "channels" in change else "id" if "notifications" in change else "recipient_id"
    wanted = (recipient.id if column == "recipient_id" or "sequence" in change else first.id) or ""
    column = "recipient_id" if "sequence" in change else column
    with pytest.raises(psycopg2.Error) as refused:
        database_of(shared).run(f"UPDATE {change} WHERE {column} = '{wanted}'")
    assert refused.value.pgcode == state


def test_the_channels_of_a_notification_go_with_it(bench: StoreBench) -> None:
    bench.accept(draft(EMAIL, SMS))
    database_of(bench).run("DELETE FROM notifications")
    assert database_of(bench).counts()["notification_channels"] == 0


# -- sessions ------------------------------------------------------------------------------------

SETTINGS = (
    "TimeZone", "DateStyle", "client_encoding", "synchronous_commit", "statement_timeout", "lock_timeout",
    "idle_in_transaction_session_timeout", "default_transaction_read_only", "transaction_isolation", "jit",
)  # fmt: skip


def _settings(cursor: Any) -> dict[str, str]:
    found = {}
    for name in SETTINGS:
        cursor.execute(f"SHOW {name}")
        found[name] = cursor.fetchone()[0]
    return found


@pytest.fixture
def careless(tmp_path: Path) -> Iterator[StoreBench]:
    """A store on a database whose defaults are none of what it needs."""
    backend = PostgresqlBackend(tmp_path)
    name = urlsplit(backend.url).path[1:]
    for setting in (
        "synchronous_commit = off", "timezone = 'Asia/Kathmandu'", "datestyle = 'German'", "statement_timeout = 0",
        "lock_timeout = 0", "idle_in_transaction_session_timeout = 0", "client_encoding = 'LATIN1'",
        "default_transaction_isolation = 'serializable'", "intervalstyle = 'iso_8601'", "bytea_output = 'escape'",
        "standard_conforming_strings = off", "escape_string_warning = off",
    ):  # fmt: skip
        backend.database.run(f"ALTER DATABASE {name} SET {setting}")
    with StoreBench(backend) as bench:
        yield bench


def _look_as_writer(bench: StoreBench) -> dict[str, str]:
    def look(transaction: Transaction, calls: Sequence[None]) -> list[dict[str, str]]:
        return [_settings(transaction.cursor) for _ in calls]

    async def ask() -> dict[str, str]:
        return await store_of(bench)._writer.submit(look, None)

    return bench.run(ask())


def test_every_session_is_set_up_whatever_the_databases_defaults_are(careless: StoreBench) -> None:
    common = {
        "TimeZone": "UTC",
        "DateStyle": "ISO, DMY",
        "client_encoding": "UTF8",
        "synchronous_commit": "on",
        "statement_timeout": "30s",
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "10s",
        "jit": "off",
    }
    assert _look_as_writer(careless) == common | {
        "default_transaction_read_only": "off",
        "transaction_isolation": "read committed",
    }
    meeting = threading.Barrier(READERS, timeout=PATIENCE)  # so that every thread of the pool is asked

    def look(cursor: Any) -> dict[str, str]:
        meeting.wait()
        return _settings(cursor)

    readers = careless.together(*(store_of(careless)._read(look) for _ in range(READERS)))
    assert (
        readers
        == [common | {"default_transaction_read_only": "on", "transaction_isolation": "repeatable read"}] * READERS
    )


def test_values_cross_unchanged_whatever_the_databases_defaults_are(careless: StoreBench) -> None:
    stored = careless.accept_one(
        draft(EMAIL, WEBSOCKET, title="Zażółć 🔔 \\'", metadata={"x": 0.5}, expires_at=careless.clock() + 3_600_000_001)
    )
    assert careless.get(stored) == stored
    assert careless.record(careless.claim_one(EMAIL), FAILED, response={"detail": "Zażółć 🔔 \\'"})
    assert careless.channel(stored, EMAIL).response == {"detail": "Zażółć 🔔 \\'"}


@pytest.mark.parametrize("stricter", ["remote_apply", "remote_write", "local", "on"])
def test_a_guarantee_that_the_operator_chose_is_left_as_it_is(tmp_path: Path, stricter: str) -> None:
    backend = PostgresqlBackend(tmp_path)
    backend.database.run(f"ALTER DATABASE {urlsplit(backend.url).path[1:]} SET synchronous_commit = {stricter}")
    with StoreBench(backend) as bench:
        assert _look_as_writer(bench)["synchronous_commit"] == stricter


def test_no_reader_can_write(shared: StoreBench) -> None:
    with pytest.raises(DatabaseUnavailable) as refused:
        shared.run(store_of(shared)._read(lambda cursor: cursor.execute("DELETE FROM notifications")))
    assert "read-only" in str(refused.value.__cause__)


def test_a_read_sees_one_state_of_the_database(bench: StoreBench) -> None:
    bench.accept(draft())

    def look(cursor: Any) -> list[int]:
        counts = []
        for _ in range(2):
            cursor.execute("SELECT count(*) FROM notifications")
            counts.append(cursor.fetchone()[0])
            if len(counts) == 1:
                in_loops(bench.store.accept, [[draft()]])
        return counts

    assert bench.run(store_of(bench)._read(look)) == [1, 1]


def _connections(bench: StoreBench) -> int:
    [[count]] = database_of(bench).rows(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tocsin'"
    )
    return int(count)


def test_closing_gives_up_every_connection(bench: StoreBench) -> None:
    meeting = threading.Barrier(WRITERS, timeout=PATIENCE)

    def meet(_: Transaction, calls: Sequence[None]) -> list[None]:
        meeting.wait()
        return [None for _ in calls]

    async def use() -> None:
        await asyncio.gather(*(store_of(bench)._writer.submit(meet, None, alone=True) for _ in range(WRITERS)))

    bench.accept(draft())
    assert _connections(bench) >= 1
    bench.run(bench.store.close())
    eventually(lambda: _connections(bench) == 0)


# -- what errors mean ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("40001", Fault.REPEAT),  # serialization_failure
        ("40P01", Fault.REPEAT),  # deadlock_detected
        ("55P03", Fault.REPEAT),  # lock_not_available
        ("08006", Fault.LOST),  # connection_failure
        ("57P01", Fault.LOST),  # admin_shutdown
        ("57P02", Fault.LOST),  # crash_shutdown
        ("57P03", Fault.LOST),  # cannot_connect_now
        ("57P05", Fault.LOST),  # idle_session_timeout
        ("25P03", Fault.LOST),  # idle_in_transaction_session_timeout
        ("25P04", Fault.LOST),  # transaction_timeout
        ("25006", Fault.LOST),  # read_only_sql_transaction
        ("53100", Fault.AWAY),  # disk_full
        ("53200", Fault.AWAY),  # out_of_memory
        ("53300", Fault.AWAY),  # too_many_connections
        ("57014", Fault.AWAY),  # query_canceled
        ("23505", Fault.REFUSED),  # unique_violation
        ("23514", Fault.REFUSED),  # check_violation
        ("22001", Fault.REFUSED),  # string_data_right_truncation
        ("58030", Fault.AWAY),  # io_error
        ("XX001", Fault.AWAY),  # data_corrupted
        ("42501", Fault.AWAY),  # insufficient_privilege
        ("42P01", Fault.AWAY),  # undefined_table
        ("42703", Fault.AWAY),  # undefined_column
        ("22003", Fault.REFUSED),  # numeric_value_out_of_range
        ("P0001", Fault.REFUSED),  # raise_exception, as by a trigger
        ("25P02", Fault.REFUSED),  # in_failed_sql_transaction
    ],
)
def test_an_error_is_classified_by_its_state_as_it_is_and_as_peewee_wraps_it(
    shared: StoreBench, state: str, fault: Fault
) -> None:
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(psycopg2.Error) as plain:
        database_of(shared).run(raising)
    assert plain.value.pgcode == state
    assert fault_of(plain.value) is fault
    database: peewee.Database = Database(database_of(shared).url)
    with contextlib.closing(database), pytest.raises(peewee.PeeweeException) as wrapped:
        database.execute_sql(raising)
    assert fault_of(wrapped.value) is fault


def test_a_server_that_cannot_be_reached_counts_as_lost() -> None:
    unreachable = "postgresql://tocsin@127.0.0.1:1/tocsin"
    with pytest.raises(psycopg2.OperationalError) as plain:
        psycopg2.connect(unreachable)
    database: peewee.Database = Database(unreachable)
    with pytest.raises(peewee.OperationalError) as wrapped:
        database.connection()
    assert (fault_of(plain.value), fault_of(wrapped.value)) == (Fault.LOST, Fault.LOST)


def test_a_connection_that_was_cut_counts_as_lost(shared: StoreBench) -> None:
    for statement in ("SELECT 1", "COMMIT"):
        connection = psycopg2.connect(database_of(shared).url)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            database_of(shared).run(f"SELECT pg_terminate_backend({cursor.fetchone()[0]}, 60000)")  # type: ignore[index]
            with pytest.raises(psycopg2.Error) as cut:
                cursor.execute(statement)
            assert fault_of(cut.value) is Fault.LOST
            with pytest.raises(psycopg2.Error) as closed:
                cursor.execute(statement)
            assert fault_of(closed.value) is Fault.LOST
        connection.close()


def test_a_fault_of_our_own_is_not_the_databases() -> None:
    for error in (ValueError("A string literal cannot contain NUL"), psycopg2.ProgrammingError("no results to fetch")):
        assert fault_of(error) is Fault.REFUSED


def test_a_read_that_the_database_refuses_is_no_outage(shared: StoreBench, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DatabaseRefusal):
        shared.run(shared.store.get("login code 4711"))
    [line] = [record for record in caplog.records if getattr(record, "event", None) == "read_refused"]
    assert vars(line)["cause"] == "InvalidTextRepresentation 22P02"
    assert "4711" not in caplog.text


def _while_locked(bench: StoreBench, what: Callable[[Any], None], *, seen: bool = False) -> BaseException | None:
    """Let a call wait for somebody else's lock, do something to it, and return how it ended once the lock is gone.

    ``seen`` says that ``what`` sees itself when the call waits.
    """
    stored = bench.accept_one(draft())

    async def scenario() -> BaseException | None:
        with database_of(bench).session(autocommit=False) as holder:
            holder.execute("SELECT 1 FROM recipient_feeds FOR UPDATE")
            call = asyncio.ensure_future(bench.store.mark_read([stored.id]))
            with database_of(bench).session() as monitor:
                if not seen:
                    await asyncio.to_thread(eventually, lambda: _waiting(monitor))
                await asyncio.to_thread(what, monitor)
            holder.connection.rollback()
        [outcome] = await asyncio.gather(call, return_exceptions=True)
        return outcome if isinstance(outcome, BaseException) else None

    outcome = bench.run(scenario())
    assert bench.run(bench.store.mark_read([stored.id])).unread_count == 0
    return outcome


_WAITING = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def _waiting(cursor: Any) -> bool:
    cursor.execute(f"SELECT count(*) {_WAITING}")
    return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_write_that_the_operator_ends_is_unavailable_and_the_next_one_works(bench: StoreBench, how: str) -> None:
    outcome = _while_locked(bench, lambda monitor: monitor.execute(f"SELECT {how}(pid) {_WAITING}"))
    assert isinstance(outcome, DatabaseUnavailable)


def test_a_write_that_waits_too_long_for_a_lock_is_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session = postgresql_connection._SESSION.replace("lock_timeout = '2s'", "lock_timeout = '1ms'")
    monkeypatch.setattr(postgresql_connection, "_SESSION", session)
    caplog.set_level(logging.DEBUG, "tocsin_server.storage.writer")

    def wait_for_repetitions(_: Any) -> None:
        eventually(
            lambda: len([one for one in caplog.records if getattr(one, "event", "") == "transaction_repeated"]) > 2
        )

    with StoreBench(PostgresqlBackend(tmp_path)) as bench:
        assert _while_locked(bench, wait_for_repetitions, seen=True) is None


def test_a_server_that_became_a_standby_is_left_for_the_one_that_took_over(bench: StoreBench) -> None:
    """The kept connection goes, since the next one may lead elsewhere."""

    def pid(transaction: Transaction, calls: Sequence[None]) -> list[int]:
        transaction.cursor.execute("SELECT pg_backend_pid()")
        return [transaction.cursor.fetchone()[0] for _ in calls]

    def refuse(transaction: Transaction, calls: Sequence[None]) -> list[None]:
        transaction.cursor.execute("SET TRANSACTION READ ONLY")
        transaction.cursor.execute("DELETE FROM notifications")
        return [None for _ in calls]

    async def ask(handler: Any) -> Any:
        return await store_of(bench)._writer.submit(handler, None)

    before = {bench.run(ask(pid)) for _ in range(20)}
    for _ in range(20):
        with pytest.raises(DatabaseUnavailable):
            bench.run(ask(refuse))
    assert before.isdisjoint({bench.run(ask(pid)) for _ in range(20)})


# -- the clock -----------------------------------------------------------------------------------


def test_a_process_with_a_wrong_clock_goes_by_the_databases_also_when_it_has_nothing_to_write(
    bench: StoreBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    due_at = bench.clock()
    bench.accept(draft(EMAIL, send_at=due_at))
    monkeypatch.setattr(postgresql_connection, "wall_clock", lambda: wall_clock() - micros(3600))
    clock = DatabaseClock()
    other = bench.backend.open(RecordingListener(), clock)
    assert clock() < due_at
    assert bench.run(other.next_due(EMAIL)) == due_at
    assert clock() >= due_at
    bench.run(other.close())


def test_every_transaction_sets_the_clock_right(bench: StoreBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_connection, "wall_clock", lambda: wall_clock() + micros(3600))
    clock = DatabaseClock()
    other = bench.backend.open(RecordingListener(), clock)
    assert clock() > wall_clock() + micros(3000)
    bench.run(other.enter_due(1))
    assert abs(clock() - wall_clock()) < micros(600)
    bench.run(other.close())


# -- opening -------------------------------------------------------------------------------------


def _one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 400
    return text


def test_preparing_twice_migrates_once(url: str) -> None:
    assert prepare(url) == MIGRATIONS
    assert prepare(url) == []
    assert prepare(url, migrate=False) == []


def test_any_number_may_prepare_a_new_database_at_once_and_one_does_it(url: str) -> None:
    async def run(_: int) -> list[str]:
        return prepare(url)

    assert sorted(in_loops(run, range(8))) == [[]] * 7 + [MIGRATIONS]


def test_pending_migrations_are_named_when_they_may_not_be_applied(url: str) -> None:
    with pytest.raises(MigrationsPending, match=MIGRATIONS[0]) as refused:
        prepare(url, migrate=False)
    _one_line(refused)
    assert prepare(url) == MIGRATIONS


def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    prepare(url)
    DatabaseAtUrl(url).run("INSERT INTO schema_migrations (name, applied) VALUES ('9999_future', now())")
    with pytest.raises(DatabaseNewer, match="9999_future") as refused:
        prepare(url)
    _one_line(refused)


def test_a_migration_that_fails_leaves_nothing_and_can_be_run_again(url: str) -> None:
    DatabaseAtUrl(url).run("CREATE TABLE idempotency_keys (in_the_way int)")
    with pytest.raises(DatabaseUnusable, match="already exists") as refused:
        prepare(url)
    _one_line(refused)
    tables = DatabaseAtUrl(url).rows("SELECT to_regclass('notifications'), to_regtype('channel_type')")
    assert tables == [(None, None)]
    DatabaseAtUrl(url).run("DROP TABLE idempotency_keys")
    assert prepare(url) == MIGRATIONS


def _elsewhere(url: str, **changes: str) -> str:
    return urlunsplit(urlsplit(url)._replace(**changes))


def test_a_database_that_does_not_exist_is_named(url: str) -> None:
    with pytest.raises(DatabaseUnusable, match=r"/no_such_database: .*does not exist") as refused:
        prepare(_elsewhere(url, path="/no_such_database"))
    _one_line(refused)


def test_a_server_that_cannot_be_reached_is_named() -> None:
    with pytest.raises(DatabaseUnusable, match=r"postgresql://127\.0\.0\.1:1/tocsin: .*refused") as refused:
        prepare("postgresql://ann:hunter2@127.0.0.1:1/tocsin")
    assert "hunter2" not in _one_line(refused)


def test_a_role_that_does_not_exist_is_told_without_its_password(url: str) -> None:
    host = urlsplit(url).netloc.rpartition("@")[2]
    with pytest.raises(DatabaseUnusable, match="nobody_we_know") as refused:
        prepare(_elsewhere(url, netloc=f"nobody_we_know:hunter2@{host}"))
    assert "hunter2" not in _one_line(refused)


def test_a_database_of_another_encoding_is_refused() -> None:
    name = f"tocsin_ascii_{uuid.uuid4().hex}"
    DatabaseAtUrl(shared_server_url()).run(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    url = _elsewhere(shared_server_url(), path=f"/{name}")
    try:
        with pytest.raises(DatabaseUnusable, match=r"SQL_ASCII.*ENCODING 'UTF8'") as refused:
            prepare(url)
        _one_line(refused)
        assert DatabaseAtUrl(url).rows("SELECT to_regclass('schema_migrations')") == [(None,)]
    finally:
        drop_database(url)


def test_an_older_server_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_connection, "OLDEST_VERSION", 990000)
    with pytest.raises(DatabaseUnusable, match=r"is PostgreSQL 1[0-9]; 14 or newer"):
        prepare(url)


def test_a_role_that_may_only_read_and_write_rows_can_serve_but_not_migrate(url: str, tmp_path: Path) -> None:
    role = f"tocsin_clerk_{uuid.uuid4().hex}"
    clerk = _elsewhere(url, netloc=f"{role}@{urlsplit(url).netloc.rpartition('@')[2]}")
    owner = DatabaseAtUrl(url)
    owner.run(f"CREATE ROLE {role} LOGIN")
    try:
        with pytest.raises(DatabaseUnusable, match="permission denied") as refused:
            prepare(clerk)
        _one_line(refused)
        prepare(url)
        owner.run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        assert prepare(clerk, migrate=False) == []
        assert prepare(clerk) == []

        async def serve() -> None:
            clock = DatabaseClock()
            store = PostgresqlStore(clerk, RecordingListener(), attempt_limit=1, lease=60.0, clock=clock)
            recipient = user()
            await store.accept([draft(WEBSOCKET, EMAIL, recipient=recipient, key="order-1")])
            await store.enter_due(10)
            assert len(await store.claim(EMAIL, 10, 1)) == 1
            assert (await store.mark_feed_read(recipient, None)).marked_count == 1
            await store.close()

        asyncio.run(serve())
    finally:
        drop_database(url)
        DatabaseAtUrl(shared_server_url()).run(f"DROP ROLE {role}")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:hunter2@db.example/tocsin", "postgresql://db.example/tocsin"),
        ("postgresql://ann:hunter2@db.example:5433/tocsin?sslmode=require", "postgresql://db.example:5433/tocsin"),
        ("postgresql://db.example/tocsin?user=ann&password=hunter2", "postgresql://db.example/tocsin"),
        ("postgresql://ann:hunter2@a,b:1/tocsin", "postgresql://a,b:,1/tocsin"),
        ("postgresql:///tocsin?host=/run/postgresql&password=hunter2", "postgresql:///run/postgresql/tocsin"),
        ("postgresql://ann:%68unter2@db.example/tocsin", "postgresql://db.example/tocsin"),
        ("postgresql://ann:hunter2%zz@db.example/tocsin", "the database"),
        ("postgresql://ann:my@hunter2@db.example/tocsin", "the database"),
        ("postgresql://ann:5432/hunter2@db.example/tocsin", "the database"),
        ("postgresql://[hunter2", "the database"),
    ],
)
def test_what_is_shown_of_a_url_has_no_password_in_it(url: str, shown: str) -> None:
    assert describe(url) == shown
    with pytest.raises(DatabaseUnusable) as refused:
        # Refused by libpq before it looks for the host, whatever else the URL has.
        prepare(f"{url}{'&' if '?' in url else '?'}connect_timeout=never")
    text = _one_line(refused)
    assert "hunter2" not in text
    assert "ann" not in text.replace("cannot", "")


# -- values --------------------------------------------------------------------------------------

NASTY = [
    "'", '"', "''", "\\", "\\\\", "\\N", "\\.", "\\.\n", "\n\\.\n", "a\n\\.\nb", "\\t", "\\n", "\t", "\n", "\r", "\r\n",
    "a\tb\nc\rd", "%s", "%%", "%(id)s", "{}", "{1,2}", "NULL", "null", "\\x41", "$1", "$$", "--", "/*", ";", "''; DROP",
    "\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x7f", "\u00a0", "\ufeff", "\ufffe", "é", "e\u0301",
    "🔔", "\U0010ffff", "ß", "İ", "١٢٣", "²", "x" * 255,
]  # fmt: skip
"""What separates, quotes or ends something in SQL, in COPY, in arrays or in JSON."""


def _in_every_column(shared: StoreBench, text: str) -> None:
    title = text if 0 < len(text) <= 255 else f"t{text}"[:255]
    wanted = draft(
        SMS,
        title=title,
        message=text,
        metadata={text: text, "list": [text, {text: [text]}]},
        caller=f"{uuid.uuid4()}{text}",
        key=text or "empty",
    )
    wanted = wanted._replace(channels=[ChannelDraft(SMS, text)])
    stored = shared.accept_one(wanted)
    assert (stored.title, stored.message, stored.metadata) == (title, text, wanted.metadata)
    assert stored.channels[0].address == text
    assert shared.get(stored) == stored
    [again] = shared.answers(wanted)
    assert not isinstance(again, Exception)
    assert again.duplicate
    assert again.notification == stored
    found = database_of(shared).rows("SELECT caller, key FROM idempotency_keys WHERE notification_id = ?", stored.id)
    assert found == [(wanted.caller, wanted.idempotency_key)]
    [claimed] = [row for row in shared.claim(SMS) if row.notification_id == stored.id]
    assert (claimed.title, claimed.message, claimed.metadata, claimed.address) == (title, text, wanted.metadata, text)
    response = {"outcome": "permanent", "detail": text, "data": {text: text}}
    assert shared.record(claimed, FAILED, response=response, address=f"{text}!")
    failed = shared.channel(stored, SMS)
    assert (failed.response, failed.address) == (response, f"{text}!")


@pytest.mark.parametrize("text", NASTY, ids=[ascii(text)[1:20] for text in NASTY])
def test_any_text_in_any_column_reads_back_as_it_was_written(shared: StoreBench, text: str) -> None:
    _in_every_column(shared, text)
    _in_every_column(shared, f"{text}\n{text}\t{text}")


@settings(deadline=None, max_examples=40)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60))
@example(text="")
def test_any_other_text_does_too(shared: StoreBench, text: str) -> None:
    _in_every_column(shared, text)


def test_many_rows_with_such_texts_do_not_run_into_each_other(bench: StoreBench) -> None:
    drafts = [draft(EMAIL, title=text[:255], message=text) for text in NASTY for _ in range(3)]
    stored = bench.accept(*drafts)
    assert [(one.title, one.message) for one in stored] == [(one.title, one.message) for one in drafts]
    assert bench.run(bench.store.find(NotificationFilter(), None, 500)).page.notifications == stored[::-1]


NUMBERS = [
    0, -1, 1, 2**31, 2**53, -(2**53), 0.1, -0.5, 1e-9, 1e21, 1.5e300, 1e308, 1.7976931348623157e308, 5e-324,
    2.2250738585072014e-308, 0.30000000000000004, 123456789.123456789,
]  # fmt: skip


def test_numbers_keep_their_value_and_whole_ones_stay_whole(shared: StoreBench) -> None:
    stored = shared.accept_one(draft(metadata={"numbers": NUMBERS}))
    found = shared.get(stored).metadata
    assert found is not None
    # jsonb writes numbers out in full: what was a float beyond 2**53 comes back as the same number, as an integer.
    assert [float(number) for number in found["numbers"]] == [float(number) for number in NUMBERS]
    small = [number for number in NUMBERS if abs(number) <= 2**53]
    assert [type(number) for number in found["numbers"] if abs(number) <= 2**53] == [type(number) for number in small]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def _deep(levels: int) -> dict[str, Any]:
    value: Any = 1
    for level in range(levels):
        value = {"": value} if level % 2 else [value]
    return {"deep": value}


def _as_struct(value: Any) -> Any:
    """Make numbers floats, which is all that callers can send and get."""
    if isinstance(value, dict):
        return {name: _as_struct(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_struct(one) for one in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@settings(deadline=None, max_examples=60)
@given(
    value=st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4), JSON, max_size=4)
)
@example(value={})
@example(value={"": ""})
@example(value={"a": [], "b": {}, "": None})
@example(value=_deep(100))
def test_any_json_reads_back_as_it_was_written(shared: StoreBench, value: dict[str, Any]) -> None:
    stored = shared.accept_one(draft(metadata=value))
    assert _as_struct(shared.get(stored).metadata) == _as_struct(value)


def _at(*parts: int) -> Micros:
    return (datetime(*parts, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)  # type: ignore[misc,arg-type]


TIMES = {
    "the beginning": 0,
    "a microsecond later": 1,
    "one and a half seconds": 1_500_000,
    "before summer time": _at(2026, 3, 29, 0, 59, 59, 999_999),
    "after summer time": _at(2026, 3, 29, 1, 0, 0),
    "before winter time": _at(2026, 10, 25, 0, 30, 0),
    "in the hour that comes twice": _at(2026, 10, 25, 1, 30, 0),
    "a leap day": _at(2028, 2, 29, 23, 59, 59, 999_999),
    "a leap second": _at(2016, 12, 31, 23, 59, 59, 999_999),
    "beyond 32 bits": 2**31 * 1_000_000,
    "a century without leap day": _at(2100, 2, 28, 12),
    "the last moment": _at(9999, 12, 31, 23, 59, 59, 999_999),
}


@pytest.mark.parametrize("name", TIMES)
def test_every_time_is_exact_to_the_microsecond(shared: StoreBench, name: str) -> None:
    at = TIMES[name]
    stored = shared.accept_one(draft(SMS, WEBSOCKET, send_at=at, expires_at=min(at + 1, TIMES["the last moment"])))
    found = shared.get(stored)
    assert (found.send_at, found.expires_at) == (stored.send_at, stored.expires_at)
    assert found.send_at == at
    assert found == stored
    [(epoch,)] = database_of(shared).rows(
        "SELECT (extract(epoch FROM send_at) * 1000000)::bigint FROM notifications WHERE id = ?", stored.id
    )
    assert epoch == at


def test_times_that_are_written_by_statements_are_exact_too(bench: StoreBench) -> None:
    late = TIMES["the last moment"]
    stored = bench.accept_one(draft(EMAIL, WEBSOCKET))
    row = bench.claim_one(EMAIL)
    assert bench.record(row, PENDING, due_at=late)
    assert bench.channel(stored, EMAIL).next_attempt_at == late
    assert bench.run(bench.store.next_due(EMAIL)) == late
    before = bench.clock()
    bench.run(bench.store.mark_read([stored.id]))
    read_at = bench.get(stored).read_at
    assert read_at is not None
    assert before <= read_at <= bench.clock()
    event = bench.listener.events[-1]
    assert isinstance(event, MarkedRead)
    assert event.read_at == read_at
    bench.settle(stored.recipient, bench.state(stored.recipient).head)
