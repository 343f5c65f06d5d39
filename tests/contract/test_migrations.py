# ruff: noqa: S608 - statements are put together from constants
"""What earlier versions stored is brought into its new form, on both databases alike."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from helpers.databases import KINDS, DatabaseAtUrl, database_at, empty_database
from tocsin_server.storage import opening
from tocsin_server.storage.databases import sqlite_file
from tocsin_server.storage.schema import migrating

IDS = [f"01926f3e-7c1b-7000-8000-{number:012}" for number in range(4)]
NOW = {"sqlite": "1790000000000000", "postgresql": "now()"}


def execute(url: str, *statements: str) -> None:
    """Write as nobody but a test should."""
    if url.startswith("sqlite:"):
        with contextlib.closing(sqlite3.connect(sqlite_file.sqlite_path(url))) as connection:
            for sql in statements:
                connection.execute(sql)
            connection.commit()
    else:
        DatabaseAtUrl(url).run(*statements)


def migrate(url: str) -> list[str]:
    with opening.prepared(url) as applied:
        return applied


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_sent_with_a_key_gets_the_keys_caller_as_its_owner(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = tmp_path / "migrations"
    earlier.mkdir()
    for path in sorted(migrating.MIGRATIONS.glob("*.py"))[:2]:
        shutil.copy(path, earlier)
    with empty_database(kind, tmp_path) as url:
        with monkeypatch.context() as patch:
            patch.setattr(migrating, "MIGRATIONS", earlier)
            assert len(migrate(url)) == 2
        execute(
            url,
            *(
                "INSERT INTO notifications (id, recipient_type, title, message, status, is_read, created_at)"
                f" VALUES ('{one}', 'user', 't', 'm', 'sent', false, {NOW[kind]})"
                for one in IDS
            ),
            *(
                f"INSERT INTO idempotency_keys VALUES ('{caller}', '{number}', '1:x', '{IDS[number]}')"
                for number, caller in enumerate(("shop", "", "billing"))
            ),
        )
        assert migrate(url)[0] == "0003_owner"
        owners = database_at(url).rows("SELECT owner FROM notifications ORDER BY id")
    assert owners == [("shop",), ("",), ("billing",), ("",)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_sent_with_a_key_knows_it(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = tmp_path / "migrations"
    earlier.mkdir()
    for path in sorted(migrating.MIGRATIONS.glob("*.py"))[:3]:
        shutil.copy(path, earlier)
    with empty_database(kind, tmp_path) as url:
        with monkeypatch.context() as patch:
            patch.setattr(migrating, "MIGRATIONS", earlier)
            assert len(migrate(url)) == 3
        execute(
            url,
            *(
                "INSERT INTO notifications (id, recipient_type, title, message, status, is_read, created_at, owner)"
                f" VALUES ('{one}', 'user', 't', 'm', 'sent', false, {NOW[kind]}, '{owner}')"
                for one, owner in zip(IDS, ("shop", "", "shop", ""), strict=True)
            ),
            f"INSERT INTO idempotency_keys VALUES ('shop', 'order-1', '1:x', '{IDS[0]}')",
            f"INSERT INTO idempotency_keys VALUES ('', 'order-1', '1:x', '{IDS[1]}')",
        )
        assert migrate(url)[0] == "0004_key_of_notification"
        keys = database_at(url).rows("SELECT idempotency_key FROM notifications ORDER BY id")
    assert keys == [("order-1",), ("order-1",), (None,), (None,)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_limits_have_counted_stands_when_its_order_changes(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = tmp_path / "migrations"
    earlier.mkdir()
    for path in sorted(migrating.MIGRATIONS.glob("*.py"))[:7]:
        shutil.copy(path, earlier)
    with empty_database(kind, tmp_path) as url:
        with monkeypatch.context() as patch:
            patch.setattr(migrating, "MIGRATIONS", earlier)
            assert len(migrate(url)) == 7
        execute(
            url,
            f"INSERT INTO policy_counts VALUES ('letters', 'user:ann', {NOW[kind]}, {NOW[kind]}, 3)",
            f"INSERT INTO policy_counts VALUES ('letters', '', {NOW[kind]}, {NOW[kind]}, 7)",
        )
        assert migrate(url)[0] == "0008_ended_counts"
        counts = database_at(url).rows("SELECT policy, key, count FROM policy_counts ORDER BY key")
    assert counts == [("letters", "", 7), ("letters", "user:ann", 3)]
