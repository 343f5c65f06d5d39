"""Ending a process on a signal."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable


def stop_on_signals(at_once: Callable[[], None] = lambda: None) -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set; a second signal ends the process at once, with status 1.

    To be called on the event loop of the main thread, once. Whatever else sets the event does not count as a signal.

    Args:
        at_once: Is called before the process ends at once; returns at once itself.
    """
    stop = asyncio.Event()
    signalled = False

    def on_signal() -> None:
        nonlocal signalled
        if signalled:
            at_once()
            os._exit(1)
        signalled = True
        stop.set()

    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, on_signal)
    return stop
