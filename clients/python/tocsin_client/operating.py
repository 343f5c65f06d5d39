"""What operators ask: values of the client for `Client.get_queue` and its neighbours. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tocsin_client.model import ChannelType


@dataclass(frozen=True, slots=True)
class PausedChannel:
    """A channel that sends nothing for the time being: since when, by whose token, and why."""

    channel: ChannelType
    paused_at: datetime
    paused_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProviderQueue:
    """What waits after an attempt at this provider, and how many processes leave it alone, since when and why."""

    provider: str
    retrying_count: int
    open_breaker_count: int
    breaker_open_since: datetime | None
    breaker_code: str


@dataclass(frozen=True, slots=True)
class ChannelQueue:
    """What waits for a channel; each count ends at 10,000."""

    channel: ChannelType
    due_count: int
    oldest_due_at: datetime | None
    leased_count: int
    waiting_count: int
    paused: PausedChannel | None
    providers: tuple[ProviderQueue, ...]


@dataclass(frozen=True, slots=True)
class QueueState:
    """What waits; of the ``late`` ones half the time for a decision is over."""

    channels: tuple[ChannelQueue, ...]
    undecided_count: int
    undecided_late_count: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """The note of what was erased, which says nothing of whom."""

    id: str
    erased_at: datetime
    erased_by: str
    notification_count: int
