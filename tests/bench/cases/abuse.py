"""B14: what a stranger who wants to do harm costs the others.

One server, and a bystander who sends 100 a second, each to a recipient of its own. Ours is measured while an attacker,
a process of its own, does one thing as fast as the server lets it (`attacks`); the baseline is the same server without.
The figure is the 99th percentile of Send, which must also stay below half a second. The attacker takes processor time
that the server does not get: on two cores, part of the ratio is the machine's.

What never reaches a handler is measured at a bare `grpc.aio` server as well, with an empty handler and the same
options: how long its bystander waits is what the library leaves (*B14 … bare*).

Nothing that a stranger sends writes a line for each call, so that *refusals*, a flood of calls that do not parse,
stands for the flood of the log as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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

ANSWER: Final = 600
"""Bytes of the bare server's answer, as of ours."""

IN_LIBRARY: Final = ("bad frames", "rapid resets", "idle crowds")
"""What the library meets without any handler."""

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
    with (
        tocsin(stage.folder("ours")) as server,
        child("bench.peers.baseline_grpc", str(ANSWER), "like") as bare,
    ):

        def sample(address: str, pid: int, name: str | None) -> Sample:
            # Connections of its own: a client that is not at it does not acknowledge what a server asks it.
            with Client(address, CONNECTIONS) as client, ExitStack() as stack:
                bystander = Bystander(client, pid)
                bystander(RATE)
                if name is not None:
                    stack.enter_context(child("bench.load.attacks", address, name))
                return bystander(sends)

        def ours() -> list[Sample]:
            found = {name: sample(server.address, server.pid, name) for name in ATTACKS}
            for name, one in found.items():
                if one.value > LONGEST:
                    stage.note(f"{name}: a p99 of {one.value:,.0f} ms is beyond {LONGEST:,.0f}")
            return [*found.values(), *(found[name] for name in IN_LIBRARY)]

        def baselines() -> list[Sample]:
            undisturbed = sample(server.address, server.pid, None)
            return [undisturbed] * len(ATTACKS) + [sample(bare.address, bare.pid, name) for name in IN_LIBRARY]

        yield Comparison(ours, baselines)


def _measure(name: str) -> Measure:
    return Measure(
        f"B14 {name}", f"p99 of a bystander's Send at {RATE}/s", "the same without the abuse", "ms", "lower", 3.0
    )


def _at_bare_server(name: str) -> Measure:
    return _measure(name)._replace(name=f"B14 {name} bare", baseline="a bare grpc.aio server under the same", goal=None)


_MEASURES = (*map(_measure, ATTACKS), *map(_at_bare_server, IN_LIBRARY))
BENCHMARKS = (Benchmark("B14", _MEASURES, _sides, rounds=5, quick_rounds=1),)
