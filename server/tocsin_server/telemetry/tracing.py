"""Spans for OpenTelemetry, made of reports: a call, the commit within it, and each attempt at a provider.

A call goes on the trace of its caller (``traceparent``, W3C Trace Context). Attempts come later, some much later and in
another process; so each is a trace of its own with a link to the call that stored the notification, whose
``traceparent`` is stored with it. Nothing is made for a call that is not traced, nor for its attempts, nor for callers
that are not let in. Attributes are ids, words and counts of ours: no body, no address.

Imported only where tracing is on.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
import time
from collections.abc import Awaitable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final

import grpc
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tocsin_server.domain.errors import TocsinError
from tocsin_server.telemetry.observer import AttemptEnded, Observer, RpcAllowed, RpcEnded
from tocsin_server.telemetry.outage import Outage
from tocsin_server.telemetry.trace_context import HEADER, TRACEPARENT

ACCEPTED: Final = "accepted"

_SPAN: ContextVar[trace.Span | None] = ContextVar("span", default=None)
_FORM: Final = TraceContextTextMapPropagator()
_NO_TRACE: Final = context.Context()


class Tracing:
    """Makes spans of what is reported.

    Args:
        provider: Takes them.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        # First, since a tracer keeps the sampler and the ids that its provider has when it is made.
        self._decisions = _Decisions(provider)
        self._tracer = provider.get_tracer("tocsin")

    def listen(self, observer: Observer) -> None:
        """Begin."""
        observer.listen(RpcAllowed, self._begin_call)
        observer.listen(RpcEnded, self._end_call)
        observer.listen(AttemptEnded, self._attempt)

    def stop(self) -> None:
        """Hand on what there is, and end. Blocks while that takes."""
        self._provider.shutdown()

    def commits_of(self, store: Any) -> Any:
        """Return the store with a span around what it accepts."""
        return _TracedStore(store, self._tracer)

    # Both are reported on the task of the call, so what is set here is of that call alone.

    def _begin_call(self, report: RpcAllowed) -> None:
        parent = _context_of(report.traceparent)
        name, attributes = _described(report.rpc)
        # A span that is dropped, with all that goes with it, takes 20 us.
        if not self._decisions.keeps(parent, name, attributes):
            return
        span = self._tracer.start_span(name, parent, SpanKind.SERVER, attributes)
        _SPAN.set(span)
        within = trace.set_span_in_context(span)
        context.attach(within)
        if span.get_span_context().trace_flags.sampled:
            carrier: dict[str, str] = {}
            _FORM.inject(carrier, within)
            TRACEPARENT.set(carrier[HEADER])

    def _end_call(self, report: RpcEnded) -> None:
        span = _SPAN.get()
        if span is None:
            return  # it was not let in, or is not kept
        span.set_attribute("rpc.response.status_code", report.code)
        if report.code in _FAULTS:
            span.set_status(Status(StatusCode.ERROR, report.code))
        span.end()

    def _attempt(self, report: AttemptEnded) -> None:
        if report.traceparent is None:
            return
        sent = trace.get_current_span(_context_of(report.traceparent))
        ended = time.time_ns()
        span = self._tracer.start_span(
            f"send {report.channel}",
            context.Context(),
            SpanKind.CLIENT,
            {
                "tocsin.notification_id": report.notification_id,
                "tocsin.channel_id": report.channel_id,
                "tocsin.channel": report.channel,
                "tocsin.provider": report.provider,
                "tocsin.outcome": report.outcome,
                "tocsin.code": report.code,
                "tocsin.attempt": report.attempt,
            },
            [Link(sent.get_span_context())],
            start_time=ended - round(report.seconds * 1e9),
        )
        if report.outcome != ACCEPTED:
            span.set_status(Status(StatusCode.ERROR, report.code))
        span.end(ended)


_FAULTS: Final = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
"""Codes that are the server's failing, not the caller's, as OpenTelemetry's conventions for servers of gRPC have it."""


def _context_of(traceparent: str | None) -> context.Context:
    """Return the context that a ``traceparent`` speaks of; that of a new trace if it is none."""
    return _FORM.extract({HEADER: traceparent}, _NO_TRACE) if traceparent else _NO_TRACE


@functools.cache
def _described(rpc: str) -> tuple[str, Mapping[str, str]]:
    """Return the name of a call's span, and what is known of it from the beginning."""
    service, _, method = rpc.partition("/")
    return f"tocsin.v1.{rpc}", {"rpc.system": "grpc", "rpc.service": f"tocsin.v1.{service}", "rpc.method": method}


class _Decisions(Sampler, IdGenerator):
    """The sampler and the ids of a provider, of which the sampler is asked before a span is made.

    It is asked once, and by the id that the trace will have: some decide by that, and some count.

    Args:
        provider: Has this in place of its own from now on.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._sampler, self._ids = provider.sampler, provider.id_generator
        self._made = threading.local()  # what the span to be made on a thread takes up
        provider.sampler = self
        provider.id_generator = self  # type: ignore[assignment]  # the library says it is of the class of its default

    def keeps(self, parent: context.Context, name: str, attributes: Mapping[str, str]) -> bool:
        """Whether a span is to be made of a call; if so, the next one on this thread must be that."""
        within = trace.get_current_span(parent).get_span_context()
        trace_id = within.trace_id if within.is_valid else self._ids.generate_trace_id()
        answer = self._sampler.should_sample(parent, trace_id, name, SpanKind.SERVER, attributes, ())
        if answer.decision is Decision.DROP:
            return False
        self._made.trace_id, self._made.answer = trace_id, answer
        return True

    def should_sample(self, *arguments: Any, **options: Any) -> SamplingResult:
        """See `Sampler`."""
        self._made.__dict__.pop("trace_id", None)
        answer: SamplingResult | None = self._made.__dict__.pop("answer", None)
        return self._sampler.should_sample(*arguments, **options) if answer is None else answer

    def get_description(self) -> str:
        """See `Sampler`."""
        return self._sampler.get_description()

    def generate_trace_id(self) -> int:
        """See `IdGenerator`."""
        trace_id: int | None = self._made.__dict__.pop("trace_id", None)
        return self._ids.generate_trace_id() if trace_id is None else trace_id

    def generate_span_id(self) -> int:
        """See `IdGenerator`."""
        return self._ids.generate_span_id()

    def is_trace_id_random(self) -> bool:
        """See `IdGenerator`."""
        return self._ids.is_trace_id_random()


class _TracedStore:
    """A store; what it accepts within a call is a span of its own, from the queue of writes to the commit."""

    def __init__(self, store: Any, tracer: trace.Tracer) -> None:
        self._store = store
        self._tracer = tracer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def accept(self, drafts: Sequence[Any]) -> Awaitable[Any]:
        """Accept, see `tocsin_server.domain.ports`."""
        return self._store.accept(drafts) if _SPAN.get() is None else self._traced(drafts)

    async def _traced(self, drafts: Sequence[Any]) -> Any:
        with self._tracer.start_as_current_span(
            "commit", attributes={"tocsin.notifications": len(drafts)}, record_exception=False
        ) as span:
            results = await self._store.accept(drafts)
            span.set_attribute("tocsin.refused", sum(isinstance(result, TocsinError) for result in results))
            return results


class Exporter(OTLPSpanExporter):
    """Hands spans to the collector, and tells of an outage of it once.

    What the library logs of each failure is left out: the log shows none of the values of a library's lines, so they
    would say neither where nor why.
    """

    def __init__(self) -> None:
        super().__init__()
        self._outage = Outage(
            "collector_away",
            "the trace collector does not take spans: what it is not given is lost, calls and sending go on, and each "
            "new batch of spans tries again",
            "collector_back",
            "the trace collector takes spans again",
            collector=self._endpoint,
        )
        self._cause = ""
        for name in _LOGGERS_OF_EXPORT:
            logging.getLogger(name).addFilter(self._passes)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand them on; the library calls this with one batch after the other."""
        begun, self._cause = time.monotonic(), ""
        result = super().export(spans)
        if result is SpanExportResult.SUCCESS:
            self._outage.over(begun)
        else:
            self._outage.met(self._cause or "no answer")
        return result

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """End."""
        super().shutdown(timeout_millis, **kwargs)
        for name in _LOGGERS_OF_EXPORT:
            logging.getLogger(name).removeFilter(self._passes)

    def _passes(self, record: logging.LogRecord) -> bool:
        """Keep the code of a failure, which is told nowhere else; only errors that nobody foresaw have tracebacks."""
        values = record.args if isinstance(record.args, tuple) else ()
        self._cause = next((value.name for value in values if isinstance(value, grpc.StatusCode)), self._cause)
        return bool(record.exc_info)


_LOGGERS_OF_EXPORT: Final = ("opentelemetry.exporter.otlp.proto.grpc.exporter", "opentelemetry.sdk._shared_internal")
"""That of failures, and that of a queue which is full of what is not taken."""


def otlp(version: str) -> Tracing:
    """Return what hands spans to a collector by OTLP over gRPC: where, how and how many is said by ``OTEL_…``."""
    named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "tocsin"}
    resource = Resource.create({**named, "service.version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)  # which would wait without bound
    provider.add_span_processor(BatchSpanProcessor(Exporter()))
    return Tracing(provider)
