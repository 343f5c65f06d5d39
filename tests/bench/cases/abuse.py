"""B14: what a stranger who wants to do harm costs the others.

One server, and a bystander who sends 100 a second, each to a recipient of its own. Ours is measured while an attacker,
a process of its own, does one thing as fast as the server lets it (`attacks`); the baseline is the same server without.
The figure is the 99th percentile of Send, which must also stay below half a second. The attacker takes processor time
that the server does not get: on two cores, part of the ratio is the machine's.

Nothing that a stranger sends writes a line for each call, so that *refusals*, a flood of calls that do not parse,
stands for the flood of the log as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tocsin.v1 import notification_pb2

from bench.benchmark import Benchmark, Comparison, Stage
from bench.load.attacks import ATTACKS
from bench.load.http2 import Client, UnaryLoad
from bench.load.payload import SEND, send_request
from bench.load.stream_load import percentile
from bench.processes import child, tocsin
from bench.rounds import Measure, Sample
from bench.usage import Meter

RATE: Final = 100
CONNECTIONS: Final = 4

ATTACKER: Final = "attacker"
LONGEST: Final = 500.0
"""Milliseconds."""


class Bystander:
    """Who sends at a steady pace."""

    def __init__(self, client: Client, pid: int) -> None:
        self._client = client
        self._pid = pid

    def __call__(self, sends: int) -> Sample:
        """Send so many, and return the 99th percentile in milliseconds."""
        requests = [send_request([notification_pb2.CHANNEL_TYPE_WEBSOCKET]) for _ in range(sends)]
        load = UnaryLoad(self._client, SEND, [request.SerializeToString() for request in requests])
        with Meter([self._pid]) as meter:
            outcome = load.paced(RATE)
        return Sample(percentile(list(outcome.latencies), 0.99) * 1000, None, meter.usage.shares())


@contextmanager
def _sides(stage: Stage) -> Iterator[Comparison]:
    sends = RATE * stage.size(full=8, quick=2)
    with tocsin(stage.folder("ours")) as server, Client(server.address, CONNECTIONS) as client:
        bystander = Bystander(client, server.pid)

        def attacked(name: str) -> Sample:
            with child("bench.load.attacks", server.address, name):
                found = bystander(sends)
            if found.value > LONGEST:
                stage.note(f"{name}: a p99 of {found.value:,.0f} ms is beyond {LONGEST:,.0f}")
            return found

        bystander(sends)
        yield Comparison(
            lambda: [attacked(name) for name in ATTACKS],
            lambda: [bystander(sends)] * len(ATTACKS),
        )


def _measure(name: str) -> Measure:
    return Measure(
        f"B14 {name}", f"p99 of a bystander's Send at {RATE}/s", "the same without the abuse", "ms", "lower", 3.0
    )


BENCHMARKS = (Benchmark("B14", tuple(map(_measure, ATTACKS)), _sides, rounds=5, quick_rounds=1),)
