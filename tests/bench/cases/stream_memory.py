"""B5: memory of idle subscribers over gRPC, compared with a bare `grpc.aio` stream server.

Each side starts afresh in every round, since memory that was given back to the allocator is not given back to the
system. A few streams come first, so that what is made once (threads, connections of the reader pool, modules loaded
late) is not counted; then what the process grows by, in memory of its own, while the others are opened, is divided by
their number. The baseline's streams have written one message and wait for a future; see `stream_bare`. Both sides'
streams are opened all at once over the same connections by the same client, and are silent when memory is read.

The largest buffers of HTTP/2 belong to connections, of which there are few here. What a connection costs is the
library's, and the same for both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bench.benchmark import Benchmark, Comparison, Stage, Table
from bench.load import stream_event
from bench.load.stream_client import Streams
from bench.load.stream_load import Pump
from bench.processes import tocsin
from bench.rounds import Measure, Sample
from bench.stream_process import Memory, bare_server, memory

WARM_UP: Final = 200

SETTLED: Final = 0.002
"""Growth in `PAUSE`, as a part, below which nothing goes on any more."""

PAUSE: Final = 0.5
"""Seconds between two looks; shorter than any heartbeat."""

LOOKS: Final = 20

MEMORY = Measure("B5", "an idle subscriber's memory", "a bare grpc.aio stream", "KB", "lower", 1.5)


def settled(pid: int, receiver: Pump) -> Memory:
    """Return a process's memory when it has stopped changing."""
    before = memory(pid)
    for _ in range(LOOKS):
        until = time.monotonic() + PAUSE
        while (left := until - time.monotonic()) > 0:
            receiver.pump(left)
        now = memory(pid)
        if abs(now.own - before.own) <= SETTLED * before.own:
            return now
        before = now
    raise TimeoutError(f"the memory of an idle server keeps changing: {before}")


def growth(address: str, pid: int, count: int) -> tuple[Memory, Memory]:
    """Return a process's memory without, and with so many idle streams."""

    def requests(number: int) -> list[bytes]:
        return [stream_event.subscribe(to).SerializeToString() for to in stream_event.recipients(number)]

    with Streams(address) as streams:
        streams.open(requests(WARM_UP))
        before = settled(pid, streams)
        streams.open(requests(count))
        return before, settled(pid, streams)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


@contextmanager
def prepare(stage: Stage) -> Iterator[Comparison]:
    """Nothing runs between rounds."""
    count = stage.size(full=10_000, quick=2_000)
    event = stage.folder("baseline") / "event"
    event.write_bytes(stream_event.example().SerializeToString())
    latest: dict[str, tuple[Memory, Memory]] = {}
    stage.note(f"{count:,} subscribers")

    def kilobytes(side: str, before: Memory, after: Memory) -> Sample:
        latest[side] = before, after
        return Sample((after.own - before.own) / count / 1000)

    def ours() -> list[Sample]:
        with tocsin(stage.folder("ours")) as server:
            return [kilobytes("tocsin serve", *growth(server.address, server.pid, count))]

    def baseline() -> list[Sample]:
        with bare_server("stream_bare", event) as bare:
            return [kilobytes("bare grpc.aio server", *growth(bare.address, bare.pid, count))]

    yield Comparison(ours, baseline)
    stage.tables.append(
        Table(
            "Memory of a process (RSS)",
            ("process", f"{WARM_UP} subscribers", f"{WARM_UP + count:,} subscribers"),
            [
                (side, _megabytes(before.resident), _megabytes(after.resident))
                for side, (before, after) in latest.items()
            ],
        )
    )


BENCHMARKS = (Benchmark("B5", (MEMORY,), prepare, rounds=3, quick_rounds=1),)
