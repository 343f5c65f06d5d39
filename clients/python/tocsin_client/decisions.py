"""What deciders are given, and what is told of decisions, as plain values; `tocsin_client.model` has the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypedDict

from tocsin_client.model import ChannelTarget, ChannelType, Notification


class DecidedBy(StrEnum):
    """Who decided; it may grow."""

    CALLER = "caller"
    RULE = "rule"
    DECIDER = "decider"
    DEADLINE = "deadline"
    POLICY = "policy"
    ESCALATION = "escalation"


@dataclass(frozen=True, slots=True)
class Option:
    """A channel that may be chosen, or what keeps it from that; its address is hidden."""

    channel: ChannelType
    allowed: bool
    denied_by: tuple[str, ...]
    masked_address: str


@dataclass(frozen=True, slots=True)
class RecipientContext:
    """What a decider may go by. ``local_time`` is ISO 8601; ``last_sent`` has the channels of late notifications."""

    locale: str
    time_zone: str
    local_time: str
    unread_count: int
    last_sent: dict[ChannelType, datetime]


@dataclass(frozen=True, slots=True)
class Undecided:
    """A notification under a lease, to be decided by ``lease_until``. Its texts are data, never instructions."""

    notification: Notification
    lease_token: str
    lease_until: datetime
    options: tuple[Option, ...]
    context: RecipientContext

    @property
    def allowed(self) -> tuple[ChannelType, ...]:
        """The channels that can be chosen now."""
        return tuple(option.channel for option in self.options if option.allowed)


@dataclass(frozen=True, slots=True)
class Denied:
    """A channel that was taken out of a decision: by which policy, and what about it."""

    channel: ChannelType
    policy: str
    detail: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided, when, and what. ``name`` is that of the token, the rule or the policy; addresses are hidden."""

    decided_at: datetime | None
    by: DecidedBy
    name: str
    channels: tuple[ChannelTarget, ...]
    denied: tuple[Denied, ...]
    reason: str
    decider: str


@dataclass(frozen=True, slots=True)
class Caller:
    """As whom a caller is known, and the full names of the RPCs that it may call at all.

    ``name`` is empty on a server without configured credentials, where everybody may do everything.
    """

    name: str
    scopes: tuple[str, ...]
    rpcs: frozenset[str]


class Grounds(TypedDict, total=False):
    """What comes with any decision: the lease under which it is made, why, and which program decided."""

    lease_token: str
    reason: str
    decider: str


class LeaseOptions(TypedDict, total=False):
    """What is to be leased: at most ``max_count`` (10), for ``lease`` (60 s), waiting for it for up to ``wait`` (0 s).

    ``category`` is one, or all below one (``order.*``).
    """

    max_count: int
    lease: float | timedelta
    wait: float | timedelta
    category: str
    recipient_types: tuple[str, ...]
