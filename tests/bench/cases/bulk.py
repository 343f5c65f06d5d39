"""B12: single sends that a client's sender gathers into batches, against an empty handler of single calls.

A unary call costs a server in Python more than storing what it brings. The senders of the clients are the way past
that, so they are held against what no server of unary calls can exceed: the empty handler of B1, under B1's own load
generator.

**Ours** is one process of a language's conformance driver, with that language's client as users have it, and one of
``tocsin serve`` on SQLite with ``synchronous=FULL``; the channels are B1's. Both are what is measured, so the client's
processor time counts. Sends go to one recipient.

The second figure is what gathering costs one who sends little: the 99th percentile from a send's due time to its
result, at 100 a second. It may be longer than that of the same client's unary call by the time of gathering, 5 ms, and
5 ms more.

A language whose tools or driver are not there is left out; `make conformance-drivers` builds them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final

from bench.benchmark import Benchmark, Comparison, Stage
from bench.cases.unary import SINGLE, WAITING_RELAY, answer_size, empty_server
from bench.load.http2 import Client
from bench.load.payload import MESSAGE, TITLE, new_uuid
from bench.load.stream_load import percentile
from bench.peers.relays import mail_through, silent_listener
from bench.processes import tocsin
from bench.rounds import Measure, Sample
from bench.usage import Meter
from runner.drivers import ROOT, Driver, Language, languages

GOALS: Final = {"python": 0.9, "typescript": 0.9, "go": 1.2, "java": 1.2}

RATE: Final = 100
"""Sends a second of one who sends little."""

GATHERING: Final = 5.0
"""Milliseconds that a sender waits for others."""

TOLERANCE: Final = 5.0
"""Milliseconds that may come on top."""

WARMING: Final = 25_000
"""Sends before anything is measured. Of a service that lives for weeks the first seconds do not count, in which its
virtual machine still interprets: Java's takes ten times its later processor time for the first thousands.
"""


def measured() -> list[Language]:
    """Return the languages whose drivers are there."""
    return [language for language in languages() if language.name in GOALS and _is_there(language)]


def _is_there(language: Language) -> bool:
    # The program itself, or what an interpreter is to run, which may be in several folders.
    parts = [part for word in language.command for part in word.split(":")]
    files = [part for part in parts if "/" in part and "*" not in part]
    return not language.missing() and all((ROOT / file).exists() for file in files)


class Sending:
    """A language's client under load; each load has keys of its own."""

    def __init__(self, driver: Driver, server: str, pid: int) -> None:
        self._driver = driver
        self._pids = [pid, driver.pid]
        self._loads = itertools.count()
        self._ask(op="open", address=server, deadline=60)

    def bulk(self, count: int) -> Sample:
        """Send so many by a sender in bulk, and return how many a second."""
        with Meter(self._pids) as meter:
            answer = self._load("bulk_load", count=count)
        if (answer["accepted"], answer["duplicates"]) != (count, 0):
            raise AssertionError(f"not all of {count} were accepted: {answer}")
        usage = meter.usage
        return Sample(count / answer["seconds"], usage.per_operation(count), usage.shares(), usage.other_cores)

    def paced(self, count: int, *, bulk: bool) -> Sample:
        """Send so many at `RATE`, and return the 99th percentile in milliseconds."""
        with Meter(self._pids) as meter:
            answer = self._load("paced_load", count=count, rate=RATE, bulk=bulk)
        usage = meter.usage
        taken = percentile(answer["milliseconds"], 0.99)
        return Sample(taken, usage.per_operation(count), usage.shares(), usage.other_cores)

    def _load(self, operation: str, **options: Any) -> dict[str, Any]:
        return self._ask(
            op=operation,
            key_prefix=f"{new_uuid()}-{next(self._loads)}-",
            recipient={"type": "user", "id": new_uuid()},
            title=TITLE.format(order="ABC123"),
            message=MESSAGE.format(order="ABC123"),
            metadata={"order_id": "ABC123", "items": 3, "express": True},
            channels=[{"channel": "websocket"}, {"channel": "email", "address": "customer@example.org"}],
            **options,
        )

    def _ask(self, **request: Any) -> dict[str, Any]:
        answer = self._driver.ask({"client": "main", **request})
        if "ok" not in answer:
            raise AssertionError(f"the driver refuses {request['op']}: {answer}")
        found: dict[str, Any] = answer["ok"]
        return found


@contextmanager
def _senders(stage: Stage) -> Iterator[Comparison]:
    count, paced = stage.size(full=20_000, quick=5_000), stage.size(full=1_000, quick=200)
    for name in GOALS.keys() - {language.name for language in measured()}:
        stage.note(f"B12: {name} is left out: its tools or its driver are not there.")
    folder = stage.folder("ours")
    with ExitStack() as stack:
        silent = stack.enter_context(silent_listener())
        server = stack.enter_context(tocsin(folder, **mail_through(silent), **WAITING_RELAY))
        size = answer_size(stack.enter_context(Client(server.address, 1)))
        empty = empty_server(stack, size, SINGLE)
        clients = []
        for language in measured():
            driver = stack.enter_context(closing(Driver(language, folder / f"{language.name}.log")))
            clients.append(Sending(driver, server.address, server.pid))
        empty(count // 4)
        for client in clients:
            client.bulk(WARMING)

        def ours() -> list[Sample]:
            return [one for client in clients for one in (client.bulk(count), client.paced(paced, bulk=True))]

        def baseline() -> list[Sample]:
            handler = empty(count)
            unary = [client.paced(paced, bulk=False) for client in clients]
            allowed = [one._replace(value=one.value + GATHERING + TOLERANCE) for one in unary]
            return [one for pair in zip([handler] * len(clients), allowed, strict=True) for one in pair]

        yield Comparison(ours, baseline)


def _measures() -> tuple[Measure, ...]:
    found = []
    for language in measured():
        name = f"B12 {language.name}"
        work = f"single sends through the {language.name} client's sender in bulk, websocket and e-mail, SQLite"
        found.append(Measure(name, work, SINGLE, "notifications/s", "higher", GOALS[language.name]))
        work = f"the same at {RATE} a second: from due to its result, p99"
        unary = f"its unary call, and {GATHERING + TOLERANCE:g} ms"
        found.append(Measure(f"{name} p99", work, unary, "ms", "lower", 1.0))
    return tuple(found)


BENCHMARKS = (Benchmark("B12", _measures(), _senders),)
