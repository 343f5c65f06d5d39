"""Telling at a pace what is refused to strangers, so that asking for it again and again takes nothing from the others.

To refuse a call takes as much as to answer one, and whoever is refused at once can ask at once again. Bytes that are no
request, requests too large to be read, and callers who are not known are refused at the pace of `RATE`; a caller who
waits for it does not call meanwhile. What honest callers are refused, such as a bad field, is told at once. Callers who
are known have a pace of their own for the first two: strangers do not hold up what tells them of a mistake.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from tocsin_server.domain.errors import MalformedRequest, RequestTooLarge, TocsinError, TokenExpired, Unauthenticated

RATE: Final = 100.0
"""Refusals a second, of the 6,000 that a core can do."""

AT_ONCE: Final = 100
"""Refusals that are told at once after a while without any."""

EACH: Final = 64 * 1024
"""Bytes of a request that count as one more refusal, since receiving them takes as long."""

LONGEST: Final = 8.0
"""Seconds that a refusal waits at most: less than the 10 s after which our clients begin an attempt anew, and would
take a token that is not good any more for an outage. What would have to wait for longer is told at once, so that no
more than `RATE` times this, and `EACH` bytes for each of them, are kept: fewer than the calls of one connection, which
may be a proxy's. With half of it, who asked 450 times at a time was told so 1,900 times a second."""


class Refusals:
    """The pace of a process. Used on the event loop only.

    Args:
        monotonic: Seconds of a clock that only goes forward.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        # When the last one of those that came is told, to strangers and to callers who are known.
        self._told = {False: float("-inf"), True: float("-inf")}
        self._over = asyncio.Event()

    async def turn(self, refusal: TocsinError, size: int, *, known: bool) -> None:
        """Return when the refusal of a request of ``size`` bytes may be told, to a caller who is ``known`` or not."""
        wait = self.wait_of(refusal, size, known=known)
        if wait > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._over.wait()

    def wait_of(self, refusal: TocsinError, size: int, *, known: bool) -> float:
        """Count a refusal, and return the seconds after which it may be told."""
        if isinstance(refusal, TokenExpired) or not isinstance(
            refusal, MalformedRequest | RequestTooLarge | Unauthenticated
        ):
            return 0.0
        now = self._monotonic()
        told = max(self._told[known], now - AT_ONCE / RATE) + (1 + size // EACH) / RATE
        if told - now > LONGEST:
            return 0.0
        self._told[known] = told
        return told - now

    def close(self) -> None:
        """Tell at once what waits, and all that comes. Idempotent."""
        self._over.set()
