"""Between the client's plain values and protobuf messages: the only module that knows both.

Names say the direction: ``…_message`` builds a message from values, ``…_from`` reads values from a message.
The shapes of the values are described in `tocsin_client.model`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar, cast

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import ListValue, NullValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import code_pb2, error_details_pb2, status_pb2
from tocsin.v1 import contact_service_pb2 as contact_pb
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from tocsin_client import model
from tocsin_client.errors import TocsinError, Violation, error_class

DOMAIN: Final = "tocsin"
"""``domain`` of every ErrorInfo of ours."""

_EXACT: Final = 2**53
"""Integers up to here, either sign, are exact as the doubles that a Struct holds."""

_Word = TypeVar("_Word", bound=StrEnum)

# Enum numbers by word, from the generated enums, so that a value added there needs no second table here.
_PREFIXES: Final = (
    (model.RecipientType, pb.RecipientType, "RECIPIENT_TYPE_"),
    (model.ChannelType, pb.ChannelType, "CHANNEL_TYPE_"),
    (model.Status, pb.Status, "STATUS_"),
    (model.StrategyKind, pb.StrategyKind, "STRATEGY_KIND_"),
)
_NUMBERS: Final[dict[type[StrEnum], dict[str, int]]] = {
    words: {name.removeprefix(prefix).lower(): number for name, number in enum.items()}
    for words, enum, prefix in _PREFIXES
}


# -- scalars ---------------------------------------------------------------------------------------


def _number(words: type[StrEnum], word: str) -> Any:
    """Return the enum's number for a word; raises ValueError for a word that it does not have."""
    return _NUMBERS[words][words(word)]


def _word(words: type[_Word], number: int) -> _Word:
    """Return the word for an enum's number, also for one that is newer than this client.

    The API's enums may grow, and a client should show what it does not know instead of failing. So an unknown
    number becomes a word outside the list of members that is still a string of their type.
    """
    word = _WORDS[words].get(number)
    return _stranger(words, f"unknown_{number}") if word is None else cast("_Word", word)


def _stranger(words: type[_Word], word: str) -> _Word:
    stranger = str.__new__(words, word)
    stranger._name_, stranger._value_ = word.upper(), word
    return stranger


# By number, because asking the enum for every word took a quarter of the time of reading a notification.
_WORDS: Final[dict[type[StrEnum], dict[int, StrEnum]]] = {
    words: {
        number: words(word) if word in words.__members__.values() else _stranger(words, word)
        for word, number in numbers.items()
    }
    for words, numbers in _NUMBERS.items()
}


def _timestamp(name: str, at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    if at.tzinfo is None:
        raise ValueError(f"{name} has no time zone: give an aware datetime, such as datetime.now(UTC)")
    message = Timestamp()
    message.FromDatetime(at)
    return message


def _duration(length: model.Seconds | None) -> Duration | None:
    if length is None:
        return None
    message = Duration()
    message.FromTimedelta(length if isinstance(length, timedelta) else timedelta(seconds=length))
    return message


def _time(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)


def _time_of(message: Any, name: str) -> datetime | None:
    return _time(getattr(message, name)) if message.HasField(name) else None


# -- JSON ------------------------------------------------------------------------------------------


def struct_message(values: Mapping[str, Any]) -> Struct:
    """Build a Struct from a JSON object; raises ValueError or TypeError, naming the member, for what is none."""
    return Struct(fields={_key(key, "metadata"): _value(value, f"metadata.{key}") for key, value in values.items()})


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{path} has the key {key!r}; keys of JSON objects are strings")
    return key


def _value(value: Any, path: str) -> Value:
    match value:
        case None:
            return Value(null_value=NullValue.NULL_VALUE)
        case bool():
            return Value(bool_value=value)
        case int():
            if abs(value) > _EXACT:
                raise ValueError(f"{path} is an integer beyond 2^53, which would lose digits; give it as a string")
            return Value(number_value=value)
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{path} is {value}, which JSON does not have")
            return Value(number_value=value)
        case str():
            return Value(string_value=value)
        case Mapping():
            members = {_key(key, path): _value(member, f"{path}.{key}") for key, member in value.items()}
            return Value(struct_value=Struct(fields=members))
        case list() | tuple():
            items = [_value(item, f"{path}[{index}]") for index, item in enumerate(value)]
            return Value(list_value=ListValue(values=items))
    raise TypeError(f"{path} is of type {type(value).__name__}, which is not JSON")


def struct_from(message: Struct) -> dict[str, Any]:
    """Read a Struct as a dictionary; integral numbers, which the wire holds as doubles, become ``int``.

    The members come sorted by name: the wire keeps no order, and an accidental one would change from run to run.
    """
    return {key: _plain(message.fields[key]) for key in sorted(message.fields)}


def _plain(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return struct_from(value.struct_value)
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) <= _EXACT else number
    return None if kind in {"null_value", None} else getattr(value, kind)


# -- resources -------------------------------------------------------------------------------------


def recipient_message(recipient: model.RecipientLike) -> pb.Recipient:
    """Build a Recipient from any of the forms that the client accepts; raises ValueError for another."""
    whom = model.Recipient.of(recipient)
    return pb.Recipient(type=_number(model.RecipientType, whom.type), id=whom.id or "")


def recipient_from(message: pb.Recipient) -> model.Recipient:
    """Read a Recipient."""
    return model.Recipient(_word(model.RecipientType, message.type), message.id or None)


def channel_from(message: pb.Channel) -> model.Channel:
    """Read a Channel."""
    return model.Channel(
        id=message.id,
        notification_id=message.notification_id,
        channel=_word(model.ChannelType, message.channel),
        status=_word(model.Status, message.status),
        attempts=message.attempts,
        response=struct_from(message.response),
        created_at=_time(message.created_at),
        address=message.address or None,
        next_attempt_at=_time_of(message, "next_attempt_at"),
    )


def notification_from(message: pb.Notification) -> model.Notification:
    """Read a Notification with its channels."""
    return model.Notification(
        id=message.id,
        recipient=recipient_from(message.recipient),
        title=message.title,
        message=message.message,
        status=_word(model.Status, message.status),
        metadata=struct_from(message.metadata),
        is_read=message.is_read,
        created_at=_time(message.created_at),
        channels=tuple(channel_from(channel) for channel in message.channels),
        read_at=_time_of(message, "read_at"),
        send_at=_time_of(message, "send_at"),
        expires_at=_time_of(message, "expires_at"),
    )


def contact_message(
    recipient: model.RecipientLike, addresses: Mapping[str, str], locale: str, time_zone: str
) -> contact_pb.Contact:
    """Build a Contact; raises ValueError for an unknown word."""
    return contact_pb.Contact(
        recipient=recipient_message(recipient),
        addresses=_addresses(addresses),
        locale=locale,
        time_zone=time_zone,
    )


def contact_from(message: contact_pb.Contact) -> model.Contact:
    """Read a Contact."""
    return model.Contact(
        recipient=recipient_from(message.recipient),
        addresses={_word(model.ChannelType, entry.channel): entry.address for entry in message.addresses},
        locale=message.locale,
        time_zone=message.time_zone,
        updated_at=_time(message.updated_at),
    )


# -- requests --------------------------------------------------------------------------------------


def channel_numbers(channels: Sequence[str]) -> list[Any]:
    """Return the enum numbers of channels' words; raises ValueError for an unknown one."""
    return [_number(model.ChannelType, word) for word in _several(channels)]


def targets(channels: Sequence[model.ChannelLike]) -> list[pb.ChannelTarget]:
    """Build the targets of Send and Route; raises ValueError for an unknown word."""
    chosen = [model.ChannelTarget.of(channel) for channel in _several(channels)]
    return [
        pb.ChannelTarget(channel=_number(model.ChannelType, target.channel), address=target.address or "")
        for target in chosen
    ]


def _several(items: Sequence[Any]) -> Iterable[Any]:
    # A lone string is a sequence of letters to Python, and surely meant as one item.
    return (items,) if isinstance(items, str) else items


def _addresses(addresses: Mapping[str, str]) -> list[pb.Address]:
    return [
        pb.Address(channel=_number(model.ChannelType, word), address=address) for word, address in addresses.items()
    ]


def strategy_message(kind: str | None, escalate_after: model.Seconds | None) -> pb.Strategy | None:
    """Build a Strategy, None when neither part is given; raises ValueError for an unknown word."""
    if kind is None and escalate_after is None:
        return None
    number = _number(model.StrategyKind, kind) if kind is not None else pb.STRATEGY_KIND_UNSPECIFIED
    return pb.Strategy(kind=number, escalate_after=_duration(escalate_after))


def send_request(draft: model.Draft, idempotency_key: str) -> service_pb.SendRequest:
    """Build a SendRequest; raises ValueError or TypeError for arguments that have no place in one."""
    routing = None
    if draft.deferred or draft.route_by is not None:
        routing = pb.Routing(deferred=draft.deferred, route_by=_timestamp("route_by", draft.route_by))
    return service_pb.SendRequest(
        recipient=recipient_message(draft.recipient),
        title=draft.title,
        message=draft.message,
        metadata=None if draft.metadata is None else struct_message(draft.metadata),
        channels=targets(draft.channels),
        addresses=_addresses(draft.addresses),
        idempotency_key=idempotency_key,
        send_at=_timestamp("send_at", draft.send_at),
        expires_at=_timestamp("expires_at", draft.expires_at),
        strategy=strategy_message(draft.strategy, draft.escalate_after),
        routing=routing,
    )


def list_request(filters: model.ListFilter, page_token: str) -> service_pb.ListRequest:
    """Build a ListRequest; raises ValueError for an unknown word or a time without zone, TypeError for a key."""
    given: dict[str, Any] = dict(filters)
    if unknown := given.keys() - model.ListFilter.__annotations__.keys():
        raise TypeError(f"unknown condition: {', '.join(sorted(unknown))}")
    recipient = given.pop("recipient", None)
    statuses = [_number(model.Status, word) for word in _several(given.pop("statuses", ()))]
    channels = channel_numbers(given.pop("channels", ()))
    for name in ("created_after", "created_before"):
        given[name] = _timestamp(name, given.get(name))
    return service_pb.ListRequest(
        recipient=None if recipient is None else recipient_message(recipient),
        statuses=statuses,
        channels=channels,
        page_token=page_token,
        **given,
    )


# -- answers ---------------------------------------------------------------------------------------


def event_from(message: service_pb.SubscribeResponse) -> model.Event | None:
    """Read an event of a stream; None for a heartbeat, and for kinds that are newer than this client."""
    cursor, unread = message.cursor, message.unread_count
    match message.WhichOneof("event"):
        case "subscribed":
            return model.Subscribed(cursor, unread, message.subscribed.recovered)
        case "notification":
            return model.NotificationEvent(cursor, unread, notification_from(message.notification))
        case "read_changed":
            changed = message.read_changed
            return model.ReadChanged(cursor, unread, tuple(changed.ids), _time(changed.read_at))
    return None


def error_from(status: status_pb2.Status) -> TocsinError:
    """Read a google.rpc.Status with the details that Tocsin attaches; ignores details that it does not know."""
    try:
        code = code_pb2.Code.Name(status.code)
    except ValueError:
        code = "UNKNOWN"
    reason = ""
    metadata: dict[str, str] = {}
    violations: list[Violation] = []
    retry_after = None
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        try:
            if detail.Unpack(info) and info.domain == DOMAIN:
                reason, metadata = info.reason, dict(info.metadata)
            elif detail.Unpack(bad):
                violations += [Violation(entry.field, entry.description) for entry in bad.field_violations]
            elif detail.Unpack(retry):
                retry_after = retry.retry_delay.ToTimedelta().total_seconds()
        except DecodeError:
            # A proxy may have cut the details short; the code and the message still tell the essence.
            continue
    return error_class(code)(
        status.message, reason=reason, metadata=metadata, violations=violations, retry_after=retry_after
    )


def error_from_bytes(code: int, message: str, details: bytes | None) -> TocsinError:
    """Read an error from a call's code, its message, and the trailer ``grpc-status-details-bin`` if it had one."""
    status = status_pb2.Status()
    try:
        status.ParseFromString(details or b"")
    except DecodeError:
        status.Clear()
    # gRPC's own code and message win: they are there on every error, the details only on ours.
    status.code = code
    status.message = message
    return error_from(status)
