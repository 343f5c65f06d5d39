"""Waiting for what happens soon, without guessing how soon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.02
"""Seconds between two looks."""

PATIENCE = 60.0
"""Seconds after which it is late for anything that happens soon, also on a machine that does ten things at once."""


def eventually(probe: Callable[[], T], timeout: float = PATIENCE) -> T:
    """Call ``probe`` until it returns something true without an AssertionError, and return that.

    After ``timeout`` seconds the last AssertionError is raised, or one that shows what was returned last.
    """
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() >= deadline
        try:
            result = probe()
        except AssertionError:
            if late:
                raise
        else:
            if result:
                return result
            assert not late, f"still {result!r} after {timeout} s"
        time.sleep(PAUSE)


async def eventually_async(probe: Callable[[], Awaitable[T]], timeout: float = PATIENCE) -> T:  # noqa: ASYNC109 - as above
    """Do the same with a coroutine function, on the running event loop."""
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() >= deadline
        try:
            result = await probe()
        except AssertionError:
            if late:
                raise
        else:
            if result:
                return result
            assert not late, f"still {result!r} after {timeout} s"
        await asyncio.sleep(PAUSE)
