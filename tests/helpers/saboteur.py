"""The real program, a part of which dies on SIGUSR1: run as ``python -m helpers.saboteur``, in place of the program.

``SABOTAGE`` names the part: ``task:NAME`` or ``thread:NAME``. A task is cancelled, which nobody asked for; in a thread,
an exception is raised that nothing catches.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import threading

import uvloop

from tocsin_server.__main__ import main


def _end_task(name: str, loop: asyncio.AbstractEventLoop) -> None:
    """Cancel a task until it has ended: a library may swallow one cancellation."""
    for task in asyncio.all_tasks(loop):
        if task.get_name() == name:
            task.cancel()
            loop.call_later(0.05, _end_task, name, loop)


def _end_thread(name: str, loop: asyncio.AbstractEventLoop) -> None:
    """Raise in a thread until it has ended: what is raised in a finaliser is ignored."""
    for thread in threading.enumerate():
        if thread.name != name or thread.ident is None:
            continue
        if _between_callbacks(thread.ident):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
            loop.call_later(2.0, _end_thread, name, loop)
        else:
            loop.call_later(0.001, _end_thread, name, loop)


def _between_callbacks(ident: int) -> bool:
    """Tell whether an event loop waits in this thread, or there is none.

    Raised inside the library's executors, the exception would leave a lock held that all threads of the process share.
    """
    frame = top = sys._current_frames()[ident]
    while frame.f_back is not None and not frame.f_code.co_filename.endswith(_RUNNER):
        frame = frame.f_back
    return frame is top or not frame.f_code.co_filename.endswith(_RUNNER)


_RUNNER = os.path.join("asyncio", "runners.py")


def _sabotage(loop: asyncio.AbstractEventLoop) -> None:
    kind, _, name = os.environ["SABOTAGE"].partition(":")
    if kind == "task":
        _end_task(name, loop)
    else:
        _end_thread(name, loop)


def _new_event_loop() -> asyncio.AbstractEventLoop:
    """Make a loop that listens to the signal, if it is the one of the main thread."""
    loop = _make()
    if threading.current_thread() is threading.main_thread():
        loop.add_signal_handler(signal.SIGUSR1, _sabotage, loop)
    return loop


_make = uvloop.new_event_loop

if __name__ == "__main__":
    uvloop.new_event_loop = _new_event_loop  # type: ignore[assignment]
    main()
