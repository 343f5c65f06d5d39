"""B8: what is asked often must not cost more with a million settled notifications than in a nearly empty database."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from google.protobuf.message import Message
from tocsin.v1 import notification_pb2
from tocsin.v1 import notification_service_pb2 as pb

from bench.benchmark import Benchmark, Comparison, Stage
from bench.load.http2 import Client, UnaryLoad
from bench.load.settled import FEED, recipient, settled_database
from bench.processes import Child, child, tocsin
from bench.rounds import Measure, Sample
from bench.usage import Meter

NEARLY_EMPTY = 1_000
CLAIM_LIMIT = 64
"""As many as a lane has places by default."""

_READER = notification_pb2.Recipient(type=notification_pb2.RECIPIENT_TYPE_USER, id=recipient(3))
READS: dict[str, Message] = {
    "List": pb.ListRequest(recipient=_READER, feed_only=True),
    "List of failed": pb.ListRequest(statuses=[notification_pb2.STATUS_FAILED]),
    "CountUnread": pb.CountUnreadRequest(recipient=_READER),
}
PAGE = 50


class Database:
    """One database: a server that reads it, and a process that claims from it, one after the other."""

    def __init__(self, client: Client, pid: int, claiming: Child, calls: int, claims: int) -> None:
        self._client = client
        self._pid = pid
        self._claiming = claiming
        self._calls = calls
        self._claims = claims

    def __call__(self) -> Sequence[Sample]:
        """Return the median time of a claim and of each read, in milliseconds."""
        return [self._claim(), *(self._read(name, request) for name, request in READS.items())]

    def _claim(self) -> Sample:
        with Meter([self._claiming.pid]) as meter:
            answer = self._claiming.ask(claims=self._claims)
        cpu = answer["processor"] / self._claims * 1e6
        return Sample(statistics.median(answer["seconds"]) * 1e3, cpu, others=meter.usage.other_cores)

    def _read(self, name: str, request: Message) -> Sample:
        method = name.partition(" ")[0]
        messages = [request.SerializeToString()] * self._calls
        load = UnaryLoad(self._client, f"/tocsin.v1.NotificationService/{method}", messages)
        with Meter([self._pid]) as meter:
            outcome = load.closed_loop(1)
        for body in outcome.bodies:
            _verify(method, body)
        usage = meter.usage
        cpu = usage.per_operation(self._calls)
        return Sample(statistics.median(outcome.latencies) * 1e3, cpu, usage.shares(), usage.other_cores)


def _verify(method: str, body: bytes) -> None:
    """A figure is comparable only if both databases have the same to tell."""
    if method == "CountUnread":
        assert pb.CountUnreadResponse.FromString(body).unread_count == FEED // 2
        return
    page = pb.ListResponse.FromString(body)
    assert len(page.notifications) == PAGE
    assert page.next_page_token


@contextmanager
def _opened(stage: Stage, name: str, count: int) -> Iterator[Database]:
    folder = stage.folder(name)
    path: Path = settled_database(folder, stage.cache, count)
    with (
        tocsin(folder) as server,
        Client(server.address, 1) as client,
        child("bench.load.claiming", str(path), str(CLAIM_LIMIT)) as claiming,
    ):
        yield Database(client, server.pid, claiming, stage.size(full=500, quick=80), stage.size(full=200, quick=60))


@contextmanager
def _sizes(stage: Stage) -> Iterator[Comparison]:
    large = stage.size(full=1_000_000, quick=50_000)
    stage.note(f"{large:,} settled notifications against {NEARLY_EMPTY:,}")
    with ExitStack() as stack:
        full = stack.enter_context(_opened(stage, "full", large))
        empty = stack.enter_context(_opened(stage, "empty", NEARLY_EMPTY))
        for side in (full, empty):
            side()
        yield Comparison(full, empty)


def _measure(name: str, work: str) -> Measure:
    return Measure(name, work, "the same on a nearly empty database", "ms", "lower", 1.50)


BENCHMARKS = (
    Benchmark(
        "B8",
        (
            _measure("B8 claim", f"claim of {CLAIM_LIMIT} due e-mails, with all the settled notifications"),
            _measure("B8 feed", "List(feed_only), first page"),
            _measure("B8 failed", "List(statuses=[FAILED]), first page"),
            _measure("B8 unread", "CountUnread"),
        ),
        _sizes,
        rounds=5,
    ),
)
