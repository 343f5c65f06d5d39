"""How many rows a lane may hold, and who may have the places that are free.

A row takes a place before it is leased, at insert or at a claim, and gives it back when its result is written. So a
lane never leases more than it can soon send. What it cannot take waits in the database, where any lane may find it.
"""

from __future__ import annotations

import threading


class Places:
    """A fixed number of places. May be used from any thread. Closed at first, which new rows find full."""

    def __init__(self, count: int) -> None:
        self._count = self._free = count
        self._open = False
        self._held = False
        self._backlog = False
        self._lock = threading.Lock()

    def open(self) -> None:
        """Let new rows in."""
        with self._lock:
            self._open = True

    def close(self) -> None:
        """Let no new row in. Idempotent."""
        with self._lock:
            self._open = False

    def hold(self) -> None:
        """Let no new row in until `go_on`. Idempotent."""
        with self._lock:
            self._held = True

    def go_on(self) -> None:
        """Let new rows in again, behind those that have become due meanwhile. Idempotent."""
        with self._lock:
            self._backlog |= self._held
            self._held = False

    def reserve(self) -> bool:
        """Take a place for a new row, if one is free and nothing that was due before waits for it."""
        with self._lock:
            if self._open and not self._held and self._free > 0 and not self._backlog:
                self._free -= 1
                return True
            return False

    def take(self, most: int | None = None) -> int:
        """Take all free places, or ``most`` of them, for rows to be claimed; returns how many."""
        with self._lock:
            taken = self._free if most is None else min(self._free, most)
            self._free -= taken
            return taken

    def give_back(self, count: int = 1) -> bool:
        """Free places that were taken; true if a claim is worth while now.

        Claiming a row at a time would cost a transaction each. Half the places are a good batch, and the other half
        keeps every sender busy meanwhile.
        """
        with self._lock:
            self._free += count
            return self._backlog and self._free * 2 >= self._count

    @property
    def backlog(self) -> bool:
        """Whether more is due than there were places for. Until that is worked off, new rows queue behind it."""
        return self._backlog

    def queue_behind(self) -> None:
        """Let new rows wait behind those that are due already."""
        with self._lock:
            self._backlog = True

    def caught_up(self) -> None:
        """Let new rows have places at once again."""
        with self._lock:
            self._backlog = False
