"""``grpc.reflection.v1alpha.ServerReflection``, by which grpcurl and its like learn what can be called.

What it says is the library's; what is done here is what the library leaves to chance: bytes that do not parse, a caller
who does not read, and one who never ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from tocsin_server.domain.errors import TooManyStreams
from tocsin_server.rpc.handlers import UnplacedMessage, read_all, write_all
from tocsin_server.rpc.requests import request_reader
from tocsin_server.rpc.write_watch import WriteWatch

SERVICE: Final = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]

CALLERS: Final = 100
"""Streams at a time; anybody may open them, nobody has more than one open for long."""


class ReflectionService:
    """Describes services, and whatever they are made of.

    Args:
        services: Full names of those to list.
    """

    def __init__(self, services: Sequence[str]) -> None:
        self._library = reflection.aio.ReflectionServicer(services)
        self._callers = 0

    def handlers(self, watch: WriteWatch) -> Mapping[str, grpc.RpcMethodHandler[Any, Any]]:
        """Return the handler of the RPC."""
        method = SERVICE.methods_by_name["ServerReflectionInfo"]
        read = request_reader(method.input_type)

        async def handle(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]) -> None:
            await write_all(context, lambda: self._answer(read_all(requests, read)), method, watch)

        return {method.name: grpc.stream_stream_rpc_method_handler(handle)}

    async def _answer(self, requests: AsyncIterator[Any]) -> AsyncIterator[UnplacedMessage]:
        if self._callers >= CALLERS:
            raise TooManyStreams("server", CALLERS)
        self._callers += 1
        try:
            async for answer in self._library.ServerReflectionInfo(requests, None):
                yield UnplacedMessage(answer.SerializeToString())
        finally:
            self._callers -= 1
