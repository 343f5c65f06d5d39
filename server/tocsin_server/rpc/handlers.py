"""The handlers of the RPCs: between the wire and a service, what is the same for all of them.

The generated registration is not used: it parses a request before anybody is asked who calls, and has no place for
bytes that do not parse (the library answers UNKNOWN) nor for turning our errors into statuses. All of it is done here:
who calls, whether they may, and only then what the request says.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from time import monotonic
from typing import Any, NamedTuple, NoReturn, Protocol
from urllib.parse import unquote

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from tocsin_server.domain.errors import NotImplementedYet, SubscriberTooSlow, TocsinError
from tocsin_server.domain.model import FeedPosition
from tocsin_server.domain.shares import network_of
from tocsin_server.feed import cursor as feed_cursor
from tocsin_server.rpc import status
from tocsin_server.rpc.auth import Authenticator, Opener
from tocsin_server.rpc.principal import Principal
from tocsin_server.rpc.refusing import Refusals
from tocsin_server.rpc.requests import request_reader
from tocsin_server.rpc.scopes import name_of
from tocsin_server.rpc.write_watch import WriteWatch
from tocsin_server.telemetry.observer import UNOBSERVED, Observer, RpcAllowed, RpcEnded
from tocsin_server.telemetry.trace_context import traceparent_of


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: TocsinError) -> NoReturn:
    """End a call with an error of ours."""
    code, message, trailers = status.trailers(error)
    await context.abort(code, message, trailers)


def _ours(error: Exception, method: str) -> TocsinError:
    """Return what the caller is told, without the frames that it came through.

    They hold the request, and one of them holds the error: a circle, which keeps a refused request of 4 MiB until the
    collector comes by, thousands of calls later.
    """
    refusal = error if isinstance(error, TocsinError) else status.internal(error, method)
    refusal.__cause__ = refusal.__context__ = None  # those have frames, too
    return refusal.with_traceback(None)


def _unary(
    method: MethodDescriptor,
    call: Callable[[Any, Principal], Awaitable[Any]],
    authenticator: Authenticator,
    observer: Observer,
    refusals: Refusals,
) -> grpc.RpcMethodHandler[Any, Any]:
    rpc = name_of(method)
    name = _short_name(method)
    authenticate = authenticator.authenticate
    read = request_reader(method.input_type)
    write = GetMessageClass(method.output_type).SerializeToString

    async def handle(data: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        begun, code = monotonic(), "CANCELLED"  # which nothing of ours hears of before the end
        known = False
        try:
            try:
                principal = authenticate(context.invocation_metadata, context.auth_context)
                known = True
                principal.require_rpc(rpc)
                if observer.wants(RpcAllowed):
                    observer.report(RpcAllowed(name, traceparent_of(context.invocation_metadata())))
                answer = write(await call(read(data), principal))
            except Exception as error:  # noqa: BLE001 - the caller learns a number, the log the rest
                refusal = _ours(error, method.full_name)
            else:
                code = "OK"
                return answer
            code = status.code_of(refusal).name
            await refusals.turn(refusal, len(data), known=known)
            await abort(context, refusal)
        finally:
            if observer.wants(RpcEnded):
                observer.report(RpcEnded(name, code, monotonic() - begun))

    return grpc.unary_unary_rpc_method_handler(
        handle,
        request_deserializer=None,  # the handler reads the bytes, when it knows whose they are
        response_serializer=None,  # and what cannot be written is an error like others
    )


class StreamMessage(Protocol):
    """What a streaming RPC yields."""

    @property
    def data(self) -> bytes:
        """The serialised message."""

    @property
    def position(self) -> FeedPosition | None:
        """Where to resume after it; None if that is to be told in another way."""


class UnplacedMessage(NamedTuple):
    """A `StreamMessage` after which there is nothing to resume, or whose content tells where."""

    data: bytes
    position: None = None


def _stream(
    method: MethodDescriptor,
    call: Callable[[Any, Principal], AsyncIterator[StreamMessage]],
    authenticator: Authenticator,
    watch: WriteWatch,
    refusals: Refusals,
) -> grpc.RpcMethodHandler[Any, Any]:
    rpc = name_of(method)
    read = request_reader(method.input_type)

    async def handle(data: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        known = False

        def begin() -> AsyncIterator[StreamMessage]:
            nonlocal known
            principal = authenticator.authenticate(context.invocation_metadata, context.auth_context)
            known = True
            principal.require_rpc(rpc)
            return call(read(data), principal)

        def turn(refusal: TocsinError) -> Awaitable[None]:
            return refusals.turn(refusal, len(data), known=known)

        await write_all(context, begin, method, watch, turn)

    return grpc.unary_stream_rpc_method_handler(
        handle,
        request_deserializer=None,  # as above
        response_serializer=None,  # the handler yields bytes, which several streams may share
    )


def _duplex(
    method: MethodDescriptor,
    call: Callable[[AsyncIterator[Any], Opener], AsyncIterator[StreamMessage]],
    authenticator: Authenticator,
    watch: WriteWatch,
    refusals: Refusals,
) -> grpc.RpcMethodHandler[Any, Any]:
    """Make the handler of an RPC that reads a stream and writes one, and finds credentials in what it reads, too."""
    rpc = name_of(method)
    read = request_reader(method.input_type)

    async def handle(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]) -> None:
        known = False

        def begin() -> AsyncIterator[StreamMessage]:
            nonlocal known
            principal = authenticator.opener(context.invocation_metadata, context.auth_context)
            if principal is not None:
                known = True
                principal.require_rpc(rpc)
            return call(read_all(requests, read), Opener(principal, _origin(context.peer())))

        def turn(refusal: TocsinError) -> Awaitable[None]:
            return refusals.turn(refusal, 0, known=known)

        await write_all(context, begin, method, watch, turn)

    return grpc.stream_stream_rpc_method_handler(handle, request_deserializer=None, response_serializer=None)


def _origin(peer: str) -> str | None:
    """Return what an address such as ``ipv4:192.0.2.7:50000`` or ``ipv6:%5B::1%5D:50000`` counts as."""
    family, _, address = unquote(peer).partition(":")
    if family not in ("ipv4", "ipv6"):
        return None
    return network_of(address.rpartition(":")[0].strip("[]"))


async def read_all(requests: AsyncIterator[bytes], read: Callable[[bytes], Any]) -> AsyncIterator[Any]:
    """Read requests as they come."""
    async for data in requests:
        yield read(data)


async def write_all(
    context: grpc.aio.ServicerContext[Any, Any],
    begin: Callable[[], AsyncIterator[StreamMessage]],
    method: MethodDescriptor,
    watch: WriteWatch,
    turn: Callable[[TocsinError], Awaitable[None]] | None = None,
) -> None:
    """Write the messages of a stream as they come, and end the call as they end.

    Args:
        context: Of the call.
        begin: Asks who calls and what for, and returns the messages.
        method: Which it is.
        watch: Looks after subscribers that do not read.
        turn: Waits until a refusal may be told; None: that is at once.
    """
    written: FeedPosition | None = None
    with watch.writes() as writes:
        try:
            async with contextlib.aclosing(begin()) as messages:  # type: ignore[type-var]
                async for message in messages:
                    writes.begin(len(message.data))
                    await context.write(message.data)
                    writes.end()
                    written = message.position
                    del message  # the next one may be long in coming
            return
        except asyncio.CancelledError:
            if not writes.undo_cancel():
                raise
            # The one that was being written may have arrived or not; what is before it has.
            cursor = feed_cursor.encode(written) if written is not None else ""
            refusal: TocsinError = SubscriberTooSlow("the subscriber does not read", cursor=cursor)
        except grpc.aio.InternalError:
            # Writing to a subscriber who has just gone fails before the cancellation of the call arrives, and nobody is
            # left to tell.
            return
        except Exception as error:  # noqa: BLE001 - as above
            refusal = _ours(error, method.full_name)
    if turn is not None:
        await turn(refusal)
    await abort(context, refusal)


def _short_name(method: MethodDescriptor) -> str:
    return f"{method.containing_service.name}/{method.name}"


def _not_implemented(method: MethodDescriptor) -> Callable[[Any, Any], Awaitable[Any]]:
    full_name = name_of(method)

    async def call(_request: Any, _context: Any) -> Any:
        raise NotImplementedYet(f"the RPC {method.name}", full_name)

    return call


def handlers_of(
    descriptor: ServiceDescriptor,
    service: object,
    authenticator: Authenticator,
    watch: WriteWatch,
    refusals: Refusals,
    observer: Observer = UNOBSERVED,
) -> Mapping[str, grpc.RpcMethodHandler[Any, Any]]:
    """Make a handler for each RPC of a service; those that ``service`` lacks answer UNIMPLEMENTED."""
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    for method in descriptor.methods:
        call = getattr(service, method.name, None)
        if call is not None and method.client_streaming:
            handlers[method.name] = _duplex(method, call, authenticator, watch, refusals)
        elif call is not None and method.server_streaming:
            handlers[method.name] = _stream(method, call, authenticator, watch, refusals)
        else:
            handlers[method.name] = _unary(method, call or _not_implemented(method), authenticator, observer, refusals)
    return handlers
