"""Plain values of the domain and the rules between them; no I/O, no third-party imports.

Units, everywhere inside the server:

- a **time** (``Micros``) is an integer, microseconds since the Unix epoch, UTC;
- a **duration** is a float of seconds, unless its name says otherwise;
- an **id** is a UUID in its canonical form of 36 lower-case characters.

Integers and strings cross SQLite, PostgreSQL, protobuf and JSON without loss and without a conversion on the
way; they become `Timestamp`, `timestamptz` or text only at the edge that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from sys import getsizeof
from typing import Any, NamedTuple, TypeAlias

from tocsin_server.domain.errors import TocsinError

Micros: TypeAlias = int
"""Microseconds since 1970-01-01T00:00:00Z."""

EARLIEST: Micros = 0
LATEST: Micros = 253_402_300_799_999_999
"""The end of the year 9999, the last time that a protobuf Timestamp and Python's datetime hold."""

Json: TypeAlias = Mapping[str, Any]
"""A JSON object."""

MICROS_PER_SECOND = 1_000_000


class RecipientType(StrEnum):
    """Which of the callers' own tables a recipient's id belongs to."""

    USER = "user"
    GUEST = "guest"
    POTENTIAL_CUSTOMER = "potential_customer"
    PARTNER = "partner"
    OTHER = "other"


class ChannelType(StrEnum):
    """A way to reach a recipient."""

    WEBSOCKET = "websocket"
    EMAIL = "email"
    TELEGRAM = "telegram"
    SMS = "sms"


class Status(StrEnum):
    """State of a channel row or of a whole notification."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


class StrategyKind(StrEnum):
    """How several channels work together."""

    PARALLEL = "parallel"
    FALLBACK = "fallback"


class Goal(StrEnum):
    """What the steps of a fallback are for: that the notification is read, or that one of them is sent."""

    READ = "read"
    SENT = "sent"


class DecidedBy(StrEnum):
    """Who decided about channels."""

    CALLER = "caller"
    RULE = "rule"
    DECIDER = "decider"
    DEADLINE = "deadline"
    POLICY = "policy"
    ESCALATION = "escalation"


class Recipient(NamedTuple):
    """Whom a notification is for. ``id`` is None for somebody who is not registered."""

    type: RecipientType
    id: str | None

    @property
    def registered(self) -> bool:
        """Whether this recipient can have a feed and stored contacts."""
        return self.id is not None


NOBODY = Recipient(RecipientType.OTHER, None)
"""Somebody of whom nothing is known."""


@dataclass(slots=True)
class Channel:
    """One row of ``notification_channels``: one way by which one notification goes out."""

    id: str
    notification_id: str
    channel: ChannelType
    status: Status
    attempts: int
    response: Json | None
    created_at: Micros
    address: str | None
    next_attempt_at: Micros | None


@dataclass(slots=True)
class Notification:
    """One row of ``notifications`` with its channels.

    ``sequence`` is the place of its latest change in the recipient's feed, None while it is not in the feed.
    ``owner`` is who sent it, empty if there was no authentication then. ``route_by`` is set while nobody has decided
    about its channels. ``traceparent`` is what its sending is traced by, in the form of W3C Trace Context, if it is.
    """

    id: str
    recipient: Recipient
    title: str
    message: str
    status: Status
    metadata: Json | None
    is_read: bool
    created_at: Micros
    read_at: Micros | None = None
    send_at: Micros | None = None
    expires_at: Micros | None = None
    sequence: int | None = None
    owner: str = ""
    channels: Sequence[Channel] = ()
    category: str = ""
    route_by: Micros | None = None
    traceparent: str | None = None


class ChannelDraft(NamedTuple):
    """A channel that was named, or was chosen for a notification to go out by.

    ``address`` is None where it is still to be looked up, and for websocket, which has none. ``escalate_after`` is the
    time that it gets as a step of a fallback before the next one starts, in microseconds. ``not_before`` is the
    beginning of the hours in which a policy lets it be sent.
    """

    channel: ChannelType
    address: str | None
    escalate_after: Micros | None = None
    not_before: Micros | None = None


class Strategy(NamedTuple):
    """How the channels of a notification work together. ``escalate_after``: of steps that have none of their own."""

    kind: StrategyKind = StrategyKind.PARALLEL
    escalate_after: Micros | None = None
    goal: Goal = Goal.READ


PARALLEL = Strategy()


class Denial(NamedTuple):
    """A channel that was taken out of a decision: by which policy, and what about it in words."""

    channel: ChannelType
    policy: str
    detail: str


class Decision(NamedTuple):
    """Who decided about a notification, and what.

    ``name`` is that of the caller, the rule or the policy; ``channels`` are those that were chosen and allowed.
    ``decided_at`` is None for one that is still to be stored.
    """

    by: DecidedBy
    name: str
    channels: Sequence[ChannelDraft]
    denied: Sequence[Denial] = ()
    reason: str = ""
    decider: str = ""
    decided_at: Micros | None = None


class LimitUse(NamedTuple):
    """A channel of a draft that counts towards a policy's limit, in the transaction that stores it.

    The count is kept for each ``policy``, ``key`` (of the recipient, caller or decider; empty for all) and window,
    which begins at ``window`` and ends at ``ends``. At ``limit`` the channel is refused.
    """

    policy: str
    key: str
    channel: ChannelType
    limit: int
    window: Micros
    ends: Micros


class Contact(NamedTuple):
    """How a registered recipient can be reached. ``external_id`` is what the caller calls them, if not by a UUID."""

    recipient: Recipient
    external_id: str | None
    addresses: Mapping[ChannelType, str]
    locale: str = ""
    time_zone: str = ""
    updated_at: Micros = 0


class ContactPage(NamedTuple):
    """Part of all contacts, in the order of their recipients; ``more`` says whether a further part follows."""

    contacts: list[Contact]
    more: bool = False


class Submission(NamedTuple):
    """What a caller asks to be sent, checked and unchanged: nobody has chosen channels yet.

    ``named`` are the channels that the caller named, ``addresses`` further ones of the recipient. For the rest see
    `NotificationDraft`.

    (These are tuples since one of each is made for every Send: a frozen dataclass takes a microsecond longer.)
    """

    recipient: Recipient
    title: str
    message: str
    metadata: Json | None
    metadata_json: str | None
    named: Sequence[ChannelDraft]
    addresses: Mapping[ChannelType, str]
    send_at: Micros | None
    expires_at: Micros | None
    caller: str
    idempotency_key: str
    digest: str
    category: str = ""
    strategy: Strategy = PARALLEL
    route_by: Micros | None = None
    """When rules decide, if it is for somebody else to decide until then; None if it is decided at once."""
    traceparent: str | None = None


class NotificationDraft(NamedTuple):
    """A submission that was routed, ready to be stored: ``channels`` are those it goes out by, with their addresses.

    ``idempotency_key`` is empty when the caller gave none; ``digest`` then is empty too. ``caller`` is who the key and
    the notification belong to (empty while authentication is off). ``metadata_json`` is ``metadata`` as JSON text where
    the reader of the request has that already. ``refusal`` is why the draft cannot be accepted as things stand now (its
    time is over, a provider is gone); an earlier notification of the same key is found all the same.

    With a fallback ``strategy`` the ``channels`` are its steps, of which the first begins. With ``route_by`` there are
    none yet, and ``addresses`` are what is known for whoever decides. ``decision`` is what Explain shall tell, None
    where the notification itself tells it: its caller named channels, and got them. ``limits`` are counted.
    """

    recipient: Recipient
    title: str
    message: str
    metadata: Json | None
    channels: Sequence[ChannelDraft]
    send_at: Micros | None = None
    expires_at: Micros | None = None
    caller: str = ""
    idempotency_key: str = ""
    digest: str = ""
    metadata_json: str | None = None
    refusal: TocsinError | None = None
    category: str = ""
    strategy: Strategy = PARALLEL
    route_by: Micros | None = None
    addresses: Mapping[ChannelType, str] | None = None
    decision: Decision | None = None
    limits: Sequence[LimitUse] = ()
    traceparent: str | None = None


class Accepted(NamedTuple):
    """Answer of the store to a draft: the stored notification, and whether an earlier call had stored it."""

    notification: Notification
    duplicate: bool


class ClaimedChannel(NamedTuple):
    """A channel row that this process holds under a lease, with all that sending it needs.

    ``token`` fences the result: it is written only while the row still carries this token. ``attempts`` are
    those made before this one; ``attempt_limit`` is the row's budget. ``taken_over`` says that an earlier
    holder's lease had run out, so that the outcome of its attempt is unknown; ``cancelled`` that it must not be sent;
    ``unless_read`` that it must not be once the notification is read, for which to look just before.
    """

    id: str
    notification_id: str
    channel: ChannelType
    address: str
    title: str
    message: str
    metadata: Json | None
    attempts: int
    attempt_limit: int
    response: Json | None
    created_at: Micros
    expires_at: Micros | None
    token: str
    lease_until: Micros
    taken_over: bool
    cancelled: bool = False
    send_at: Micros | None = None
    unless_read: bool = False
    category: str = ""
    recipient: Recipient = NOBODY
    traceparent: str | None = None

    @property
    def ready_at(self) -> Micros:
        """When the message was to go out: the time it was scheduled for, unless that was over when it came."""
        return max(self.created_at, self.send_at or 0)


class ChannelResult(NamedTuple):
    """What becomes of a claimed row: its next state. ``due_at`` is None once it is settled.

    ``address`` replaces the row's address when the provider told us a new one. ``denial`` is why a policy of the last
    moment kept it from being sent, for Explain to tell.
    """

    channel_id: str
    notification_id: str
    token: str
    status: Status
    attempts: int
    response: Json | None
    due_at: Micros | None
    address: str | None = None
    denial: Denial | None = None


class FeedPosition(NamedTuple):
    """A place in one recipient's feed: after the change numbered ``sequence`` of the feed's ``epoch``.

    The beginning of a feed that does not exist yet is epoch 0, sequence 0.
    """

    epoch: int
    sequence: int


class FeedState(NamedTuple):
    """Head of a recipient's feed. ``purged`` is the newest sequence that retention has removed."""

    epoch: int
    sequence: int
    purged: int
    unread_count: int

    @property
    def head(self) -> FeedPosition:
        """The position after the newest change."""
        return FeedPosition(self.epoch, self.sequence)

    def covers(self, position: FeedPosition) -> bool:
        """Whether everything after ``position`` can still be told, so that a reader misses nothing."""
        if position == NO_FEED:
            return self.purged == 0
        return position.epoch == self.epoch and self.purged <= position.sequence <= self.sequence


NO_FEED = FeedPosition(epoch=0, sequence=0)


@dataclass(slots=True)
class _FeedChange:
    """A committed change of one recipient's feed, covering the sequences ``first`` to ``last``."""

    recipient: Recipient
    epoch: int
    first: int
    last: int
    unread_count: int
    """After the change."""


@dataclass(slots=True)
class Entered(_FeedChange):
    """A notification entered the feed, or entered it again."""

    notification: Notification


@dataclass(slots=True)
class MarkedRead(_FeedChange):
    """Notifications of the feed were marked as read, each at the sequence of its place among ``ids``."""

    ids: Sequence[str]
    read_at: Micros


FeedEvent: TypeAlias = Entered | MarkedRead


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    """What ``List`` asks for; empty fields do not restrict. Times are inclusive from, exclusive to."""

    recipient: Recipient | None = None
    feed_only: bool = False
    unread_only: bool = False
    unrouted_only: bool = False
    statuses: Sequence[Status] = ()
    channels: Sequence[ChannelType] = ()
    created_after: Micros | None = None
    created_before: Micros | None = None
    category: str = ""
    """A category, or all below one: ``order.*``."""


@dataclass(slots=True)
class Page:
    """Part of a list, newest first; ``more`` says whether an older part follows.

    ``positions`` holds for each notification the value to continue below: its id, or for a feed the sequence
    at which it entered.
    """

    notifications: list[Notification] = field(default_factory=list)
    positions: list[str] = field(default_factory=list)
    more: bool = False


class FeedPart(NamedTuple):
    """Head of a feed and part of its content, read from one snapshot.

    ``weight`` is what the notifications take in memory (see `weight_of`); ``more`` says whether further ones follow.
    """

    state: FeedState
    notifications: list[Notification]
    weight: int = 0
    more: bool = False


class ListPart(NamedTuple):
    """A page and, when the list is one recipient's, the head of that recipient's feed read before the rows."""

    page: Page
    state: FeedState | None


class Marked(NamedTuple):
    """Answer to marking as read.

    ``position`` is the place in the feed that ``unread_count`` belongs to, after this change; None for a recipient who
    is not registered.
    """

    marked_count: int
    unread_count: int
    position: FeedPosition | None


ANY_WEIGHT = 2**63 - 1
"""No bound."""


def weight_of(title: str, message: str, metadata_size: int) -> int:
    """Estimate the bytes of memory that a notification takes, its channels included.

    ``metadata_size`` is the length of its metadata as JSON, which takes several times as much as objects: 3 bytes of it
    can be an empty object of 64.
    """
    return 3_000 + getsizeof(title) + getsizeof(message) + 8 * metadata_size
