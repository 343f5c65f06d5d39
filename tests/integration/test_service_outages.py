"""What callers see when the database is away or overloaded, and when the server goes."""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import DEADLINE, EMAIL, SENT, WEBSOCKET, Api, refused, request, user
from helpers.databases import Database, DatabaseFile
from helpers.server import ServerUnderTest, running_server
from helpers.waiting import eventually

LIMIT = 20_000
"""Writes that may wait, as README.md has it."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerUnderTest]:
    with running_server(tmp_path, dev=True) as running:
        yield running


@pytest.fixture
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as api:
        yield api


@contextmanager
def foreign_connection(database: Database) -> Iterator[sqlite3.Connection]:
    """Open the file as another process would, such as a shell or a backup."""
    assert isinstance(database, DatabaseFile)
    with contextlib.closing(sqlite3.connect(database.path, isolation_level=None, timeout=30)) as connection:
        yield connection


@contextmanager
def database_away(database: Database) -> Iterator[None]:
    """Make every statement of the server fail."""
    with foreign_connection(database) as connection:
        connection.execute("ALTER TABLE notifications RENAME TO elsewhere")
        try:
            yield
        finally:
            connection.execute("ALTER TABLE elsewhere RENAME TO notifications")


def test_while_the_database_is_away_calls_are_unavailable_and_afterwards_they_work(
    api: Api, server: ServerUnderTest
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
        "Subscribe": lambda: api.subscribe(to).event(),
        "Subscribe with a cursor": lambda: api.subscribe(to, cursor).event(),
    }
    before = server.database.counts()
    with database_away(server.database):
        for name, call in calls.items():
            refusal = refused(call)
            assert refusal.code is grpc.StatusCode.UNAVAILABLE, name
            assert refusal.reason == "DATABASE_UNAVAILABLE", name
    assert server.database.counts() == before
    assert not api.stub.Send(wanted, timeout=DEADLINE).duplicate
    with api.subscribe(to, cursor) as stream:
        assert stream.subscribed().recovered
        assert [stream.notification().title for _ in range(2)] == [kept.title, wanted.title]


def test_the_feeds_and_lanes_go_on_by_themselves_after_an_outage(api: Api, server: ServerUnderTest) -> None:
    to = user()
    with api.subscribe(to) as stream:
        stream.subscribed()
        with database_away(server.database):
            assert refused(lambda: api.send(request(to))).reason == "DATABASE_UNAVAILABLE"
        sent = api.send(request(to, WEBSOCKET, (EMAIL, "ann@example.org")))
        assert stream.notification().id == sent.id

        def all_sent() -> bool:
            return {row.status for row in api.get(sent.id).channels} == {SENT}

        eventually(all_sent)


def test_when_too_much_waits_to_be_written_more_is_refused_until_it_is_done(api: Api, server: ServerUnderTest) -> None:
    unknown = [str(uuid.UUID(int=number)) for number in range(500)]
    # What jobs of the server write takes part of the room. Where the large ones no longer fit, the small ones fill the
    # rest: together they want more than that.
    asked = [unknown] * (LIMIT // 500 + 5) + [unknown[:1]] * 501
    with foreign_connection(server.database) as connection:
        connection.execute("BEGIN IMMEDIATE")
        waiting = [api.stub.MarkRead.future(service_pb.MarkReadRequest(ids=ids), timeout=DEADLINE) for ids in asked]
        eventually(lambda: sum(call.done() for call in waiting) > 5 and waiting[-1].done())
        refusal = refused(lambda: api.send(request()))
        assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (refusal.reason, refusal.metadata) == ("QUEUE_FULL", {"limit": str(LIMIT)})
        assert api.unread(user()) == 0, "reading does not wait for the writer"
        connection.execute("ROLLBACK")
    reasons = [refused(lambda call=call: call.result(DEADLINE)).reason for call in waiting]  # type: ignore[misc]
    assert set(reasons) == {"NOTIFICATION_NOT_FOUND", "QUEUE_FULL"}
    taken = sum(len(ids) for ids, reason in zip(asked, reasons, strict=True) if reason != "QUEUE_FULL")
    assert LIMIT // 2 <= taken <= LIMIT
    assert server.database.counts()["notifications"] == 0
    assert api.send(request())


def test_a_foreign_transaction_delays_a_send_and_does_not_fail_it(api: Api, server: ServerUnderTest) -> None:
    with foreign_connection(server.database) as connection:
        connection.execute("BEGIN IMMEDIATE")
        call = api.stub.Send.future(request(), timeout=DEADLINE)
        assert api.unread(user()) == 0
        assert not call.done()
        connection.execute("COMMIT")
    assert call.result(timeout=DEADLINE).notification.id


def test_a_caller_that_gives_up_does_not_undo_what_was_accepted(api: Api, server: ServerUnderTest) -> None:
    wanted = request(idempotency_key=str(uuid.uuid4()))
    with foreign_connection(server.database) as connection:
        connection.execute("BEGIN IMMEDIATE")
        neighbour = api.stub.Send.future(request(wanted.recipient), timeout=DEADLINE)
        abandoned = api.stub.Send.future(wanted, timeout=DEADLINE)
        # Calls of one connection arrive in order, so that after this answer both wait for the writer.
        assert api.unread(wanted.recipient) == 0
        abandoned.cancel()
        connection.execute("ROLLBACK")
    assert neighbour.result(timeout=DEADLINE).notification.id
    assert abandoned.cancelled()
    answer = api.stub.Send(wanted, timeout=DEADLINE)
    assert answer.duplicate
    assert len(api.list(recipient=wanted.recipient).notifications) == 2
