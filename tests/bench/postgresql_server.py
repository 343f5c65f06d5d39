"""A durable PostgreSQL for benchmarks, and what its processes use."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg2

from bench.benchmark import Stage
from bench.machine import MEMORY_FILE_SYSTEMS, file_system
from bench.rounds import Sample
from bench.usage import Usage
from helpers.postgresql import PostgresqlServer

POSTGRESQL = "PostgreSQL"

CORES = "Tocsin, PostgreSQL and the load generator share the cores"


class Database(NamedTuple):
    """A server of PostgreSQL and one database on it."""

    server: PostgresqlServer
    url: str

    @property
    def helpers(self) -> dict[str, int]:
        """Its process, for a `Meter`; `sample` takes it out of the shares again."""
        return {POSTGRESQL: self.server.pid}

    @property
    def settings(self) -> dict[str, str]:
        """Settings of a server that works on it."""
        return {"TOCSIN_DATABASE_URL": self.url}


@contextmanager
def durable_server() -> Iterator[PostgresqlServer]:
    """Run a server whose commits reach the disk.

    Raises:
        RuntimeError: Its folder is in memory.
    """
    folder = Path(tempfile.gettempdir())
    if (kind := file_system(folder)) in MEMORY_FILE_SYSTEMS:
        raise RuntimeError(f"{folder} is on {kind}, where a durable commit costs nothing; set TMPDIR")
    server = PostgresqlServer(durable=True)
    try:
        connection = psycopg2.connect(server.url)
        try:
            with connection.cursor() as cursor:
                for name in ("fsync", "synchronous_commit", "full_page_writes"):
                    cursor.execute(f"SHOW {name}")
                    if cursor.fetchone() != ("on",):
                        raise RuntimeError(f"{name} is not on")
        finally:
            connection.close()
        yield server
    finally:
        server.remove()


def wait_until_settled(url: str, patience: float, idle: Callable[[float], None] = time.sleep) -> None:
    """Wait until no channel row is pending, neither ours nor the peer's; calls ``idle`` with the seconds to wait.

    Raises:
        TimeoutError: Some are after ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            while True:
                cursor.execute("SELECT FROM notification_channels WHERE status = 'pending' LIMIT 1")
                if not cursor.rowcount:
                    return
                if time.monotonic() > deadline:
                    raise TimeoutError(f"channels are still pending after {patience:g} s")
                idle(0.01)
    finally:
        connection.close()


class Split:
    """Keeps the database's part of what was used apart: it is neither the process under test nor a helper to hide."""

    def __init__(self) -> None:
        self._database: list[float] = []

    def sample(self, value: float, usage: Usage, operations: int) -> Sample:
        """Make a sample; ``cpu`` is that of the server alone."""
        self._database.append(usage.helpers[POSTGRESQL] / operations * 1e6)
        return Sample(value, usage.per_operation(operations), without_database(usage.shares()), usage.other_cores)

    def note(self, stage: Stage, whose: str) -> None:
        """Note the median of what PostgreSQL used."""
        if self._database:
            stage.note(f"{POSTGRESQL} used {statistics.median(self._database):.0f} µs/op for {whose}")


def without_database(shares: Mapping[str, float]) -> dict[str, float]:
    """Leave PostgreSQL out of the helpers' shares: it may be the bottleneck."""
    return {name: share for name, share in shares.items() if name != POSTGRESQL}
