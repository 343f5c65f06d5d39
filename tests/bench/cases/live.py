"""B13: how long a message takes that is sent by itself, from the start of Send to its receipt.

One client, one subscriber, and a Send at even distances, whatever became of those before: 100 and 1,000 a second. Each
counts from when its Send was due until the subscriber has read it, on a gRPC stream of the server, or on a WebSocket
of a bridge beside it. So there is never a crowd to share the cost of a commit with, or few.

**Ours** is ``tocsin serve`` on SQLite with ``synchronous=FULL``, and ``tocsin bridge`` for the WebSocket: a message is
on the disk before anybody sees it. **The baseline** is `live_bare`, for both: the way over gRPC, there and back, and
nothing in between. The subscribers are the raw clients of `http2` and `sockets`, in this process, which also sends.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol

from bench.benchmark import Benchmark, Comparison, Stage
from bench.cases.socket_push import subscribe_frames
from bench.load import stream_event
from bench.load.http2 import Client, UnaryLoad
from bench.load.sockets import Sockets
from bench.load.stream_client import SEND, Streams
from bench.load.stream_load import PATIENCE, percentile, sample
from bench.processes import tocsin
from bench.rounds import Measure, Sample
from bench.stream_process import bare_server
from bench.usage import Meter
from helpers.browser_socket import bridge_process

RATES: Final = (100, 1_000)
"""Sends a second."""

PARTS: Final = (0.50, 0.99)

BARE: Final = "an empty handler and a bare stream in one process"


class Line(Protocol):
    """What brings a subscriber its messages."""

    @property
    def received(self) -> int:
        """Messages received so far."""

    def fileno(self) -> int:
        """Return what becomes readable when something has arrived."""

    def pump(self, timeout: float) -> None:
        """Read what has arrived, or wait up to ``timeout`` seconds for something."""


class Way(NamedTuple):
    """From a Send to a subscriber: who sends, to whom, and where it arrives; the processes between.

    ``every`` are the subscribers of all ways: who does not read for a minute, and answers no ping, is hung up on.
    """

    sender: Streams
    line: Line
    request: bytes
    pids: Sequence[int]
    every: Sequence[Line]

    def times(self, rate: int, count: int) -> list[Sample]:
        """Send ``count`` at a rate, and return the median and the 99th percentile in milliseconds."""
        due: list[float] = []
        taken: list[float] = []
        before = self.line.received
        with Meter(self.pids) as meter:
            begin = time.monotonic() + 0.01
            deadline = begin + count / rate + PATIENCE
            while len(taken) < count:
                now = time.monotonic()
                if len(due) < count and (at := begin + len(due) / rate) <= now:
                    due.append(at)
                    self.sender.call(SEND, self.request)
                    continue
                self._pump(at - now if len(due) < count else 1.0)
                # They come in the order in which they were sent.
                arrived = time.monotonic()
                new = self.line.received - before - len(taken)
                taken += [arrived - at for at in due[len(taken) : len(taken) + new]]
                if arrived > deadline:
                    raise TimeoutError(f"{len(taken)} of {count} messages were received")
        return [sample(percentile(taken, part) * 1000, meter.usage, count) for part in PARTS]

    def _pump(self, timeout: float) -> None:
        # The same descriptor twice is one.
        for ready in select.select({self.sender, *self.every}, (), (), timeout)[0]:
            ready.pump(0)


def _answer_size(server: str) -> int:
    """Send one notification, and return the size of the answer."""
    with Client(server, 1) as client:
        return len(UnaryLoad(client, SEND, [_request(*stream_event.recipients(1))]).closed_loop(1).bodies[0])


def _request(to: str) -> bytes:
    return stream_event.send(to).SerializeToString()


def _each_rate(way: Way, stage: Stage) -> list[Sample]:
    seconds = stage.size(full=8.0, quick=2.0)
    return [one for rate in RATES for one in way.times(rate, round(rate * seconds))]


@contextmanager
def prepare(stage: Stage) -> Iterator[Comparison]:
    """Open both subscribers of ours and the one of the baseline, each with a feed of its own."""
    folder = stage.folder("ours")
    event = stage.folder("baseline") / "event"
    event.write_bytes(stream_event.example().SerializeToString())
    live, relayed, bare_one = stream_event.recipients(3)
    with (
        tocsin(folder) as server,
        bridge_process(folder, server.address) as bridge,
        bare_server("live_bare", event, str(_answer_size(server.address))) as bare,
        Streams(server.address, 1) as ours,
        Sockets(*bridge.listen) as sockets,
        Streams(bare.address, 1) as theirs,
    ):
        ours.open([stream_event.subscribe(live).SerializeToString()])
        theirs.open([stream_event.subscribe(bare_one).SerializeToString()])
        sockets.open(subscribe_frames([relayed]))
        every = (ours, sockets, theirs)
        stream = Way(ours, ours, _request(live), [server.pid], every)
        socket = Way(ours, sockets, _request(relayed), [server.pid, bridge.pid], every)
        baseline = Way(theirs, theirs, _request(bare_one), [bare.pid], every)
        for way in (stream, socket, baseline):
            way.times(RATES[-1], 500)
        yield Comparison(
            lambda: [*_each_rate(stream, stage), *_each_rate(socket, stage)],
            lambda: 2 * _each_rate(baseline, stage),
        )


def _measures() -> Iterator[Measure]:
    for line in ("a gRPC stream", "a WebSocket of the bridge"):
        for rate in RATES:
            work = f"from Send to receipt on {line}, {rate:,} a second, SQLite"
            name = f"B13 {'stream' if 'stream' in line else 'socket'} {rate:,}/s"
            yield Measure(f"{name} p50", work, BARE, "ms", "lower", None)
            yield Measure(f"{name} p99", work, BARE, "ms", "lower", 4.0)


BENCHMARKS = (Benchmark("B13", tuple(_measures()), prepare, rounds=5, quick_rounds=1),)
