"""Plain values of the domain and the rules between them; no I/O, no third-party imports.

Units, everywhere inside the server:

- a **time** (``Micros``) is an integer, microseconds since the Unix epoch, UTC;
- a **duration** is a float of seconds, unless its name says otherwise;
- an **id** is a UUID in its canonical form of 36 lower-case characters.

Integers and strings cross SQLite, PostgreSQL, protobuf and JSON without loss and without a conversion on the
way; they become `Timestamp`, `timestamptz` or text only at the edge that needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from tocsin_server.errors import TocsinError

Micros: TypeAlias = int
"""Microseconds since 1970-01-01T00:00:00Z."""

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


class Recipient(NamedTuple):
    """Whom a notification is for. ``id`` is None for somebody who is not registered."""

    type: RecipientType
    id: str | None

    @property
    def registered(self) -> bool:
        """Whether this recipient can have a feed and stored contacts."""
        return self.id is not None


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
    channels: Sequence[Channel] = ()


@dataclass(slots=True)
class ChannelDraft:
    """A channel that a new notification is to go out by; ``address`` is None for websocket only."""

    channel: ChannelType
    address: str | None


@dataclass(slots=True)
class NotificationDraft:
    """A validated request to notify somebody, ready to be stored.

    ``idempotency_key`` is empty when the caller gave none; ``digest`` then is empty too. ``caller`` is who the
    key belongs to (empty while authentication is off). ``metadata_json`` is ``metadata`` as JSON text where the reader
    of the request has that already. ``refusal`` is why the draft cannot be accepted as things
    stand now (its time is over, a provider is gone); an earlier notification of the same key is found all the same.
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


class Accepted(NamedTuple):
    """Answer of the store to a draft: the stored notification, and whether an earlier call had stored it."""

    notification: Notification
    duplicate: bool


class ClaimedChannel(NamedTuple):
    """A channel row that this process holds under a lease, with all that sending it needs.

    ``token`` fences the result: it is written only while the row still carries this token. ``attempts`` are
    those made before this one; ``attempt_limit`` is the row's budget. ``taken_over`` says that an earlier
    holder's lease had run out, so that the outcome of its attempt is unknown; ``cancelled`` that it must not be sent.
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


class ChannelResult(NamedTuple):
    """What becomes of a claimed row: its next state. ``due_at`` is None once it is settled.

    ``address`` replaces the row's address when the provider told us a new one.
    """

    channel_id: str
    notification_id: str
    token: str
    status: Status
    attempts: int
    response: Json | None
    due_at: Micros | None
    address: str | None = None


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
class FeedEvent:
    """A committed change of one recipient's feed, covering the sequences ``first`` to ``last``.

    Exactly one of ``notification`` (it entered the feed) and ``read_ids`` (their read state changed) is set.
    """

    recipient: Recipient
    epoch: int
    first: int
    last: int
    unread_count: int
    notification: Notification | None = None
    read_ids: Sequence[str] = ()
    read_at: Micros | None = None


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


@dataclass(slots=True)
class Page:
    """Part of a list, newest first; ``more`` says whether an older part follows.

    ``positions`` holds for each notification the value to continue below: its id, or for a feed the sequence
    at which it entered.
    """

    notifications: list[Notification] = field(default_factory=list)
    positions: list[str] = field(default_factory=list)
    more: bool = False


class Marked(NamedTuple):
    """Answer to marking as read."""

    marked_count: int
    unread_count: int


def notification_status(channels: Iterable[Status], *, outstanding: bool = False) -> Status:
    """Tell a notification's status from those of its channels.

    ``sent`` as soon as one is sent, and it stays so; else ``pending`` while one is pending or something is
    ``outstanding`` (a later step, or the decision about channels); else ``failed``.
    """
    pending = outstanding
    for status in channels:
        if status == Status.SENT:
            return Status.SENT
        pending = pending or status == Status.PENDING
    return Status.PENDING if pending else Status.FAILED
