"""Whether the writer waits for more before its next transaction.

A transaction has a price of its own, whatever it holds: a third of a millisecond of processor time, and an fsync. While
one is under way the next one gathers by itself, so that under load each holds what came in the time of the last one.
A pause on top of that makes them larger, at the expense of everybody who waits already. It pays where many do: then the
event loop, which shares the interpreter with the writer, has a moment to take in what is on its way. A lone Send, or
several in a moment when they happen to meet, would wait for a crowd that is not there.
"""

from __future__ import annotations

from typing import Final

CROWD: Final = 16
"""Writes of one transaction that show that there is a crowd."""

STEP: Final = 0.0005
"""Seconds that the writer waits before it looks whether that has brought more."""

LONGEST: Final = 0.002
"""Seconds that it waits in all."""


def pause(written: int, came: int, waited: float) -> float:
    """Return for how many seconds the writer is to wait, 0 if it is to go on.

    Args:
        written: Writes that the last transaction held.
        came: Writes that came since the last look: during that transaction, or during the last pause after it.
        waited: Seconds for which it has waited since that transaction.
    """
    if written < CROWD or not came or waited + STEP > LONGEST:
        return 0.0
    return STEP
