"""Reading files that operators name, which may turn out to be anything, also while a server runs."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

LARGEST: Final = 1 << 20
"""Bytes of a file of settings, of a secret, of rules or of certificates."""


def read(path: Path) -> bytes:
    """Return what a file holds, without waiting for anybody.

    Raises:
        OSError: It cannot be read, has more than `LARGEST` bytes, or is a pipe: opening that waits for who writes, and
            what was read of it is gone, while files are read by several processes and again.
    """
    with open(path, "rb", opener=_at_once) as file:
        if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is a pipe, which can be read only once", str(path))
        content = file.read(LARGEST + 1) or b""  # None of a terminal at which nobody has typed
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, f"it has more than {LARGEST} bytes", str(path))
    return content


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
