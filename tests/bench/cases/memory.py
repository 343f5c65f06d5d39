"""Memory of the server: idle, and as notifications go through it, accepted and delivered. It should level out."""

from __future__ import annotations

from bench.benchmark import Observation, Stage, Table
from bench.cases.unary import CONNECTIONS, Sends
from bench.load.http2 import Client
from bench.peers.relays import smtp_sink
from bench.processes import tocsin
from bench.usage import resident

MEGABYTE = 1_000_000


def observe(stage: Stage) -> None:
    """Send and deliver, and look at the resident memory now and then."""
    total, step = stage.size(full=(1_000_000, 50_000), quick=(10_000, 2_500))
    folder = stage.folder("ours")
    with (
        smtp_sink(folder) as sink,
        tocsin(folder, **sink.settings) as server,
        Client(server.address, CONNECTIONS) as client,
    ):
        idle = resident(server.pid)
        rows = [("0 (idle)", f"{idle / MEGABYTE:.1f}", "")]
        sends = Sends(client, server.pid, folder / "tocsin.db", sink)
        before = idle
        for sent in range(step, total + 1, step):
            sends(step)
            now = resident(server.pid)
            rows.append((f"{sent:,}", f"{now / MEGABYTE:.1f}", f"{(now - before) / step:+.0f}"))
            stage.progress(f"{sent:,} notifications: {now / MEGABYTE:.1f} MB")
            before = now
    columns = ("notifications sent and delivered", "resident memory, MB", "growth, bytes each")
    stage.tables.append(Table("Memory of the server", columns, rows))


BENCHMARKS = (Observation("memory", observe),)
