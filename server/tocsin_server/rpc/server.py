"""Registering the services on a `grpc.aio` server, listening, and stopping.

The generated registration is not used: between the wire and a handler it has no place for bytes that do not parse
(the library answers UNKNOWN) nor for turning our errors into statuses. Both are done here, once for all RPCs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tocsin.v1 import contact_service_pb2, notification_service_pb2, relay_service_pb2

from tocsin_server.config import ListenAddress
from tocsin_server.errors import (
    ConfigurationError,
    ListenError,
    MalformedRequest,
    NotImplementedYet,
    SubscriberTooSlow,
    TocsinError,
)
from tocsin_server.rpc import port, status
from tocsin_server.rpc.auth import Authenticator, Principal
from tocsin_server.rpc.write_watch import WriteWatch

WRITE_TIMEOUT = 30.0
"""Seconds that one event may wait for a subscriber that does not read."""

LARGEST_REQUEST = 4 * 1024 * 1024
"""Bytes of a request; a larger one is refused by the transport, without details of ours."""

OPTIONS = (
    # By default two servers may share a port, and a second one started by mistake would take half of the calls.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", LARGEST_REQUEST),
    # A burst of new calls beyond these is refused: 10,000 subscribers that reconnect at once must not be.
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 200_000),
    # Find dead connections of subscribers, and let clients do the same (theirs every 60 s or rarer).
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
)

CONNECTION_AGE = 600.0
"""Seconds after which a server that shares its port asks a connection's client to make a new one.

The system chooses a server once for each connection, so that those of busy clients may all be with one, and a server
that was started again would get none from clients that stay. No call is cut off: those under way end on the old
connection in their own time (the library's default grace is infinite), streams at their maximum age at the latest.
"""

_SERVICES = {
    "NotificationService": notification_service_pb2.DESCRIPTOR.services_by_name["NotificationService"],
    "ContactService": contact_service_pb2.DESCRIPTOR.services_by_name["ContactService"],
    "RelayService": relay_service_pb2.DESCRIPTOR.services_by_name["RelayService"],
}


class TlsFiles(NamedTuple):
    """PEM files of the server's certificate and key, and of the authority of client certificates."""

    certificate: Path
    key: Path
    client_authority: Path | None


class _Malformed:
    """Stands for a request whose bytes do not parse."""


def _parser(message_class: Any) -> Callable[[bytes], Any]:
    parse = message_class.FromString

    def parse_or_tell(data: bytes) -> Any:
        try:
            return parse(data)
        except DecodeError:
            return _Malformed()

    return parse_or_tell


async def _abort(context: grpc.aio.ServicerContext[Any, Any], error: TocsinError) -> NoReturn:
    code, message, trailers = status.trailers(error)
    await context.abort(code, message, trailers)


def _ours(error: Exception, method: str) -> TocsinError:
    return error if isinstance(error, TocsinError) else status.internal(error, method)


def _unary(
    method: MethodDescriptor, call: Callable[[Any, Principal], Awaitable[Any]], authenticator: Authenticator
) -> grpc.RpcMethodHandler[Any, Any]:
    service = method.containing_service.full_name
    authenticate = authenticator.authenticate

    async def handle(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            principal = authenticate(context.invocation_metadata)
            principal.require_method(service, method.name)
            if not isinstance(request, _Malformed):
                return await call(request, principal)
            refusal: TocsinError = MalformedRequest(method.input_type.full_name)
        except Exception as error:  # noqa: BLE001 - the caller learns a number, the log the rest
            refusal = _ours(error, method.full_name)
        return await _abort(context, refusal)

    return grpc.unary_unary_rpc_method_handler(
        handle,
        request_deserializer=_parser(GetMessageClass(method.input_type)),
        response_serializer=GetMessageClass(method.output_type).SerializeToString,
    )


class StreamMessage(Protocol):
    """What a streaming RPC yields."""

    @property
    def data(self) -> bytes:
        """The serialised message."""

    @property
    def cursor(self) -> str:
        """Where to resume after it."""


def _stream(
    method: MethodDescriptor,
    call: Callable[[Any, Principal], AsyncIterator[StreamMessage]],
    authenticator: Authenticator,
    watch: WriteWatch,
) -> grpc.RpcMethodHandler[Any, Any]:
    service = method.containing_service.full_name

    async def handle(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        def begin() -> AsyncIterator[StreamMessage]:
            principal = authenticator.authenticate(context.invocation_metadata)
            principal.require_method(service, method.name)
            if isinstance(request, _Malformed):
                raise MalformedRequest(method.input_type.full_name)
            return call(request, principal)

        await _write_all(context, begin, method, watch)

    return grpc.unary_stream_rpc_method_handler(
        handle,
        request_deserializer=_parser(GetMessageClass(method.input_type)),
        response_serializer=None,  # the handler yields bytes, which several streams may share
    )


def _duplex(
    method: MethodDescriptor, call: Callable[[AsyncIterator[Any]], AsyncIterator[StreamMessage]], watch: WriteWatch
) -> grpc.RpcMethodHandler[Any, Any]:
    """Make the handler of an RPC that reads a stream and writes one, and looks for credentials in what it reads."""

    async def handle(requests: AsyncIterator[Any], context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await _write_all(context, lambda: call(_well_formed(requests, method)), method, watch)

    return grpc.stream_stream_rpc_method_handler(
        handle, request_deserializer=_parser(GetMessageClass(method.input_type)), response_serializer=None
    )


async def _well_formed(requests: AsyncIterator[Any], method: MethodDescriptor) -> AsyncIterator[Any]:
    async for request in requests:
        if isinstance(request, _Malformed):
            raise MalformedRequest(method.input_type.full_name)
        yield request


async def _write_all(
    context: grpc.aio.ServicerContext[Any, Any],
    begin: Callable[[], AsyncIterator[StreamMessage]],
    method: MethodDescriptor,
    watch: WriteWatch,
) -> None:
    """Write the messages of a stream as they come, and end the call as they end."""
    written: StreamMessage | None = None
    with watch.writes() as writes:
        try:
            async with contextlib.aclosing(begin()) as messages:  # type: ignore[type-var]
                async for message in messages:
                    writes.begin()
                    await context.write(message.data)
                    writes.end()
                    written = message
            return
        except asyncio.CancelledError:
            if not writes.undo_cancel():
                raise
            # The one that was being written may have arrived or not; what is before it has.
            cursor = written.cursor if written is not None else ""
            refusal: TocsinError = SubscriberTooSlow("the subscriber does not read", cursor=cursor)
        except grpc.aio.InternalError:
            # Writing to a subscriber who has just gone fails before the cancellation of the call arrives, and nobody is
            # left to tell.
            return
        except Exception as error:  # noqa: BLE001 - as above
            refusal = _ours(error, method.full_name)
    await _abort(context, refusal)


def _not_implemented(method: MethodDescriptor) -> Callable[[Any, Any], Awaitable[Any]]:
    full_name = f"{method.containing_service.full_name}/{method.name}"

    async def call(_request: Any, _context: Any) -> Any:
        raise NotImplementedYet(f"the RPC {method.name}", full_name)

    return call


def _handlers(
    descriptor: ServiceDescriptor, service: object, authenticator: Authenticator, watch: WriteWatch
) -> Mapping[str, grpc.RpcMethodHandler[Any, Any]]:
    """Make a handler for each RPC of a service; those that ``service`` lacks answer UNIMPLEMENTED."""
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    for method in descriptor.methods:
        call = getattr(service, method.name, None)
        if call is not None and method.client_streaming:
            handlers[method.name] = _duplex(method, call, watch)
        elif call is not None and method.server_streaming:
            handlers[method.name] = _stream(method, call, authenticator, watch)
        else:
            handlers[method.name] = _unary(method, call or _not_implemented(method), authenticator)
    return handlers


class RpcServer:
    """The gRPC server. Created on the event loop that serves.

    Args:
        services: Implementation of each service, by its short name; a missing one answers UNIMPLEMENTED.
        authenticator: Tells who calls.
        tls: Certificate and so on, None for plain text.
        shared_port: Listen also where other servers do that share their port.
    """

    def __init__(
        self,
        services: Mapping[str, object],
        authenticator: Authenticator,
        tls: TlsFiles | None = None,
        *,
        shared_port: bool = False,
    ) -> None:
        self._credentials = None if tls is None else _credentials(tls)
        self._shared_port = shared_port
        self._server = grpc.aio.server(options=_options(shared_port=shared_port))
        self._health = health.aio.HealthServicer()
        self._watch = WriteWatch(WRITE_TIMEOUT)
        names = [health.SERVICE_NAME, reflection.SERVICE_NAME]
        for name, descriptor in _SERVICES.items():
            handlers = _handlers(descriptor, services.get(name), authenticator, self._watch)
            self._server.add_registered_method_handlers(descriptor.full_name, dict(handlers))
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(descriptor.full_name, dict(handlers)),)
            )
            names.append(descriptor.full_name)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(names, self._server)
        self._names = ["", *(descriptor.full_name for descriptor in _SERVICES.values())]

    async def start(self, listen: ListenAddress) -> int:
        """Listen, answer, and report SERVING; returns the port.

        Raises:
            ListenError: The address is in use, or not one of this machine.
        """
        port.probe(listen, shared=self._shared_port)
        try:
            if self._credentials is None:
                chosen = self._server.add_insecure_port(str(listen))
            else:
                chosen = self._server.add_secure_port(str(listen), self._credentials)
        except RuntimeError as error:
            raise ListenError(f"cannot listen on {listen}: {error}") from error
        await self._server.start()
        self._watch.start()
        await self._report(health_pb2.HealthCheckResponse.SERVING)
        return chosen

    async def announce_stop(self) -> None:
        """Report NOT_SERVING, so that balancers send nothing new."""
        await self._report(health_pb2.HealthCheckResponse.NOT_SERVING)

    async def stop(self, grace: float) -> None:
        """Refuse new calls, let running ones end within ``grace`` seconds. Idempotent."""
        await self._server.stop(grace)
        await self._watch.stop()

    async def _report(self, serving: Any) -> None:
        for name in self._names:
            await self._health.set(name, serving)


def _options(*, shared_port: bool) -> Sequence[tuple[str, int]]:
    if not shared_port:
        return OPTIONS
    age = ("grpc.max_connection_age_ms", round(CONNECTION_AGE * 1000))  # the library spreads it by a tenth
    return (*(option for option in OPTIONS if option[0] != "grpc.so_reuseport"), ("grpc.so_reuseport", 1), age)


def _credentials(tls: TlsFiles) -> grpc.ServerCredentials:
    """Read the files; a client certificate is demanded where an authority for them is given.

    Raises:
        ConfigurationError: A file cannot be read.
    """
    try:
        key, certificate = tls.key.read_bytes(), tls.certificate.read_bytes()
        client_authority = tls.client_authority.read_bytes() if tls.client_authority else None
    except OSError as error:
        raise ConfigurationError(f"TOCSIN_TLS_...: cannot read {error.filename}: {error.strerror}") from error
    return grpc.ssl_server_credentials(
        [(key, certificate)],
        root_certificates=client_authority,
        require_client_auth=client_authority is not None,
    )
