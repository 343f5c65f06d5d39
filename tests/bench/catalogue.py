"""All benchmarks, by name. A new module of them is added here."""

from __future__ import annotations

import importlib

from bench.benchmark import Benchmark, Observation

MODULES = (
    "bench.cases.unary",
    "bench.cases.postgresql_unary",
    "bench.cases.batch",
    "bench.cases.stream_push",
    "bench.cases.stream_memory",
    "bench.cases.socket_push",
    "bench.cases.socket_memory",
    "bench.cases.mail",
    "bench.cases.history",
    "bench.cases.postgresql_peer",
    "bench.cases.postgresql_replicas",
    "bench.cases.isolation",
    "bench.cases.bulk",
    "bench.cases.live",
    "bench.cases.abuse",
    "bench.cases.policies",
    "bench.cases.memory",
)
"""In the order in which they run."""


def catalogue() -> list[Benchmark | Observation]:
    """Return all benchmarks, in order."""
    return [entry for module in MODULES for entry in importlib.import_module(module).BENCHMARKS]


def chosen(only: str | None) -> list[Benchmark | Observation]:
    """Return those named in a comma-separated list; None means all.

    ``B1`` means B1 alone, not B1d or B11.

    Raises:
        KeyError: There is none of that name.
    """
    everything = catalogue()
    if only is None:
        return everything
    names = {name.strip().lower() for name in only.split(",") if name.strip()}
    if unknown := names - {entry.name.lower() for entry in everything}:
        raise KeyError(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(e.name for e in everything)}")
    return [entry for entry in everything if entry.name.lower() in names]
