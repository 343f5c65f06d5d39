"""So much in a period, and no more: a token bucket. Used on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PERIODS: Final = {"s": ("second", 1.0), "m": ("minute", 60.0), "h": ("hour", 3600.0)}
"""Their names, and how many seconds they have."""


class TokenBucket:
    """Holds ``most``, and fills at ``rate`` a second.

    What comes as one goes through as one, be it more than the rest or than ``most``; the next then waits until that
    much has been made up for.

    Args:
        most: How many may come at once, 1 at least.
        rate: How many a second in the long run.
        monotonic: Seconds of a clock that only goes forward.
    """

    def __init__(self, most: int, rate: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._rate = rate
        self._monotonic = monotonic
        self._left = float(most)
        self._at = monotonic()

    def take(self, number: int) -> float:
        """Take so many and return 0, or take none and return the seconds after which to come again."""
        now = self._monotonic()
        self._left = min(self.most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / self._rate
        self._left -= number
        return 0.0


class RateLimit(TokenBucket):
    """Lets ``most`` through in a period, all at once or spread.

    Args:
        most: How many, 1 at least.
        period: One of `PERIODS`.
        monotonic: As of `TokenBucket`.
    """

    def __init__(self, most: int, period: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.unit, seconds = PERIODS[period]
        super().__init__(most, most / seconds, monotonic)
