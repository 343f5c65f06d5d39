"""Baseline: a `grpc.aio` server that does nothing. Send answers with a ready SendResponse.

Run as ``python -m bench.baseline_grpc SIZE``: the serialised answer is as long as ours. What every gRPC server in
Python does is in it: HTTP/2, parsing the request, writing the response, one task for each call, uvloop.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import grpc
import uvloop
from tocsin.v1 import notification_service_pb2 as pb
from tocsin.v1 import notification_service_pb2_grpc

from bench.payload import response_of_size
from bench.processes import end_with_parent, say
from tocsin_server.rpc.server import OPTIONS


class _Empty(notification_service_pb2_grpc.NotificationServiceServicer):
    def __init__(self, answer: pb.SendResponse) -> None:
        self._answer = answer

    async def Send(self, request: pb.SendRequest, context: Any) -> pb.SendResponse:  # noqa: N802
        return self._answer


async def _serve(size: int) -> None:
    server = grpc.aio.server(options=OPTIONS)
    notification_service_pb2_grpc.add_NotificationServiceServicer_to_server(
        _Empty(response_of_size(size)),  # type: ignore[abstract]  # the other RPCs are not called
        server,
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    say(address=f"127.0.0.1:{port}")
    await server.wait_for_termination()


if __name__ == "__main__":
    end_with_parent()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1])))
