"""B15: what a Send costs more with rules and policies, with metrics, and with traces.

Both sides are our server under the load of B1, one of them with ten rules and ten policies. Six of the policies are
about e-mail, which each Send names beside the websocket: their conditions are judged, and one counts every Send
towards a limit of its recipient's. The others are about channels that are not named, as many policies are. Callers who
name channels need no rules; ten are there to show that they cost nothing then.

With metrics and traces it is the same: one side has them on, the other off. Of a hundred calls one is traced, to a
collector that throws the spans away; callers say nothing of traces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from bench.benchmark import Benchmark, Comparison, Stage
from bench.cases.unary import CONNECTIONS, IN_FLIGHT, WAITING_RELAY, Sends, answer_size
from bench.load.http2 import Client
from bench.peers.relays import mail_through, silent_listener
from bench.processes import child, tocsin
from bench.rounds import Measure
from helpers.databases import DatabaseFile

RULES = "".join(
    f"""
[[rules]]
name = "rule {number}"
when = 'category == "kind.{number}" && metadata.items > {number}'
channels = ["websocket", "email"]
"""
    for number in range(10)
)

POLICIES = """
[[policies]]
name = "guests get no marketing by e-mail"
when = 'category.startsWith("marketing.") && recipient.type == "guest"'
deny = ["email"]

[[policies]]
name = "codes go by SMS alone"
when = 'category == "auth.code"'
deny = ["email", "websocket"]

[[policies]]
name = "blocked orders are not told of"
when = '"blocked" in metadata && metadata.blocked'
deny = ["email"]

[[policies]]
name = "large orders are told of by telephone"
when = 'metadata.items > 100'
deny = ["email"]

[[policies]]
name = "letters of marketing in the daytime"
when = 'category.startsWith("marketing.")'
channels = ["email"]
hours = { from = "08:00", to = "21:00", time_zone = "Europe/London" }

[[policies]]
name = "letters a day for each recipient"
channels = ["email"]
limit = { count = 100, per = "1d" }

[[policies]]
name = "numbers of these countries only"
channels = ["sms"]
countries = ["GB", "IE", "DE"]

[[policies]]
name = "texts in the daytime"
channels = ["sms", "telegram"]
hours = { from = "08:00", to = "21:00", time_zone = "recipient", otherwise = "Europe/London" }

[[policies]]
name = "three SMS a day for each recipient"
channels = ["sms"]
limit = { count = 3, per = "1d" }

[[policies]]
name = "no chats with partners"
when = 'recipient.type == "partner"'
deny = ["telegram"]
"""


@contextmanager
def _server(stage: Stage, name: str, settings: Mapping[str, str]) -> Iterator[Sends]:
    folder = stage.folder(name)
    with silent_listener() as silent:
        rest = {**mail_through(silent), **WAITING_RELAY, **settings}
        with tocsin(folder, **rest) as server, Client(server.address, CONNECTIONS) as client:
            answer_size(client)
            yield Sends(client, server.pid, folder / "tocsin.db")


@contextmanager
def _sides(stage: Stage) -> Iterator[Comparison]:
    count = stage.size(full=20_000, quick=5_000)
    rules = stage.folder("ruled") / "rules.toml"
    rules.write_text(RULES + POLICIES, encoding="utf-8")
    with ExitStack() as stack:
        ruled = stack.enter_context(_server(stage, "ruled", {"TOCSIN_RULES": str(rules)}))
        plain = stack.enter_context(_server(stage, "plain", {}))
        for side in (ruled, plain):
            side(count // 8)
        yield Comparison(lambda: [ruled(count)], lambda: [plain(count)])
        found = DatabaseFile(stage.folder("ruled") / "tocsin.db").rows(
            "SELECT (SELECT sum(count) FROM policy_counts), (SELECT count(*) FROM notifications)"
        )
        if found[0][0] != found[0][1]:
            raise AssertionError(f"counted and stored: {found[0]}")


@contextmanager
def _observed(stage: Stage) -> Iterator[Comparison]:
    count = stage.size(full=20_000, quick=5_000)
    with ExitStack() as stack:
        sink = stack.enter_context(child("bench.peers.trace_sink"))
        metrics = {"TOCSIN_METRICS_LISTEN": "127.0.0.1:0"}
        traces = {
            "TOCSIN_TRACING": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{sink.address}",
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.01",
        }
        counting = stack.enter_context(_server(stage, "metrics", metrics))
        tracing = stack.enter_context(_server(stage, "traces", {**metrics, **traces}))
        plain = stack.enter_context(_server(stage, "plain", {}))
        for side in (counting, tracing, plain):
            side(count // 8)
        yield Comparison(lambda: [counting(count), tracing(count)], lambda: [plain(count)] * 2)


BENCHMARKS = (
    Benchmark(
        "B15",
        (
            Measure(
                "B15",
                f"Send as in B1, {IN_FLIGHT} in flight, with ten rules and ten policies, one of them a limit",
                "the same without",
                "calls/s",
                "higher",
                0.85,
            ),
        ),
        _sides,
    ),
    Benchmark(
        "B15 observed",
        (
            Measure("B15 metrics", "Send as in B1, with metrics on", "the same without", "calls/s", "higher", 0.97),
            Measure(
                "B15 traces",
                "the same, with traces of one call in a hundred, too",
                "the same without",
                "calls/s",
                "higher",
                0.97,
            ),
        ),
        _observed,
    ),
)
