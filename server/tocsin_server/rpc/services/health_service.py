"""``grpc.health.v1.Health``, by which balancers and probes ask whether the server serves.

Not the one of the library (grpcio-health-checking 1.85): that writes to a watcher while it holds the lock that a change
of the status needs, so that a single watcher that does not read keeps the server from saying that it stops. And it
answers List with a traceback.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2

from tocsin_server.domain.errors import TocsinError, TooManyStreams
from tocsin_server.rpc.handlers import UnplacedMessage, abort, write_all
from tocsin_server.rpc.requests import request_reader
from tocsin_server.rpc.write_watch import WriteWatch

SERVICE: Final = health_pb2.DESCRIPTOR.services_by_name["Health"]

WATCHERS: Final = 1_000
"""Streams of Watch, which anybody may open; each is about 10 KB."""

_Answer = health_pb2.HealthCheckResponse
_read = request_reader(SERVICE.methods_by_name["Check"].input_type)


class HealthService:
    """Says whether the server serves.

    As a whole (the empty name) it does until it stops: a probe of that keeps the process alive. A service of ours does
    so only while the database answers: a probe of that decides who gets calls.

    Args:
        services: Full names of those that need the database.
        others: Of those that do not.
    """

    def __init__(self, services: Sequence[str], others: Sequence[str] = ()) -> None:
        self._needs_database = {**dict.fromkeys(services, True), **dict.fromkeys(("", *others), False)}
        self._serving = False
        self._ready = True
        self._changed = asyncio.Event()
        self._watchers = 0

    def set(self, *, serving: bool | None = None, ready: bool | None = None) -> None:
        """Say from now on whether the server serves, and whether the database answers; who watches is told.

        None leaves it as it is.
        """
        self._serving = self._serving if serving is None else serving
        self._ready = self._ready if ready is None else ready
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _status(self, name: str) -> Any:
        well = self._serving and (self._ready or not self._needs_database[name])
        return _Answer.SERVING if well else _Answer.NOT_SERVING

    def handlers(self, watch: WriteWatch) -> Mapping[str, grpc.RpcMethodHandler[Any, Any]]:
        """Return the handlers of the RPCs."""

        async def watching(data: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> None:
            await write_all(context, lambda: self._watch(data), SERVICE.methods_by_name["Watch"], watch)

        return {
            "Check": grpc.unary_unary_rpc_method_handler(self._check, None, _Answer.SerializeToString),
            "List": grpc.unary_unary_rpc_method_handler(
                self._list, None, health_pb2.HealthListResponse.SerializeToString
            ),
            "Watch": grpc.unary_stream_rpc_method_handler(watching),
        }

    async def _check(self, data: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            name = _read(data).service
        except TocsinError as error:
            await abort(context, error)
        if name not in self._needs_database:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return _Answer(status=self._status(name))

    async def _list(self, _data: bytes, _context: object) -> Any:
        answers = {name: _Answer(status=self._status(name)) for name in self._needs_database}
        return health_pb2.HealthListResponse(statuses=answers)

    async def _watch(self, data: bytes) -> AsyncIterator[UnplacedMessage]:
        name = _read(data).service
        if self._watchers >= WATCHERS:
            raise TooManyStreams("server", WATCHERS)
        self._watchers += 1
        told = None
        try:
            while True:
                changed = self._changed
                # A service that is not known now may be one day; so the protocol has it.
                status = self._status(name) if name in self._needs_database else _Answer.SERVICE_UNKNOWN
                if status != told:
                    yield UnplacedMessage(_Answer(status=status).SerializeToString())
                told = status
                await changed.wait()
        finally:
            self._watchers -= 1
