"""B11: a provider that hangs and a subscriber who never reads must cost the others nothing.

Two servers of ours get the same load at the same moderate pace. The one's Telegram provider takes requests and never
answers, and one subscriber of a busy feed never reads; the other's Telegram answers at once, and its subscriber reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count

from tocsin.v1 import notification_pb2

from bench.benchmark import Benchmark, Comparison, Stage
from bench.load.http2 import Client, UnaryLoad
from bench.load.payload import SEND, new_uuid, send_request
from bench.peers.relays import SINK, Sink, silent_listener, smtp_sink
from bench.peers.telegram_stub import TOKEN
from bench.processes import child, tocsin
from bench.rounds import Measure, Sample
from bench.usage import Meter

RATE = 200
"""Sends a second, each with an e-mail: a fraction of what a server can do, so that nobody waits in a queue."""

TELEGRAM_EVERY = 10
"""Every tenth goes to Telegram too: 20 a second, less than a bot may send."""

BUSY_EVERY = 5
"""Every fifth also enters the feed of the busy recipient: 40 events a second."""

CONNECTIONS = 4
PATIENCE = 30.0

_chats = count(1)


def percentile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that at least ``part`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


class Paced:
    """A server under a steady load; ``helpers`` are process ids of what takes part, ``busy`` the busy recipient."""

    def __init__(self, client: Client, pid: int, sink: Sink, helpers: Mapping[str, int], busy: str) -> None:
        self._client = client
        self._pid = pid
        self._sink = sink
        self._helpers = {SINK: sink.process.pid, **helpers}
        self._busy = busy

    def __call__(self, sends: int) -> Sequence[Sample]:
        """Send so many, and return the 99th percentiles of Send and of e-mail delivery, in milliseconds."""
        messages = [self._message(number) for number in range(sends)]
        load = UnaryLoad(self._client, SEND, messages)
        self._sink.tally.clear()
        with Meter([self._pid], self._helpers) as meter:
            outcome = load.paced(RATE)
            self._sink.tally.wait(sends, PATIENCE)
        arrived = self._sink.tally.times()
        deliveries = [arrived[number] - outcome.begun - number / RATE for number in range(sends)]
        if min(deliveries) < 0:
            raise AssertionError("an e-mail was not delivered")
        usage = meter.usage
        cpu = usage.per_operation(sends)
        return [
            Sample(percentile(latencies, 0.99) * 1e3, cpu, usage.shares(), usage.other_cores)
            for latencies in (outcome.latencies, deliveries)
        ]

    def _message(self, number: int) -> bytes:
        busy = number % BUSY_EVERY == 0
        channels = [notification_pb2.CHANNEL_TYPE_EMAIL]
        if busy:
            channels.append(notification_pb2.CHANNEL_TYPE_WEBSOCKET)
        request = send_request(channels, recipient=self._busy if busy else None, address=f"ann-{number}@example.org")
        if number % TELEGRAM_EVERY == 1:
            # A chat of its own, since a chat takes one message a second.
            request.channels.add(channel=notification_pb2.CHANNEL_TYPE_TELEGRAM, address=str(10_000 + next(_chats)))
        return request.SerializeToString()


@contextmanager
def _server(
    stage: Stage, name: str, telegram: str, subscriber: str, sends: int, helpers: Mapping[str, int]
) -> Iterator[Paced]:
    folder = stage.folder(name)
    busy = new_uuid()
    with smtp_sink(folder, places=sends) as sink:
        settings = {
            **sink.settings,
            "TOCSIN_TELEGRAM_BOT_TOKEN": TOKEN,
            "TOCSIN_TELEGRAM_API_URL": f"http://{telegram}",
        }
        with (
            tocsin(folder, **settings) as server,
            Client(server.address, CONNECTIONS) as client,
            child("bench.load.subscriber", server.address, busy, subscriber) as follower,
        ):
            yield Paced(client, server.pid, sink, {**helpers, "subscriber": follower.pid}, busy)


@contextmanager
def _sides(stage: Stage) -> Iterator[Comparison]:
    sends = RATE * stage.size(full=20, quick=4)
    with ExitStack() as stack:
        silent = stack.enter_context(silent_listener())
        stub = stack.enter_context(child("bench.peers.telegram_stub"))
        faulty = stack.enter_context(_server(stage, "faulty", silent, "never", sends, {}))
        helpers = {"Telegram stub": stub.pid}
        healthy = stack.enter_context(_server(stage, "healthy", stub.address, "reads", sends, helpers))
        for side in (faulty, healthy):
            side(sends // 4)
        yield Comparison(lambda: faulty(sends), lambda: healthy(sends))


def _measure(name: str, work: str) -> Measure:
    return Measure(name, work, "the same with both in order", "ms", "lower", 1.20)


BENCHMARKS = (
    Benchmark(
        "B11",
        (
            _measure("B11 Send", f"p99 of Send at {RATE}/s, while Telegram hangs and a subscriber never reads"),
            _measure("B11 e-mail", "p99 from Send to the SMTP sink, the same"),
        ),
        _sides,
        quick_rounds=2,
    ),
)
