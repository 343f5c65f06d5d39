"""A file is moved to PostgreSQL by a command: all of it, through interruptions, and only if nobody changes either."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from helpers.databases import TABLES, DatabaseAtUrl, DatabaseFile
from helpers.postgresql import temporary_database
from helpers.process import PATIENCE, Ended, command, environment, run, serving
from helpers.server import running_server
from helpers.volume import Volume, fill_sqlite
from helpers.waiting import eventually
from tocsin_client import Client, Notification, NotificationEvent, Subscribed
from tocsin_server.storage.databases.postgresql_connection import COPY_TABLE

SETTLED = int(os.environ.get("COPIED_NOTIFICATIONS", "8000"))
"""Notifications, a tenth more and some thousands that are due beside; many more are tried by hand, see CONTRIBUTING."""

ANN, BOB = "user:0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10", "guest:0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"
AWKWARD = {"note": 'tab\tline\nquote"back\\slash \\u0000 Größe №7 🔔', "n": [1, 2.5, 1e22, -7, None, True], "o": {}}
COPIED = [table for table in TABLES if table not in ("open_breakers", "paces")]


@pytest.fixture
def target() -> Iterator[str]:
    with temporary_database() as url:
        yield url


def copy(folder: Path, target: str, *options: str) -> Ended:
    return run(folder, "migrate", "--to", target, *options)


def plant(client: Client) -> tuple[list[Notification], str]:
    """Store something in every table; returns it, and a cursor of a feed that something comes after."""
    later = datetime.now(UTC) + timedelta(hours=1)
    sent = [
        client.send(to, f"number {number}", "M", channels=["websocket", ("email", "ann@example.org")],
                    metadata=AWKWARD, idempotency_key=f"key-{number}", category="order.shipped")
        for number, to in enumerate([ANN, BOB] * 5)
    ]  # fmt: skip
    cursor = client.list(recipient=ANN, feed_only=True).cursor
    client.mark_read([sent[0].notification.id])
    client.send(ANN, "after the cursor", "M", channels=["websocket"])
    client.send(ANN, "fallback", "M", channels=["websocket", ("sms", "+15550100")], strategy="fallback",
                escalate_after=3600)  # fmt: skip
    client.send("guest", "scheduled", "M", channels=[("telegram", "@ann_example")], send_at=later)
    waiting = [client.send(ANN, "undecided", "M", deferred=True, addresses={"sms": "+15550100"}) for _ in range(2)]
    client.route(waiting[0].notification.id, ["sms"], reason="because")
    client.put_contact("partner:ext:42", {"email": "ann@example.org"}, locale="pt-BR", time_zone="Europe/Lisbon")
    client.pause_channel("sms", reason="while it moves")
    client.send("user:ext:gone", "erased", "M", channels=["websocket"])
    client.erase("user:ext:gone")
    eventually(lambda: all(client.get(one.notification.id).status == "sent" for one in sent))
    return [client.get(one.id) for one in client.iterate()], cursor


def test_all_that_a_file_holds_is_there_and_cursors_and_keys_stay_good(tmp_path: Path, target: str) -> None:
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        before, cursor = plant(client)
        refused = copy(tmp_path, target)
        assert (refused.status, "served by another process" in refused.errors) == (1, True)
    with contextlib.closing(sqlite3.connect(tmp_path / "tocsin.db")) as shell:
        # What an earlier version took from a provider, and PostgreSQL does not take; and a limit's count.
        shell.execute(
            "UPDATE notification_channels SET response = ? WHERE id = (SELECT id FROM notification_channels"
            " WHERE channel = 'websocket' AND status = 'sent' LIMIT 1)",
            (json.dumps({"outcome": "accepted", "detail": "a\0b"}),),
        )
        shell.execute("INSERT INTO policy_counts VALUES ('p', 'user:x', 0, 1, 7)")
        shell.commit()
    counts = DatabaseFile(tmp_path / "tocsin.db").counts()
    assert all(counts[table] for table in COPIED)
    moved = copy(tmp_path, target)
    assert (moved.status, moved.errors) == (0, "")
    assert len(re.findall(r"rows are the same", moved.output)) == len(COPIED)
    assert {table: count for table, count in DatabaseAtUrl(target).counts().items() if table in COPIED} == {
        table: count for table, count in counts.items() if table in COPIED
    }
    with running_server(tmp_path, dev=True, database_url=target) as server, Client(server.address) as client:
        after = [client.get(one.id) for one in client.iterate()]
        assert [_without_response(one) for one in after] == [_without_response(one) for one in before]
        assert client.get_contact("partner:ext:42").time_zone == "Europe/Lisbon"
        reasons = [decision.reason for one in after for decision in client.explain(one.id)]
        assert "because" in reasons
        with client.subscribe(ANN, cursor=cursor) as events:
            first, second = (next(events) for _ in range(2))
        assert isinstance(first, Subscribed)
        assert first.recovered
        assert isinstance(second, NotificationEvent)
        again = client.send(ANN, "number 0", "M", channels=["websocket", ("email", "ann@example.org")],
                            metadata=AWKWARD, idempotency_key="key-0", category="order.shipped")  # fmt: skip
        assert again.duplicate
        assert [one.paused.reason for one in client.get_queue().channels if one.paused] == ["while it moves"]


def test_a_target_that_a_server_runs_on_is_refused_and_not_touched(tmp_path: Path, target: str) -> None:
    fill_sqlite(tmp_path / "tocsin.db", Volume(10))
    served = tmp_path / "served"
    served.mkdir()
    arguments = ("--dev", "--database", target)
    with serving(served, *arguments), serving(served, *arguments):
        refused = copy(tmp_path, target)
        assert (refused.status, len(refused.errors.splitlines())) == (1, 1)
        assert "is served by another process; stop whatever serves it first" in refused.errors
        assert progress(target) == {}
        assert DatabaseAtUrl(target).counts()["notifications"] == 0
        renewed = run(tmp_path, "migrate", "--renew-epochs", "--database", target)
        assert (renewed.status, "is served by another process" in renewed.errors) == (1, True)
    assert copy(tmp_path, target).status == 0


def _without_response(notification: Notification) -> Any:
    """Return a notification without what the test has put into one of its answers."""
    return notification.id, notification.metadata, notification.status, notification.is_read, notification.created_at, [
        (one.id, one.status, one.attempts, one.address) for one in notification.channels
    ]  # fmt: skip


def progress(target: str) -> dict[str, int]:
    """Return how many rows of each table are said to be there."""
    try:
        return dict(DatabaseAtUrl(target).rows(f"SELECT name, rows FROM {COPY_TABLE}"))  # noqa: S608 - our own name
    except psycopg2.errors.UndefinedTable:
        return {}


@pytest.mark.timeout(600)
def test_a_copy_that_is_killed_twice_goes_on_where_it_was_and_is_whole_in_the_end(tmp_path: Path, target: str) -> None:
    fill_sqlite(tmp_path / "tocsin.db", Volume(SETTLED))
    reached: dict[str, int] = {}
    for table in ("notifications", "notification_channels"):
        process = subprocess.Popen(
            command("migrate", "--to", target), cwd=tmp_path, env=environment({}), stdout=subprocess.DEVNULL
        )
        eventually(lambda table=table: progress(target).get(table, 0), timeout=PATIENCE)  # type: ignore[misc]
        process.kill()
        process.wait(PATIENCE)
        before, reached = reached, progress(target)
        assert all(reached[name] >= count for name, count in before.items())
        # What is said to be there is, and no more.
        eventually(lambda: all(
            DatabaseAtUrl(target).rows(f"SELECT count(*) FROM {name}") == [(count,)]  # noqa: S608 - our own names
            for name, count in progress(target).items()
        ))  # fmt: skip
        refused = run(tmp_path, "serve", "--listen", "127.0.0.1:0", "--database", target)
        assert (refused.status, "run tocsin migrate --to again" in refused.errors) == (1, True)
    assert reached["notification_channels"] < DatabaseFile(tmp_path / "tocsin.db").counts()["notification_channels"]
    ended = copy(tmp_path, target)
    assert (ended.status, ended.errors) == (0, "")
    assert progress(target) == {}
    assert DatabaseAtUrl(target).counts() == DatabaseFile(tmp_path / "tocsin.db").counts()
    assert "is not empty" in copy(tmp_path, target).errors


def test_what_was_changed_meanwhile_is_noticed_and_the_target_stays_closed(tmp_path: Path, target: str) -> None:
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        one = client.send(ANN, "T", "M", channels=["websocket"]).notification
    assert run(tmp_path, "migrate", "--database", target).status == 0
    with DatabaseAtUrl(target).session() as cursor:
        cursor.execute(f"CREATE TABLE {COPY_TABLE} (name text PRIMARY KEY, after text, rows bigint NOT NULL)")
        cursor.execute(
            "INSERT INTO notifications (id, recipient_type, title, message, status, created_at)"
            " VALUES (%s, 'user', 'another', 'M', 'sent', now())",
            (one.id,),
        )
        cursor.execute(
            f"INSERT INTO {COPY_TABLE} VALUES ('notifications', %s, 1)",  # noqa: S608 - our own name
            (json.dumps([one.id]),),
        )
    ended = copy(tmp_path, target)
    assert ended.status == 1
    assert "notifications differs: 1 rows in the file, 1 in the copy" in ended.errors
    refused = run(tmp_path, "serve", "--listen", "127.0.0.1:0", "--database", target)
    assert "run tocsin migrate --to again" in refused.errors


def test_what_cannot_be_copied_is_said_in_one_line(tmp_path: Path, target: str) -> None:
    assert "is a file" in copy(tmp_path, "sqlite:///other.db").errors
    assert "is no SQLite file" in copy(tmp_path, target, "--database", target).errors
    assert "--to" in copy(tmp_path, "mysql://x").errors
    with serving(tmp_path, "--dev", "--database", target) as server, Client(server.address) as client:
        client.send(f"user:{uuid.uuid4()}", "T", "M", channels=["websocket"])
    ended = copy(tmp_path, target)
    assert (ended.status, "is not empty: its table notifications has rows" in ended.errors) == (1, True)
    assert len(ended.errors.splitlines()) == 1
