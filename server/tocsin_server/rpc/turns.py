"""Long work on the event loop, in turns with everybody else's."""

from __future__ import annotations

import asyncio
import time
from typing import Final

TURN: Final = 0.005
"""Seconds after which others have their turn."""


class Turns:
    """Tells a coroutine that works through many things when to let others work. Begins with a turn of its own."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = time.monotonic()

    async def give_way(self) -> None:
        """Return at once, or when the turn is over after everybody who was waiting for one."""
        if time.monotonic() - self._begun > TURN:
            await asyncio.sleep(0)
            self._begun = time.monotonic()
