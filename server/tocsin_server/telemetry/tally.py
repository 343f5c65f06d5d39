"""What each channel did since the start, counted from reports."""

from __future__ import annotations

import threading
from collections import Counter

from tocsin_server.domain.model import ChannelType
from tocsin_server.telemetry.observer import AttemptEnded, ConditionUnjudged, KeptOut, LeaseLost, Observer, TakenOver

TAKEN_OVER = "taken_over"
LEASE_LOST = "lease_lost"
KEPT_OUT = "kept_out"


class Tally:
    """Counts how often each outcome came (`OutcomeKind`), rows were taken over, put off, and results dropped.

    What may have reached a recipient twice is among those taken over, those dropped, and ``unknown``.
    """

    def __init__(self, observer: Observer) -> None:
        self._counts: dict[ChannelType, Counter[str]] = {channel: Counter() for channel in ChannelType}
        self._unjudged: Counter[str] = Counter()
        self._lock = threading.Lock()
        observer.listen(AttemptEnded, lambda ended: self._add(ended.channel, ended.outcome))
        observer.listen(TakenOver, lambda taken: self._add(taken.channel, TAKEN_OVER))
        observer.listen(LeaseLost, lambda lost: self._add(lost.channel, LEASE_LOST))
        observer.listen(KeptOut, lambda kept: self._add(kept.channel, KEPT_OUT))
        observer.listen(ConditionUnjudged, self._add_unjudged)

    def _add(self, channel: ChannelType, name: str) -> None:
        with self._lock:
            self._counts[channel][name] += 1

    def _add_unjudged(self, report: ConditionUnjudged) -> None:
        with self._lock:
            self._unjudged[report.name] += 1

    @property
    def unjudged(self) -> Counter[str]:
        """How often the condition of each rule and policy could not be judged, by its name."""
        with self._lock:
            return self._unjudged.copy()

    @property
    def counts(self) -> dict[ChannelType, Counter[str]]:
        """Counts by channel; of a channel that did nothing, none."""
        with self._lock:
            return {channel: counts.copy() for channel, counts in self._counts.items()}
