"""The baseline of pushing over gRPC: ``python -m bench.stream_bare FILE``, a bare `grpc.aio` server in a process.

It is what Tocsin's server is built of, and nothing else: uvloop, the same options, the same method with the same
messages and their generated serialisers. Each stream writes one message that says it is subscribed, and from then on
the ready event in FILE (a serialised ``SubscribeResponse``) whenever it is due; see `stream_ready`. There is no
store, no authentication, no conversion, no queue, no timeout.
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

from bench.stream_ready import Groups, obey
from tocsin_server.rpc.server import OPTIONS

SERVICE = "tocsin.v1.NotificationService"


async def serve(event: pb.SubscribeResponse) -> None:
    """Serve until standard input ends."""
    groups = Groups()
    subscribed = pb.SubscribeResponse(cursor=event.cursor, subscribed=pb.Subscribed(recovered=True))

    async def subscribe(request: pb.SubscribeRequest, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        group = request.recipient.id
        stream = groups.add(group)
        try:
            await context.write(subscribed)
            while True:
                await stream.take()
                await context.write(event)
        finally:
            groups.remove(group, stream)

    server = grpc.aio.server(options=OPTIONS)
    handlers = {
        "Subscribe": grpc.unary_stream_rpc_method_handler(
            subscribe,
            request_deserializer=pb.SubscribeRequest.FromString,
            response_serializer=pb.SubscribeResponse.SerializeToString,
        )
    }
    server.add_registered_method_handlers(SERVICE, handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await obey(groups, port)
    await server.stop(None)


if __name__ == "__main__":
    uvloop.run(serve(pb.SubscribeResponse.FromString(Path(sys.argv[1]).read_bytes())))
