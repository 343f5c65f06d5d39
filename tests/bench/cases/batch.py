"""B3: SendBatch, against a bare loop that writes the same rows.

The baseline writes in each round what our server stored in the round before, so the rows, their order and the size of
both databases are the same but for one round.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tocsin.v1 import notification_service_pb2 as pb

from bench.benchmark import Benchmark, Comparison, Stage
from bench.cases.unary import WAITING_RELAY, sends
from bench.load.http2 import Client, UnaryLoad
from bench.load.payload import SEND_BATCH
from bench.peers.relays import mail_through, silent_listener
from bench.processes import Child, child, tocsin
from bench.rounds import Measure, Sample
from bench.usage import Meter

BATCH = 500
IN_FLIGHT = 2
"""Calls at a time: while one is written the next is read, as when a job sends a mailing."""


class Batches:
    """A server under the load of SendBatch."""

    def __init__(self, client: Client, pid: int) -> None:
        self._client = client
        self._pid = pid

    def __call__(self, count: int) -> Sample:
        """Send so many notifications, and return how many a second."""
        requests = [pb.SendBatchRequest(requests=sends(BATCH)) for _ in range(count // BATCH)]
        load = UnaryLoad(self._client, SEND_BATCH, [r.SerializeToString() for r in requests], keep=len(requests))
        with Meter([self._pid]) as meter:
            outcome = load.closed_loop(IN_FLIGHT)
        for body in outcome.bodies:
            results = pb.SendBatchResponse.FromString(body).results
            if len(results) != BATCH or any(len(result.response.notification.id) != 36 for result in results):
                raise AssertionError("not all of a batch was accepted")
        usage = meter.usage
        return Sample(count / outcome.seconds, usage.per_operation(count), usage.shares(), usage.other_cores)


class Loop:
    """The bare loop."""

    def __init__(self, process: Child) -> None:
        self._process = process

    def __call__(self, count: int) -> Sample:
        """Write the rows of so many notifications, and return how many a second."""
        with Meter([self._process.pid]) as meter:
            answer = self._process.ask(count=count)
        cpu = answer["processor"] / count * 1e6
        return Sample(count / answer["seconds"], cpu, others=meter.usage.other_cores)


@contextmanager
def _batches(stage: Stage) -> Iterator[Comparison]:
    count = stage.size(full=20_000, quick=5_000)
    folder, other = stage.folder("ours"), stage.folder("baseline")
    source, target = folder / "tocsin.db", other / "tocsin.db"
    with (
        silent_listener() as silent,
        tocsin(folder, **mail_through(silent), **WAITING_RELAY) as server,
        Client(server.address, IN_FLIGHT) as client,
    ):
        ours = Batches(client, server.pid)
        for _ in range(2):
            ours(count)
        with child("bench.peers.baseline_sqlite", str(source), str(target), str(BATCH)) as process:
            loop = Loop(process)
            loop(count)
            yield Comparison(lambda: [ours(count)], lambda: [loop(count)])


BENCHMARKS = (
    Benchmark(
        "B3",
        (
            Measure(
                "B3",
                f"SendBatch of {BATCH}, {IN_FLIGHT} calls in flight, websocket and e-mail, SQLite",
                f"executemany of the same rows in batches of {BATCH} in a bare loop",
                "notifications/s",
                "higher",
                0.50,
            ),
        ),
        _batches,
    ),
)
