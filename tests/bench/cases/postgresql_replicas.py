"""B10: two replicas on one PostgreSQL, against one, with a provider that takes 50 ms.

The provider is an SMTP server that accepts each message after 50 ms. A replica makes 16 attempts at the same time on a
channel, so that one of them sends at most 320 e-mails a second and mostly waits; two can send twice as many if they do
not get into each other's way when they claim. The e-mails are accepted beforehand and are all due at the same moment,
from which the time counts until the last is recorded as sent.

Each side has a database of its own on the same server, and its own sink; while one is measured, the other finds
nothing due once a second.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tocsin.v1 import notification_pb2
from tocsin.v1 import notification_service_pb2 as pb

from bench.benchmark import Benchmark, Comparison, Stage
from bench.load.http2 import Client, UnaryLoad
from bench.load.payload import SEND_BATCH, send_request
from bench.peers.relays import SINK, Sink
from bench.postgresql_server import POSTGRESQL, Database, durable_server, wait_until_settled, without_database
from bench.processes import child, tocsin
from bench.rounds import Measure, Sample
from bench.tally import Tally
from bench.usage import Meter
from helpers.postgresql import PostgresqlServer

DELAY = 0.05
"""Seconds."""

BATCH = 100

ACCEPTED_PER_SECOND = 700
"""What any machine should do; decides how far ahead the e-mails are due."""

PATIENCE = 60.0


class Replicas:
    """Servers on one database, which are given e-mails to send later."""

    def __init__(self, client: Client, pids: Sequence[int], database: Database, sink: Sink) -> None:
        self._client = client
        self._pids = pids
        self._database = database
        self._sink = sink
        self.cores: list[float] = []
        """Cores that the servers used, by round."""

    def __call__(self, count: int) -> Sample:
        """Queue so many, and return how many are sent a second from when they are due."""
        due = time.time() + 1.0 + count / ACCEPTED_PER_SECOND
        self._accept(count, datetime.fromtimestamp(due, UTC))
        expected = self._sink.tally.count + count
        if (wait := due - time.time()) < 0:
            raise TimeoutError("accepting took so long that the e-mails were already due")
        time.sleep(wait)
        with Meter(self._pids, {SINK: self._sink.process.pid, **self._database.helpers}) as meter:
            self._sink.tally.wait(expected, PATIENCE)
            wait_until_settled(self._database.url, PATIENCE)
        usage = meter.usage
        self.cores.append((usage.server + usage.helpers[POSTGRESQL]) / usage.wall)
        cpu = usage.per_operation(count)
        return Sample(count / usage.wall, cpu, without_database(usage.shares()), usage.other_cores)

    def _accept(self, count: int, due: datetime) -> None:
        channels = [notification_pb2.CHANNEL_TYPE_EMAIL]
        requests = [
            pb.SendBatchRequest(requests=[send_request(channels, send_at=due) for _ in range(BATCH)])
            for _ in range(count // BATCH)
        ]
        UnaryLoad(self._client, SEND_BATCH, [request.SerializeToString() for request in requests]).closed_loop(2)


@contextmanager
def slow_sink(folder: Path) -> Iterator[Sink]:
    """Run a sink that accepts each message after a delay."""
    path = folder / "mail.tally"
    tally = Tally(path)
    with child("bench.peers.smtp_slow", str(path), str(DELAY)) as process:
        yield Sink(process, tally)


@contextmanager
def _replicas(stage: Stage, postgresql: PostgresqlServer, count: int) -> Iterator[Replicas]:
    """Run ``count`` servers on a database of their own."""
    folder = stage.folder(f"{count}-replicas")
    database = Database(postgresql, postgresql.create_database())
    with ExitStack() as stack:
        sink = stack.enter_context(slow_sink(folder))
        servers = [
            stack.enter_context(tocsin(folder, **database.settings, **sink.settings))
            for _ in range(count)
        ]  # fmt: skip
        client = stack.enter_context(Client(servers[0].address, 2))
        yield Replicas(client, [server.pid for server in servers], database, sink)


@contextmanager
def _due_at_once(stage: Stage) -> Iterator[Comparison]:
    count = stage.size(full=2_000, quick=600)
    with (
        durable_server() as postgresql,
        _replicas(stage, postgresql, 2) as two,
        _replicas(stage, postgresql, 1) as one,
    ):
        for side in (two, one):
            side(BATCH)
            side.cores.clear()
        yield Comparison(lambda: [two(count)], lambda: [one(count)])
        stage.note(
            f"with PostgreSQL, two replicas used {statistics.median(two.cores):.2f} cores, one "
            f"{statistics.median(one.cores):.2f}"
        )


BENCHMARKS = (
    Benchmark(
        "B10",
        (
            Measure(
                "B10",
                "queued e-mail through a provider that takes 50 ms, two replicas, PostgreSQL",
                "one replica",
                "e-mails/s",
                "higher",
                1.8,
            ),
        ),
        _due_at_once,
        rounds=5,
        quick_rounds=2,
    ),
)
