"""Protobuf messages to plain values and back; nothing beyond this module knows protobuf.

Reading a request checks every field, and names every bad one at once (`InvalidArgument`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf import struct_pb2, timestamp_pb2
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from tocsin_server.addresses import address_problem
from tocsin_server.feed import cursor as feed_cursor
from tocsin_server.feed.items import Changed, FeedItem, Heartbeat, ReadChanged, Subscribed
from tocsin_server.model import (
    MICROS_PER_SECOND,
    Accepted,
    Channel,
    ChannelDraft,
    ChannelType,
    FeedPosition,
    Json,
    Micros,
    Notification,
    NotificationDraft,
    NotificationFilter,
    Recipient,
    RecipientType,
    Status,
)
from tocsin_server.rpc import validation
from tocsin_server.rpc.idempotency import canonical, digest
from tocsin_server.rpc.validation import Violations

# Enumerations by number. Number 0 is "unspecified", numbers beyond the list come from newer callers.
_RECIPIENT_TYPES = dict(enumerate(RecipientType, start=1))
_CHANNEL_TYPES = dict(enumerate(ChannelType, start=1))
_STATUSES = dict(enumerate(Status, start=1))
_RECIPIENT_NUMBERS: dict[str, Any] = {word: number for number, word in _RECIPIENT_TYPES.items()}
_CHANNEL_NUMBERS: dict[str, Any] = {word: number for number, word in _CHANNEL_TYPES.items()}
_STATUS_NUMBERS: dict[str, Any] = {word: number for number, word in _STATUSES.items()}

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE_SIZE = 500


def _words(values: Iterable[str], prefix: str) -> str:
    return ", ".join(f"{prefix}_{value.upper()}" for value in values)


_RECIPIENT_TYPE_PROBLEM = f"must be one of {_words(RecipientType, 'RECIPIENT_TYPE')}"
_CHANNEL_TYPE_PROBLEM = f"must be one of {_words(ChannelType, 'CHANNEL_TYPE')}"
_STATUS_PROBLEM = f"must be one of {_words(Status, 'STATUS')}"


# -- reading -------------------------------------------------------------------------------------


def read_id(value: str, field: str = "id") -> str:
    """Read an id of a request that has nothing else to check."""
    problems = Violations()
    problems.add(field, validation.id_problem(value))
    problems.raise_any()
    return value


def _recipient(message: pb.Recipient, problems: Violations, *, registered: bool) -> Recipient:
    """Read a recipient; ``registered`` demands an id."""
    recipient_type = _RECIPIENT_TYPES.get(message.type)
    if recipient_type is None:
        problems.add("recipient.type", _RECIPIENT_TYPE_PROBLEM)
        recipient_type = RecipientType.OTHER
    if message.id or registered:
        problems.add("recipient.id", validation.id_problem(message.id))
    return Recipient(recipient_type, message.id or None)


def read_recipient(message: pb.Recipient) -> Recipient:
    """Read a registered recipient of a request that has nothing else to check."""
    problems = Violations()
    recipient = _recipient(message, problems, registered=True)
    problems.raise_any()
    return recipient


def _time(message: timestamp_pb2.Timestamp, field: str, problems: Violations) -> Micros | None:
    """Read a time, rounded down to a microsecond; None if it is none, so that no other rule names it a second time."""
    at: Micros = message.seconds * MICROS_PER_SECOND + message.nanos // 1000
    if not (validation.EARLIEST <= at <= validation.LATEST and 0 <= message.nanos < 1_000_000_000):
        problems.add(field, "must be a valid time between the years 1970 and 9999")
        return None
    return at


def _json_value(value: struct_pb2.Value, levels: int) -> Any:
    """Read a value, a number that is integral as an integer; raise ValueError for NaN and infinities.

    ``levels`` is how many levels of objects and arrays there may be from here on.
    """
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = value.number_value
        if not math.isfinite(number):
            raise ValueError("numbers must be finite")
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        if "\x00" in value.string_value:
            raise ValueError("must not contain NUL")
        return value.string_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        return _json_object(value.struct_value, levels)
    if kind == "list_value":
        _check_levels(levels)
        return [_json_value(item, levels - 1) for item in value.list_value.values]
    return None


def _json_object(message: struct_pb2.Struct, levels: int = validation.DEEPEST_METADATA) -> dict[str, Any]:
    _check_levels(levels)
    fields = message.fields
    value = {}
    for name in fields:  # its items() are made in Python, for each member anew
        if "\x00" in name:
            raise ValueError("must not contain NUL")
        value[name] = _json_value(fields[name], levels - 1)
    return value


def _check_levels(levels: int) -> None:
    if levels <= 0:
        raise ValueError(f"must be nested at most {validation.DEEPEST_METADATA} levels deep")


def _metadata(message: struct_pb2.Struct, problems: Violations) -> tuple[Json | None, str | None]:
    """Return the value, and its canonical form."""
    try:
        value = _json_object(message)
        text = canonical(value)
        size = len(text.encode())
    except ValueError as error:
        problems.add("metadata", str(error))
        return None, None
    if size > validation.LONGEST_METADATA:
        problems.add("metadata", f"must be at most {validation.LONGEST_METADATA} bytes as JSON, is {size}")
    return value, text


def _targets(messages: Sequence[pb.ChannelTarget], problems: Violations) -> list[ChannelDraft]:
    drafts: list[ChannelDraft] = []
    named: set[ChannelType] = set()
    for place, message in enumerate(messages):
        channel = _CHANNEL_TYPES.get(message.channel)
        if channel is None:
            problems.add(f"channels[{place}].channel", _CHANNEL_TYPE_PROBLEM)
            continue
        if channel in named:
            problems.add(f"channels[{place}].channel", f"names {channel} a second time")
        named.add(channel)
        if message.address:
            problems.add(f"channels[{place}].address", address_problem(channel, message.address))
        drafts.append(ChannelDraft(channel, message.address or None))
    return drafts


def _addresses(messages: Sequence[pb.Address], problems: Violations) -> dict[ChannelType, str]:
    addresses: dict[ChannelType, str] = {}
    for place, message in enumerate(messages):
        channel = _CHANNEL_TYPES.get(message.channel)
        if channel is None:
            problems.add(f"addresses[{place}].channel", _CHANNEL_TYPE_PROBLEM)
        elif channel == ChannelType.WEBSOCKET:
            problems.add(f"addresses[{place}].channel", "must not be CHANNEL_TYPE_WEBSOCKET, which has no address")
        elif channel in addresses:
            problems.add(f"addresses[{place}].channel", f"gives a second address for {channel}")
        else:
            problems.add(
                f"addresses[{place}].address",
                address_problem(channel, message.address) if message.address else "must be given",
            )
            addresses[channel] = message.address
    return addresses


class SendContent:
    """A checked `SendRequest`: what was asked for, before channels are chosen.

    ``deferred`` and ``fallback`` tell of wishes that need more than this.
    """

    __slots__ = ("addresses", "deferred", "draft", "fallback")

    def __init__(
        self,
        draft: NotificationDraft,
        addresses: Mapping[ChannelType, str],
        *,
        deferred: bool,
        fallback: bool,
    ) -> None:
        self.draft = draft
        self.addresses = addresses
        self.deferred = deferred
        self.fallback = fallback


def read_send(request: service_pb.SendRequest, now: Micros, caller: str) -> SendContent:
    """Read what is to be sent; ``draft.channels`` are those named, without addresses looked up.

    Raises:
        InvalidArgument: Names every bad field.
    """
    problems = Violations()
    recipient = _recipient(request.recipient, problems, registered=False)
    title, message, key = request.title, request.message, request.idempotency_key
    problems.add("title", validation.title_problem(title))
    problems.add("message", validation.message_problem(message))
    metadata, metadata_json = _metadata(request.metadata, problems) if request.HasField("metadata") else (None, None)
    named = _targets(request.channels, problems)
    addresses = _addresses(request.addresses, problems) if request.addresses else {}
    if key:
        problems.add("idempotency_key", validation.key_problem(key))
    send_at = expires_at = None
    if request.HasField("send_at"):
        send_at = _time(request.send_at, "send_at", problems)
        if send_at is not None:
            problems.add("send_at", validation.send_at_problem(send_at, now))
    if request.HasField("expires_at"):
        expires_at = _time(request.expires_at, "expires_at", problems)
        if expires_at is not None:
            problems.add("expires_at", validation.expiry_order_problem(expires_at, send_at))
    strategy = _strategy(request, problems) if request.HasField("strategy") else None
    routing = _routing(request, problems) if request.HasField("routing") else None
    problems.raise_any()
    draft = NotificationDraft(recipient, title, message, metadata, named, send_at, expires_at, caller, key)
    draft.metadata_json = metadata_json
    if key:
        draft.digest = digest(_content(draft, addresses, strategy, routing))
    return SendContent(
        draft,
        addresses,
        deferred=routing is not None and routing[0],
        fallback=strategy is not None and strategy[0] == pb.STRATEGY_KIND_FALLBACK,
    )


def _content(
    draft: NotificationDraft,
    addresses: Mapping[ChannelType, str],
    strategy: Sequence[int | None] | None,
    routing: Sequence[int | None] | None,
) -> list[str | int | None]:
    """Return all that was asked for, for the digest."""
    metadata = draft.metadata_json or "null"
    content: list[str | int | None] = [*draft.recipient, draft.title, draft.message, metadata, len(draft.channels)]
    for wanted in draft.channels:
        content += (wanted.channel, wanted.address)
    content.append(len(addresses))
    for channel in sorted(addresses):
        content += (channel, addresses[channel])
    content += (draft.send_at, draft.expires_at)
    content += strategy or (None, None)
    content += routing or (None, None)
    return content


def _strategy(request: service_pb.SendRequest, problems: Violations) -> list[Any]:
    """Return kind and seconds, for the digest and to tell whether it is supported."""
    strategy = request.strategy
    kinds = (pb.STRATEGY_KIND_UNSPECIFIED, pb.STRATEGY_KIND_PARALLEL, pb.STRATEGY_KIND_FALLBACK)
    if strategy.kind not in kinds:
        problems.add("strategy.kind", "must be STRATEGY_KIND_PARALLEL or STRATEGY_KIND_FALLBACK")
    fallback = strategy.kind == pb.STRATEGY_KIND_FALLBACK
    if not request.channels:
        problems.add("strategy", "must come with channels")
    after: int | None = None
    if strategy.HasField("escalate_after"):
        duration = strategy.escalate_after
        after = duration.seconds * MICROS_PER_SECOND + duration.nanos // 1000
        if not 0 < after <= validation.LONGEST_DELAY:
            problems.add("strategy.escalate_after", "must be more than 0 and at most 366 days")
        elif not fallback:
            problems.add("strategy.escalate_after", "must come with STRATEGY_KIND_FALLBACK")
    elif fallback and any(target.channel == pb.CHANNEL_TYPE_WEBSOCKET for target in request.channels):
        problems.add(
            "strategy.escalate_after",
            "must be given when CHANNEL_TYPE_WEBSOCKET is a step, which waits for its subscriber without failing",
        )
    return [strategy.kind or pb.STRATEGY_KIND_PARALLEL, after]


def _routing(request: service_pb.SendRequest, problems: Violations) -> list[Any]:
    routing = request.routing
    if routing.deferred and request.channels:
        problems.add("channels", "must be empty with routing.deferred")
    route_by: int | None = None
    if routing.HasField("route_by"):
        route_by = _time(routing.route_by, "routing.route_by", problems)
        if not routing.deferred:
            problems.add("routing.route_by", "must come with routing.deferred")
    return [routing.deferred, route_by]


def read_list(request: service_pb.ListRequest) -> tuple[NotificationFilter, int]:
    """Read the filters and the page size of a list."""
    problems = Violations()
    recipient: Recipient | None = None
    if request.HasField("recipient"):
        recipient = _recipient(request.recipient, problems, registered=True)
    elif request.feed_only:
        problems.add("recipient", "must be given with feed_only")
    statuses = _enums(request.statuses, _STATUSES, "statuses", _STATUS_PROBLEM, problems)
    channels = _enums(request.channels, _CHANNEL_TYPES, "channels", _CHANNEL_TYPE_PROBLEM, problems)
    after = before = None
    if request.HasField("created_after"):
        after = _time(request.created_after, "created_after", problems)
    if request.HasField("created_before"):
        before = _time(request.created_before, "created_before", problems)
        if after is not None and before is not None and before <= after:
            problems.add("created_before", "must be later than created_after")
    if request.page_size < 0:
        problems.add("page_size", "must not be negative")
    problems.raise_any()
    wanted = NotificationFilter(
        recipient=recipient,
        feed_only=request.feed_only,
        unread_only=request.unread_only,
        unrouted_only=request.unrouted_only,
        statuses=tuple(sorted(set(statuses))),
        channels=tuple(sorted(set(channels))),
        created_after=after,
        created_before=before,
    )
    return wanted, min(request.page_size or DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE)


def _enums(
    numbers: Sequence[int], words: Mapping[int, Any], field: str, problem: str, problems: Violations
) -> list[Any]:
    found = []
    for place, number in enumerate(numbers):
        if number in words:
            found.append(words[number])
        else:
            problems.add(f"{field}[{place}]", problem)
    return found


def read_mark_read(
    request: service_pb.MarkReadRequest,
) -> tuple[Sequence[str], None, None] | tuple[None, Recipient, FeedPosition | None]:
    """Read what is to be marked: ids, or a recipient and the position up to which."""
    problems = Violations()
    by_ids, by_recipient = bool(request.ids), request.HasField("recipient")
    if by_ids == by_recipient:
        problems.add("ids", "must be given, or recipient: exactly one of the two")
        problems.raise_any()
    if by_ids:
        if request.up_to_cursor:
            problems.add("up_to_cursor", "must come with recipient, not with ids")
        if len(request.ids) > validation.MOST_IDS:
            problems.add("ids", f"must be at most {validation.MOST_IDS}, are {len(request.ids)}")
        else:
            for place, value in enumerate(request.ids):
                problems.add(f"ids[{place}]", validation.id_problem(value))
        problems.raise_any()
        return tuple(dict.fromkeys(request.ids)), None, None
    recipient = _recipient(request.recipient, problems, registered=True)
    problems.raise_any()
    up_to = feed_cursor.decode(request.up_to_cursor, "up_to_cursor") if request.up_to_cursor else None
    return None, recipient, up_to


def read_retry(request: service_pb.RetryRequest) -> tuple[str, Sequence[ChannelType]]:
    """Read what is to be revived."""
    problems = Violations()
    problems.add("id", validation.id_problem(request.id))
    channels = _enums(request.channels, _CHANNEL_TYPES, "channels", _CHANNEL_TYPE_PROBLEM, problems)
    for place, channel in enumerate(channels):
        if channel in channels[:place]:
            problems.add(f"channels[{place}]", f"names {channel} a second time")
    problems.raise_any()
    return request.id, channels


def read_subscribe(request: service_pb.SubscribeRequest) -> tuple[Recipient, FeedPosition | None]:
    """Read whose feed, and from where."""
    recipient = read_recipient(request.recipient)
    return recipient, feed_cursor.decode(request.cursor) if request.cursor else None


# -- writing -------------------------------------------------------------------------------------


def _set_time(field: timestamp_pb2.Timestamp, at: Micros) -> None:
    seconds, rest = divmod(at, MICROS_PER_SECOND)
    field.seconds, field.nanos = seconds, rest * 1000


def _set_json(field: struct_pb2.Struct, value: Json) -> None:
    field.update(value)
    if not value:
        field.SetInParent()


def write_channel(channel: Channel, message: pb.Channel, *, private: bool = True) -> None:
    """Fill a channel; address and provider's answer are ``private``, and not for recipients."""
    message.id = channel.id
    message.notification_id = channel.notification_id
    message.channel = _CHANNEL_NUMBERS[channel.channel]
    message.status = _STATUS_NUMBERS[channel.status]
    message.attempts = channel.attempts
    if private and channel.response is not None:
        _set_json(message.response, channel.response)
    _set_time(message.created_at, channel.created_at)
    if private and channel.address:
        message.address = channel.address
    if channel.next_attempt_at is not None:
        _set_time(message.next_attempt_at, channel.next_attempt_at)


def write_notification(
    notification: Notification, message: pb.Notification, *, brief: bool = False, private: bool = True
) -> pb.Notification:
    """Fill a notification with its channels; ``brief`` leaves message and metadata out, for ``private`` see above."""
    message.id = notification.id
    message.recipient.type = _RECIPIENT_NUMBERS[notification.recipient.type]
    if notification.recipient.id is not None:
        message.recipient.id = notification.recipient.id
    message.title = notification.title
    message.status = _STATUS_NUMBERS[notification.status]
    message.is_read = notification.is_read
    _set_time(message.created_at, notification.created_at)
    if not brief:
        message.message = notification.message
        if notification.metadata is not None:
            _set_json(message.metadata, notification.metadata)
    for channel in notification.channels:
        write_channel(channel, message.channels.add(), private=private)
    if notification.read_at is not None:
        _set_time(message.read_at, notification.read_at)
    if notification.send_at is not None:
        _set_time(message.send_at, notification.send_at)
    if notification.expires_at is not None:
        _set_time(message.expires_at, notification.expires_at)
    return message


def write_accepted(
    accepted: Accepted, request: service_pb.SendRequest, message: service_pb.SendResponse, *, brief: bool = False
) -> service_pb.SendResponse:
    """Fill the answer to a request; ``brief`` leaves message and metadata out."""
    notification = message.notification
    write_notification(accepted.notification, notification, brief=True)
    message.duplicate = accepted.duplicate
    if not brief:
        notification.message = accepted.notification.message
        # What was accepted under a key has the request's content: it need not be built anew.
        if request.HasField("metadata"):
            notification.metadata.CopyFrom(request.metadata)
    return message


def write_feed_item(item: FeedItem, *, private: bool = True) -> service_pb.SubscribeResponse:
    """Build the event of a stream; for ``private`` see `write_channel`."""
    message = service_pb.SubscribeResponse(cursor=feed_cursor.encode(item.position), unread_count=item.unread_count)
    match item:
        case Changed(notification=notification):
            write_notification(notification, message.notification, private=private)
        case ReadChanged(ids=ids, read_at=read_at):
            message.read_changed.ids.extend(ids)
            _set_time(message.read_changed.read_at, read_at)
        case Subscribed(recovered=recovered):
            message.subscribed.recovered = recovered
        case Heartbeat():
            message.heartbeat.SetInParent()
    return message


class FeedMessage(NamedTuple):
    """A serialised event of a stream and the position after it."""

    data: bytes
    position: FeedPosition

    @property
    def cursor(self) -> str:
        """The position as subscribers keep it."""
        return feed_cursor.encode(self.position)


_SHARED = (Changed, ReadChanged)
"""Items that may be the same on several streams. (A union written where it is tested is built for each test.)"""


def serialise_feed_item(item: FeedItem, *, private: bool) -> FeedMessage:
    """Serialise the event of a stream; a live one is serialised once for all streams that may see the same of it."""
    shared: dict[bool, FeedMessage] | None = item.shared if isinstance(item, _SHARED) else None
    if shared is not None and (known := shared.get(private)) is not None:
        return known
    message = FeedMessage(write_feed_item(item, private=private).SerializeToString(), item.position)
    if shared is not None:
        shared[private] = message
    return message
