"""What signals tell a process: to end, and to read again what it was told."""

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


def call_on_hangup(read_again: Callable[[], None], stop: asyncio.Event | None = None) -> None:
    """Call something on SIGHUP, which otherwise ends the process. To be called as `stop_on_signals`.

    If it comes because the terminal is gone from which the process was started, ``stop`` is set instead, if given:
    nobody wants a server to go on behind a window that was closed.
    """
    terminal = next((descriptor for descriptor in (0, 1, 2) if os.isatty(descriptor)), None)

    def on_hangup() -> None:
        if stop is not None and terminal is not None and not os.isatty(terminal):
            stop.set()
        else:
            read_again()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, on_hangup)
