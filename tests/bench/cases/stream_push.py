"""B4: pushing to 1,000 subscribers over gRPC, compared with a bare `grpc.aio` stream server.

**The same on both sides.** A server process of its own on uvloop with the same gRPC options; 1,000 streams of
``Subscribe`` over the same connections of the same raw client; messages of the same type and size (checked); the
same bursts, always one ahead of the receiver, so that there is always something to push and queues stay short.

**Ours** is ``tocsin serve`` on SQLite with ``synchronous=FULL``. Events are caused by calls, and so are accepted,
written, handed to the hub, converted and serialised for each stream, and written down as received.

**The baseline** is `stream_bare`: a message that was made beforehand goes to waiting streams as soon as a line on
standard input says so, and is serialised at each write, as the library does.

B4 is about pushing. To keep accepting from being what is measured, each notification goes to a recipient with 100
streams (as many as one may have): ``SendBatch`` of 50, five to each of 10 recipients, makes 5,000 events. *B4 single*
is the other end, without a goal: 1,000 recipients with one stream each, where every event also costs an acceptance,
a row or two and a settlement, and the baseline still has none of that.

**Latency** (p99) is taken at a tenth of the rate that ours has reached, the same number of events a second for both
sides. Calls of ``Send`` are due at even distances, whatever became of those before, and each event counts from when
its call was due until the client has read it; so of 100 streams of a recipient, the last one waits for 99 writes on
both sides. The baseline's time begins when the line is written to its standard input, which is write to receipt plus
the time that a pipe takes to wake the server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from bench.benchmark import Benchmark, Comparison, Stage
from bench.load import stream_event
from bench.load.stream_client import SEND, SEND_BATCH, Streams
from bench.load.stream_load import await_messages, percentile, rate, sample
from bench.peers.stream_ready import EVERYBODY
from bench.processes import tocsin
from bench.rounds import Measure, Sample
from bench.stream_process import BareServer, bare_server
from bench.usage import Meter

STREAMS: Final = 1_000

BATCH: Final = 500
"""Notifications of one call at the most."""

FANNED_OUT, SINGLE = 100, 1
"""Streams of each recipient."""

BURST: Final = {FANNED_OUT: 5, SINGLE: 1}
"""Events that are pushed to each stream at once."""

LEEWAY: Final = 16
"""Bytes by which messages may differ in size: counts have more or fewer digits, and a time on the full second has no
fraction."""

BARE: Final = "a bare grpc.aio stream server"


class Subscribers:
    """One side: a server, its streams, and how to let it push.

    Args:
        streams: The client.
        pid: The server's process.
        to: The recipients; each stream follows one of them, in turn.
        push_all: Starts a burst to all streams.
        push_one: Starts one event to each stream of the recipient with this place.
    """

    def __init__(
        self,
        streams: Streams,
        pid: int,
        to: Sequence[str],
        push_all: Callable[[], None],
        push_one: Callable[[int], None],
    ) -> None:
        self.streams = streams
        self._pid = pid
        self._groups = len(to)
        self._fan_out = STREAMS // len(to)
        self._push_all = push_all
        self._push_one = push_one
        streams.open([stream_event.subscribe(to[n % len(to)]).SerializeToString() for n in range(STREAMS)])

    def rate(self, total: int) -> Sample:
        """Return events received per second of a flood of ``total``."""

        def push() -> int:
            self._push_all()
            return BURST[self._fan_out] * STREAMS

        return rate(push, self.streams, total, self._pid, {})

    def latency(self, events_per_second: float, seconds: float) -> Sample:
        """Return the 99th percentile, in ms, of the times from when a push is due to the receipt of its events."""
        pushes = max(1, round(events_per_second / self._fan_out * seconds))
        distance = seconds / pushes
        due: list[list[float]] = [[] for _ in range(self._groups)]
        seen = [0] * STREAMS
        taken: list[float] = []

        def on_event(stream: int, at: float) -> None:
            # Events of a stream come in the order of their causes.
            taken.append(at - due[stream % self._groups][seen[stream]])
            seen[stream] += 1

        streams = self.streams
        wanted = streams.received + pushes * self._fan_out
        streams.on_event = on_event
        try:
            with Meter([self._pid]) as meter:
                begin = time.monotonic() + 0.01
                for number in range(pushes):
                    at = begin + number * distance
                    while (left := at - time.monotonic()) > 0:
                        streams.pump(left)
                    due[number % self._groups].append(at)
                    self._push_one(number % self._groups)
                await_messages(streams, wanted)
        finally:
            streams.on_event = None
        return sample(percentile(taken, 0.99) * 1000, meter.usage, len(taken))


def _ours(streams: Streams, pid: int, to: Sequence[str]) -> Subscribers:
    """Return our side. Requests are made beforehand: without a key, equal ones are different notifications."""
    everybody = [recipient for _ in range(BURST[STREAMS // len(to)]) for recipient in to]
    batches = [
        stream_event.batch(everybody[start : start + BATCH]).SerializeToString()
        for start in range(0, len(everybody), BATCH)
    ]
    sends = [stream_event.send(recipient).SerializeToString() for recipient in to]

    def push_all() -> None:
        for batch in batches:
            streams.call(SEND_BATCH, batch)

    return Subscribers(streams, pid, to, push_all, lambda place: streams.call(SEND, sends[place]))


def _baseline(streams: Streams, bare: BareServer, to: Sequence[str]) -> Subscribers:
    burst = BURST[STREAMS // len(to)]
    return Subscribers(
        streams, bare.pid, to, lambda: bare.push(EVERYBODY, burst), lambda place: bare.push(to[place], 1)
    )


@contextmanager
def _prepare(stage: Stage, fan_out: int, ours_total: int, baseline_total: int, seconds: float) -> Iterator[Comparison]:
    """Open all streams of both sides; while one side is measured, the other is silent."""
    to = stream_event.recipients(STREAMS // fan_out)
    event = stage.folder("baseline") / "event"
    event.write_bytes(stream_event.example().SerializeToString())
    with (
        tocsin(stage.folder("ours")) as server,
        bare_server("stream_bare", event) as bare,
        Streams(server.address) as our_streams,
        Streams(bare.address) as bare_streams,
    ):
        ours = _ours(our_streams, server.pid, to)
        baseline = _baseline(bare_streams, bare, to)
        warm = ours.rate(ours_total // 2)
        baseline.rate(baseline_total // 4)
        if abs(our_streams.largest - bare_streams.largest) > LEEWAY:
            raise AssertionError(f"messages differ: {our_streams.largest} and {bare_streams.largest} bytes")
        tenth = warm.value / 10
        stage.note(f"latency at {tenth:,.0f} events/s")
        yield Comparison(
            lambda: [ours.rate(ours_total), ours.latency(tenth, seconds)],
            lambda: [baseline.rate(baseline_total), baseline.latency(tenth, seconds)],
        )


@contextmanager
def prepare(stage: Stage) -> Iterator[Comparison]:
    """100 streams of each recipient."""
    total = stage.size(full=100_000, quick=15_000)
    with _prepare(stage, FANNED_OUT, total, 2 * total, stage.size(full=10.0, quick=1.5)) as sides:
        yield sides


@contextmanager
def prepare_single(stage: Stage) -> Iterator[Comparison]:
    """One stream of each recipient."""
    total = stage.size(full=20_000, quick=4_000)
    with _prepare(stage, SINGLE, total, 10 * total, stage.size(full=10.0, quick=1.5)) as sides:
        yield sides


BENCHMARKS = (
    Benchmark(
        "B4",
        (
            Measure("B4", "push to 1,000 streams, 100 a recipient", BARE, "events/s", "higher", 0.70),
            Measure("B4 p99", "from Send to receipt, at a tenth of that rate", BARE, "ms", "lower", 3.0),
        ),
        prepare,
    ),
    Benchmark(
        "B4s",
        (
            Measure("B4 single", "accept, push and settle, one stream a recipient", BARE, "events/s", "higher", None),
            Measure("B4 single p99", "from Send to receipt, at a tenth of that rate", BARE, "ms", "lower", None),
        ),
        prepare_single,
        rounds=5,
        quick_rounds=1,
    ),
)
