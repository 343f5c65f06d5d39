"""The files of a SQLite database: whose they are, and that a server notices when they are not there any more."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.drafts import draft
from helpers.store import ATTEMPT_LIMIT, LEASE, RecordingListener
from helpers.waiting import eventually_async
from tocsin_server.domain.errors import DatabaseInUse, DatabaseUnavailable, DatabaseUnusable
from tocsin_server.domain.model import Accepted
from tocsin_server.storage.databases import sqlite_file, sqlite_watch
from tocsin_server.storage.databases.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tocsin.db"


class Served:
    """A store on a file, as a process serves it."""

    def __init__(self, path: Path) -> None:
        self.gone: list[str] = []
        self.store = SqliteStore(
            path, RecordingListener(), attempt_limit=ATTEMPT_LIMIT, lease=LEASE, on_gone=self.gone.append
        )

    async def send(self) -> Accepted:
        [answer] = await self.store.accept([draft()])
        assert isinstance(answer, Accepted)
        return answer


@pytest.fixture(params=[0o000, 0o022, 0o777], ids="{:03o}".format)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


async def test_every_file_is_its_owners_whatever_the_umask(umask: None, path: Path) -> None:
    with sqlite_file.exclusive(path):
        sqlite_file.prepare(path)
        served = Served(path)
        await served.send()
        modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
        await served.store.close()
    assert modes == dict.fromkeys(("tocsin.db", "tocsin.db-wal", "tocsin.db-shm", "tocsin.db.lock"), 0o600)


async def test_files_of_an_earlier_version_are_closed_to_others_also_what_a_crash_left(path: Path) -> None:
    sqlite_file.prepare(path)
    served = Served(path)
    await served.send()
    crashed = path.with_name("crashed.db")
    for suffix in ("", "-wal", "-shm"):
        copy = crashed.with_name(crashed.name + suffix)
        shutil.copy(path.with_name(path.name + suffix), copy)
        copy.chmod(0o644)
    await served.store.close()
    crashed.with_name("crashed.db.lock").touch(0o644)
    with sqlite_file.exclusive(crashed):
        sqlite_file.prepare(crashed)
        modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.glob("crashed.db*")}
    assert set(modes.values()) == {0o600}


def contents(path: Path) -> bytes:
    return path.read_bytes()


def remove(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def replace(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.rename(path)


def move_the_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))


@pytest.mark.parametrize("how", [remove, move, replace, move_the_folder])
@pytest.mark.parametrize("suffix", ["", "-wal"])
async def test_nothing_is_acknowledged_that_nobody_will_find(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, how: Callable[[Path], None], suffix: str
) -> None:
    path = tmp_path / "data" / "tocsin.db"
    path.parent.mkdir()
    sqlite_file.prepare(path)
    served = Served(path)
    stored = await served.send()
    how(path.with_name(path.name + suffix))
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            await served.send()
        with pytest.raises(DatabaseUnavailable):
            await served.store.get(stored.notification.id)
    assert served.gone == [f"{path}{suffix} was deleted or replaced while it was served"] or how is move_the_folder
    assert len(served.gone) == 1
    assert [getattr(record, "event", None) for record in caplog.records] == ["database_gone"]
    await served.store.close()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", ".lock"])
async def test_what_is_gone_is_noticed_while_nothing_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(sqlite_watch, "INTERVAL", 0.01)
    with sqlite_file.exclusive(path):
        sqlite_file.prepare(path)
        served = Served(path)
        await served.send()
        remove(path.with_name(path.name + suffix))

        async def noticed() -> bool:
            return bool(served.gone)

        await eventually_async(noticed)
        with pytest.raises(DatabaseUnavailable):
            await served.send()
        await served.store.close()


async def test_a_copy_put_in_the_place_of_the_database_is_left_as_it_is(path: Path) -> None:
    sqlite_file.prepare(path)
    served = Served(path)
    await served.send()
    other = path.with_name("other.db")
    sqlite_file.prepare(other)
    content = contents(other)
    other.rename(path)
    with pytest.raises(DatabaseUnavailable):
        await served.send()
    await served.store.close()
    assert contents(path) == content


async def test_a_checkpoint_a_vacuum_and_a_backup_are_no_replacement(path: Path) -> None:
    sqlite_file.prepare(path)
    served = Served(path)
    await served.send()
    database = sqlite_file.open_database(path)
    for statement in (
        "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", f"VACUUM INTO '{path.with_name('copy.db')}'",
        "PRAGMA wal_checkpoint(RESTART)",
    ):  # fmt: skip
        database.execute_sql(statement)
        await served.send()
    database.close()
    await served.send()
    served.store._watch.check()
    assert served.gone == []
    await served.store.close()


def test_a_lock_file_that_is_deleted_while_it_is_being_locked_is_made_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = path.with_name("tocsin.db.lock")
    flock = fcntl.flock
    deletions = [lock]

    def flock_and_lose(descriptor: int, operation: int) -> None:
        flock(descriptor, operation)
        if deletions:
            deletions.pop().unlink()

    monkeypatch.setattr(fcntl, "flock", flock_and_lose)
    with sqlite_file.exclusive(path):
        assert lock.exists()
        with pytest.raises(DatabaseInUse), sqlite_file.exclusive(path):
            pass


@pytest.mark.parametrize("was_there", [False, True])
def test_a_start_that_is_refused_leaves_no_lock_file_that_was_not_there(path: Path, was_there: bool) -> None:
    lock = path.with_name("refused.db.lock")
    if was_there:
        lock.touch()
    refused = path.with_name("refused.db")
    refused.write_bytes(b"no database" * 1_000)
    with pytest.raises(DatabaseUnusable), sqlite_file.exclusive(refused):
        sqlite_file.prepare(refused)
    assert lock.exists() == was_there


def test_a_link_to_a_served_database_is_the_same_database(path: Path) -> None:
    link = path.with_name("link.db")
    link.symlink_to(path.name)
    assert sqlite_file.sqlite_path(f"sqlite:///{link}") == sqlite_file.sqlite_path(f"sqlite:///{path}")
    with (
        sqlite_file.exclusive(sqlite_file.sqlite_path(f"sqlite:///{path}")),
        pytest.raises(DatabaseInUse),
        sqlite_file.exclusive(sqlite_file.sqlite_path(f"sqlite:///{link}")),
    ):
        pytest.fail("two processes would serve one database")


async def test_a_database_that_is_damaged_under_the_server_ends_it(path: Path) -> None:
    with sqlite_file.exclusive(path):
        sqlite_file.prepare(path)
        served = Served(path)
        sent = await served.send()
        with path.open("r+b") as file:
            file.write(b"no database" * 1000)
        shutil.copyfile(path, f"{path}-wal")
        with pytest.raises(DatabaseUnavailable):
            await served.store.get(sent.notification.id)
        await served.store.close()
    assert "is damaged" in served.gone[0]
