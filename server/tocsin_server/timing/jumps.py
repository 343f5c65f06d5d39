"""Noticing that a clock was set."""

from __future__ import annotations

import time
from collections.abc import Callable

TOLERANCE = 5.0
"""Seconds by which a clock may be off without having been set.

A time that comes from elsewhere arrives late when this process or the network is busy, and slewing makes no jumps.
"""


class Jumps:
    """Holds a clock, which gives microseconds since the epoch, against the one that is never set.

    ``elapsed`` gives that one's time in nanoseconds.
    """

    def __init__(self, clock: Callable[[], int], elapsed: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._elapsed = elapsed
        self._ahead = self._measure()

    def since_last(self) -> float:
        """Return by how many seconds the clock was set forward since the last call; negative for back, 0 for not."""
        before, self._ahead = self._ahead, self._measure()
        seconds = (self._ahead - before) / 1e6
        return seconds if abs(seconds) > TOLERANCE else 0.0

    def _measure(self) -> int:
        return self._clock() - self._elapsed() // 1000
