"""Noticing that a thread or a task has ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any


class WatchedThread:
    """A daemon thread, since one that never returns is not to keep its process from ending.

    Args:
        name: Of the thread.
        main: What it does; returns when it was told to, and only then.
        died: Is called on the thread, before anybody else hears of it, when ``main`` raises.
    """

    def __init__(
        self, name: str, main: Callable[[], None], died: Callable[[BaseException], None] = lambda _: None
    ) -> None:
        self._main = main
        self._died = died
        self._ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float = threading.TIMEOUT_MAX) -> bool:
        """Wait for the end, also of one that never began; tells whether it came."""
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self.is_alive()

    def is_alive(self) -> bool:
        """Tell whether it has begun and not ended."""
        return self._thread.is_alive()

    async def end(self) -> None:
        """Wait for the end; raises what ``main`` raised, `Ended` if that is no Exception."""
        await end_of(asyncio.wrap_future(self._ended))

    def _run(self) -> None:
        try:
            self._main()
        except BaseException as error:  # noqa: BLE001 - passed on
            self._died(error)
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)


async def first_end(*runs: Coroutine[Any, Any, object]) -> None:
    """Run several until the first of them ends; raises what it raised."""
    tasks = [asyncio.ensure_future(run) for run in runs]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


async def end_of(future: asyncio.Future[Any]) -> None:
    """Wait for the end of a task or a future; raises what it raised, `Ended` if that is no Exception.

    Being cancelled, it leaves the other alone.
    """
    await asyncio.wait([future])
    if future.cancelled():
        raise Ended("cancelled")
    if (error := future.exception()) is not None:
        # Raised in a task, what is no Exception would end the event loop at once.
        raise error if isinstance(error, Exception) else Ended(type(error).__name__) from error


class Ended(Exception):
    """What should have gone on has ended."""
