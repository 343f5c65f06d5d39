"""Noticing that a SQLite file is not the one any more that is found under its name.

Deleted or replaced, a file goes on working for whoever has it open; what is written to it then is lost when the process
ends. The write-ahead log holds the latest commits until they are copied into the database, so it counts as much.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between looks while nothing is written."""

_Identity: TypeAlias = tuple[int, int]


class FileGone(Exception):
    """A file of the database was deleted, replaced or damaged while it was served."""


def _identity(path: str) -> _Identity | None:
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def _replaced(path: str) -> str:
    return f"{path} was deleted or replaced while it was served"


class FileWatch:
    """Compares the files of a database with those that were there at first.

    Args:
        path: The database. Beside it are the lock of the process that serves it, if it does, and SQLite's own files.
        on_gone: Is told once, on any thread.
    """

    def __init__(self, path: Path, on_gone: Callable[[str], None] = lambda _: None) -> None:
        self._path = str(path)
        self._on_gone = on_gone
        self._known: dict[str, _Identity | None] = {self._path: _identity(self._path)}
        lock = f"{path}.lock"
        if (held := _identity(lock)) is not None:
            self._known[lock] = held
        # Those that a commit goes to.
        self._written = [self._path]
        self._guard = threading.Lock()
        self._gone: str | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="tocsin-file-watch", daemon=True)
        self._thread.start()

    def opened(self) -> None:
        """Note SQLite's own files; to be called inside a transaction, while they exist for certain."""
        log_path, index = f"{self._path}-wal", f"{self._path}-shm"
        self._known = self._known | {path: _identity(path) for path in (log_path, index)}
        self._written = [self._path, log_path]

    def closed(self) -> None:
        """Forget SQLite's own files: it removes them when the last connection is closed."""
        self._written = [self._path]
        self._known = {path: known for path, known in self._known.items() if not path.endswith(("-wal", "-shm"))}

    @property
    def gone(self) -> bool:
        """Whether something was found to be missing."""
        return self._gone is not None

    def check(self) -> None:
        """Raise `FileGone` if what is written, or ever was, is not found under its name; OSError if nobody can tell."""
        if self._gone is not None:
            raise FileGone(self._gone)
        for path in self._written:
            if _identity(path) != self._known[path]:
                raise self.lost(_replaced(path))

    def close(self) -> None:
        """Stop looking. Idempotent."""
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(INTERVAL) and self._gone is None:
            for path, known in self._known.items():
                with contextlib.suppress(OSError):  # a disk that cannot tell now is an outage of the next write
                    if _identity(path) != known:
                        self.lost(_replaced(path))
                        break

    def lost(self, reason: str) -> FileGone:
        """Let nothing be stored from now on, and tell why, once."""
        with self._guard:
            if self._gone is None:
                self._gone = reason
                log.critical("nothing is stored any more: %s", self._gone, extra={"event": "database_gone"})
                self._on_gone(self._gone)
        return FileGone(self._gone)
