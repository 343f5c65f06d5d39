"""How often a caller may call: a token bucket for each. Pure but for its clock."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from tocsin_server.timing.token_bucket import TokenBucket

MOST_CALLERS: Final = 1_000
"""Whose buckets are remembered; the one who has not called for longest is forgotten."""

SHARE_AT_ONCE: Final = 4
"""What part of a minute's calls may come at once: one in so many."""


class CallerRateLimit:
    """Lets each caller make so many calls a minute, a quarter of them at once.

    Args:
        per_minute: Calls.
        clock: Monotonic seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, caller: str) -> float:
        """Count a call; returns 0, or for how many seconds the caller has to wait, when it does not count."""
        bucket = self._buckets.get(caller)
        if bucket is None:
            most = max(self.per_minute // SHARE_AT_ONCE, 1)
            bucket = self._buckets[caller] = TokenBucket(most, self.per_minute / 60, self._clock)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
        return bucket.take(1)
