"""Client for Tocsin, a self-hosted notification service.

::

    from tocsin_client import Client

    with Client("127.0.0.1:50051") as client:
        accepted = client.send(
            ("user", "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"),
            title="Your order has shipped",
            message="It should arrive on Tuesday.",
            channels=["websocket", ("email", "ann@example.org")],
            metadata={"order_id": "ABC123"},
        )
        print(client.get(accepted.notification.id).status)

        with client.subscribe(("user", "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10")) as events:
            for event in events:
                print(event)

`AsyncClient` has the same verbs for asyncio. Everything goes in and comes out as plain values (`tocsin_client.model`
describes them), and what fails raises a `TocsinError` (`tocsin_client.errors` draws the tree).

How it is built, from the inside out: ``model`` and ``errors`` are values; ``convert`` is the only module that reads
and writes protobuf messages; ``calls`` describes each RPC; ``backoff`` and ``resume`` decide what happens after a
failure, without doing it; ``transport`` opens channels. ``client`` with ``subscription``, and ``aio`` with
``aio_line`` and ``aio_subscription``, are two thin shells that carry all this out.
"""

from tocsin_client.aio import AsyncClient
from tocsin_client.aio_subscription import AsyncSubscription
from tocsin_client.backoff import Backoff
from tocsin_client.client import Client
from tocsin_client.errors import (
    Aborted,
    AlreadyExists,
    Cancelled,
    DataLoss,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    OutOfRange,
    PermissionDenied,
    ResourceExhausted,
    TocsinError,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    Unknown,
    Violation,
)
from tocsin_client.model import (
    Accepted,
    Channel,
    ChannelTarget,
    ChannelType,
    Contact,
    Draft,
    Event,
    ListFilter,
    MarkedRead,
    Notification,
    NotificationEvent,
    Page,
    ReadChanged,
    Recipient,
    RecipientType,
    SendOptions,
    Status,
    StrategyKind,
    Subscribed,
)
from tocsin_client.plain import as_plain
from tocsin_client.subscription import Subscription
from tocsin_client.transport import Tls

__all__ = [
    "Aborted",
    "Accepted",
    "AlreadyExists",
    "AsyncClient",
    "AsyncSubscription",
    "Backoff",
    "Cancelled",
    "Channel",
    "ChannelTarget",
    "ChannelType",
    "Client",
    "Contact",
    "DataLoss",
    "DeadlineExceeded",
    "Draft",
    "Event",
    "FailedPrecondition",
    "Internal",
    "InvalidArgument",
    "ListFilter",
    "MarkedRead",
    "NotFound",
    "Notification",
    "NotificationEvent",
    "OutOfRange",
    "Page",
    "PermissionDenied",
    "ReadChanged",
    "Recipient",
    "RecipientType",
    "ResourceExhausted",
    "SendOptions",
    "Status",
    "StrategyKind",
    "Subscribed",
    "Subscription",
    "Tls",
    "TocsinError",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "Unknown",
    "Violation",
    "as_plain",
]
