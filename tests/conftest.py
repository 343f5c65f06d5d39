"""For all tests: coroutines are run as tests, and how long an example of a property takes is not what is tested.

Files of tests are in memory where there is room: each database of a test is hundreds of small ones, and a disk takes
most of the time of the whole run for them. ``TMPDIR`` names another place.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import tempfile
from pathlib import Path

import pytest
import uvloop
from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

MEMORY = Path("/dev/shm")  # noqa: S108 - folders below it are made by tempfile
ROOM = 4 << 30
"""Bytes that must be free there: twice what a run with six workers takes."""


def _use_memory() -> None:
    """Let temporary folders be in memory, also those of the processes that tests start."""
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # it may have been asked for before


_use_memory()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine on an event loop of its own, by the mark ``uvloop`` one of the server's kind."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    factory = uvloop.new_event_loop if pyfuncitem.get_closest_marker("uvloop") else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True
