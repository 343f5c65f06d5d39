"""The real process hands its spans to a collector that speaks OTLP, also of attempts that another process makes."""

from __future__ import annotations

import json
import queue
import secrets
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp_pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as otlp_grpc
from opentelemetry.sdk.trace.export import SpanExportResult
from tocsin.v1 import notification_pb2 as pb

from helpers.calls import DEADLINE, EMAIL, Api, request, user
from helpers.postgresql import free_port
from helpers.process import run, serving
from helpers.silent_server import SilentServer
from helpers.waiting import eventually
from tocsin_server.telemetry.tracing import Exporter


class Collector(otlp_grpc.TraceServiceServicer):
    """Keeps the spans that come, each with the name of its service."""

    def __init__(self) -> None:
        self.spans: queue.Queue[tuple[str, Any]] = queue.Queue()

    def Export(  # noqa: N802 - its name in OTLP
        self, request: otlp_pb.ExportTraceServiceRequest, context: object
    ) -> otlp_pb.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            names = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.put((names["service.name"], span))
        return otlp_pb.ExportTraceServiceResponse()

    def next(self, name: str) -> Any:
        """Wait for a span of a name, and return it; others are left out."""
        while True:
            service, span = self.spans.get(timeout=DEADLINE)
            assert service == "tocsin"
            if span.name == name:
                return span


@contextmanager
def collecting(port: int = 0) -> Iterator[tuple[Collector, dict[str, str]]]:
    collector = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    otlp_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield (
            collector,
            {
                "TOCSIN_TRACING": "otlp",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                "OTEL_BSP_SCHEDULE_DELAY": "50",
            },
        )
    finally:
        server.stop(None).wait()


def test_a_trace_leads_from_the_call_to_the_attempt_of_another_process_days_later(tmp_path: Path) -> None:
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    metadata = (("traceparent", f"00-{trace}-{span}-01"),)
    away = {"TOCSIN_SMTP_URL": f"smtp://127.0.0.1:{free_port()}", "TOCSIN_EMAIL_FROM": "shop@example.org"}
    with collecting() as (collector, settings):
        with serving(tmp_path, TOCSIN_RETRY_BASE="100ms", **settings, **away) as server, Api(server.address) as api:
            wanted = request(user(), (EMAIL, "ann@example.org"))
            sent: pb.Notification = api.stub.Send(wanted, metadata=metadata, timeout=DEADLINE).notification
            call = collector.next("tocsin.v1.NotificationService/Send")
            assert (call.trace_id.hex(), call.parent_span_id.hex()) == (trace, span)
            failed = collector.next("send email")
            assert failed.status.code == failed.status.STATUS_CODE_ERROR
            assert [(link.trace_id, link.span_id) for link in failed.links] == [(call.trace_id, call.span_id)]
            server.kill()
        with serving(tmp_path, "--dev", **settings):
            while (attempt := collector.next("send email")).status.code == failed.status.STATUS_CODE_ERROR:
                pass  # of the first process, before it was killed
            assert [(link.trace_id, link.span_id) for link in attempt.links] == [(call.trace_id, call.span_id)]
            told = {one.key: one.value for one in attempt.attributes}
            assert told["tocsin.notification_id"].string_value == sent.id
            assert told["tocsin.attempt"].int_value > 1


def test_a_collector_that_is_away_costs_no_call_and_no_stop(tmp_path: Path) -> None:
    nowhere = {"TOCSIN_TRACING": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    with serving(tmp_path, "--dev", TOCSIN_SHUTDOWN_GRACE="5s", **nowhere) as server, Api(server.address) as api:
        for _ in range(50):
            api.send(request())
        server.terminate()
        assert server.wait() == 0


def test_an_outage_is_told_once_however_many_batches_fail(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")
    exporter = Exporter()
    assert [exporter.export([]) for _ in range(3)] == [SpanExportResult.FAILURE] * 3
    with collecting(port):
        eventually(lambda: exporter.export([]) is SpanExportResult.SUCCESS)
        exporter.export([])
    away, back = caplog.records
    assert (away.__dict__["event"], away.__dict__["cause"]) == ("collector_away", "UNAVAILABLE")
    assert back.__dict__["event"] == "collector_back"
    assert back.__dict__["failures"] >= 3
    exporter.shutdown()


def test_an_outage_of_the_collector_is_told_with_its_address_and_its_end(tmp_path: Path) -> None:
    port = free_port()
    settings = {
        "TOCSIN_TRACING": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "20",
        "TOCSIN_LOG_FORMAT": "json",
    }

    def lines(event: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in server.errors.splitlines()]
        return [line for line in found if line.get("event", "").startswith(event)]

    with serving(tmp_path, "--dev", **settings) as server, Api(server.address) as api:
        sent = iter(lambda: api.send(request()), None)
        eventually(lambda: next(sent) and lines("collector_away"))
        with collecting(port) as (collector, _):
            eventually(lambda: next(sent) and lines("collector_back"))
            collector.next("tocsin.v1.NotificationService/Send")
        [away], [back] = lines("collector_away"), lines("collector_back")
        assert (away["collector"], away["cause"], away["level"]) == (f"127.0.0.1:{port}", "UNAVAILABLE", "WARNING")
        assert "is lost" in away["message"]
        assert "tries again" in away["message"]
        assert back["collector"] == f"127.0.0.1:{port}"
        assert lines("library_opentelemetry") == []


def test_a_collector_that_takes_spans_and_never_answers_keeps_nothing_from_its_end(tmp_path: Path) -> None:
    with SilentServer() as collector:
        settings = {"TOCSIN_TRACING": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}"}
        # More than are handed on at once.
        settings |= {"OTEL_BSP_MAX_QUEUE_SIZE": "64", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "16"}
        with serving(tmp_path, "--dev", TOCSIN_SHUTDOWN_GRACE="5s", **settings) as server:
            with Api(server.address) as api:
                for _ in range(50):
                    api.send(request())
            assert collector.called.wait(DEADLINE)
            server.terminate()
            assert server.wait() == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "much"),
    ],
)
def test_what_the_environment_says_wrong_of_tracing_is_told_in_one_line(
    tmp_path: Path, variable: str, value: str
) -> None:
    ended = run(tmp_path, "serve", "--dev", TOCSIN_TRACING="otlp", **{variable: value})
    assert ended.status == 1
    assert "an OTEL_ variable is not of its form" in ended.errors
    assert "Traceback" not in ended.errors
