"""What a process reads again while it runs: on SIGHUP all of it, and by itself what stands in files that have changed.

Files are looked at, by `stat`, rather than watched: that sees also what is swapped below a symbolic link, as Kubernetes
does with secrets, and is the same on every file system. A change is taken when two looks in a row show the same, since
a certificate and its key are written one after the other. What is wrong in a file is told once, not at each look.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from tocsin_server.domain.errors import ConfigurationError

LOOK: Final = 2.0
"""Seconds from one look to the next: a change is taken after twice that at most."""

_Stamp: TypeAlias = "tuple[tuple[Path, int, int, int], ...]"

log = logging.getLogger(__name__)


class Part(NamedTuple):
    """Something that is read from files.

    Attributes:
        name: In the names of the events: ``access`` makes ``access_reloaded`` and ``access_refused``.
        done: The sentence when it was read, such as "tokens and keys were read again".
        kept: The begin of the one when it is refused, such as "who may call stays as it was".
        files: Names them; asked at each look, since one file may name others.
        replace: Reads them and puts what they say in place; returns fields of the line that says so. Raises
            `ConfigurationError`, and changes nothing, if they are wrong. May block.
    """

    name: str
    done: str
    kept: str
    files: Callable[[], Iterable[Path]]
    replace: Callable[[], Mapping[str, object]]

    def reload(self) -> None:
        """Read it again, and say in one line what came of it."""
        try:
            fields = self.replace()
        except ConfigurationError as error:
            named = ", ".join(str(path) for path in self.files())
            extra = {"event": f"{self.name}_refused", "files": named}
            log.error("%s: %s", self.kept, error, extra=extra)  # noqa: TRY400 - all is said
        else:
            log.info(self.done, extra={"event": f"{self.name}_reloaded", **fields})


class Reloading:
    """Reads parts again. May be used from any thread.

    Args:
        parts: What has been read just now.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = tuple(parts)
        self._taken = [_stamp(part) for part in self._parts]
        self._seen = list(self._taken)
        self._lock = threading.Lock()

    def everything(self) -> None:
        """Read all parts again, changed or not."""
        with self._lock:
            for number in range(len(self._parts)):
                self._take(number, _stamp(self._parts[number]))

    def changed(self) -> None:
        """Look once, and read again the parts whose files have changed and were the same at the look before."""
        with self._lock:
            for number, part in enumerate(self._parts):
                now = _stamp(part)
                if now == self._seen[number] != self._taken[number]:
                    self._take(number, now)
                self._seen[number] = now

    async def run(self, hangup: asyncio.Event, look: float = LOOK) -> None:
        """Go on for ever: read everything when the event is set, and look every ``look`` seconds."""
        while True:
            try:
                async with asyncio.timeout(look):
                    await hangup.wait()
            except TimeoutError:
                await asyncio.to_thread(self.changed)
            else:
                hangup.clear()
                await asyncio.to_thread(self.everything)

    def _take(self, number: int, stamp: _Stamp) -> None:
        # Before it is read: what changes in between is read once more.
        self._taken[number] = self._seen[number] = stamp
        try:
            self._parts[number].reload()
        except Exception:
            # Not foreseen. One part that fails is not to keep the others, or what is right later, from being read.
            log.exception("what has changed could not be read again", extra={"event": "reload_failed"})


def _stamp(part: Part) -> _Stamp:
    """Return what tells one content of the files from another; a file that is not there has a stamp, too."""
    return tuple(_stamp_of(path) for path in part.files())


def _stamp_of(path: Path) -> tuple[Path, int, int, int]:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return path, 0, 0, 0
    # Not the time of the content alone: a file may become readable later than it is written.
    return path, status.st_ino, status.st_ctime_ns, status.st_size
