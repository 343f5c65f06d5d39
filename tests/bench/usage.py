"""Processor time and memory of processes, read from the system.

A figure is worth something only if what was measured, and not what measured it, was the bottleneck; and on a machine
that others use too, processor time for each operation is steadier than operations a second.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import NamedTuple, Self

import psutil

GENERATOR = "load generator"
"""This process."""


class Usage(NamedTuple):
    """What was used while a `Meter` ran: seconds of wall time, seconds of processor time of each."""

    wall: float
    server: float
    helpers: dict[str, float]
    others: float

    def shares(self) -> dict[str, float]:
        """Return the cores that each helper used."""
        return {name: seconds / self.wall for name, seconds in self.helpers.items()}

    def per_operation(self, operations: int) -> float:
        """Return the server's processor time for each operation, in microseconds."""
        return self.server / operations * 1e6

    @property
    def other_cores(self) -> float:
        """Cores that processes outside of the benchmark used."""
        return max(0.0, self.others / self.wall)


class Meter:
    """Measures a stretch of time.

    Args:
        server: Process ids of what is measured; their children count too.
        helpers: Process ids by name of what takes part without being measured. This process is added to them.
    """

    def __init__(self, server: Iterable[int], helpers: Mapping[str, int] | None = None) -> None:
        self._server = list(server)
        self._helpers = dict(helpers or {})
        self.usage = Usage(0.0, 0.0, {}, 0.0)

    def __enter__(self) -> Self:
        self._before = self._read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            return
        before, after = self._before, self._read()
        wall = after.wall - before.wall
        server = after.server - before.server
        helpers = {name: after.helpers[name] - before.helpers[name] for name in after.helpers}
        others = after.others - before.others - server - sum(helpers.values())
        self.usage = Usage(wall, server, helpers, others)

    def _read(self) -> Usage:
        """Return the counts since the processes began; ``others`` is here everybody's."""
        helpers = {name: processor_time(pid) for name, pid in self._helpers.items()}
        helpers[GENERATOR] = time.process_time()
        busy = psutil.cpu_times()
        everybody = busy.user + busy.system + getattr(busy, "nice", 0.0)
        return Usage(time.monotonic(), sum(map(processor_time, self._server)), helpers, everybody)


def processor_time(pid: int) -> float:
    """Return the processor time of a process and its children, those that ended too, in seconds since they began."""
    # A parent is charged with what a child used when it takes note of the child's end.
    process = psutil.Process(pid)
    spent: float = sum(process.cpu_times()[:4])
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # ended this moment: the parent is charged next time
            spent += sum(child.cpu_times()[:4])
    return spent


def resident(pid: int) -> int:
    """Return the resident memory of one process, in bytes."""
    size: int = psutil.Process(pid).memory_info().rss
    return size
