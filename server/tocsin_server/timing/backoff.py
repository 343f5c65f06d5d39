"""Pauses between attempts at something that fails: longer from one to the next, and never quite the same."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after so many failures in a row. All in seconds.

    Args:
        first: After the first failure; twice as long after each that follows.
        longest: At most.
        healthy: What held for so long before it failed has not failed in a row, but for the first time again.
    """

    first: float
    longest: float
    healthy: float

    def failures(self, before: int, held: float) -> int:
        """Count a failure of what held so long, after ``before`` others in a row."""
        return 1 if held >= self.healthy else before + 1

    def pause(self, failures: int, spread: float | None = None) -> float:
        """Return the seconds to wait after so many failures in a row (at least 1).

        Half of it is chance, so that those who lost the same thing do not come back all at once. ``spread``, from 0 to
        1, takes the place of that chance.
        """
        # The exponent is bounded because floats are; the longest pause is reached long before.
        exact = min(self.longest, self.first * 2.0 ** min(failures - 1, 64))
        return exact * (0.5 + 0.5 * (random.random() if spread is None else spread))  # noqa: S311 - guards nothing
