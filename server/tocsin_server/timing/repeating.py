"""Doing something again and again: after the pause that it asks for, or as soon as somebody knows of more to do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import NoReturn, Protocol


class Teller(Protocol):
    """Tells of failures, see `tocsin_server.telemetry.outage.Trouble`."""

    def failed(self, error: Exception) -> None:
        """Note a failure."""

    def worked(self) -> None:
        """Note that it worked."""


class Repeating:
    """Calls ``work``, which returns the seconds until it is to be called again. Belongs to one event loop.

    What it raises ends nothing: ``teller`` is told, and it is called again after ``after_failure`` seconds. Only
    cancelling ends it.
    """

    def __init__(self, work: Callable[[], Awaitable[float]], teller: Teller, after_failure: float = 1.0) -> None:
        self._work = work
        self._teller = teller
        self._after_failure = after_failure
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Let the present pause end, or the next one not begin."""
        self._wake.set()

    async def run(self) -> NoReturn:
        """Do it until cancelled."""
        while True:
            # Cleared before the look, so that whatever happens from now on leads to another.
            self._wake.clear()
            try:
                pause = await self._work()
            except Exception as error:  # noqa: BLE001 - passed on
                self._teller.failed(error)
                pause = self._after_failure
            else:
                self._teller.worked()
            if pause > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
