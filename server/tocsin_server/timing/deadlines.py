"""Time-outs of many things by one timer.

A timer of the event loop for each attempt, and for each answer within it, costs as much as a tenth of sending an
e-mail, and hardly any of them ever runs out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """Calls ``expired`` with each key whose time was not over before ``seconds`` passed. Belongs to one event loop.

    Since all last equally long, the one set first is the first to run out, and only that one needs a timer.
    """

    def __init__(self, seconds: float, expired: Callable[[K], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._expired = expired
        self._until: dict[K, float] = {}
        """In the order in which they run out."""
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, key: K) -> None:
        """Give ``key`` its full time, also if it had some left."""
        self._until.pop(key, None)  # or it would keep its place in the order
        self._until[key] = until = self._loop.time() + self._seconds
        if self._timer is None:
            self._timer = self._loop.call_at(until, self._look)

    def end(self, key: K) -> None:
        """Let nothing happen to ``key`` any more."""
        self._until.pop(key, None)

    def close(self) -> None:
        """Let nothing happen any more at all."""
        self._until.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        overdue = []
        for key, until in self._until.items():
            if until > now:
                self._timer = self._loop.call_at(until, self._look)
                break
            overdue.append(key)
        for key in overdue:
            del self._until[key]
        for key in overdue:
            self._expired(key)
