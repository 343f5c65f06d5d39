"""B6, memory: what an idle WebSocket costs the bridge, compared with a bare `websockets` server.

Each side starts afresh in every round, since memory that was given back to the allocator is not given back to the
system. A few sockets come first, so that what is made once (the line to the server, modules loaded late) is not
counted; then what the process grows by, in memory of its own, while the others are opened, is divided by their
number. Both sides read their frame, answer that the socket is subscribed, and are silent. The bridge also holds a
subscription for each; what the other end of it costs is not counted. *B6 relay memory* compares it, without a goal,
with a process that holds both and nothing else; see `socket_relay`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from bench.benchmark import Benchmark, Comparison, Stage
from bench.cases.socket_push import BARE, RELAY, Pushed, bare_sockets, fed_bridge, fed_relay, subscribe_frames
from bench.cases.stream_memory import settled
from bench.load.sockets import Sockets
from bench.load.stream_event import recipients
from bench.rounds import Measure, Sample

WARM_UP: Final = 100


def growth(server: Pushed, count: int) -> Sample:
    """Return by how many KB a process grows per socket."""
    with Sockets(server.host, server.port) as sockets:
        sockets.open(subscribe_frames(recipients(WARM_UP)))
        before = settled(server.pid, sockets)
        sockets.open(subscribe_frames(recipients(count)))
        after = settled(server.pid, sockets)
    return Sample((after.own - before.own) / count / 1000)


@contextmanager
def _prepare(stage: Stage, other: Callable[[Path], AbstractContextManager[Pushed]]) -> Iterator[Comparison]:
    """Nothing runs between rounds."""
    folder = stage.folder("bridge")
    count = stage.size(full=5_000, quick=1_000)
    text = folder / "text"
    text.write_bytes(b'{"type":"notification"}')
    stage.note(f"{count:,} sockets")

    def ours() -> list[Sample]:
        with fed_bridge(folder) as bridge:
            return [growth(bridge, count)]

    def baseline() -> list[Sample]:
        with other(text) as server:
            return [growth(server, count)]

    yield Comparison(ours, baseline)


def prepare(stage: Stage) -> AbstractContextManager[Comparison]:
    """Compare with a bare server."""
    return _prepare(stage, bare_sockets)


def prepare_relay(stage: Stage) -> AbstractContextManager[Comparison]:
    """Compare with a relay."""
    return _prepare(stage, fed_relay)


BENCHMARKS = (
    Benchmark(
        "B6m",
        (Measure("B6 memory", "an idle WebSocket at the bridge", BARE, "KB", "lower", 3.0),),
        prepare,
        rounds=3,
        quick_rounds=1,
    ),
    Benchmark(
        "B6rm",
        (Measure("B6 relay memory", "an idle WebSocket at the bridge", RELAY, "KB", "lower", None),),
        prepare_relay,
        rounds=3,
        quick_rounds=1,
    ),
)
