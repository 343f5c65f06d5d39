"""The gRPC server: what it serves, where it listens, how it goes on when the library's server ends, how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Final

import grpc
from tocsin.v1 import (
    contact_service_pb2,
    decision_service_pb2,
    notification_service_pb2,
    operator_service_pb2,
    relay_service_pb2,
)

from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.errors import ListenError
from tocsin_server.process import port
from tocsin_server.process.ends import end_of
from tocsin_server.rpc import limits
from tocsin_server.rpc.accepting import Handlers, fits, make_server
from tocsin_server.rpc.auth import Authenticator
from tocsin_server.rpc.certificates import Certificates, TlsFiles
from tocsin_server.rpc.handlers import handlers_of
from tocsin_server.rpc.refusing import Refusals
from tocsin_server.rpc.services import health_service, reflection_service
from tocsin_server.rpc.services.health_service import HealthService
from tocsin_server.rpc.services.reflection_service import ReflectionService
from tocsin_server.rpc.write_watch import WriteWatch
from tocsin_server.telemetry.observer import UNOBSERVED, Observer
from tocsin_server.timing.backoff import Backoff

log = logging.getLogger(__name__)

WRITE_TIMEOUT = 30.0
"""Seconds that one event may wait for a subscriber that does not read."""

REPLACING: Final = Backoff(first=0.02, longest=1.0, healthy=10.0)
"""Before a server is made in place of one that ended; the first pause is no more than a courtesy to the loop."""

DRAIN: Final = 30.0
"""Seconds in which the calls of a server that was replaced may end."""

REPLACE_TIMEOUT: Final = 5.0
"""Seconds in which the library starts a server."""

BRIEF: Final = (f"/{notification_service_pb2.DESCRIPTOR.services_by_name['NotificationService'].full_name}/Send",)
"""What is sent is stored, whether its client waits for the answer or not: see `rpc.accepting`. To read for somebody who
has gone would be work for nothing, and who resets each call at once would have it done."""

_SERVICES = {
    "NotificationService": notification_service_pb2.DESCRIPTOR.services_by_name["NotificationService"],
    "ContactService": contact_service_pb2.DESCRIPTOR.services_by_name["ContactService"],
    "DecisionService": decision_service_pb2.DESCRIPTOR.services_by_name["DecisionService"],
    "OperatorService": operator_service_pb2.DESCRIPTOR.services_by_name["OperatorService"],
    "RelayService": relay_service_pb2.DESCRIPTOR.services_by_name["RelayService"],
}


class RpcServer:
    """The gRPC server. Created on the event loop that serves.

    Should the library's server end without having been told to, another takes its place: calls fail for a moment, and
    streams have some time before they are to be resumed.

    Args:
        services: Implementation of each service, by its short name; a missing one answers UNIMPLEMENTED.
        authenticator: Tells who calls.
        tls: Certificate and so on, None for plain text.
        shared_port: The port is reserved for this server and others; else it is this one's alone.
        connections: How many it may have.
        observer: Is told of calls.
    """

    def __init__(
        self,
        services: Mapping[str, object],
        authenticator: Authenticator,
        tls: TlsFiles | None = None,
        *,
        shared_port: bool = False,
        connections: int = limits.CONNECTIONS,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._certificates = None if tls is None else Certificates(tls)
        self._credentials: list[grpc.ServerCredentials] = []  # the library calls them without keeping them
        self._shared_port = shared_port
        self._connections = connections
        self._watch = WriteWatch(WRITE_TIMEOUT)
        self._refusals = Refusals()
        names = [descriptor.full_name for descriptor in _SERVICES.values()]
        self._health = HealthService(names)
        listed = (*names, health_service.SERVICE.full_name, reflection_service.SERVICE.full_name)
        self._handlers: dict[str, Handlers] = {
            descriptor.full_name: handlers_of(
                descriptor, services.get(name), authenticator, self._watch, self._refusals, observer
            )
            for name, descriptor in _SERVICES.items()
        }
        self._handlers[health_service.SERVICE.full_name] = self._health.handlers(self._watch)
        self._handlers[reflection_service.SERVICE.full_name] = ReflectionService(listed).handlers(self._watch)
        self._reserved = contextlib.ExitStack()
        self._listen: ListenAddress | None = None
        self._server: grpc.aio.Server | None = None
        self._ours = fits()
        self._stopping = False
        self._ended = asyncio.Event()
        self._cause: BaseException | None = None
        self._replaced: set[grpc.aio.Server] = set()
        self._draining: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None

    async def start(self, listen: ListenAddress) -> int:
        """Listen, answer, and report SERVING; returns the port.

        Raises:
            ListenError: The address is in use, or not one of this machine.
        """
        if self._shared_port:
            port.probe(listen, shared=True)
        else:
            listen = self._reserved.enter_context(port.reserved(listen))
        self._listen = listen
        if not self._ours:
            log.warning(
                "this version of grpcio is not known: calls are taken in its own way, which costs twice as much",
                extra={"event": "rpc_library_unknown", "version": grpc.__version__},
            )
        try:
            await self._serve()
        except BaseException:
            self._reserved.close()
            raise
        self._keeper = asyncio.create_task(self._keep_serving(), name="rpc-server")
        self._health.set(serving=True)
        return listen.port

    async def run(self) -> None:
        """Wait until it can serve no longer, which is not before `stop`; raises what ended it all the same."""
        assert self._keeper is not None  # noqa: S101 - made by `start`
        await end_of(self._keeper)

    def database(self, *, answers: bool) -> None:
        """Report NOT_SERVING for what needs the database while that does not answer."""
        self._health.set(ready=answers)

    def replace_certificates(self, tls: TlsFiles) -> None:
        """See `Certificates.replace`; only for a server with TLS. May be called from any thread."""
        assert self._certificates is not None  # noqa: S101 - as said
        self._certificates.replace(tls)

    def announce_stop(self) -> None:
        """Report NOT_SERVING, so that balancers send nothing new."""
        self._health.set(serving=False)

    async def stop(self, grace: float) -> None:
        """Refuse new calls, let running ones end within ``grace`` seconds. Idempotent."""
        self._stopping = True
        self._refusals.close()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        servers = [*self._replaced, *([self._server] if self._server is not None else ())]
        await asyncio.gather(*(server.stop(grace) for server in servers))
        self._reserved.close()

    async def _serve(self) -> None:
        """Make a server and start it; raises `ListenError`."""
        assert self._listen is not None  # noqa: S101 - set at the start
        options = limits.options(shared_port=self._shared_port, connections=self._connections)
        before = self._server

        def ended(cause: BaseException | None) -> None:
            # One that was replaced may end when it is stopped, which is no news of the one in its place.
            if self._server in (before, server):
                self._on_end(cause)

        server = make_server(options, self._handlers, ended, brief=BRIEF, ours=self._ours)
        try:
            if self._certificates is None:
                server.add_insecure_port(str(self._listen))
            else:
                credentials = self._certificates.credentials()
                server.add_secure_port(str(self._listen), credentials)
                self._credentials.append(credentials)
        except RuntimeError as error:
            raise ListenError(f"cannot listen on {self._listen}: {error}") from error
        self._ended.clear()
        async with asyncio.timeout(REPLACE_TIMEOUT):
            await server.start()
        port.limit_waiting(self._listen.port, limits.WAITING)
        self._server = server

    def _on_end(self, cause: BaseException | None) -> None:
        self._cause = cause
        self._ended.set()

    async def _keep_serving(self) -> None:
        loop = asyncio.get_running_loop()
        failures, since = 0, loop.time()
        while True:
            await self._ended.wait()
            failures = REPLACING.failures(failures, loop.time() - since)
            # What does not fit the library fails at the first call; its own way is left.
            self._ours = self._ours and not isinstance(self._cause, AttributeError | TypeError)
            log.error(
                "the gRPC server ended and is made anew",
                extra={"event": "rpc_server_ended", "error": type(self._cause).__name__, "failures": failures},
            )
            await asyncio.sleep(REPLACING.pause(failures))
            ended, since = self._server, loop.time()
            try:
                await self._serve()
            except (ListenError, TimeoutError) as error:
                log.error(  # noqa: TRY400 - no news is in the traceback
                    "the gRPC server cannot be made anew yet", extra={"event": "rpc_server_not_made", "error": error}
                )
                self._on_end(error)
                continue
            if ended is not None:
                draining = asyncio.create_task(self._drain(ended))
                self._draining.add(draining)
                draining.add_done_callback(self._draining.discard)

    async def _drain(self, server: grpc.aio.Server) -> None:
        """Let the calls of a server that was replaced end."""
        self._replaced.add(server)
        await server.stop(DRAIN)
        self._replaced.discard(server)
