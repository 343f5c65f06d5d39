"""What is sent: requests such as a shop makes, each to a recipient of its own under a key of its own."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime

from tocsin.v1 import notification_pb2
from tocsin.v1 import notification_service_pb2 as pb

SEND = "/tocsin.v1.NotificationService/Send"
SEND_BATCH = "/tocsin.v1.NotificationService/SendBatch"

TITLE = "Your order {order} has shipped"
MESSAGE = (
    "Hello, your order {order} left our warehouse this morning and should reach you within two working days. "
    "You can follow the parcel in your account, change the place of delivery until the evening before, and "
    "answer to this message if anything is missing."
)

_numbers = random.Random("tocsin")  # noqa: S311 - the same recipients in every run
_orders: Iterator[int] = iter(range(1, 10**9))


def new_uuid() -> str:
    """Return a random UUID, as the ids of recipients are; the same ones in every run."""
    return str(uuid.UUID(int=_numbers.getrandbits(128), version=4))


def send_request(
    channels: Sequence[notification_pb2.ChannelType],
    *,
    recipient: str | None = None,
    address: str | None = None,
    send_at: datetime | None = None,
) -> pb.SendRequest:
    """Make a request with a key of its own, for a new registered recipient unless one is given.

    ``address`` is where e-mail goes, one derived from the order's number unless given.
    """
    number = next(_orders)
    order = f"ABC{number:07d}"
    request = pb.SendRequest(
        recipient=notification_pb2.Recipient(type=notification_pb2.RECIPIENT_TYPE_USER, id=recipient or new_uuid()),
        title=TITLE.format(order=order),
        message=MESSAGE.format(order=order),
        idempotency_key=f"{order}-{new_uuid()}",
    )
    request.metadata.update({"order_id": order, "items": 3, "express": True})
    for channel in channels:
        target = request.channels.add(channel=channel)
        if channel == notification_pb2.CHANNEL_TYPE_EMAIL:
            target.address = address or f"customer-{number}@example.org"
        elif channel == notification_pb2.CHANNEL_TYPE_TELEGRAM:
            target.address = address or str(100_000_000 + number)
    if send_at is not None:
        request.send_at.FromDatetime(send_at)
    return request


def response_of_size(size: int) -> pb.SendResponse:
    """Make a SendResponse with all that one has, whose serialised form has ``size`` bytes."""
    request = send_request([notification_pb2.CHANNEL_TYPE_WEBSOCKET, notification_pb2.CHANNEL_TYPE_EMAIL])
    response = pb.SendResponse()
    notification = response.notification
    notification.id = new_uuid()
    notification.recipient.CopyFrom(request.recipient)
    notification.title = request.title
    notification.status = notification_pb2.STATUS_PENDING
    notification.metadata.CopyFrom(request.metadata)
    notification.created_at.GetCurrentTime()
    for target in request.channels:
        channel = notification.channels.add(
            id=new_uuid(),
            notification_id=notification.id,
            channel=target.channel,
            status=notification_pb2.STATUS_PENDING,
            address=target.address,
        )
        channel.created_at.CopyFrom(notification.created_at)
    # The message fills up what is missing; the lengths written before it take a few bytes of their own.
    while (missing := size - response.ByteSize()) > 0:
        notification.message += "x" * max(1, missing - 8)
    return response
