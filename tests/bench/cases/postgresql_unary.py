"""B2: single Sends on a durable PostgreSQL, against a handler that does nothing; else as B1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.benchmark import Benchmark, Comparison, Stage
from bench.cases.unary import CONNECTIONS, IN_FLIGHT, WAITING_RELAY, Sends, answer_size, load, sends, verify
from bench.load.http2 import Client
from bench.peers.relays import mail_through, silent_listener
from bench.postgresql_server import CORES, Database, Split, durable_server
from bench.processes import child, tocsin
from bench.rounds import Measure, Sample
from bench.usage import Meter


class StoringSends:
    """A server on PostgreSQL under the load of Send."""

    def __init__(self, client: Client, pid: int, database: Database) -> None:
        self._client = client
        self._pid = pid
        self._database = database
        self.split = Split()

    def __call__(self, count: int) -> Sample:
        """Send so many, and return how many a second."""
        requests = sends(count)
        prepared = load(self._client, requests)
        with Meter([self._pid], self._database.helpers) as meter:
            outcome = prepared.closed_loop(IN_FLIGHT)
        verify(outcome.bodies, requests)
        return self.split.sample(outcome.rate, meter.usage, count)


@contextmanager
def _accepting(stage: Stage) -> Iterator[Comparison]:
    count = stage.size(full=20_000, quick=4_000)
    with durable_server() as postgresql, silent_listener() as silent:
        database = Database(postgresql, postgresql.create_database())
        settings = {**database.settings, **mail_through(silent), **WAITING_RELAY}
        with (
            tocsin(stage.folder("ours"), **settings) as server,
            Client(server.address, CONNECTIONS) as client,
            child("bench.peers.baseline_grpc", str(answer_size(client))) as baseline,
            Client(baseline.address, CONNECTIONS) as other,
        ):
            ours, empty = StoringSends(client, server.pid, database), Sends(other, baseline.pid, None)
            for side in (ours, empty):
                side(count // 8)
            ours.split = Split()
            yield Comparison(lambda: [ours(count)], lambda: [empty(count)])
            ours.split.note(stage, "ours")
            stage.note(CORES)


BENCHMARKS = (
    Benchmark(
        "B2",
        (
            Measure(
                "B2",
                f"Send, {IN_FLIGHT} in flight, idempotency key, websocket and e-mail (not delivered meanwhile), "
                "PostgreSQL",
                "an empty grpc.aio handler",
                "calls/s",
                "higher",
                0.70,
            ),
        ),
        _accepting,
    ),
)
