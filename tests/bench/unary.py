"""B1, B1d: single Sends, against a handler that does nothing.

B1 has an e-mail in each notification that is not delivered while it is measured, since delivery shares the interpreter.
A time to send at would hold up the websocket channel as well, and with it the entry into the feed, which is part of the
work; so the e-mail is due, and its relay accepts connections and says nothing: the first few attempts wait for it, and
the rest for them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tocsin.v1 import notification_pb2
from tocsin.v1 import notification_service_pb2 as pb

from bench.benchmark import Benchmark, Comparison, Stage
from bench.http2 import Client, UnaryLoad
from bench.payload import SEND, send_request
from bench.processes import child, tocsin
from bench.relays import SINK, Sink, mail_through, silent_listener, smtp_sink, wait_until_sent
from bench.rounds import Measure, Sample
from bench.usage import Meter

IN_FLIGHT = 256
CONNECTIONS = 8
CHANNELS = (notification_pb2.CHANNEL_TYPE_WEBSOCKET, notification_pb2.CHANNEL_TYPE_EMAIL)

WAITING_RELAY = {"TOCSIN_SEND_TIMEOUT": "1h"}
"""With a relay that says nothing: attempts that gave up would open the breaker, and rescheduling is work."""

PATIENCE = 60.0


def sends(count: int) -> list[pb.SendRequest]:
    """Make requests with both channels."""
    return [send_request(CHANNELS) for _ in range(count)]


def load(client: Client, requests: list[pb.SendRequest]) -> UnaryLoad:
    """Prepare a load of these requests."""
    return UnaryLoad(client, SEND, [request.SerializeToString() for request in requests])


def verify(bodies: list[bytes], requests: list[pb.SendRequest]) -> None:
    """Compare the first answers with what was asked."""
    for body, request in zip(bodies, requests, strict=False):
        answer = pb.SendResponse.FromString(body)
        notification = answer.notification
        channels = {(channel.channel, channel.address) for channel in notification.channels}
        wanted = {(target.channel, target.address) for target in request.channels}
        content = (notification.recipient, notification.title, notification.message, notification.metadata)
        if answer.duplicate or channels != wanted or len(notification.id) != 36:
            raise AssertionError(f"not what was sent: {answer}")
        if content != (request.recipient, request.title, request.message, request.metadata):
            raise AssertionError(f"not what was sent: {answer}")


class Sends:
    """A server under the load of Send; ``sink`` if its e-mail is to be delivered within the timed part."""

    def __init__(self, client: Client, pid: int, database: Path | None, sink: Sink | None = None) -> None:
        self._client = client
        self._pid = pid
        self._database = database
        self._sink = sink

    def __call__(self, count: int) -> Sample:
        """Send so many, and return how many a second."""
        requests = sends(count)
        prepared = load(self._client, requests)
        expected = self._sink.tally.count + count if self._sink else 0
        helpers = {SINK: self._sink.process.pid} if self._sink else {}
        with Meter([self._pid], helpers) as meter:
            begun = time.monotonic()
            outcome = prepared.closed_loop(IN_FLIGHT)
            if self._sink and self._database:
                self._sink.tally.wait(expected, PATIENCE)
                wait_until_sent(self._database, PATIENCE)
            seconds = time.monotonic() - begun if self._sink else outcome.seconds
        if self._database:
            verify(outcome.bodies, requests)
        usage = meter.usage
        return Sample(count / seconds, usage.per_operation(count), usage.shares(), usage.other_cores)


def answer_size(client: Client) -> int:
    """Send one notification, and return the size of the answer."""
    requests = sends(1)
    return len(load(client, requests).closed_loop(1).bodies[0])


@contextmanager
def against_empty_handler(stage: Stage, count: int, *, deliver: bool) -> Iterator[Comparison]:
    """Run our server and the empty one, each warm."""
    folder = stage.folder("ours")
    with silent_listener() as silent, smtp_sink(folder) as sink:
        settings = sink.settings if deliver else {**mail_through(silent), **WAITING_RELAY}
        with tocsin(folder, **settings) as server, Client(server.address, CONNECTIONS) as client:
            size = answer_size(client)
            with child("bench.baseline_grpc", str(size)) as baseline, Client(baseline.address, CONNECTIONS) as other:
                ours = Sends(client, server.pid, folder / "tocsin.db", sink if deliver else None)
                empty = Sends(other, baseline.pid, None)
                for side in (ours, empty):
                    side(count // 8)
                yield Comparison(lambda: [ours(count)], lambda: [empty(count)])


@contextmanager
def _accepting(stage: Stage) -> Iterator[Comparison]:
    with against_empty_handler(stage, stage.size(full=20_000, quick=5_000), deliver=False) as sides:
        yield sides


@contextmanager
def _delivering(stage: Stage) -> Iterator[Comparison]:
    with against_empty_handler(stage, stage.size(full=10_000, quick=2_500), deliver=True) as sides:
        yield sides


BENCHMARKS = (
    Benchmark(
        "B1",
        (
            Measure(
                "B1",
                f"Send, {IN_FLIGHT} in flight, idempotency key, websocket and e-mail (not delivered meanwhile), SQLite",
                "an empty grpc.aio handler",
                "calls/s",
                "higher",
                0.70,
            ),
        ),
        _accepting,
    ),
    Benchmark(
        "B1d",
        (
            Measure(
                "B1d",
                "the same with the e-mail due at once to an SMTP sink, until all are sent",
                "an empty grpc.aio handler",
                "sent/s",
                "higher",
                0.35,
            ),
        ),
        _delivering,
    ),
)
