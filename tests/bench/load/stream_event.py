"""What the push benchmarks push: the event that a recipient's stream brings of `payload`'s notification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from bench.load import payload

_CURSOR: Final = "ASFYpc51CWY4AAAAAAAAAAE"
_AT: Final = (1_795_377_966, 743_219_000)  # seconds, nanoseconds


def recipients(count: int) -> list[str]:
    """Return the ids of so many new users."""
    return [payload.new_uuid() for _ in range(count)]


def example() -> service_pb.SubscribeResponse:
    """Return the event of a new notification, as a bare server can have it ready."""
    request = send(payload.new_uuid())
    event = service_pb.SubscribeResponse(cursor=_CURSOR, unread_count=1000)
    notification = event.notification
    notification.id = payload.new_uuid()
    notification.recipient.CopyFrom(request.recipient)
    notification.title, notification.message = request.title, request.message
    notification.status = pb.STATUS_PENDING
    notification.metadata.CopyFrom(request.metadata)
    notification.created_at.seconds, notification.created_at.nanos = _AT
    notification.channels.add(
        id=payload.new_uuid(),
        notification_id=notification.id,
        channel=pb.CHANNEL_TYPE_WEBSOCKET,
        status=pb.STATUS_PENDING,
        created_at=notification.created_at,
    )
    return event


def batch(to: Sequence[str]) -> service_pb.SendBatchRequest:
    """Return a request that sends one notification to each of these users; a user may be named several times."""
    return service_pb.SendBatchRequest(requests=[send(recipient) for recipient in to])


def send(to: str) -> service_pb.SendRequest:
    """Return a request that sends one notification to a user's feed, and a new one each time that it is repeated."""
    request = payload.send_request([pb.CHANNEL_TYPE_WEBSOCKET], recipient=to)
    request.ClearField("idempotency_key")
    return request


def subscribe(to: str) -> service_pb.SubscribeRequest:
    """Return a request for a user's feed from now on."""
    return service_pb.SubscribeRequest(recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=to))
