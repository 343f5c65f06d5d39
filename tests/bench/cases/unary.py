"""B1, B1d: single Sends, against a handler that does nothing.

There are two such handlers. The first is a server as anybody would write it. The library takes its calls one at a
time, which costs more than the call; ours are taken many at a time (`tocsin_server.rpc.accepting`), and *B1 like* has
an empty handler whose calls are taken in the same way, with as many methods to wait for. So the first tells how ours
compares with the usual server, the second what is left to gain.

B1 has an e-mail in each notification that is not delivered while it is measured, since delivery shares the interpreter.
A time to send at would hold up the websocket channel as well, and with it the entry into the feed, which is part of the
work; so the e-mail is due, and its relay accepts connections and says nothing: the first few attempts wait for it, and
the rest for them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tocsin.v1 import notification_pb2
from tocsin.v1 import notification_service_pb2 as pb

from bench.benchmark import Benchmark, Comparison, Stage
from bench.load.http2 import Client, UnaryLoad
from bench.load.payload import SEND, send_request
from bench.peers.relays import SINK, Sink, mail_through, silent_listener, smtp_sink, wait_until_sent
from bench.processes import child, tocsin
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


SINGLE, LIKE = "an empty grpc.aio handler", "an empty handler whose calls are taken as ours are"
WAYS = {SINGLE: "library", LIKE: "like"}


def compared(name: str, work: str, unit: str, goals: Mapping[str, float | None]) -> tuple[Measure, ...]:
    """Return a measure for each baseline that has a goal, or None for none."""
    names = {SINGLE: name, LIKE: f"{name} like"}
    return tuple(Measure(names[way], work, way, unit, "higher", goal) for way, goal in goals.items())


def empty_server(stack: ExitStack, size: int, baseline: str) -> Sends:
    """Run an empty server until the stack is closed."""
    server = stack.enter_context(child("bench.peers.baseline_grpc", str(size), WAYS[baseline]))
    return Sends(stack.enter_context(Client(server.address, CONNECTIONS)), server.pid, None)


@contextmanager
def against_empty_handler(
    stage: Stage, count: int, *, deliver: bool, baselines: Sequence[str] = (SINGLE,)
) -> Iterator[Comparison]:
    """Run our server and the empty ones, each warm; ours is measured once for all of them."""
    folder = stage.folder("ours")
    with silent_listener() as silent, smtp_sink(folder) as sink:
        settings = sink.settings if deliver else {**mail_through(silent), **WAITING_RELAY}
        with tocsin(folder, **settings) as server, Client(server.address, CONNECTIONS) as client:
            size = answer_size(client)
            with ExitStack() as stack:
                ours = Sends(client, server.pid, folder / "tocsin.db", sink if deliver else None)
                empty = [empty_server(stack, size, baseline) for baseline in baselines]
                for side in (ours, *empty):
                    side(count // 8)
                yield Comparison(lambda: [ours(count)] * len(empty), lambda: [side(count) for side in empty])


@contextmanager
def _accepting(stage: Stage) -> Iterator[Comparison]:
    count = stage.size(full=20_000, quick=5_000)
    with against_empty_handler(stage, count, deliver=False, baselines=tuple(WAYS)) as sides:
        yield sides


@contextmanager
def _delivering(stage: Stage) -> Iterator[Comparison]:
    with against_empty_handler(stage, stage.size(full=10_000, quick=2_500), deliver=True) as sides:
        yield sides


BENCHMARKS = (
    Benchmark(
        "B1",
        compared(
            "B1",
            f"Send, {IN_FLIGHT} in flight, idempotency key, websocket and e-mail (not delivered meanwhile), SQLite",
            "calls/s",
            {SINGLE: 0.75, LIKE: 0.55},
        ),
        _accepting,
    ),
    Benchmark(
        "B1d",
        compared(
            "B1d", "the same with the e-mail due at once to an SMTP sink, until all are sent", "sent/s", {SINGLE: 0.35}
        ),
        _delivering,
    ),
)
