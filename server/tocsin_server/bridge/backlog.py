"""What waits for browsers that do not take it: bounded for all of them together, at the cost of the slowest."""

from __future__ import annotations

from typing import Final, Protocol

BACKLOG: Final = 128 * 1024 * 1024
"""Bytes that wait for the browsers of all sockets, beyond each one's buffer: events, and answers that are written."""


class Slow(Protocol):
    """A socket for which something waits."""

    def too_slow(self) -> None:
        """End, and forget what waits."""


class Backlog:
    """Counts what waits. When it is too much, the socket goes for which something has waited longest.

    Args:
        size: Bytes.
    """

    def __init__(self, size: int = BACKLOG) -> None:
        self._left = size
        self._waiting: dict[Slow, int] = {}  # bytes, in the order in which they began to wait

    def add(self, socket: Slow, size: int) -> None:
        """Count what waits for a socket from now on. It may be told at once that it is the slowest."""
        self._waiting[socket] = self._waiting.get(socket, 0) + size
        self._left -= size
        while self._left < 0:
            slowest = next(iter(self._waiting))
            self.forget(slowest)
            slowest.too_slow()

    def remove(self, socket: Slow, size: int) -> None:
        """Count what waits no longer, since it is being written."""
        waiting = self._waiting.get(socket)
        if waiting is None:
            return  # it had to go
        self._left += size
        if waiting > size:
            self._waiting[socket] = waiting - size
        else:
            del self._waiting[socket]

    def forget(self, socket: Slow) -> None:
        """Count nothing for a socket any more. Idempotent."""
        self._left += self._waiting.pop(socket, 0)
