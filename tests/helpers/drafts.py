"""Made-up values of the domain, each good as it is; a test names only what it is about."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tocsin_server.domain.errors import TocsinError
from tocsin_server.domain.model import (
    MICROS_PER_SECOND,
    Channel,
    ChannelDraft,
    ChannelType,
    ClaimedChannel,
    Goal,
    Json,
    Micros,
    Notification,
    NotificationDraft,
    Recipient,
    RecipientType,
    Status,
    Strategy,
    StrategyKind,
)

WEBSOCKET, EMAIL = ChannelType.WEBSOCKET, ChannelType.EMAIL
TELEGRAM, SMS = ChannelType.TELEGRAM, ChannelType.SMS
PENDING, SENT, FAILED = Status

NOON: Micros = 1_767_268_800 * MICROS_PER_SECOND
"""2026-01-01T12:00:00Z."""

NOTIFICATION_ID = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"
CHANNEL_ID = "01926f3e-7c1b-7000-8000-000000000001"

ADDRESSES = {EMAIL: "ann@example.org", TELEGRAM: "@ann_example", SMS: "+15550100"}

GUEST = Recipient(RecipientType.GUEST, None)
"""Somebody who is not registered."""


def user() -> Recipient:
    """Return a registered recipient whom no other test knows."""
    return Recipient(RecipientType.USER, str(uuid.uuid4()))


def draft(
    *channels: ChannelType,
    recipient: Recipient | None = None,
    title: str = "Order shipped",
    message: str = "It arrives on Friday.",
    metadata: Json | None = None,
    send_at: Micros | None = None,
    expires_at: Micros | None = None,
    caller: str = "",
    key: str = "",
    digest: str = "",
    refusal: TocsinError | None = None,
    category: str = "",
) -> NotificationDraft:
    """Return a draft for the feed, or for the channels named, of a new user.

    With a key, its digest follows from title and message unless one is given.
    """
    return NotificationDraft(
        recipient=recipient or user(),
        title=title,
        message=message,
        metadata=metadata,
        channels=[ChannelDraft(channel, ADDRESSES.get(channel)) for channel in channels or (WEBSOCKET,)],
        send_at=send_at,
        expires_at=expires_at,
        caller=caller,
        idempotency_key=key,
        digest=digest or (f"1:{title}/{message}" if key else ""),
        refusal=refusal,
        category=category,
    )


def undecided(
    *, route_by: Micros, addresses: Mapping[ChannelType, str] | None = None, **fields: Any
) -> NotificationDraft:
    """Return a draft that waits for a decision about its channels."""
    return draft(**fields)._replace(channels=(), route_by=route_by, addresses=addresses or {})


def fallback(
    *channels: ChannelType, after: float | Sequence[float | None] | None = None, goal: Goal = Goal.READ, **fields: Any
) -> NotificationDraft:
    """Return a draft whose channels are steps; ``after`` are the seconds of all of them, or of each."""
    wanted = draft(*channels, **fields)
    if isinstance(after, Sequence):
        steps = [
            step._replace(escalate_after=None if one is None else int(one * MICROS_PER_SECOND))
            for step, one in zip(wanted.channels, after, strict=True)
        ]
        return wanted._replace(channels=steps, strategy=Strategy(StrategyKind.FALLBACK, None, goal))
    patience = None if after is None else int(after * MICROS_PER_SECOND)
    return wanted._replace(strategy=Strategy(StrategyKind.FALLBACK, patience, goal))


def channel(kind: ChannelType = EMAIL, status: Status = PENDING, **changes: Any) -> Channel:
    """Return a stored channel."""
    row = Channel(
        id=CHANNEL_ID,
        notification_id=NOTIFICATION_ID,
        channel=kind,
        status=status,
        attempts=0,
        response=None,
        created_at=NOON,
        address=ADDRESSES.get(kind),
        next_attempt_at=None,
    )
    return replace(row, **changes)


def notification(*channels: Channel, **changes: Any) -> Notification:
    """Return a stored notification."""
    stored = Notification(
        id=NOTIFICATION_ID,
        recipient=Recipient(RecipientType.USER, "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"),
        title="Order shipped",
        message="It arrives on Friday.",
        status=PENDING,
        metadata=None,
        is_read=False,
        created_at=NOON,
        channels=channels,
    )
    return replace(stored, **changes)


def claim(**changes: Any) -> ClaimedChannel:
    """Return a row of an e-mail that is about to be sent for the first time."""
    row = ClaimedChannel(
        id=CHANNEL_ID,
        notification_id=NOTIFICATION_ID,
        channel=EMAIL,
        address=ADDRESSES[EMAIL],
        title="Order shipped",
        message="It arrives on Friday.",
        metadata=None,
        attempts=0,
        attempt_limit=12,
        response=None,
        created_at=NOON,
        expires_at=None,
        token="01926f3e-7c1c-7000-8000-000000000001",
        lease_until=NOON + 60 * MICROS_PER_SECOND,
        taken_over=False,
    )
    return row._replace(**changes)


def dice(seed: int) -> random.Random:
    """Return choices that are the same at every run."""
    return random.Random(seed)  # noqa: S311 - guards nothing


def ids_of(notifications: Sequence[Notification]) -> list[str]:
    """Return ids in order."""
    return [stored.id for stored in notifications]
