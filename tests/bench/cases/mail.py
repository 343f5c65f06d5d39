"""B7: queued e-mail to "sent", against a library that sends ready bytes.

The e-mails are accepted beforehand, all due at the same moment, from which the time counts until the last is recorded
as sent: looking for what is due, claiming, composing, sending, recording.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tocsin.v1 import notification_pb2
from tocsin.v1 import notification_service_pb2 as pb

from bench.benchmark import Benchmark, Comparison, Stage
from bench.cases.batch import BATCH
from bench.load.http2 import Client, UnaryLoad
from bench.load.payload import SEND_BATCH, send_request
from bench.peers.relays import SINK, Sink, smtp_sink, wait_until_sent
from bench.processes import Child, child, tocsin
from bench.rounds import Measure, Sample
from bench.usage import Meter

CONNECTIONS = 16
"""As many as ``TOCSIN_SENDER_CONCURRENCY`` is by default."""

ACCEPTED_PER_SECOND = 1_500
"""What any machine should do; decides how far ahead the e-mails are due."""

PATIENCE = 60.0


class Queued:
    """A server that is given e-mails to send later."""

    def __init__(self, client: Client, pid: int, database: Path, sink: Sink) -> None:
        self._client = client
        self._pid = pid
        self._database = database
        self._sink = sink

    def __call__(self, count: int) -> Sample:
        """Queue so many, and return how many it sends a second from when they are due."""
        due = time.time() + 0.5 + count / ACCEPTED_PER_SECOND
        self._accept(count, datetime.fromtimestamp(due, UTC))
        expected = self._sink.tally.count + count
        if (wait := due - time.time()) < 0:
            raise TimeoutError("accepting took so long that the e-mails were already due")
        time.sleep(wait)
        with Meter([self._pid], {SINK: self._sink.process.pid}) as meter:
            self._sink.tally.wait(expected, PATIENCE)
            wait_until_sent(self._database, PATIENCE)
        usage = meter.usage
        return Sample(count / usage.wall, usage.per_operation(count), usage.shares(), usage.other_cores)

    def _accept(self, count: int, due: datetime) -> None:
        channels = [notification_pb2.CHANNEL_TYPE_EMAIL]
        requests = [
            pb.SendBatchRequest(requests=[send_request(channels, send_at=due) for _ in range(BATCH)])
            for _ in range(count // BATCH)
        ]
        UnaryLoad(self._client, SEND_BATCH, [request.SerializeToString() for request in requests]).closed_loop(2)


class Library:
    """The library on its own."""

    def __init__(self, process: Child, sink: Sink) -> None:
        self._process = process
        self._sink = sink

    def __call__(self, count: int) -> Sample:
        """Send so many e-mails, and return how many a second."""
        with Meter([self._process.pid], {SINK: self._sink.process.pid}) as meter:
            answer = self._process.ask(count=count)
        cpu = answer["processor"] / count * 1e6
        # The child first makes the messages, which the meter cannot tell apart: the sink worked only after that.
        worked = {SINK: meter.usage.helpers[SINK] / answer["seconds"]}
        return Sample(count / answer["seconds"], cpu, worked, meter.usage.other_cores)


@contextmanager
def _queued(stage: Stage) -> Iterator[Comparison]:
    count = stage.size(full=10_000, quick=1_500)
    folder = stage.folder("ours")
    with (
        smtp_sink(folder) as sink,
        tocsin(folder, **sink.settings) as server,
        Client(server.address, 2) as client,
        child("bench.peers.baseline_smtp", sink.process.address, str(CONNECTIONS)) as process,
    ):
        ours = Queued(client, server.pid, folder / "tocsin.db", sink)
        library = Library(process, sink)
        ours(BATCH)
        library(BATCH)
        yield Comparison(lambda: [ours(count)], lambda: [library(count)])


BENCHMARKS = (
    Benchmark(
        "B7",
        (
            Measure(
                "B7",
                "queued e-mail from when it is due until recorded as sent, SMTP sink",
                f"aiosmtplib sending ready bytes over {CONNECTIONS} kept connections",
                "e-mails/s",
                "higher",
                1.00,
            ),
        ),
        _queued,
        rounds=5,
    ),
)
