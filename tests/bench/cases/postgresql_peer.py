"""B9: the same work as a Python team would otherwise build it.

**The work** is to accept notifications with a WebSocket and an e-mail channel, each under an idempotency key, and to
take both channels to "sent". *Accepted* counts until the last call is answered, while delivery goes on beside it;
*finished* counts until no channel row is pending in the database.

**Ours** is one process, ``tocsin serve``. Its WebSocket channel is done when a subscriber has the event, so the
recipients are subscribed, and taking a sequence, pushing the event to a stream and recording it as received is part of
the work. E-mail goes out over 16 connections, the default.

**The peer** is two processes, which is one more than ours has: `peer_web`, FastAPI on uvicorn (uvloop, httptools),
which stores the notification and its channels and defers a job for each in one transaction of two statements; and
`peer_worker`, procrastinate's workers on one event loop, which send the e-mail over 32 kept connections (aiosmtplib)
and mark the rows. Both have pools of psycopg's connections, statements that are prepared after a few uses, and
procrastinate without its check of a connection before each use; finished jobs are deleted, which keeps its table
small. Its WebSocket job only marks its row: nothing is pushed to anybody, and its feed has neither cursors nor counts.

**The same on both sides**: one durable PostgreSQL, with a database each; one SMTP sink; the same content; 256 calls in
flight, prepared beforehand and written to plain sockets. Every e-mail is counted, and no row may be left pending. The
peer takes longer for each, so it gets fewer.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from google.protobuf.json_format import MessageToDict
from tocsin.v1 import notification_service_pb2 as pb

from bench.benchmark import Benchmark, Comparison, Stage
from bench.cases.unary import CHANNELS, CONNECTIONS, IN_FLIGHT, verify
from bench.load import http1
from bench.load.http2 import CallsFailed, Client, UnaryLoad, open_streams
from bench.load.payload import SEND, new_uuid, send_request
from bench.load.stream_client import SUBSCRIBE
from bench.load.stream_event import subscribe
from bench.peers.relays import SINK, Sink, smtp_sink
from bench.postgresql_server import POSTGRESQL, Database, durable_server, wait_until_settled, without_database
from bench.processes import child, tocsin
from bench.rounds import Measure, Sample
from bench.usage import Meter

SUBSCRIBERS: Final = 1_000
"""Recipients, who are written to in turn."""

POOL: Final = 20
"""Connections of the peer's web process."""

WORKERS, CONCURRENCY = 4, 8
"""Workers of the peer, each of which fetches one job at a time, and jobs that each runs. With 1 x 16, 2 x 16 and 4 x 8
the last finished most."""

PATIENCE: Final = 120.0


class Round:
    """Times a round of one side and keeps what each part of it used."""

    def __init__(self, pids: Sequence[int], database: Database, sink: Sink) -> None:
        self._pids = pids
        self._database = database
        self._sink = sink
        self._database_cpu: list[float] = []

    def __call__(self, count: int, accept: Callable[[], float], idle: Callable[[float], None]) -> list[Sample]:
        """Return samples of what was accepted and finished, and of what that took; ``accept`` returns its seconds."""
        helpers = {SINK: self._sink.process.pid, **self._database.helpers}
        expected = self._sink.tally.count + count
        with Meter(self._pids, helpers) as finishing:
            with Meter(self._pids, helpers) as accepting:
                seconds = accept()
            wait_until_settled(self._database.url, PATIENCE, idle)
        if self._sink.tally.count != expected:
            raise CallsFailed(f"{self._sink.tally.count - expected + count} e-mails arrived instead of {count}")
        database_cpu = finishing.usage.helpers[POSTGRESQL] / count * 1e6
        self._database_cpu.append(database_cpu)
        return [
            Sample(value, usage.per_operation(count), without_database(usage.shares()), usage.other_cores)
            for value, usage in (
                (count / seconds, accepting.usage),
                (count / finishing.usage.wall, finishing.usage),
                (finishing.usage.per_operation(count) + database_cpu, finishing.usage),
            )
        ]

    def note(self, stage: Stage, whose: str) -> None:
        """Note the median of what PostgreSQL used."""
        if self._database_cpu:
            stage.note(f"{POSTGRESQL} used {statistics.median(self._database_cpu):.0f} µs/op for {whose}")

    def forget(self) -> None:
        """Leave out the rounds so far."""
        self._database_cpu.clear()


class Ours:
    """Tocsin with subscribers."""

    def __init__(self, client: Client, round_: Round) -> None:
        self._client = client
        self.round = round_
        self._recipients = [new_uuid() for _ in range(SUBSCRIBERS)]
        self._messages = 0
        self._failure = ""
        requests = [subscribe(recipient).SerializeToString() for recipient in self._recipients]
        open_streams(client, SUBSCRIBE, requests, self._received, self._ended)
        # The first message of each says that it is subscribed.
        self._await_messages(SUBSCRIBERS)

    def _received(self, message: bytes, at: float, number: int) -> None:
        self._messages += 1

    def _ended(self, outcome: str, number: int) -> None:
        self._failure = f"stream {number} ended: {outcome or 'OK'}"

    def _await_messages(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while self._messages < count:
            self._client.poll(1.0)
            if self._failure or time.monotonic() > deadline:
                raise CallsFailed(self._failure or f"{self._messages} messages arrived instead of {count}")

    def __call__(self, count: int) -> list[Sample]:
        """Send so many."""
        requests = [
            send_request(CHANNELS, recipient=self._recipients[place % SUBSCRIBERS]) for place in range(count)
        ]  # fmt: skip
        prepared = UnaryLoad(self._client, SEND, [request.SerializeToString() for request in requests])
        expected = self._messages + count

        def accept() -> float:
            outcome = prepared.closed_loop(IN_FLIGHT)
            verify(outcome.bodies, requests)
            return outcome.seconds

        samples = self.round(count, accept, self._client.poll)
        self._await_messages(expected)
        return samples


class Peer:
    """The service of `peer_web` and `peer_worker`."""

    def __init__(self, client: http1.Client, address: str, round_: Round) -> None:
        self._client = client
        self._address = address
        self.round = round_

    def __call__(self, count: int) -> list[Sample]:
        """Post so many."""
        requests = [as_json(send_request(CHANNELS)) for _ in range(count)]
        prepared = [http1.post("/notifications", self._address, json.dumps(request).encode()) for request in requests]

        def accept() -> float:
            outcome = self._client.closed_loop(prepared)
            for body, request in zip(outcome.bodies, requests, strict=False):
                if json.loads(body)["title"] != request["title"]:
                    raise CallsFailed(f"not what was sent: {body!r}")
            return outcome.seconds

        return self.round(count, accept, time.sleep)


def as_json(request: pb.SendRequest) -> dict[str, object]:
    """Write a request as the peer takes it."""
    return {
        "recipient": {"type": "user", "id": request.recipient.id},
        "title": request.title,
        "message": request.message,
        "channels": [
            {"channel": "email", "address": target.address} if target.address else {"channel": "websocket"}
            for target in request.channels
        ],
        "metadata": MessageToDict(request.metadata),
        "idempotency_key": request.idempotency_key,
    }


@contextmanager
def _both(stage: Stage) -> Iterator[Comparison]:
    ours_count = stage.size(full=10_000, quick=2_000)
    peer_count = stage.size(full=1_500, quick=300)
    folder = stage.folder("ours")
    with durable_server() as postgresql, smtp_sink(folder) as sink:
        mine, other = (Database(postgresql, postgresql.create_database()) for _ in range(2))
        worker_arguments = (other.url, sink.process.address, str(WORKERS), str(CONCURRENCY))
        with (
            tocsin(folder, **mine.settings, **sink.settings) as server,
            Client(server.address, CONNECTIONS) as client,
            child("bench.peers.peer_web", other.url, str(POOL)) as web,
            child("bench.peers.peer_worker", *worker_arguments) as worker,
            http1.Client(web.address, IN_FLIGHT) as http,
        ):
            ours = Ours(client, Round([server.pid], mine, sink))
            peer = Peer(http, web.address, Round([web.pid, worker.pid], other, sink))
            ours(ours_count // 4)
            peer(peer_count // 4)
            for side in (ours, peer):
                side.round.forget()
            yield Comparison(lambda: ours(ours_count), lambda: peer(peer_count))
            ours.round.note(stage, "ours")
            peer.round.note(stage, "the baseline")


BASELINE: Final = "FastAPI and procrastinate, a web and a worker process"

BENCHMARKS = (
    Benchmark(
        "B9",
        (
            Measure(
                "B9 accepted",
                f"notifications with websocket and e-mail, {IN_FLIGHT} in flight, delivered meanwhile, PostgreSQL",
                BASELINE,
                "calls/s",
                "higher",
                3.5,
            ),
            Measure(
                "B9 finished",
                f"the same until both channels are sent; the websocket's to {SUBSCRIBERS:,} subscribers",
                BASELINE,
                "notifications/s",
                "higher",
                6.0,
            ),
            Measure(
                "B9 processor time",
                "of a finished notification, with the database's",
                BASELINE,
                "µs",
                "lower",
                0.125,
            ),
        ),
        _both,
        quick_rounds=2,
    ),
)
