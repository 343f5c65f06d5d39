"""Spans of reports, and of a server that is called: whose trace they are on, what they are linked to, what they say."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.access import bearer, entry
from helpers.calls import DEADLINE, EMAIL, SENT, SMS, WEBSOCKET, Api, request, user
from helpers.server import running_server
from helpers.waiting import eventually
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.telemetry import tracing
from tocsin_server.telemetry.observer import Observer, RpcAllowed, RpcEnded
from tocsin_server.telemetry.trace_context import TRACEPARENT
from tocsin_server.telemetry.tracing import Tracing

ADDRESS = "ann@example.org"


class Caller(NamedTuple):
    """The trace of a caller."""

    trace: str
    span: str

    def metadata(self, *, kept: bool = True) -> tuple[tuple[str, str], ...]:
        return (("traceparent", f"00-{self.trace}-{self.span}-{'01' if kept else '00'}"),)


def caller() -> Caller:
    return Caller(secrets.token_hex(16), secrets.token_hex(8))


class Traced(NamedTuple):
    """A server whose spans are kept in memory."""

    api: Api
    exporter: InMemorySpanExporter

    def spans(self, count: int) -> dict[str, ReadableSpan]:
        """Wait for so many spans, and return them by name; there are no others."""
        eventually(lambda: len(self.exporter.get_finished_spans()) >= count)
        found = self.exporter.get_finished_spans()
        assert len(found) == count, [span.name for span in found]
        return {span.name: span for span in found}


@contextmanager
def traced(folder: Path, **settings: object) -> Iterator[Traced]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with (
        mock.patch.object(tracing, "otlp", return_value=Tracing(provider)),
        running_server(folder, dev=True, tracing="otlp", **settings) as running,
        Api(running.address) as api,
    ):
        yield Traced(api, exporter)


def ids(span: ReadableSpan) -> tuple[str, str]:
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def parent(span: ReadableSpan) -> tuple[str, str] | None:
    return None if span.parent is None else (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}")


def links(span: ReadableSpan) -> list[tuple[str, str]]:
    return [(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") for link in span.links]


def test_a_call_is_on_its_callers_trace_the_commit_within_it_and_attempts_are_linked_to_it(tmp_path: Path) -> None:
    who = caller()
    with traced(tmp_path) as server:
        wanted = request(user(), (EMAIL, ADDRESS), (SMS, "+15550100"), WEBSOCKET)
        sent = server.api.stub.Send(wanted, metadata=who.metadata(), timeout=DEADLINE).notification
        spans = server.spans(4)
    send, commit = spans["tocsin.v1.NotificationService/Send"], spans["commit"]
    assert parent(send) == (who.trace, who.span)
    assert parent(commit) == ids(send)
    for channel in ("email", "sms"):
        attempt = spans[f"send {channel}"]
        assert (parent(attempt), links(attempt)) == (None, [ids(send)])
        assert attempt.context.trace_id != send.context.trace_id
        assert attempt.attributes is not None
        assert attempt.attributes["tocsin.notification_id"] == sent.id
        assert attempt.attributes["tocsin.outcome"] == "accepted"
        assert attempt.start_time is not None
        assert attempt.end_time is not None
        assert attempt.start_time <= attempt.end_time
    for told in (wanted.title, wanted.message, ADDRESS, "+15550100"):
        assert not any(told in span.to_json() for span in spans.values())


def test_each_of_a_batch_is_linked_to_the_one_call(tmp_path: Path) -> None:
    with traced(tmp_path) as server:
        batch = service_pb.SendBatchRequest(requests=[request(user(), (EMAIL, ADDRESS)) for _ in range(3)])
        server.api.stub.SendBatch(batch, metadata=caller().metadata(), timeout=DEADLINE)
        eventually(lambda: len(server.exporter.get_finished_spans()) == 5)
        spans = server.exporter.get_finished_spans()
    [call] = [span for span in spans if span.name.endswith("SendBatch")]
    assert [links(span) for span in spans if span.name == "send email"] == [[ids(call)]] * 3


def test_what_its_caller_does_not_keep_is_not_traced_and_nothing_is_stored_for_it(tmp_path: Path) -> None:
    with traced(tmp_path) as server:
        metadata = caller().metadata(kept=False)
        sent = server.api.stub.Send(request(user(), (EMAIL, ADDRESS)), metadata=metadata, timeout=DEADLINE).notification
        eventually(lambda: server.api.get(sent.id).status == SENT)
        assert not [span for span in server.exporter.get_finished_spans() if "Get" not in span.name]


@pytest.mark.parametrize("given", ["", "00-zz", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_a_call_without_a_trace_begins_one(tmp_path: Path, given: str) -> None:
    with traced(tmp_path) as server:
        metadata = (("traceparent", given),) if given else ()
        server.api.stub.Send(request(user(), WEBSOCKET), metadata=metadata, timeout=DEADLINE)
        spans = server.spans(2)
    assert parent(spans["tocsin.v1.NotificationService/Send"]) is None


def test_who_is_not_let_in_is_not_traced_and_who_is_refused_later_is(tmp_path: Path) -> None:
    with traced(tmp_path, auth_tokens=[entry("shop", "send", "token")]) as server:
        for metadata in ((), bearer("nobody's")):
            with pytest.raises(grpc.RpcError):
                server.api.stub.Send(request(user(), WEBSOCKET), metadata=metadata, timeout=DEADLINE)
        with pytest.raises(grpc.RpcError):
            server.api.stub.Send(service_pb.SendRequest(), metadata=bearer("token"), timeout=DEADLINE)
        [span] = server.spans(1).values()
    assert span.attributes is not None
    assert span.attributes["rpc.response.status_code"] == "INVALID_ARGUMENT"
    assert span.status.is_unset  # which is the caller's failing


class Even(Sampler):
    """Keeps the traces whose ids are even, and what is on a trace that its caller keeps."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def should_sample(self, parent_context: Context | None, trace_id: int, *_: object, **__: object) -> SamplingResult:
        self.asked.append(trace_id)
        within = trace.get_current_span(parent_context).get_span_context()
        kept = within.trace_flags.sampled if within.is_valid else trace_id % 2 == 0
        return SamplingResult(Decision.RECORD_AND_SAMPLE if kept else Decision.DROP)

    def get_description(self) -> str:
        return "even"


def test_the_sampler_is_asked_once_and_by_the_id_that_the_trace_has_before_anything_is_made() -> None:
    sampler, exporter, observer = Even(), InMemorySpanExporter(), Observer()
    provider = TracerProvider(sampler, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    Tracing(provider).listen(observer)

    def call(traceparent: str | None) -> str | None:
        observer.report(RpcAllowed("NotificationService/Send", traceparent))
        observer.report(RpcEnded("NotificationService/Send", "OK", 0.1))
        return TRACEPARENT.get()

    callers = [caller().metadata(kept=kept)[0][1] for kept in (True, False)]
    stored = [copy_context().run(call, traceparent) for traceparent in (*callers, *[None] * 58)]
    spans = exporter.get_finished_spans()
    assert len(sampler.asked) == 60
    assert [span.context.trace_id for span in spans] == [
        int(callers[0].split("-")[1], 16), *(asked for asked in sampler.asked[2:] if asked % 2 == 0)
    ]  # fmt: skip
    assert [value[:-3] for value in stored if value] == ["00-{}-{}".format(*ids(span)) for span in spans]


def test_what_begins_after_a_call_is_decided_by_an_id_of_its_own() -> None:
    sampler = Even()
    provider = TracerProvider(sampler, shutdown_on_exit=False)
    Tracing(provider)
    tracer = provider.get_tracer("another")
    begun = [tracer.start_span("x").get_span_context().trace_id for _ in range(20)]
    assert begun == sampler.asked
    assert len(set(begun)) == 20


def test_a_server_without_traces_imports_nothing_of_them() -> None:
    told = "import sys, tocsin_server.cli.app, tocsin_server.application; print('opentelemetry' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=DEADLINE)
    assert done.stdout == "False\n"


def test_without_the_extra_the_setting_is_refused_by_name(tmp_path: Path) -> None:
    with (
        mock.patch.dict(sys.modules, {"tocsin_server.telemetry.tracing": None}),
        pytest.raises(ConfigurationError, match="TOCSIN_TRACING"),
        running_server(tmp_path, tracing="otlp"),
    ):
        pass
