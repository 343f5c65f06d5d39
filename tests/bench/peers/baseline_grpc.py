"""Baselines: `grpc.aio` servers that do nothing. Send answers with a ready SendResponse.

Run as ``python -m bench.peers.baseline_grpc SIZE [WAY [SERVERS]]``: the serialised answer is as long as ours. What
every gRPC server in Python does is in it: HTTP/2, parsing the request, writing the response, one task for each call,
uvloop.

The WAY is how calls are taken: ``library`` is a server as anybody would write it; ``like`` takes them as ours does,
many at a time (`tocsin_server.rpc.accepting`), and has as many methods. SERVERS is how many servers share the loop and
the port.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import grpc
import uvloop
from tocsin.v1 import contact_service_pb2, notification_service_pb2_grpc, relay_service_pb2
from tocsin.v1 import notification_service_pb2 as pb

from bench.load.payload import response_of_size
from bench.processes import end_with_parent, say
from tocsin_server.config.network import ListenAddress
from tocsin_server.process import port
from tocsin_server.rpc.accepting import make_server
from tocsin_server.rpc.limits import OPTIONS, WAITING
from tocsin_server.rpc.server import BRIEF


class _Empty(notification_service_pb2_grpc.NotificationServiceServicer):
    def __init__(self, answer: pb.SendResponse) -> None:
        self._answer = answer

    async def Send(self, request: pb.SendRequest, context: Any) -> pb.SendResponse:  # noqa: N802
        return self._answer


def _library(answer: pb.SendResponse) -> grpc.aio.Server:
    server = grpc.aio.server(options=OPTIONS)
    notification_service_pb2_grpc.add_NotificationServiceServicer_to_server(
        _Empty(answer),  # type: ignore[abstract]  # the other RPCs are not called
        server,
    )
    return server


def _like(answer: pb.SendResponse) -> grpc.aio.Server:
    send = grpc.unary_unary_rpc_method_handler(
        _Empty(answer).Send,  # type: ignore[abstract]  # as above
        request_deserializer=pb.SendRequest.FromString,
        response_serializer=pb.SendResponse.SerializeToString,
    )
    # The other methods are there to be waited for.
    files = (pb.DESCRIPTOR, contact_service_pb2.DESCRIPTOR, relay_service_pb2.DESCRIPTOR)
    services = [service for file in files for service in file.services_by_name.values()]
    handlers = {service.full_name: {method.name: send for method in service.methods} for service in services}
    return make_server(OPTIONS, handlers, lambda _error: None, brief=BRIEF)


WAYS: dict[str, Callable[[pb.SendResponse], grpc.aio.Server]] = {"library": _library, "like": _like}


async def _serve(size: int, way: str, servers: int) -> None:
    answer = response_of_size(size)
    with port.reserved(ListenAddress("127.0.0.1", 0)) as listen:
        running = [WAYS[way](answer) for _ in range(servers)]
        for server in running:
            server.add_insecure_port(str(listen))
            await server.start()
        port.limit_waiting(listen.port, WAITING)
        say(address=str(listen))
        await asyncio.gather(*(server.wait_for_termination() for server in running))


if __name__ == "__main__":
    end_with_parent()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        size, way, servers = (*sys.argv[1:], *("library", "1")[len(sys.argv) - 2 :])
        runner.run(_serve(int(size), way, int(servers)))
