"""Raw calls: the generated stubs, requests in few words, and errors taken apart and held against their document."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb
from tocsin.v1.notification_service_pb2_grpc import NotificationServiceStub

T = TypeVar("T")

USER = pb.RECIPIENT_TYPE_USER
GUEST = pb.RECIPIENT_TYPE_GUEST
WEBSOCKET = pb.CHANNEL_TYPE_WEBSOCKET
EMAIL = pb.CHANNEL_TYPE_EMAIL
TELEGRAM = pb.CHANNEL_TYPE_TELEGRAM
SMS = pb.CHANNEL_TYPE_SMS
PENDING = pb.STATUS_PENDING
SENT = pb.STATUS_SENT
FAILED = pb.STATUS_FAILED

DEADLINE = 60.0
"""Seconds after which a call has failed: never reached unless something hangs."""

_ERROR_REASONS = Path(__file__).parents[2] / "protos" / "tocsin" / "v1" / "error_reason.proto"
_DETAILS_TRAILER = "grpc-status-details-bin"


# -- values --------------------------------------------------------------------------------------


def user() -> pb.Recipient:
    """Return a registered recipient whom no other test knows."""
    return pb.Recipient(type=USER, id=str(uuid.uuid4()))


def targets(*channels: pb.ChannelType | tuple[pb.ChannelType, str]) -> list[pb.ChannelTarget]:
    """Return channels to send through, each alone or with its address."""
    pairs = [channel if isinstance(channel, tuple) else (channel, "") for channel in channels]
    return [pb.ChannelTarget(channel=channel, address=address) for channel, address in pairs]


def request(
    recipient: pb.Recipient | None = None,
    *channels: pb.ChannelType | tuple[pb.ChannelType, str],
    metadata: Mapping[str, Any] | None = None,
    **fields: Any,
) -> service_pb.SendRequest:
    """Return what is sent: by itself a good notification for the feed of a new user."""
    values: dict[str, Any] = {"title": "Order shipped", "message": "It arrives on Friday."} | fields
    if metadata is not None:
        values["metadata"] = struct(metadata)
    return service_pb.SendRequest(recipient=recipient or user(), channels=targets(*channels or (WEBSOCKET,)), **values)


def struct(value: Mapping[str, Any]) -> Struct:
    """Return a JSON object as protobuf has it."""
    message = Struct()
    message.update(dict(value))
    return message


def at(seconds_from_now: float) -> Timestamp:
    """Return a time near the present."""
    nanos = time.time_ns() + round(seconds_from_now * 1e9)
    return Timestamp(seconds=nanos // 10**9, nanos=nanos % 10**9)


def channel_of(notification: pb.Notification, channel: pb.ChannelType) -> pb.Channel:
    """Return a notification's one row of a channel."""
    [row] = [row for row in notification.channels if row.channel == channel]
    return row


# -- errors --------------------------------------------------------------------------------------


class Promise(NamedTuple):
    """What error_reason.proto says of a reason."""

    code: grpc.StatusCode
    keys: frozenset[str]
    retry_info: bool


@functools.cache
def promised() -> Mapping[str, Promise]:
    """Read the document: for each reason its code, the metadata keys of its example, and whether RetryInfo comes."""
    promises: dict[str, Promise] = {}
    comment: list[str] = []
    for line in _ERROR_REASONS.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if text.startswith("//"):
            comment.append(text.removeprefix("//").strip())
            continue
        value = re.match(r"ERROR_REASON_(\w+) = (\d+);", text)
        if value and value[2] != "0":
            words = " ".join(comment)
            code = re.search(r"Code: ([A-Z_]+)(, with RetryInfo)?\.", words)
            example = re.search(r"\{.*\}", words)
            assert code, f"{value[1]} has no code"
            assert example, f"{value[1]} has no example"
            shown = json.loads(example[0])
            assert shown["reason"] == value[1], f"{value[1]} has another reason's example"
            promises[value[1]] = Promise(grpc.StatusCode[code[1]], frozenset(shown["metadata"]), bool(code[2]))
        comment = []
    return promises


@dataclass(frozen=True)
class Refusal:
    """An error of ours. ``violations`` has a description for each bad field."""

    code: grpc.StatusCode
    message: str
    reason: str
    metadata: Mapping[str, str]
    violations: Mapping[str, str]
    retry_after: float | None


def read_status(status: Any) -> Refusal:
    """Take a google.rpc.Status of ours apart, and hold it against what is promised of every error."""
    info, bad_request, retry_info = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), None
    kinds = []
    for detail in status.details:
        kinds.append(detail.type_url.rpartition(".")[2])
        if kinds[-1] == "RetryInfo":
            retry_info = error_details_pb2.RetryInfo()
        target = {"ErrorInfo": info, "BadRequest": bad_request, "RetryInfo": retry_info}[kinds[-1]]
        assert detail.Unpack(target)
    assert sorted(set(kinds)) == sorted(kinds), f"details come once each, not {kinds}"
    assert "ErrorInfo" in kinds
    [code] = [code for code in grpc.StatusCode if code.value[0] == status.code]
    refusal = Refusal(
        code=code,
        message=status.message,
        reason=info.reason,
        metadata=dict(info.metadata),
        violations={violation.field: violation.description for violation in bad_request.field_violations},
        retry_after=retry_info.retry_delay.ToTimedelta().total_seconds() if retry_info is not None else None,
    )
    assert info.domain == "tocsin"
    promise = promised()[info.reason]
    assert code is promise.code
    assert promise.keys <= set(info.metadata), f"{info.reason} promises {set(promise.keys)}, has {refusal.metadata}"
    assert ("BadRequest" in kinds) == (code is grpc.StatusCode.INVALID_ARGUMENT)
    assert (retry_info is not None) == promise.retry_info
    assert promise.retry_info == (code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE))
    assert refusal.retry_after is None or refusal.retry_after > 0
    assert refusal.message
    return refusal


def read_refusal(error: grpc.RpcError) -> Refusal:
    """Take the error of a call apart; it has to be one of ours, with its details."""
    assert isinstance(error, grpc.Call | grpc.aio.AioRpcError), error
    trailers = dict(error.trailing_metadata() or ())
    assert _DETAILS_TRAILER in trailers, f"no details of ours: {error.code()} {error.details()}"
    status = status_pb2.Status.FromString(trailers[_DETAILS_TRAILER])
    refusal = read_status(status)
    assert refusal.code is error.code()
    assert refusal.message == error.details()
    return refusal


def refused(call: Callable[[], object]) -> Refusal:
    """Make a call that has to be refused, and return how it was."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return read_refusal(caught.value)


# -- calling -------------------------------------------------------------------------------------


class Api:
    """A connection to a server, with the raw stub of its service and the commonest calls in few words."""

    def __init__(self, address: str, *options: tuple[str, int]) -> None:
        # The core library shares connections between equal channels; each of these is a client of its own.
        self.channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1), *options])
        self.stub = NotificationServiceStub(self.channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.channel.close()

    def send(self, wanted: service_pb.SendRequest) -> pb.Notification:
        """Send something new, and return it as stored."""
        response = self.stub.Send(wanted, timeout=DEADLINE)
        assert not response.duplicate
        return response.notification

    def send_again(self, wanted: service_pb.SendRequest) -> service_pb.SendResponse:
        """Send something that was sent before under its key, and return the answer."""
        response: service_pb.SendResponse = self.stub.Send(wanted, timeout=DEADLINE)
        assert response.duplicate
        return response

    def batch(self, *wanted: service_pb.SendRequest) -> list[service_pb.SendResult]:
        """Send several in one call, and return their results."""
        response = self.stub.SendBatch(service_pb.SendBatchRequest(requests=wanted), timeout=DEADLINE)
        return list(response.results)

    def get(self, notification_id: str) -> pb.Notification:
        """Read one."""
        return self.stub.Get(service_pb.GetRequest(id=notification_id), timeout=DEADLINE).notification

    def list(self, **fields: Any) -> service_pb.ListResponse:
        """Read a page."""
        return self.stub.List(service_pb.ListRequest(**fields), timeout=DEADLINE)

    def mark(self, **fields: Any) -> service_pb.MarkReadResponse:
        """Mark as read."""
        return self.stub.MarkRead(service_pb.MarkReadRequest(**fields), timeout=DEADLINE)

    def unread(self, recipient: pb.Recipient) -> int:
        """Count what is unread."""
        wanted = service_pb.CountUnreadRequest(recipient=recipient)
        return self.stub.CountUnread(wanted, timeout=DEADLINE).unread_count

    def raw(
        self, method: str, payload: bytes, *, streams: bool = False, metadata: tuple[tuple[str, str], ...] = ()
    ) -> bytes:
        """Send bytes as they are; ``method`` is such as "NotificationService/Send"."""
        path = f"/tocsin.v1.{method}"
        if streams:
            answers = self.channel.unary_stream(path, _as_is, _as_is)(payload, metadata=metadata, timeout=DEADLINE)
            return bytes(next(answers))
        return bytes(self.channel.unary_unary(path, _as_is, _as_is)(payload, metadata=metadata, timeout=DEADLINE))

    def raw_relay(self, payload: bytes) -> Refusal:
        """Send bytes as they are to a relay, and return how that ends it."""
        start = self.channel.stream_stream("/tocsin.v1.RelayService/Relay", _as_is, _as_is)
        return refused(lambda: next(start(iter([payload]), timeout=DEADLINE)))

    def subscribe(self, recipient: pb.Recipient, cursor: str = "", token: str = "") -> Stream:
        """Open a stream."""
        wanted = service_pb.SubscribeRequest(recipient=recipient, cursor=cursor)
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        return Stream(self.stub.Subscribe(wanted, timeout=DEADLINE, metadata=metadata))


def _as_is(payload: bytes) -> bytes:
    return payload


class Stream:
    """A subscriber who keeps the last cursor, as the contract tells it to. Reading waits for the next event."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self.cursor = ""
        self.unread_count = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.cut()

    def event(self) -> service_pb.SubscribeResponse:
        """Return the next event."""
        event: service_pb.SubscribeResponse = next(self._call)
        assert event.WhichOneof("event") is not None
        assert event.cursor
        assert len(event.cursor) <= 128
        self.cursor, self.unread_count = event.cursor, event.unread_count
        return event

    def subscribed(self) -> service_pb.Subscribed:
        """Return the next event, which says that the stream has started."""
        event = self.event()
        assert event.WhichOneof("event") == "subscribed", event
        return event.subscribed

    def notification(self) -> pb.Notification:
        """Return the next event, which is a notification."""
        event = self.event()
        assert event.WhichOneof("event") == "notification", event
        return event.notification

    def ids(self, count: int) -> list[str]:
        """Return the ids of the next notifications."""
        return [self.notification().id for _ in range(count)]

    def read_changed(self) -> service_pb.ReadChanged:
        """Return the next event, which says that something was read."""
        event = self.event()
        assert event.WhichOneof("event") == "read_changed", event
        return event.read_changed

    def ending(self) -> Refusal:
        """Read to the end, keeping the cursor, and return how the stream ended."""
        try:
            while True:
                self.event()
        except grpc.RpcError as error:
            return read_refusal(error)

    def cut(self) -> None:
        """End the stream from this side. Idempotent."""
        self._call.cancel()


@functools.cache
def _client_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="client-loop", daemon=True).start()
    return loop


def run_async(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that makes calls.

    All run on one event loop that is never closed: gRPC has one queue of events for all loops of a process, and
    complains of those that come for a loop after its end.
    """
    return asyncio.run_coroutine_threadsafe(coroutine, _client_loop()).result(2 * DEADLINE)


class AioApi:
    """The same for coroutines, which `run_async` runs."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        self.stub = NotificationServiceStub(self.channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.channel.close()


def ids_of(notifications: Iterable[pb.Notification]) -> list[str]:
    """Return ids in order."""
    return [notification.id for notification in notifications]
