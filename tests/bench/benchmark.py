"""What a benchmark is.

A module of benchmarks has a tuple ``BENCHMARKS`` of `Benchmark` and `Observation`, and is named in `catalogue`::

    MEASURE = Measure("B0", "nothing, 256 in flight", "an empty handler", "calls/s", "higher", goal=0.70)

    @contextmanager
    def prepare(stage: Stage) -> Iterator[Comparison]:
        with tocsin(stage.folder("ours")) as server, child("bench.peers.baseline_grpc") as baseline:
            yield Comparison(lambda: [measure(server)], lambda: [measure(baseline)])

    BENCHMARKS = (Benchmark("B0", (MEASURE,), prepare),)

Whatever is measured runs in a process of its own, ours as users run it; what is prepared, warmed up and verified
stays out of the timed part.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from bench.rounds import Measure, Side

T = TypeVar("T")


class Table(NamedTuple):
    """A table beside the main one, such as memory over time. Cells are text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass
class Stage:
    """Where a benchmark plays: its folder on a disk, and whether it is to be quick."""

    root: Path
    cache: Path
    """A folder that stays between runs, for what is costly to make."""
    quick: bool
    notes: list[str] = field(default_factory=list)
    """What the reader of the figure should know; filled by the benchmark."""
    tables: list[Table] = field(default_factory=list)

    def size(self, *, full: T, quick: T) -> T:
        """Choose between two sizes."""
        return quick if self.quick else full

    def folder(self, name: str) -> Path:
        """Return a folder of this run, made if it is missing and removed in the end."""
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def note(self, text: str) -> None:
        """Add a note, once."""
        if text not in self.notes:
            self.notes.append(text)

    def progress(self, text: str) -> None:
        """Tell whoever waits."""
        print(f"  {text}", file=sys.stderr, flush=True)  # noqa: T201


class Comparison(NamedTuple):
    """Both sides, ready to be measured: servers run, and are warm."""

    ours: Side
    baseline: Side


@dataclass(frozen=True)
class Benchmark:
    """Compares ours with a baseline in alternating rounds.

    ``prepare`` starts what is needed, yields the sides and ends everything.
    """

    name: str
    measures: tuple[Measure, ...]
    prepare: Callable[[Stage], AbstractContextManager[Comparison]]
    rounds: int = 7
    quick_rounds: int = 3


@dataclass(frozen=True)
class Observation:
    """Looks at something that has no baseline; its outcome is what it adds to the stage's tables and notes."""

    name: str
    observe: Callable[[Stage], None]
