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

How it is built, from the inside out: ``model``, ``decisions``, ``trials``, ``operating`` and ``errors`` are values, and
``plain`` shows them as JSON; ``convert`` is the only module that reads and writes protobuf messages; ``calls``
describes each RPC; ``backoff``, ``resume`` and ``bulk`` decide what happens after a failure, and what goes together,
without doing it; ``transport`` opens channels, and ``reach`` finds out why one cannot be opened. ``client`` with
``subscription`` and ``bulk_sender``, and ``aio`` with ``aio_connection``, ``aio_subscription`` and
``aio_bulk_sender``, are two thin shells that carry all this out. ``relaying`` has what a
program needs beside the clients that passes feeds on to others.
"""

from tocsin_client.aio import AsyncClient
from tocsin_client.aio_bulk_sender import AsyncBulkSender
from tocsin_client.aio_subscription import AsyncSubscription
from tocsin_client.backoff import Backoff
from tocsin_client.bulk import BulkOptions
from tocsin_client.bulk_sender import BulkSender
from tocsin_client.client import Client
from tocsin_client.decisions import (
    Caller,
    DecidedBy,
    Decision,
    Denied,
    Grounds,
    LeaseOptions,
    Option,
    RecipientContext,
    Undecided,
)
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
    Attempt,
    AttemptOutcome,
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
    StrategyGoal,
    StrategyKind,
    Subscribed,
    UnreadCount,
)
from tocsin_client.operating import ChannelQueue, Erasure, PausedChannel, ProviderQueue, QueueState
from tocsin_client.plain import as_plain
from tocsin_client.subscription import Subscription
from tocsin_client.transport import Tls
from tocsin_client.trials import (
    Backtest,
    BacktestExample,
    ChannelChange,
    RuleTrial,
    Simulation,
)

__all__ = [
    "Aborted",
    "Accepted",
    "AlreadyExists",
    "AsyncBulkSender",
    "AsyncClient",
    "AsyncSubscription",
    "Attempt",
    "AttemptOutcome",
    "Backoff",
    "Backtest",
    "BacktestExample",
    "BulkOptions",
    "BulkSender",
    "Caller",
    "Cancelled",
    "Channel",
    "ChannelChange",
    "ChannelQueue",
    "ChannelTarget",
    "ChannelType",
    "Client",
    "Contact",
    "DataLoss",
    "DeadlineExceeded",
    "DecidedBy",
    "Decision",
    "Denied",
    "Draft",
    "Erasure",
    "Event",
    "FailedPrecondition",
    "Grounds",
    "Internal",
    "InvalidArgument",
    "LeaseOptions",
    "ListFilter",
    "MarkedRead",
    "NotFound",
    "Notification",
    "NotificationEvent",
    "Option",
    "OutOfRange",
    "Page",
    "PausedChannel",
    "PermissionDenied",
    "ProviderQueue",
    "QueueState",
    "ReadChanged",
    "Recipient",
    "RecipientContext",
    "RecipientType",
    "ResourceExhausted",
    "RuleTrial",
    "SendOptions",
    "Simulation",
    "Status",
    "StrategyGoal",
    "StrategyKind",
    "Subscribed",
    "Subscription",
    "Tls",
    "TocsinError",
    "Unauthenticated",
    "Unavailable",
    "Undecided",
    "Unimplemented",
    "Unknown",
    "UnreadCount",
    "Violation",
    "as_plain",
]
