"""Copying a SQLite file as a whole, also while it is served."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from tocsin_server.domain.errors import DatabaseUnusable
from tocsin_server.process.private_files import open_private

UNFINISHED = ".unfinished"
"""What the name of a copy ends with until it is whole."""


def back_up(path: Path, copy: Path) -> int:
    """Copy a database into a file that does not exist yet, and return the size of that in bytes.

    The copy shows one moment. It is made in one step: by the backup interface in several, it would begin again with
    each commit of the server, and under load never end. Whoever writes does not wait for it; the write-ahead log grows
    meanwhile. What stands under the name of the copy has been looked through and is on the disk. No file is touched
    that this call has not made.

    Raises:
        DatabaseUnusable: There is no such database, the copy cannot be made, and nothing is left of it then, or
            another is being made under its name, or was when the machine stopped.
    """
    unfinished = copy.parent / f"{copy.name}{UNFINISHED}"
    try:
        _check_names(path, copy)
        os.close(open_private(unfinished, os.O_RDWR | os.O_EXCL))
    except FileExistsError:
        # It may be growing, or be something else altogether: nothing in it tells.
        raise DatabaseUnusable(
            f"cannot back up to {copy}: {unfinished} exists, of a copy that is being made or was broken off;"
            " remove it if none is, or name another file"
        ) from None
    except OSError as error:  # a name may be too long, or in a folder that is closed to us, to be asked about
        raise DatabaseUnusable(f"cannot back up {path} to {copy}: {error}") from error
    try:
        _copy(path, unfinished)
        _sync(unfinished)
        os.link(unfinished, copy)  # unlike a renaming, it takes nobody's place
        _sync(copy.parent)
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnusable(f"cannot back up {path} to {copy}: {error}") from error
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
    return copy.stat().st_size


def _check_names(path: Path, copy: Path) -> None:
    if not path.is_file():
        raise DatabaseUnusable(f"cannot back up {path}: there is no such file")
    if copy.exists():
        raise DatabaseUnusable(f"cannot back up to {copy}: it exists; name a file that does not")
    if not copy.parent.is_dir():
        raise DatabaseUnusable(f"cannot back up to {copy}: the folder {copy.parent} does not exist")


def _copy(path: Path, unfinished: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=30)) as source,
        contextlib.closing(sqlite3.connect(unfinished)) as target,
    ):
        if not source.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'").fetchone():
            raise sqlite3.DatabaseError("it is no database of Tocsin")
        source.backup(target)
        # One file that is whole by itself; a server makes it one with a log again.
        target.execute("PRAGMA journal_mode = DELETE").fetchall()
        [(verdict,)] = target.execute("PRAGMA quick_check(1)").fetchall()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged, and so is the original: {verdict}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
