"""B6: pushing to WebSockets through the bridge, compared with a bare `websockets` server.

What is compared are two processes: ``tocsin bridge`` and `socket_bare`. Both have the same number of sockets, opened
and read by the same client (`sockets`), one recipient each; both write the same text, byte for byte, in bursts of the
same size, always one burst ahead of the client. The difference is the bridge's work: it reads a gRPC stream that brings
the events of all sockets, turns each event into the text, and watches over what the sockets have not taken.

The bridge's other end is not Tocsin's server but `stream_bare`, which writes a ready event for each subscription,
tagged with its id and by itself, at a fraction of what the bridge spends on it. So the bridge is never kept waiting,
its feed leaves it a core of its own also where there are only two, and a change of the server does not change this
figure. The feed's share of a core is reported beside the load generator's, and a figure for which either was the
bottleneck is marked.

*B6 relay* compares the bridge with the least that a bridge can be, `socket_relay`, which has such a feed, too. It has
no goal: it tells which part of the distance is the price of getting the events at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.benchmark import Benchmark, Comparison, Stage
from bench.load.sockets import Sockets
from bench.load.stream_event import example, recipients
from bench.load.stream_load import await_messages, rate
from bench.peers.stream_ready import EVERYBODY
from bench.rounds import Measure, Sample
from bench.stream_process import BareServer, bare_server
from helpers.browser_socket import BridgeProcess, bridge_process

SOCKETS: Final = 1_000

BURST: Final = 2
"""Messages that are pushed to each socket at once."""

FEED: Final = "feed of the bridge"

BARE, RELAY = "a bare websockets server", "a bare relay from grpc.aio to websockets"


class Pushed(NamedTuple):
    """What writes to sockets, and the bare server that makes it do so, which may be the same."""

    host: str
    port: int
    pid: int
    source: BareServer
    helpers: Mapping[str, int]

    def push(self) -> int:
        """Start a burst to all sockets."""
        self.source.push(EVERYBODY, BURST)
        return BURST * SOCKETS

    def rate(self, sockets: Sockets, total: int) -> Sample:
        """Return messages received per second of a flood of ``total``."""
        return rate(self.push, sockets, total, self.pid, self.helpers)


def subscribe_frames(to: Sequence[str]) -> list[bytes]:
    """Return the first frames of sockets that follow these users' feeds."""
    return [
        json.dumps({"type": "subscribe", "recipient": {"type": "user", "id": recipient}, "cursor": ""}).encode()
        for recipient in to
    ]


@contextmanager
def feed_server(folder: Path) -> Iterator[BareServer]:
    """Run what feeds a bridge."""
    event = folder / "event"
    event.write_bytes(example().SerializeToString())
    with bare_server("stream_bare", event) as feed:
        yield feed


@contextmanager
def fed_bridge(folder: Path) -> Iterator[Pushed]:
    """Run a bridge, and what feeds it."""
    with feed_server(folder) as feed, bridge_process(folder, feed.address) as bridge:
        yield Pushed(*bridge.listen, _pid(bridge), feed, {FEED: feed.pid})


def _pid(bridge: BridgeProcess) -> int:
    return bridge._process.pid


@contextmanager
def bare_sockets(text: Path) -> Iterator[Pushed]:
    """Run a bare server."""
    with bare_server("socket_bare", text) as bare:
        yield Pushed("127.0.0.1", bare.port, bare.pid, bare, {})


@contextmanager
def fed_relay(text: Path) -> Iterator[Pushed]:
    """Run a bare relay, and what feeds it."""
    with feed_server(text.parent) as feed, bare_server("socket_relay", text, feed.address) as relay:
        yield Pushed("127.0.0.1", relay.port, relay.pid, feed, {FEED: feed.pid})


def write_text(bridge: Pushed, text: Path) -> None:
    """Write to a file what the bridge writes to a socket for the feed's event."""
    reads: list[bytes] = []
    with Sockets(bridge.host, bridge.port) as sockets:
        sockets.open(subscribe_frames(["example"]))
        sockets.on_read = lambda _number, data: reads.append(data)
        bridge.source.push("example", 1)
        await_messages(sockets, 1)
    frame = b"".join(reads)
    text.write_bytes(frame[frame.index(b"{") :])


@contextmanager
def _prepare(stage: Stage, *, relay: bool, total: int, baseline_total: int) -> Iterator[Comparison]:
    """Open all sockets of both sides; while one side is measured, the other is silent."""
    folder = stage.folder("bridge")
    text = folder / "text"
    frames = subscribe_frames(recipients(SOCKETS))
    with fed_bridge(folder) as bridge:
        write_text(bridge, text)
        with (
            fed_relay(text) if relay else bare_sockets(text) as bare,
            Sockets(bridge.host, bridge.port) as through_bridge,
            Sockets(bare.host, bare.port) as of_bare,
        ):
            through_bridge.open(frames)
            of_bare.open(frames)
            bridge.rate(through_bridge, total // 4)
            bare.rate(of_bare, total // 4)
            yield Comparison(lambda: [bridge.rate(through_bridge, total)], lambda: [bare.rate(of_bare, baseline_total)])


@contextmanager
def prepare(stage: Stage) -> Iterator[Comparison]:
    """Compare with a bare server, which gets more to do so that both sides are looked at for a similar time."""
    total = stage.size(full=40_000, quick=8_000)
    with _prepare(stage, relay=False, total=total, baseline_total=5 * total) as sides:
        yield sides


@contextmanager
def prepare_relay(stage: Stage) -> Iterator[Comparison]:
    """Compare with a relay, likewise."""
    total = stage.size(full=40_000, quick=6_000)
    with _prepare(stage, relay=True, total=total, baseline_total=3 * total) as sides:
        yield sides


BENCHMARKS = (
    Benchmark(
        "B6",
        (Measure("B6", "messages to 1,000 WebSockets through the bridge", BARE, "messages/s", "higher", 0.70),),
        prepare,
    ),
    Benchmark(
        "B6r",
        (Measure("B6 relay", "messages to 1,000 WebSockets through the bridge", RELAY, "messages/s", "higher", None),),
        prepare_relay,
        rounds=5,
        quick_rounds=1,
    ),
)
