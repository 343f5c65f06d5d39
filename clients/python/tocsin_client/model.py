"""What the client gives and takes: plain frozen values with the field names of the API.

Shapes, everywhere in this package:

- a **time** is an aware `datetime` in UTC with microseconds; times given to the client may be in any zone, but
  must have one;
- an **enum** is a lower-case word (``"pending"``) as a `StrEnum`, so it compares and prints as the word;
- **metadata** and **response** are dictionaries of JSON values, empty where the server has none, and their
  integral numbers are ``int``;
- what is absent is None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NoReturn, Self, TypeAlias, TypedDict
from uuid import UUID, uuid5


class _Word(StrEnum):
    """A lower-case word of the API; refuses others with a sentence that lists the right ones."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        raise ValueError(f"{value!r} is not one of {', '.join(cls)}")


class RecipientType(_Word):
    """Which of the callers' own tables a recipient's id belongs to."""

    USER = "user"
    GUEST = "guest"
    POTENTIAL_CUSTOMER = "potential_customer"
    PARTNER = "partner"
    OTHER = "other"


class ChannelType(_Word):
    """A way to reach a recipient."""

    WEBSOCKET = "websocket"
    EMAIL = "email"
    TELEGRAM = "telegram"
    SMS = "sms"


class Status(_Word):
    """How far a channel, or a notification as a whole, has come."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


class StrategyKind(_Word):
    """How several channels work together: all at once, or one after the other."""

    PARALLEL = "parallel"
    FALLBACK = "fallback"


class StrategyGoal(_Word):
    """What the steps of a fallback are for: that the notification is read, or that one of them is sent."""

    READ = "read"
    SENT = "sent"


RECIPIENTS: Final = UUID("168e5f94-48b9-5d76-bc1d-bb905714ad3f")
"""The namespace of the ids that follow from external ones, as ``Recipient.external_id`` of the API names it."""

_EXTERNAL: Final = "ext:"
"""Comes before an external id in text such as ``user:ext:42``."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a notification is for; ``id`` is None for somebody who is not registered.

    Whose id is no UUID has an ``external_id``, anything of 1 to 255 characters. The ``id`` then follows from it, as it
    does in the server and in the clients of other languages, and the two are one and the same recipient:
    ``Recipient("user", external_id="42") == Recipient("user", "d7e85231-8203-5a52-b1c5-50054fd1feb4")``.

    Raises ValueError for a word that is no `RecipientType`, and for an id that is not the external id's.
    """

    type: RecipientType
    id: str | None = None
    external_id: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Bring the convenient forms (a plain word, a UUID object, an empty id) into the one form."""
        if not isinstance(self.type, RecipientType):
            object.__setattr__(self, "type", RecipientType(self.type))
        given = str(self.id).lower() if self.id else None
        if self.external_id:
            derived = str(uuid5(RECIPIENTS, f"{self.type}:{self.external_id}"))
            if given not in {None, derived}:
                raise ValueError("id and external_id name two recipients: give one of them")
            given = derived
        object.__setattr__(self, "id", given)
        object.__setattr__(self, "external_id", self.external_id or None)

    def __str__(self) -> str:
        if self.external_id:
            return f"{self.type}:{_EXTERNAL}{self.external_id}"
        return f"{self.type}:{self.id}" if self.id else str(self.type)

    @classmethod
    def of(cls, value: RecipientLike) -> Recipient:
        """Accept a recipient, a pair of type and id, or text such as ``"user:0d9a…"`` or ``"guest"``.

        In a pair and in text the id may be an external one, such as ``"user:ext:42"``. All that follows ``ext:`` is
        the external id, whatever colons it has.
        """
        if isinstance(value, Recipient):
            return value
        word, given = value.partition(":")[::2] if isinstance(value, str) else value
        named = str(given) if given else ""
        if not named.startswith(_EXTERNAL):
            return cls(RecipientType(word), named or None)
        if named == _EXTERNAL:
            raise ValueError("there is no external id after ext:")
        return cls(RecipientType(word), external_id=named.removeprefix(_EXTERNAL))


@dataclass(frozen=True, slots=True)
class ChannelTarget:
    """A channel to send through; without an ``address`` the server looks for a known one.

    ``escalate_after`` is how long it gets as a step of a fallback, where that differs from the other steps.
    """

    channel: ChannelType
    address: str | None = None
    escalate_after: Seconds | None = None

    @classmethod
    def of(cls, value: ChannelLike) -> ChannelTarget:
        """Accept a target, a channel's word, or a pair of channel and address."""
        if isinstance(value, ChannelTarget):
            return value
        if isinstance(value, str):
            return cls(ChannelType(value))
        word, address = value
        return cls(ChannelType(word), address or None)


RecipientLike: TypeAlias = Recipient | tuple[str, str | UUID | None] | str
"""A `Recipient`, a pair such as ``("user", id)``, or text such as ``"user:0d9a…"`` or ``"user:ext:42"``."""

ChannelLike: TypeAlias = ChannelTarget | tuple[str, str] | str
"""A `ChannelTarget`, a word such as ``"websocket"``, or a pair such as ``("email", "ann@example.org")``."""

Seconds: TypeAlias = timedelta | float
"""A duration: a `timedelta` or a number of seconds."""


class AttemptOutcome(_Word):
    """How an attempt ended, as far as anybody can know."""

    ACCEPTED = "accepted"
    TRANSIENT = "transient"
    THROTTLED = "throttled"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to send through a channel, or the server's decision to make no further one.

    Attributes:
        attempted_at: When the answer came, or the server decided; None if that is not known.
        outcome: An `AttemptOutcome`, or ``unknown_`` with its number when the server is newer.
        provider: Which of the configured providers answered; empty when the server itself ended the channel.
        code: The provider's own code, or why the server ended the channel, such as ``EXPIRED``.
        detail: The provider's or the server's own words.
    """

    attempted_at: datetime | None
    outcome: str
    provider: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Channel:
    """One way by which a notification goes out, and how far it has come.

    Attributes:
        attempts: Attempts made so far; it never falls.
        response: What the sending system answered last, as `Channel.response` of the API describes; empty
            before the first answer, and for a caller with a recipient's token.
        address: None for websocket, and for a caller with a recipient's token.
        next_attempt_at: None while an attempt is running, once settled, and while websocket waits for its
            subscriber.
        history: What ``response`` tells of the attempts, typed, newest last; empty where that is empty.
    """

    id: str
    notification_id: str
    channel: ChannelType
    status: Status
    attempts: int
    response: dict[str, Any]
    created_at: datetime
    address: str | None
    next_attempt_at: datetime | None
    history: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one recipient, with the channels that carry it.

    Attributes:
        message: Empty in the answers of ``send_batch``, which leave it out, as they do ``metadata``.
        metadata: What the sender attached; empty when nothing was.
        channels: Those that have come into play, oldest first; none while nobody has decided how to send.
        owner: Name of the caller that sent it; empty if the server asked for no credentials then, and for a caller
            with a recipient's token.
        category: What kind of notification it is, as its sender said; empty means none.
        route_by: While nobody has decided about its channels: when the rules will.
    """

    id: str
    recipient: Recipient
    title: str
    message: str
    status: Status
    metadata: dict[str, Any]
    is_read: bool
    created_at: datetime
    channels: tuple[Channel, ...] = ()
    read_at: datetime | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    owner: str = ""
    category: str = ""
    route_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A notification to send; the fields are those of `Client.send`, for use with `Client.send_batch`.

    Attributes:
        recipient: Whom it is for.
        title: One line of plain text, 1 to 255 characters.
        message: The text, at most 64 KiB.
        channels: What to send through, each channel at most once; none lets the routing rules decide. The
            order counts for ``strategy="fallback"``.
        addresses: Addresses that the recipient is known to have, by channel. They choose no channel.
        metadata: JSON values to attach, at most 32 KiB. Integers beyond 2^53 are refused with a ValueError,
            because the wire holds numbers as doubles; use strings.
        idempotency_key: Makes repeating safe: the same key never makes a second notification. The client
            makes one up when it is empty, which covers its own retries; give one to cover also yours, after a
            crash or a `DeadlineExceeded`.
        send_at: When to start sending, at most 366 days ahead; None means now.
        expires_at: When to give up; None means when the retries end.
        strategy: ``"parallel"`` (the default), or ``"fallback"``: one channel after the other; only with ``channels``.
        escalate_after: ``"fallback"`` only: how long a step may stay unread before the next one starts; None means
            that only failure leads on, which a websocket step cannot do. A `ChannelTarget` may have its own.
        goal: ``"fallback"`` only: ``"read"`` (the default), or ``"sent"``: the first step that is sent ends it.
        deferred: True leaves the channels to somebody who decides later, with `Client.route`.
        route_by: With ``deferred`` only: when the rules decide if nobody else has; None means in one hour.
        category: What kind of notification it is, such as ``"order.shipped"``: rules and policies go by it.
    """

    recipient: RecipientLike
    title: str
    message: str
    channels: Sequence[ChannelLike] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] | None = None
    idempotency_key: str = ""
    send_at: datetime | None = None
    expires_at: datetime | None = None
    strategy: StrategyKind | str | None = None
    escalate_after: Seconds | None = None
    deferred: bool = False
    route_by: datetime | None = None
    category: str = ""
    goal: StrategyGoal | str | None = None


class SendOptions(TypedDict, total=False):
    """The keyword arguments of ``send``; `Draft` says what they mean."""

    channels: Sequence[ChannelLike]
    addresses: Mapping[str, str]
    metadata: Mapping[str, Any] | None
    idempotency_key: str
    send_at: datetime | None
    expires_at: datetime | None
    strategy: StrategyKind | str | None
    escalate_after: Seconds | None
    deferred: bool
    route_by: datetime | None
    category: str
    goal: StrategyGoal | str | None


class ListFilter(TypedDict, total=False):
    """The conditions of ``list`` and ``iterate``; a notification is returned if it meets all that are given.

    Attributes:
        recipient: Only this recipient's.
        feed_only: Only what is in the recipient's feed, in its order. The only way for a recipient's token.
        unread_only: Only what is not read.
        unrouted_only: Only what waits for a decision about its channels.
        statuses: Only what has one of these statuses.
        channels: Only what has at least one of these channels.
        created_after: Only what was created at this time or later.
        created_before: Only what was created before this time.
        category: Only what has this category, or with ``.*`` at its end every one below it.
        page_size: The most to return at once; 0 means 50, more than 500 counts as 500.
    """

    recipient: RecipientLike | None
    feed_only: bool
    unread_only: bool
    unrouted_only: bool
    statuses: Sequence[str]
    channels: Sequence[str]
    created_after: datetime | None
    created_before: datetime | None
    category: str
    page_size: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a notification that was sent; ``duplicate`` if an earlier call with its key had stored it."""

    notification: Notification
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        notifications: Those of this page, possibly none even if more follow.
        next_page_token: Where the next page begins; empty on the last one.
        cursor: A place in the recipient's feed from before the page was read: subscribe with the *first*
            page's. Empty when the list was not of one recipient.
    """

    notifications: tuple[Notification, ...]
    next_page_token: str
    cursor: str


@dataclass(frozen=True, slots=True)
class MarkedRead:
    """How many notifications a call turned from unread to read, and how many are unread in the feed now.

    Attributes:
        cursor: The place in the feed that ``unread_count`` belongs to; empty for a recipient who is not registered.
    """

    marked_count: int
    unread_count: int
    cursor: str = ""


class UnreadCount(int):
    """How many notifications of a feed are unread: a number.

    Attributes:
        cursor: The place in the feed that the number belongs to.
    """

    cursor: str

    def __new__(cls, unread_count: int, cursor: str) -> Self:
        """Make the number, and keep its place."""
        count = super().__new__(cls, unread_count)
        count.cursor = cursor
        return count


@dataclass(frozen=True, slots=True)
class Contact:
    """How one registered recipient can be reached: addresses by channel, language and time zone if known."""

    recipient: Recipient
    addresses: dict[str, str]
    locale: str
    time_zone: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ContactPage:
    """Contacts in the order of their recipients' types and ids; without ``next_page_token`` it is the last page."""

    contacts: tuple[Contact, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A stream has started, at first or again; with ``recovered`` nothing is missing in between.

    If it is False, something between the last cursor and this one cannot be replayed: list the feed again from
    the first page. The stream carries on from here, so nothing that is newer than the list gets lost.
    """

    cursor: str
    unread_count: int
    recovered: bool


@dataclass(frozen=True, slots=True)
class NotificationEvent:
    """A notification that is new in the feed or has changed: put it in place of what you have of its id."""

    cursor: str
    unread_count: int
    notification: Notification


@dataclass(frozen=True, slots=True)
class ReadChanged:
    """Notifications were marked as read, on this device or another."""

    cursor: str
    unread_count: int
    ids: tuple[str, ...]
    read_at: datetime


Event: TypeAlias = Subscribed | NotificationEvent | ReadChanged
"""One event of a subscription; each carries the cursor to resume after it, and the count of unread ones."""
