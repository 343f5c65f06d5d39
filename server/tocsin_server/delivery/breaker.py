"""Keeping a dead provider out for a while. Pure: the time is passed in, as seconds of a monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin_server.timing.backoff import Backoff

FAILURES_TO_OPEN = 5
PAUSES = Backoff(first=5.0, longest=60.0, healthy=0.0)
"""How long a provider is kept out, from one opening to the next."""


@dataclass(slots=True)
class Breaker:
    """Counts a provider's own faults in a row; a bad address is not one.

    Closed, it lets everything pass. After `FAILURES_TO_OPEN` faults it opens for a pause of `PAUSES`, longer from one
    opening to the next. After the pause one attempt may pass as a probe; its outcome closes or reopens the breaker.
    Faults of attempts that were under way when it opened do not lengthen the pause: they tell of the same outage.
    """

    faults: int = 0
    open_until: float = 0.0
    openings: int = 0
    """Since the provider worked last."""
    probing: bool = False

    @property
    def tripped(self) -> bool:
        """Whether it is open, or lets a probe pass at most."""
        return self.faults >= FAILURES_TO_OPEN

    def kept_out(self, now: float) -> float:
        """Return the seconds until an attempt may pass, 0 if one may."""
        if not self.tripped:
            return 0.0
        if now < self.open_until:
            return self.open_until - now
        return PAUSES.first if self.probing else 0.0

    def wait(self, now: float) -> float:
        """Return 0 if an attempt may pass (and take note that it does), else the seconds until one may."""
        wait = self.kept_out(now)
        if not wait:
            self.probing = self.tripped
        return wait

    def succeeded(self) -> None:
        """The provider answered as it should, be it with a refusal."""
        self.faults, self.open_until, self.openings, self.probing = 0, 0.0, 0, False

    def failed(self, now: float) -> None:
        """The provider is at fault."""
        self.faults += 1
        self.probing = False
        if self.faults >= FAILURES_TO_OPEN and now >= self.open_until:
            self.openings += 1
            # Without chance: each process asks with one attempt at the most.
            self.open_until = now + PAUSES.pause(self.openings, spread=1.0)

    def abandoned(self) -> None:
        """An attempt that had passed ended without telling anything about the provider."""
        self.probing = False
