"""How the real process stops: on a signal, in bounded time, telling everybody; and how it comes back."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from helpers.calls import DEADLINE, EMAIL, SENT, WEBSOCKET, Api, channel_of, request, user
from helpers.databases import DatabaseFile
from helpers.process import ServerProcess, run, serving
from helpers.smtp_server import SmtpServer, hang
from helpers.waiting import eventually

MAIL = (EMAIL, "ann@example.org")


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def mail_settings(smtp: SmtpServer, **others: str) -> dict[str, str]:
    """Settings of a server whose attempts and stops would by themselves outlast any test."""
    return {
        "TOCSIN_SMTP_URL": smtp.url,
        "TOCSIN_EMAIL_FROM": "Shop <noreply@shop.example>",
        "TOCSIN_SEND_TIMEOUT": "1h",
        "TOCSIN_RETRY_BASE": "50ms",
        **others,
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_open_streams_with_their_cursor_and_the_process_with_success(
    tmp_path: Path, number: signal.Signals
) -> None:
    to, idle = user(), user()
    with serving(tmp_path) as server, Api(server.address) as api:
        watch = health_pb2_grpc.HealthStub(api.channel).Watch(health_pb2.HealthCheckRequest(), timeout=DEADLINE)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        with api.subscribe(to) as stream, api.subscribe(idle) as idle_stream:
            stream.subscribed()
            idle_stream.subscribed()
            sent = api.send(request(to)).id
            assert stream.notification().id == sent
            server.signal(number)
            for one in (stream, idle_stream):
                refusal = one.ending()
                assert refusal.code is grpc.StatusCode.UNAVAILABLE
                assert refusal.reason == "SHUTTING_DOWN"
                assert refusal.metadata["cursor"] == one.cursor
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
        assert server.wait() == 0
        assert "Traceback" not in server.errors

    with serving(tmp_path) as server, Api(server.address) as api:
        later = api.send(request(to)).id
        with api.subscribe(to, stream.cursor) as resumed:
            assert resumed.subscribed().recovered
            assert resumed.notification().id == later
        assert channel_of(api.get(sent), WEBSOCKET).status == SENT


def test_a_stop_is_bounded_though_an_attempt_and_a_subscriber_hang(tmp_path: Path, smtp: SmtpServer) -> None:
    smtp.script(hang("content"))
    with (
        serving(tmp_path, **mail_settings(smtp, TOCSIN_SHUTDOWN_GRACE="2s")) as server,
        Api(server.address) as api,
        Api(server.address, ("grpc.http2.bdp_probe", 0)) as slow_api,
        slow_api.subscribe(to := user()) as slow,
    ):
        slow.subscribed()
        api.batch(*(request(to, message="x" * 4_096) for _ in range(200)))
        api.send(request(user(), MAIL))
        assert smtp.hanging.wait(DEADLINE)
        server.terminate()
        assert server.wait() == 0
        assert "Traceback" not in server.errors


def test_a_second_signal_ends_a_stop_that_takes_its_time(tmp_path: Path, smtp: SmtpServer) -> None:
    smtp.script(hang("content"))
    with (
        serving(tmp_path, **mail_settings(smtp, TOCSIN_SHUTDOWN_GRACE="1h")) as server,
        Api(server.address) as api,
        api.subscribe(user()) as stream,
    ):
        stream.subscribed()
        sent = api.send(request(user(), MAIL)).id
        assert smtp.hanging.wait(DEADLINE)
        server.terminate()
        assert stream.ending().reason == "SHUTTING_DOWN"
        assert server.running, "the first signal waits for the attempt that is under way"
        server.terminate()
        assert server.wait() == 1
        assert "Traceback" not in server.errors
    smtp.release()
    with serving(tmp_path, **mail_settings(smtp)) as server, Api(server.address) as api:
        eventually(lambda: channel_of(api.get(sent), EMAIL).status == SENT)


def emails(server: ServerProcess) -> list[tuple[str, int, bool]]:
    """Return status, attempts and whether it is leased of each e-mail, from the file."""
    return [
        (status, attempts, bool(leased))
        for status, attempts, leased in server.database.rows(
            "SELECT status, attempts, claim_token IS NOT NULL FROM notification_channels "
            "WHERE channel = 'email' ORDER BY id"
        )
    ]


def test_a_restart_between_send_and_delivery_sends_once_and_costs_no_attempt(tmp_path: Path, smtp: SmtpServer) -> None:
    smtp.script(hang("connect"))
    settings = mail_settings(smtp, TOCSIN_SHUTDOWN_GRACE="1s", TOCSIN_SENDER_CONCURRENCY="1")
    with serving(tmp_path, **settings) as server, Api(server.address) as api:
        sent = [api.send(request(user(), (EMAIL, f"user{number}@example.org"))).id for number in range(8)]
        assert smtp.hanging.wait(DEADLINE)
        server.terminate()
        assert server.wait() == 0
        assert emails(server) == [("pending", 0, False)] * 8
    assert not smtp.messages
    smtp.release()
    with serving(tmp_path, **settings) as server, Api(server.address) as api:
        for one in sent:
            row = eventually(lambda one=one: [row for row in api.get(one).channels if row.status == SENT])[0]  # type: ignore[misc]
            assert row.attempts == 1
    assert sorted(mail.recipients[0] for mail in smtp.messages) == [f"user{number}@example.org" for number in range(8)]


def test_an_attempt_under_way_is_finished_before_the_process_ends(tmp_path: Path, smtp: SmtpServer) -> None:
    smtp.script(hang("data"))
    with (
        serving(tmp_path, **mail_settings(smtp, TOCSIN_SHUTDOWN_GRACE="1h")) as server,
        Api(server.address) as api,
        api.subscribe(user()) as stream,
    ):
        stream.subscribed()
        api.send(request(user(), MAIL))
        assert smtp.hanging.wait(DEADLINE)
        server.terminate()
        assert stream.ending().reason == "SHUTTING_DOWN"
        smtp.release()
        assert server.wait() == 0
        assert len(smtp.messages) == 1
        assert emails(server) == [("sent", 1, False)]


def test_what_was_sent_to_an_idle_server_is_settled_when_it_stops(tmp_path: Path) -> None:
    """Results are written in the background; a stop must not lose the latest."""
    to = user()
    with serving(tmp_path) as server, Api(server.address) as api, api.subscribe(to) as stream:
        stream.subscribed()
        results = api.batch(*(request(to) for _ in range(500)))
        assert stream.ids(500) == [result.response.notification.id for result in results]
        server.terminate()
        assert stream.ending().reason == "SHUTTING_DOWN"
        assert server.wait() == 0
        assert server.database.rows("SELECT status, count(*) FROM notification_channels GROUP BY status") == [
            ("sent", 500)
        ]


def copied_alone(database: Path) -> DatabaseFile:
    """Copy the one file, as somebody does who knows of no other."""
    copy = database.with_name("copy.db")
    shutil.copy(database, copy)
    return DatabaseFile(copy)


def test_a_stop_leaves_one_file_that_holds_everything(tmp_path: Path) -> None:
    with serving(tmp_path) as server, Api(server.address) as api:
        sent = {api.send(request(user())).id for _ in range(3)}
        assert {api.get(one).id for one in sent} == sent  # connections that only read are open too
        server.terminate()
        assert server.wait() == 0
    assert {file.name for file in tmp_path.iterdir()} == {"tocsin.db", "tocsin.db.lock"}
    assert copied_alone(tmp_path / "tocsin.db").rows("SELECT count(*) FROM notifications") == [(3,)]


def test_a_migration_leaves_one_file_that_holds_everything_also_what_a_crash_left_in_the_log(tmp_path: Path) -> None:
    with serving(tmp_path) as server, Api(server.address) as api:
        for _ in range(3):
            api.send(request(user()))
        server.kill()
    assert (tmp_path / "tocsin.db-wal").stat().st_size
    assert run(tmp_path, "migrate").status == 0
    assert not (tmp_path / "tocsin.db-wal").exists()
    assert copied_alone(tmp_path / "tocsin.db").rows("SELECT count(*) FROM notifications") == [(3,)]


def test_a_stop_while_another_program_reads_the_file_says_that_the_log_is_needed_too(tmp_path: Path) -> None:
    with serving(tmp_path) as server, Api(server.address) as api, contextlib.ExitStack() as open_:
        api.send(request(user()))
        reader = open_.enter_context(contextlib.closing(sqlite3.connect(tmp_path / "tocsin.db", isolation_level=None)))
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM notifications").fetchall() == [(1,)]
        api.send(request(user()))
        server.terminate()
        assert server.wait() == 0
        assert "event=log_left" in server.errors
    assert server.database.rows("SELECT count(*) FROM notifications") == [(2,)]
