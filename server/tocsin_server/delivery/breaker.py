"""Keeping a dead provider out for a while. Pure: the time is passed in, as seconds of a monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass

FAILURES_TO_OPEN = 5
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 60.0


@dataclass(slots=True)
class Breaker:
    """Counts a provider's own faults in a row; a bad address is not one.

    Closed, it lets everything pass. After `FAILURES_TO_OPEN` faults it opens for a pause, which doubles each time up
    to `LONGEST_PAUSE`. After the pause one attempt may pass as a probe; its outcome closes or reopens the breaker.
    Faults of attempts that were under way when it opened do not lengthen the pause: they tell of the same outage.
    """

    faults: int = 0
    open_until: float = 0.0
    pause: float = 0.0
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
        return FIRST_PAUSE if self.probing else 0.0

    def wait(self, now: float) -> float:
        """Return 0 if an attempt may pass (and take note that it does), else the seconds until one may."""
        wait = self.kept_out(now)
        if not wait:
            self.probing = self.tripped
        return wait

    def succeeded(self) -> None:
        """The provider answered as it should, be it with a refusal."""
        self.faults, self.open_until, self.pause, self.probing = 0, 0.0, 0.0, False

    def failed(self, now: float) -> None:
        """The provider is at fault."""
        self.faults += 1
        self.probing = False
        if self.faults >= FAILURES_TO_OPEN and now >= self.open_until:
            self.pause = min(LONGEST_PAUSE, self.pause * 2 or FIRST_PAUSE)
            self.open_until = now + self.pause

    def abandoned(self) -> None:
        """An attempt that had passed ended without telling anything about the provider."""
        self.probing = False
