"""What waits for a decision, and the decisions about it, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tocsin_server.domain.model import (
    PARALLEL,
    ChannelType,
    Decision,
    LimitUse,
    Micros,
    Notification,
    RecipientType,
    Strategy,
)

SUPPRESSED, HELD, REFUSED = "SUPPRESSED", "HELD", "REFUSED"
"""Words of the server for decisions without channels; a decider's reason comes after them."""


class UndecidedFilter(NamedTuple):
    """What a decider takes of what is undecided; empty fields do not restrict. ``category`` as in a list's filter."""

    category: str = ""
    recipient_types: Sequence[RecipientType] = ()


class UndecidedLease(NamedTuple):
    """Ask for up to ``limit`` undecided notifications, of which ``holder`` has each for ``lease`` microseconds."""

    wanted: UndecidedFilter
    limit: int
    lease: Micros
    holder: str


class UndecidedItem(NamedTuple):
    """A notification that waits for a decision. ``addresses`` came with it.

    ``lease_token`` names the lease under which ``holder`` has it, which ends at ``available_at``; empty without one.
    """

    notification: Notification
    addresses: Mapping[ChannelType, str]
    available_at: Micros
    lease_token: str = ""
    holder: str = ""


class Waiting(NamedTuple):
    """What could be given to a decider now, oldest first, and when something next could, None if nothing will."""

    available: Sequence[UndecidedKind]
    next_at: Micros | None


class UndecidedKind(NamedTuple):
    """What filters of deciders look at."""

    category: str
    recipient_type: RecipientType


class Ruling(NamedTuple):
    """A decision about a notification that is undecided, to be carried out.

    ``decision`` has the channels that policies left; with none the notification fails, unless ``hold_until`` says to
    decide later. ``caller`` and ``digest`` are whose it is and what was asked for, to tell a repetition from another
    decision; ``digest`` is None for the rules. ``lease_token`` is that under which the caller has it, empty for none.
    """

    notification_id: str
    decision: Decision
    strategy: Strategy = PARALLEL
    hold_until: Micros | None = None
    caller: str = ""
    digest: str | None = None
    lease_token: str = ""
    limits: Sequence[LimitUse] = ()


class Explained(NamedTuple):
    """Who decided about a notification, oldest first. ``callers`` decided or hold it, by Route and LeaseUndecided."""

    notification: Notification
    decisions: Sequence[Decision]
    callers: frozenset[str]


class RecipientActivity(NamedTuple):
    """What a decider may go by: how much is unread, and when something was last sent through each channel."""

    unread_count: int
    last_sent: Mapping[ChannelType, Micros]
