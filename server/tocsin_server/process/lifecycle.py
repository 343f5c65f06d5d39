"""The life of a process: its parts start in order, are watched while they run, and stop in the reverse order, in time.

A part that ends unasked takes its work with it, and nobody would notice: without the thread that writes, every Send
waits for ever. Parts make anew what they can themselves, such as a server or a child process. What ends all the same
ends the process, which says so in one line and leaves the rest to whoever started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Self

from tocsin_server.domain.errors import PartEnded, StartupError

log = logging.getLogger(__name__)

SLACK: Final = 2.0
"""Seconds beyond its time after which a part that stops is left to itself."""

LAST: Final = 10.0
"""Seconds beyond the time for a stop after which the process ends whatever it does, such as waiting for a thread."""


@dataclass(frozen=True, slots=True)
class StopTimes:
    """The seconds that a stop may take, as the parts that stop one after the other share them."""

    bridge: float
    calls: float
    deliveries: float
    records: float
    """Of each of those that write down and close what is left."""

    @classmethod
    def of(cls, grace: float) -> Self:
        """Share out ``TOCSIN_SHUTDOWN_GRACE``."""
        return cls(bridge=grace * 0.25, calls=grace * 0.25, deliveries=grace * 0.4, records=grace * 0.1)

    @property
    def server(self) -> float:
        """What a server takes that has no bridge of its own."""
        return self.calls + self.deliveries + self.records


class Failures:
    """Why a process cannot go on: what is to stop it, and what it then ends with. Belongs to one event loop.

    Args:
        stop: Is set by the first.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = stop
        self._first: StartupError | None = None

    def add(self, error: StartupError) -> None:
        """Note a reason. May be called from any thread."""
        self._first = self._first or error
        self._loop.call_soon_threadsafe(self._stop.set)

    def raise_first(self) -> None:
        """Raise the first, if there was any."""
        if self._first is not None:
            raise self._first


class Lifecycle(contextlib.AsyncExitStack):
    """The parts of a process, while the context is open. Belongs to one event loop.

    Args:
        failed: Is told, once and on any thread, that the process cannot go on, and why.
    """

    def __init__(self, failed: Callable[[StartupError], None]) -> None:
        super().__init__()
        self._failed = failed
        self._lock = threading.Lock()
        self._over = False
        """The process stops, or is about to since something failed."""

    def stops(self, part: str, stop: Callable[[], object], seconds: float) -> None:
        """Have a part stopped when its turn comes: after what is said later, before what was said earlier.

        Args:
            part: In the log.
            stop: May return something to be awaited; idempotent.
            seconds: After which, and a little, the next part has its turn.
        """
        self.push_async_callback(self._stop, part, stop, seconds)

    def watch(self, part: str, run: Coroutine[Any, Any, object]) -> None:
        """Run a coroutine that ends only when its part does, until the process stops."""
        task = asyncio.create_task(run, name=part)
        task.add_done_callback(lambda ended: self._look_at(part, ended))
        self.callback(task.cancel)

    def fail(self, error: StartupError) -> None:
        """Say that the process cannot go on. May be called from any thread."""
        with self._lock:
            if self._over:
                return
            self._over = True
        self._failed(error)

    async def __aexit__(self, *details: object) -> bool:
        """Stop all parts."""
        with self._lock:
            self._over = True
        return bool(await super().__aexit__(*details))  # type: ignore[arg-type]

    async def _stop(self, part: str, stop: Callable[[], object], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds + SLACK):
                if inspect.isawaitable(stopping := stop()):
                    await stopping
        except TimeoutError:
            log.error("a part does not stop", extra={"event": "part_stuck", "part": part})  # noqa: TRY400 - all is said

    def _look_at(self, part: str, ended: asyncio.Task[object]) -> None:
        error = asyncio.CancelledError() if ended.cancelled() else ended.exception()
        if self._over:
            return
        log.critical(
            "a part of the process ended, and the process with it",
            extra={"event": "part_ended", "part": part},
            exc_info=error,
        )
        self.fail(PartEnded(part))


def end_within(seconds: float) -> None:
    """End the process, with status 1, if it has not ended by itself in that time."""

    def end() -> None:
        log.critical("the process does not end by itself", extra={"event": "process_stuck"})
        os._exit(1)

    timer = threading.Timer(seconds + LAST, end)
    timer.daemon = True
    timer.start()
