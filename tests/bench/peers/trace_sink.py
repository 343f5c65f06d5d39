"""A collector that takes spans and throws them away.

Run as ``python -m bench.peers.trace_sink``; says where it listens.
"""

from __future__ import annotations

import threading
from concurrent import futures

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp_pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as otlp_grpc

from bench.processes import end_with_parent, say


class _Sink(otlp_grpc.TraceServiceServicer):
    def Export(  # noqa: N802 - its name in OTLP
        self, request: otlp_pb.ExportTraceServiceRequest, context: object
    ) -> otlp_pb.ExportTraceServiceResponse:
        return otlp_pb.ExportTraceServiceResponse()


def main() -> None:
    """Serve until the parent is gone."""
    server = grpc.server(futures.ThreadPoolExecutor(1))
    otlp_grpc.add_TraceServiceServicer_to_server(_Sink(), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    say(address=f"127.0.0.1:{port}")
    threading.Event().wait()


if __name__ == "__main__":
    end_with_parent()
    main()
