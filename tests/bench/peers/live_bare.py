"""The baseline of live delivery: ``python -m bench.peers.live_bare FILE SIZE``, a bare `grpc.aio` server in a process.

``Send`` does nothing but answer with a ready SendResponse of SIZE bytes, and let the ready event in FILE (a serialised
``SubscribeResponse``) be due on the streams of its recipient, which write it; see `stream_ready`. So a message goes the
way that it goes with ours, in one process and over the same two calls. What is between them is missing: no check, no
row, no commit, no thread but the event loop's.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # as `tocsin` does

import grpc
import uvloop
from tocsin.v1 import notification_service_pb2 as pb

from bench.load.payload import response_of_size
from bench.peers.stream_bare import SERVICE, subscribing
from bench.peers.stream_ready import Groups, obey
from tocsin_server.rpc.limits import OPTIONS


def handlers(groups: Groups, size: int, ready: bytes) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
    """Return the handlers of both calls."""
    answer = response_of_size(size)

    async def send(request: pb.SendRequest, context: Any) -> pb.SendResponse:
        groups.push(request.recipient.id, 1)
        return answer

    return {
        "Send": grpc.unary_unary_rpc_method_handler(send, pb.SendRequest.FromString, pb.SendResponse.SerializeToString),
        "Subscribe": subscribing(groups, ready),
    }


async def serve(size: int, ready: bytes) -> None:
    """Serve until standard input ends."""
    groups = Groups()
    server = grpc.aio.server(options=OPTIONS)
    server.add_registered_method_handlers(SERVICE, handlers(groups, size, ready))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await obey(groups, port)
    await server.stop(None)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[2]), Path(sys.argv[1]).read_bytes()))
