"""A copy of the database that is made while it is served, and what comes after it has been put in its place."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers.calls import EMAIL, WEBSOCKET, Api, request, user
from helpers.databases import KINDS, DatabaseFile, database_at, empty_database
from helpers.postgresql import shared_server_url
from helpers.process import run, serving
from helpers.server import running_server
from tocsin_client import Client, Subscribed

COPIES = 5
TO = "user:0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"


def test_a_copy_made_under_load_is_whole_and_has_all_that_was_accepted_before(tmp_path: Path) -> None:
    accepted: list[str] = []
    stop = threading.Event()

    def send(address: str) -> None:
        with Api(address) as api:
            while not stop.is_set():
                accepted.append(api.send(request(user(), WEBSOCKET, (EMAIL, "ann@example.org"))).id)

    with serving(tmp_path, "--dev") as server:
        senders = [threading.Thread(target=send, args=(server.address,)) for _ in range(3)]
        for sender in senders:
            sender.start()
        try:
            for number in range(COPIES):
                before = list(accepted)
                ended = run(tmp_path, "backup", f"copy-{number}.db")
                assert (ended.status, ended.errors) == (0, "")
                copy = DatabaseFile(tmp_path / f"copy-{number}.db")
                ids = {row[0] for row in copy.rows("SELECT id FROM notifications")}
                assert ids >= set(before)
                assert copy.rows("PRAGMA integrity_check") == [("ok",)]
                # One moment: what a transaction has written is there as a whole.
                assert copy.rows(
                    "SELECT count(*) FROM notifications WHERE 2 <>"
                    " (SELECT count(*) FROM notification_channels WHERE notification_id = notifications.id)"
                ) == [(0,)]
        finally:
            stop.set()
            for sender in senders:
                sender.join()
        assert sorted(path.name for path in tmp_path.glob("copy-*")) == [f"copy-{n}.db" for n in range(COPIES)]
        assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("copy-*")} == {0o600}


def test_after_a_restore_renewed_epochs_make_cursors_from_before_void(tmp_path: Path) -> None:
    database = tmp_path / "tocsin.db"
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        client.send(TO, "kept", "M", channels=["websocket"])
        assert run(tmp_path, "backup", "copy.db").status == 0
        client.send(TO, "lost", "M", channels=["websocket"])
        cursor = client.list(recipient=TO, feed_only=True).cursor
    shutil.copy(tmp_path / "copy.db", database)
    renewed = run(tmp_path, "migrate", "--renew-epochs")
    assert (renewed.status, renewed.errors) == (0, "")
    assert "renewed the epochs of 1 feeds" in renewed.output
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        assert [one.title for one in client.iterate(recipient=TO, feed_only=True)] == ["kept"]
        # By then the feed has reached the place that the cursor tells of, with something else in it.
        client.send(TO, "new", "M", channels=["websocket"])
        with client.subscribe(TO, cursor=cursor) as events:
            first = next(iter(events))
        assert isinstance(first, Subscribed)
        assert not first.recovered


@pytest.mark.parametrize("kind", KINDS)
def test_renewing_gives_each_feed_an_epoch_of_its_own(kind: str, tmp_path: Path) -> None:
    with empty_database(kind, tmp_path) as url:
        with running_server(tmp_path, dev=True, database_url=url) as server, Client(server.address) as client:
            for number in range(20):
                client.send(f"user:ext:{number}", "T", "M", channels=["websocket"])
        epochs = "SELECT recipient_id, epoch FROM recipient_feeds ORDER BY recipient_id"
        before = database_at(url).rows(epochs)
        assert run(tmp_path, "migrate", "--renew-epochs", "--database", url).status == 0
        after = database_at(url).rows(epochs)
    assert [one[0] for one in after] == [one[0] for one in before]
    assert len({one[1] for one in before + after}) == 40
    assert all(0 < one[1] < 2**63 for one in after)


def test_epochs_of_a_file_that_is_served_are_left_alone(tmp_path: Path) -> None:
    with running_server(tmp_path, dev=True):
        ended = run(tmp_path, "migrate", "--renew-epochs")
    assert ended.status == 1
    assert "served by another process" in ended.errors


def test_what_cannot_be_backed_up_is_said_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    assert "there is no such file" in run(tmp_path, "backup", "copy.db").errors
    assert run(tmp_path, "migrate").status == 0
    assert "it exists" in run(tmp_path, "backup", ".").errors
    assert "too long" in run(tmp_path, "backup", "x" * 300).errors
    assert "too long" in run(tmp_path, "backup", f"{'x' * 300}/copy.db").errors
    (tmp_path / "taken.db").write_text("mine")
    assert "it exists" in run(tmp_path, "backup", "taken.db").errors
    assert (tmp_path / "taken.db").read_text() == "mine"
    assert "does not exist" in run(tmp_path, "backup", "nowhere/copy.db").errors
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE theirs (x)")
    refused = run(tmp_path, "backup", "copy.db", "--database", "sqlite:///other.db")
    assert (refused.status, "no database of Tocsin" in refused.errors) == (1, True)
    (tmp_path / "text.db").write_text("no database" * 1000)
    assert run(tmp_path, "backup", "copy.db", "--database", "sqlite:///text.db").status == 1
    assert not list(tmp_path.glob("copy.db*"))


@pytest.mark.parametrize("content", ["", "what is growing, or something else"])
def test_a_file_under_the_name_of_an_unfinished_copy_is_left_alone_and_named(tmp_path: Path, content: str) -> None:
    assert run(tmp_path, "migrate").status == 0
    other = tmp_path / "copy.db.unfinished"
    other.write_text(content)
    refused = run(tmp_path, "backup", "copy.db")
    assert (refused.status, len(refused.errors.splitlines())) == (1, 1)
    assert "copy.db.unfinished exists" in refused.errors
    assert other.read_text() == content
    assert not (tmp_path / "copy.db").exists()
    other.unlink()
    assert run(tmp_path, "backup", "copy.db").status == 0


def test_a_database_is_not_lost_to_the_name_of_its_copy(tmp_path: Path) -> None:
    served = tmp_path / "copy.db.unfinished"
    url = f"sqlite:///{served}"
    assert run(tmp_path, "migrate", "--database", url).status == 0
    assert run(tmp_path, "backup", "copy.db", "--database", url).status == 1
    assert DatabaseFile(served).rows("SELECT count(*) > 0 FROM schema_migrations") == [(1,)]


def test_of_two_copies_to_one_name_at_once_one_is_made_and_is_whole(tmp_path: Path) -> None:
    assert run(tmp_path, "migrate").status == 0
    with ThreadPoolExecutor() as pool:
        for number in range(3):
            ended = list(pool.map(lambda _: run(tmp_path, "backup", f"{number}.db"), range(3)))  # noqa: B023 - done by then
            assert sorted(one.status for one in ended) == [0, 1, 1]
            assert DatabaseFile(tmp_path / f"{number}.db").rows("PRAGMA integrity_check") == [("ok",)]
    assert not list(tmp_path.glob("*.unfinished*"))


def test_postgresql_is_left_to_its_own_means(tmp_path: Path) -> None:
    ended = run(tmp_path, "backup", "copy.db", "--database", shared_server_url())
    assert ended.status == 1
    assert "pg_dump" in ended.errors
    assert len(ended.errors.splitlines()) == 1
