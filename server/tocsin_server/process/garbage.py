"""Collecting garbage rarely: most objects of a server die by their reference counts, and looking for cycles is work.

A call makes some hundred objects that the collector counts, and by default it looks at the youngest every 700: a tenth
of the processor time of a Send (493 to 445 us, paired runs). What lives from the start to the end need no look.
"""

from __future__ import annotations

import gc

YOUNGEST = 50_000
"""Objects more than there were at the last look, at which it looks at the youngest."""


def collect_rarely() -> None:
    """Set the collector for a process that has started and is about to serve."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNGEST, 20, 20)
