"""When to try again: exponential growth with full jitter, and the budget of one call's attempts.

Why not gRPC's own ``retryPolicy`` (a service config on the channel), which would spare us the loop: it never
reads ``google.rpc.RetryInfo``, only the trailer ``grpc-retry-pushback-ms``, which Tocsin does not send; it stops
after five attempts, a second or two in the life of a restarting server, where a caller has given us a deadline;
its waiting cannot be taken out of tests; and it cannot serve subscriptions, which must change their request (the
cursor) before they repeat it. What gRPC does below that stays on: a call that has provably never left the client
is repeated by gRPC itself, without asking us.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tocsin_client.errors import Cancelled, TocsinError, Unavailable

LONGEST: Final = 3_600.0
"""The longest wait that is taken from a server, in seconds."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next attempt: a random time up to a bound that grows with every failure.

    The jitter is full (anything from nothing to the bound), so that the many clients of a server that restarts
    do not come back at the same moment.

    Attributes:
        initial: Bound after the first failure, in seconds.
        factor: What the bound is multiplied by after every further one.
        cap: Largest bound, in seconds.
        attempts: Attempts in a row, the first one included, after which to give up; None means no such limit.
        draw: Gives a number between two bounds; tests pass their own.
    """

    initial: float = 0.1
    factor: float = 2.0
    cap: float = 2.0
    attempts: int | None = None
    draw: Callable[[float, float], float] = field(default=random.uniform, repr=False, compare=False)

    def delay(self, failures: int, retry_after: float | None = None) -> float | None:
        """Return the seconds to wait after so many failures in a row (1 or more); None means give up.

        ``retry_after`` is the least that the server asks for; the jitter comes on top of it.
        """
        if self.attempts is not None and failures >= self.attempts:
            return None
        # The exponent is bounded because floats are not: factor ** 2000 would raise OverflowError.
        bound = min(self.cap, self.initial * self.factor ** min(failures - 1, 64))
        return min(retry_after or 0.0, LONGEST) + self.draw(0.0, bound)


class Attempts:
    """The attempts of one unary call: what remains of its deadline, and whether to make another.

    ``now`` is in seconds of a monotonic clock, here and below.
    """

    def __init__(self, backoff: Backoff, deadline: float, now: float) -> None:
        self._backoff = backoff
        self._end = now + deadline
        self._failures = 0

    def remaining(self, now: float) -> float:
        """Return the seconds left for an attempt that starts now."""
        return max(self._end - now, 0.0)

    def delay_after(self, error: TocsinError, now: float) -> float | None:
        """Return the seconds to wait before the next attempt; None means to give up and raise the error.

        UNAVAILABLE is worth another attempt (AIP-194), and a CANCELLED that nobody on this side asked for: so end
        calls that reach a gRPC server at the moment of its stop, before it hands them to its program. Of the others,
        RESOURCE_EXHAUSTED asks the caller to slow down, which it can do only if it learns of it, and the rest would
        fail again. To wait longer than the deadline allows would help nobody, so it gives up at once then, with the
        error that says why.
        """
        if not isinstance(error, Unavailable) and not (isinstance(error, Cancelled) and not error.reason):
            return None
        self._failures += 1
        delay = self._backoff.delay(self._failures, error.retry_after)
        return None if delay is None or delay >= self.remaining(now) else delay
