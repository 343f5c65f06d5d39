"""A real gRPC server on a real port that answers exactly what a test tells it to.

::

    with ScriptedServer() as server:
        server.script("Get", Refusal(grpc.StatusCode.UNAVAILABLE), pb.GetResponse(...))
        client = Client(server.address)
        ...
        assert [call.request.id for call in server.calls("Get")] == [...]

A script is a queue of steps per RPC, one step for each call; a call without a step left is refused with
UNIMPLEMENTED. A step for a unary RPC is a response message, a `Refusal`, `SILENCE`, or a function that takes the
request and returns one of these. A step for Subscribe is a sequence of response messages that may end with a
`Refusal` or `SILENCE`; without either, the stream ends with OK.

A subscription of RelayService.Relay counts as a call of Subscribe, and takes its steps. The stream itself has none,
unless a test scripts a `Refusal` of "Relay"; receipts are kept in ``receipts``.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from tocsin.v1 import (
    contact_service_pb2,
    notification_pb2,
    notification_service_pb2,
    operator_service_pb2,
    relay_service_pb2,
)

PATIENCE: Final = 60.0
"""Seconds after which a test that waits for the server fails, instead of hanging."""


class _Silence:
    """The step that never answers: it waits until the caller leaves."""


SILENCE: Final = _Silence()


@dataclass(frozen=True)
class Refusal:
    """The step that fails the call, with the details that a Tocsin server attaches."""

    code: grpc.StatusCode
    message: str = "as the test wishes"
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[tuple[str, str]] = ()
    retry_after: float | None = None
    domain: str = "tocsin"
    garbage: str = ""
    """What stands in place of the details: the trailer's bytes as hexadecimal digits."""

    def status(self) -> Any:
        """Return the google.rpc.Status."""
        details = []
        if self.reason:
            details.append(
                error_details_pb2.ErrorInfo(reason=self.reason, domain=self.domain, metadata=dict(self.metadata))
            )
        if self.violations:
            entries = [
                error_details_pb2.BadRequest.FieldViolation(field=name, description=description)
                for name, description in self.violations
            ]
            details.append(error_details_pb2.BadRequest(field_violations=entries))
        if self.retry_after is not None:
            delay = Duration(nanos=round(self.retry_after % 1 * 1e9), seconds=math.floor(self.retry_after))
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        packed = []
        for detail in details:
            message = AnyMessage()
            message.Pack(detail)
            packed.append(message)
        return status_pb2.Status(code=self.code.value[0], message=self.message, details=packed)

    async def abort(self, context: Any) -> None:
        """Fail the call; never returns."""
        status = self.status()
        details = bytes.fromhex(self.garbage) or (status.SerializeToString() if status.details else b"")
        trailers = (("grpc-status-details-bin", details),) if details else ()
        await context.abort(self.code, self.message, trailing_metadata=trailers)


@dataclass(frozen=True)
class Received:
    """A call as it arrived: its request, its metadata, and the seconds that its deadline left (None: no deadline)."""

    rpc: str
    request: Any
    metadata: Mapping[str, str]
    time_remaining: float | None


class ScriptedServer(grpc.GenericRpcHandler):
    """See the module. Use it as a context; it has a thread and an event loop of its own."""

    def __init__(self, credentials: grpc.ServerCredentials | None = None) -> None:
        self._credentials = credentials
        self._steps: dict[str, deque[Any]] = defaultdict(deque)
        self._received: list[Received] = []
        self.receipts: list[tuple[int, int]] = []
        self._relays = 0
        self._left = 0  # streams and silent calls that their caller ended
        self._changed = threading.Condition()
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._server: Any = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="scripted-server")

    # -- for tests ---------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """Where it listens; ``localhost`` with TLS, so that certificates fit."""
        return f"{'localhost' if self._credentials else '127.0.0.1'}:{self._port}"

    def script(self, rpc: str, *steps: Any) -> None:
        """Append steps to the queue of an RPC."""
        self._steps[rpc].extend(steps)

    def calls(self, rpc: str) -> list[Received]:
        """Return the calls of an RPC so far."""
        with self._changed:
            return [call for call in self._received if call.rpc == rpc]

    @property
    def relays(self) -> int:
        """How many streams of RelayService have been opened."""
        return self._relays

    def wait_for_receipt(self) -> tuple[int, int]:
        """Wait for the next receipt; returns the id of its subscription, and the bytes."""
        self._wait(lambda: bool(self.receipts), "a receipt")
        return self.receipts.pop(0)

    def wait_for_calls(self, rpc: str, count: int) -> list[Received]:
        """Wait until an RPC was called so many times; returns the calls."""
        self._wait(lambda: len(self.calls(rpc)) >= count, f"{count} calls of {rpc}")
        return self.calls(rpc)

    def wait_for_departures(self, count: int) -> None:
        """Wait until so many callers have ended a stream, or a call, that was still open."""
        self._wait(lambda: self._left >= count, f"{count} callers to leave")

    def restart(self) -> None:
        """Break every connection, then listen on the same port again."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Break every connection and listen no more."""
        self._run(self._server.stop(None))

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._run(self._start())

    # -- the server --------------------------------------------------------------------------------

    def service(self, details: Any) -> Any:
        """Return the handler of a method; gRPC calls this for each call."""
        service_name, _, rpc = details.method.rpartition("/")
        for module in (notification_service_pb2, contact_service_pb2, operator_service_pb2, relay_service_pb2):
            service = module.DESCRIPTOR.services_by_name.get(service_name.rpartition(".")[2])
            if service is not None and rpc in service.methods_by_name:
                method = service.methods_by_name[rpc]
                handler, behaviour = {
                    "Subscribe": (grpc.unary_stream_rpc_method_handler, self._stream),
                    "Relay": (grpc.stream_stream_rpc_method_handler, self._relay),
                }.get(rpc, (grpc.unary_unary_rpc_method_handler, self._unary(rpc)))
                return handler(
                    behaviour,
                    request_deserializer=GetMessageClass(method.input_type).FromString,
                    response_serializer=GetMessageClass(method.output_type).SerializeToString,
                )
        return None

    def _unary(self, rpc: str) -> Callable[[Any, Any], Any]:
        async def answer(request: Any, context: Any) -> Any:
            step = self._next_step(rpc, request, _metadata(context), context.time_remaining())
            with self._departures():
                return await self._take(step(request) if callable(step) else step, context)

        return answer

    async def _stream(self, request: Any, context: Any) -> None:
        steps = self._next_step("Subscribe", request, _metadata(context), context.time_remaining())
        # Written from here instead of yielded: a generator would not notice that its caller left during a write.
        with self._departures():
            for step in [steps] if isinstance(steps, Refusal) else steps:
                await context.write(await self._take(step, context))

    async def _relay(self, requests: Any, context: Any) -> None:
        with self._changed:
            self._relays += 1
        if self._steps["Relay"]:
            await self._steps["Relay"].popleft().abort(context)
        subscriptions: dict[int, asyncio.Task[None]] = {}
        writing = asyncio.Lock()

        async def write(**fields: Any) -> None:
            async with writing:
                await context.write(relay_service_pb2.RelayResponse(**fields))

        try:
            async for request in requests:
                for opening in request.openings:
                    subscriptions[opening.id] = asyncio.create_task(self._relayed(opening, write))
                for closed in request.closings:
                    subscriptions.pop(closed).cancel()
                with self._changed:
                    self.receipts.extend((receipt.id, receipt.bytes) for receipt in request.receipts)
                    self._changed.notify_all()
        finally:
            for task in subscriptions.values():
                task.cancel()
            await asyncio.gather(*subscriptions.values(), return_exceptions=True)

    async def _relayed(self, opening: Any, write: Callable[..., Any]) -> None:
        metadata = {"authorization": f"Bearer {opening.token}"} if opening.token else {}
        steps = self._next_step("Subscribe", opening.subscribe, metadata, None)
        with self._departures():
            for step in [steps] if isinstance(steps, Refusal) else steps:
                if isinstance(step, Refusal):
                    await write(endings=[relay_service_pb2.RelayEnding(id=opening.id, status=step.status())])
                elif step is SILENCE:
                    await asyncio.Event().wait()
                else:
                    data = step if isinstance(step, bytes) else step.SerializeToString()
                    await write(events=[relay_service_pb2.RelayEvent(ids=[opening.id], event=data)])

    async def _take(self, step: Any, context: Any) -> Any:
        if isinstance(step, Refusal):
            await step.abort(context)
        if step is SILENCE:
            await asyncio.Event().wait()
        return step

    @contextmanager
    def _departures(self) -> Iterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            with self._changed:
                self._left += 1
                self._changed.notify_all()
            raise

    def _next_step(self, rpc: str, request: Any, metadata: Mapping[str, str], time_remaining: float | None) -> Any:
        with self._changed:
            self._received.append(Received(rpc, request, metadata, time_remaining))
            self._changed.notify_all()
        steps = self._steps[rpc]
        return steps.popleft() if steps else Refusal(grpc.StatusCode.UNIMPLEMENTED, f"no step for {rpc} is left")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), f"waited {PATIENCE:g} s for {what}"

    async def _start(self) -> None:
        # Without SO_REUSEPORT a second server cannot take the port by accident.
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        address = f"127.0.0.1:{self._port}"
        if self._credentials is None:
            self._port = self._server.add_insecure_port(address)
        else:
            self._port = self._server.add_secure_port(address, self._credentials)
        await self._server.start()

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


def _metadata(context: Any) -> Mapping[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


# -- messages to answer with -----------------------------------------------------------------------

USER_ID: Final = "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"
NOTIFICATION_ID: Final = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"
CREATED: Final = datetime(2026, 1, 31, 8, 15, 0, 250_000, tzinfo=UTC)


def timestamp(at: datetime = CREATED) -> Timestamp:
    """Return a time as a message."""
    message = Timestamp()
    message.FromDatetime(at)
    return message


def struct(values: Mapping[str, Any]) -> Struct:
    """Return a JSON object as a message."""
    message = Struct()
    message.update(values)
    return message


def notification(notification_id: str = NOTIFICATION_ID, **fields: Any) -> notification_pb2.Notification:
    """Return a notification that has been sent, except for the fields that the test gives."""
    whole: dict[str, Any] = {
        "id": notification_id,
        "recipient": notification_pb2.Recipient(type=notification_pb2.RECIPIENT_TYPE_USER, id=USER_ID),
        "title": "Your order has shipped",
        "message": "It should arrive on Tuesday.",
        "status": notification_pb2.STATUS_SENT,
        "created_at": timestamp(),
    }
    return notification_pb2.Notification(**{**whole, **fields})


def channel(kind: str, status: str = "sent", **fields: Any) -> notification_pb2.Channel:
    """Return a channel by its words, such as ``channel("email", "failed", attempts=3)``."""
    whole: dict[str, Any] = {
        "id": f"channel-{kind}",
        "notification_id": NOTIFICATION_ID,
        "channel": notification_pb2.ChannelType.Value(f"CHANNEL_TYPE_{kind.upper()}"),
        "status": notification_pb2.Status.Value(f"STATUS_{status.upper()}"),
        "created_at": timestamp(),
    }
    return notification_pb2.Channel(**{**whole, **fields})


def subscribed(cursor: str, *, recovered: bool = True, unread: int = 0) -> Any:
    """Return the event that starts a stream."""
    start = notification_service_pb2.Subscribed(recovered=recovered)
    return notification_service_pb2.SubscribeResponse(cursor=cursor, unread_count=unread, subscribed=start)


def arrived(cursor: str, *, unread: int = 1, **fields: Any) -> Any:
    """Return the event of a notification."""
    return notification_service_pb2.SubscribeResponse(
        cursor=cursor, unread_count=unread, notification=notification(**fields)
    )


def read_changed(cursor: str, *ids: str, unread: int = 0) -> Any:
    """Return the event of notifications that were read."""
    changed = notification_service_pb2.ReadChanged(ids=ids, read_at=timestamp())
    return notification_service_pb2.SubscribeResponse(cursor=cursor, unread_count=unread, read_changed=changed)


def heartbeat(cursor: str) -> Any:
    """Return a heartbeat."""
    beat = notification_service_pb2.Heartbeat()
    return notification_service_pb2.SubscribeResponse(cursor=cursor, heartbeat=beat)
