"""Garbage is collected rarely in a process that serves."""

from __future__ import annotations

import subprocess
import sys

from tocsin_server.process.garbage import YOUNGEST

LOOK = """
import gc
from tocsin_server.process.garbage import collect_rarely

collect_rarely()
print(gc.get_threshold()[0], gc.get_freeze_count() > 1000, gc.isenabled())
"""


def test_what_lives_from_the_start_is_not_looked_at_and_the_rest_rarely() -> None:
    # In a process of its own: it would last here.
    said = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.split() == [str(YOUNGEST), "True", "True"]
