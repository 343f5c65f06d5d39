"""Looking after many things by one timer, now and then and at all of them at once.

Where a thing may be found a little late, this costs least: nothing at all is done when one of them begins or ends. For
those that must be told of in time there is `deadlines`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Watch(Generic[T]):
    """Calls ``look`` every ``pause`` seconds while there are members. Belongs to one event loop.

    A look that raises is the loop's to tell of, and the next one comes all the same.
    """

    def __init__(self, pause: float, look: Callable[[], None]) -> None:
        self._pause = pause
        self._look = look
        self._waits = False
        self.members: set[T] = set()
        """Who is looked after; changed by `add` and `discard` alone."""

    def add(self, member: T) -> None:
        """Look after somebody."""
        self.members.add(member)
        if not self._waits:
            self._look_later(asyncio.get_running_loop())

    def discard(self, member: T) -> None:
        """Look after them no more. Idempotent."""
        self.members.discard(member)

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waits = True
        loop.call_later(self._pause, self._look_now, loop)

    def _look_now(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waits = False
        if self.members:
            self._look_later(loop)
            self._look()
