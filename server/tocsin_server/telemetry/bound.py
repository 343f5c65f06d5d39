"""How much of the same goes into the log: what goes wrong for each message goes wrong thousands of times."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, NamedTuple

LINES: Final = 20
"""Lines of one kind in a window, the one at the end that counts the others among them."""

WINDOW: Final = 60.0
"""Seconds."""


class LeftOut(NamedTuple):
    """So many of a kind were not written in a window that is over; ``last`` is the last of them."""

    kind: Hashable
    last: object
    number: int


class _Window:
    __slots__ = ("count", "last", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.count = 0
        self.last: object = None


class RateBound:
    """Lets the first lines of each kind in a window pass, and counts the rest. Not for several threads at once."""

    def __init__(self, lines: int = LINES, window: float = WINDOW) -> None:
        self._lines = lines
        self._window = window
        self._windows: dict[Hashable, _Window] = {}

    def passes(self, kind: Hashable, what: object, now: float) -> bool:
        """Tell whether a line is to be written. ``over`` was asked for the same time before."""
        window = self._windows.get(kind)
        if window is None:
            window = self._windows[kind] = _Window(now)
        window.count += 1
        if window.count < self._lines:
            return True
        window.last = what
        return False

    def over(self, now: float) -> list[LeftOut]:
        """Forget the windows that are over, and return what they left out."""
        # They began in the order in which they stand here.
        ended: list[LeftOut] = []
        for kind, window in list(self._windows.items()):
            if now - window.since < self._window:
                break
            del self._windows[kind]
            if (number := window.count - self._lines + 1) > 0:
                ended.append(LeftOut(kind, window.last, number))
        return ended

    def next_end(self) -> float | None:
        """Return when the first window that left something out is over, None if there is none."""
        ends = (window.since + self._window for window in self._windows.values() if window.count >= self._lines)
        return min(ends, default=None)

    def all(self) -> list[LeftOut]:
        """Forget every window, and return what they left out."""
        return self.over(float("inf"))
