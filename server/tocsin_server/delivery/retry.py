"""When an attempt is repeated. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FACTOR = 3.0
"""Each delay is this many times the one before."""

JITTER = 0.2
"""A delay is spread by this part of it to both sides, so that what failed together is not retried together."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential delays: ``base``, three times that, and so on, at most ``cap``; in seconds."""

    base: float = 5.0
    cap: float = 3600.0

    def delay(self, attempts: int, spread: float) -> float:
        """Return the seconds to wait after ``attempts`` attempts (at least 1).

        ``spread`` is a random number from 0 to 1. The result lies within `JITTER` of the exact delay and never above
        ``cap``.
        """
        exact = self.cap
        # Beyond this exponent the cap has long been reached, and the power would overflow.
        if attempts <= 64:
            exact = min(self.cap, self.base * FACTOR ** (attempts - 1))
        return min(self.cap, exact * (1 - JITTER + 2 * JITTER * spread))
