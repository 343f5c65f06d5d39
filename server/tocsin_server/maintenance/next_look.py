"""When a job of the clock looks next, and what makes it look earlier."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tocsin_server.domain.clock import Clock
from tocsin_server.domain.model import LATEST, MICROS_PER_SECOND, Micros


async def when_due(
    clock: Clock, next_due: Callable[[], Awaitable[Micros | None]], work: Callable[[], Awaitable[float | None]]
) -> float | None:
    """Work if something is due. Returns what `Job.work` does: the seconds until it is, or what ``work`` returns."""
    due_at = await next_due()
    if due_at is None:
        return None
    wait = (due_at - clock()) / MICROS_PER_SECOND
    return wait if wait > 0 else await work()


class NextLook:
    """Wakes a job for what is due before it would look again.

    Args:
        clock: The present time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at: Micros = LATEST
        self.wake: Callable[[], None] = lambda: None
        """Lets the job look at once; see `Woken.woken_by`."""

    async def look(
        self,
        next_due: Callable[[], Awaitable[Micros | None]],
        work: Callable[[], Awaitable[float | None]],
        longest: float,
    ) -> float | None:
        """See `when_due`; ``longest`` is the pause until the next look when nothing is known to be due, in seconds."""
        self._at = LATEST  # what is stored from now on may come too late for this look
        pause = await when_due(self._clock, next_due, work)
        seconds = longest if pause is None else min(pause, longest)
        self._at = self._clock() + int(seconds * MICROS_PER_SECOND)
        return pause

    def due(self, at: Micros) -> None:
        """Wake the job if something is due before its next look. May be called from any thread."""
        if at < self._at:
            self.wake()
