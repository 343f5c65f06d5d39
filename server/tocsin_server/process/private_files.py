"""Files and folders that nobody but their owner may read, whatever the umask of the process is."""

from __future__ import annotations

import functools
import logging
import os
import stat
from pathlib import Path

log = logging.getLogger(__name__)

FILE_MODE = 0o600
FOLDER_MODE = 0o700

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def open_private(path: Path, flags: int = os.O_RDWR) -> int:
    """Open a file and return the descriptor; one that does not exist is made for its owner alone."""
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    except FileExistsError:
        return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    os.fchmod(descriptor, FILE_MODE)  # the umask may have taken even the owner's rights away
    return descriptor


def make_private_folder(path: Path) -> None:
    """Make a folder for its owner alone if it does not exist; those above it are left to the umask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(FOLDER_MODE)
    except FileExistsError:
        if not path.is_dir():
            raise
        close_to_others(path)
    else:
        path.chmod(FOLDER_MODE)


def close_to_others(path: Path) -> None:
    """Take the rights of everybody but the owner away from what an earlier version or a shell made, and say so.

    What does not exist, or belongs to somebody else, is left as it is.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if not mode & _OTHERS:
            return
        path.chmod(mode & ~_OTHERS)
    except FileNotFoundError:
        return
    except OSError as error:
        _say_open(path, str(error.strerror))
    else:
        log.warning(
            "%s was open to others and is no longer", path.name,
            extra={"event": "file_closed_to_others", "path": str(path), "mode": f"{mode:04o}"},
        )  # fmt: skip


@functools.cache  # once for each
def _say_open(path: Path, cause: str) -> None:
    log.warning(
        "others may read %s, and that cannot be changed",
        path.name,
        extra={"event": "file_open_to_others", "path": str(path), "cause": cause},
    )
