"""A count, and times by number, that one process writes and another reads without asking: a small mapped file."""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Sequence
from pathlib import Path

_COUNT = struct.Struct("<q")
_TIME = struct.Struct("<d")


class Tally:
    """The file ``path`` with ``places`` times (monotonic seconds, the same clock in every process; 0 is none).

    Whoever makes it clears it; others open it with ``make=False``. One process writes at a time.
    """

    def __init__(self, path: Path, places: int = 0, *, make: bool = True) -> None:
        if make:
            path.write_bytes(bytes(_COUNT.size + places * _TIME.size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)
        self._places = (len(self._memory) - _COUNT.size) // _TIME.size

    @property
    def count(self) -> int:
        """How many were counted."""
        value: int = _COUNT.unpack_from(self._memory)[0]
        return value

    def add(self, number: int | None = None) -> None:
        """Count one more and, if it has a number that has a place, keep the time."""
        _COUNT.pack_into(self._memory, 0, self.count + 1)
        if number is not None and 0 <= number < self._places:
            _TIME.pack_into(self._memory, _COUNT.size + number * _TIME.size, time.monotonic())

    def clear(self) -> None:
        """Begin anew; to be called while nobody counts."""
        self._memory[:] = bytes(len(self._memory))

    def times(self) -> Sequence[float]:
        """Return all times, by number."""
        return [value for (value,) in _TIME.iter_unpack(self._memory[_COUNT.size :])]

    def wait(self, count: int, patience: float) -> None:
        """Wait until so many were counted.

        Raises:
            TimeoutError: Nothing more was counted for ``patience`` seconds.
        """
        seen, deadline = self.count, time.monotonic() + patience
        while seen < count:
            time.sleep(0.005)
            if (now := self.count) != seen:
                seen, deadline = now, time.monotonic() + patience
            elif time.monotonic() > deadline:
                raise TimeoutError(f"{seen} of {count} arrived, and no more for {patience:g} s")
