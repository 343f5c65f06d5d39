"""The API's messages as JSON text, written straight from protobuf.

It is what `tocsin_client.as_plain` and ``json.dumps`` make of the client's values, to the letter (a test compares
them), but for a channel's ``response`` and ``address``, which are left out. On the way over those values a notification
takes ten times as long, and this is done for each of them and each socket.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final

from tocsin.v1 import notification_pb2 as pb

quoted: Final = encode_basestring
"""Returns a string in quotes, with what JSON wants escaped and nothing else."""

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - written without its zone

_EXACT: Final = 2**53
"""Integers up to here, either sign, are exact as the doubles that a Struct holds."""


class _Words(dict[int, str]):
    """The words of an enum by number, in quotes; a number that is newer than this code has one, too."""

    def __init__(self, enum: Any, prefix: str) -> None:
        super().__init__({number: f'"{name.removeprefix(prefix).lower()}"' for name, number in enum.items()})

    def __missing__(self, number: int) -> str:
        return f'"unknown_{number}"'


_RECIPIENT_TYPES: Final = _Words(pb.RecipientType, "RECIPIENT_TYPE_")
_CHANNEL_TYPES: Final = _Words(pb.ChannelType, "CHANNEL_TYPE_")
_STATUSES: Final = _Words(pb.Status, "STATUS_")


def boolean(value: bool) -> str:
    """Return a boolean."""
    return "true" if value else "false"


def notification(message: Any) -> str:
    """Return a Notification."""
    recipient = message.recipient
    recipient_id = recipient.id
    return (
        f'{{"id":{quoted(message.id)}'
        f',"recipient":{{"type":{_RECIPIENT_TYPES[recipient.type]}'
        f',"id":{quoted(recipient_id) if recipient_id else "null"}}}'
        f',"title":{quoted(message.title)}'
        f',"message":{quoted(message.message)}'
        f',"status":{_STATUSES[message.status]}'
        f',"metadata":{_struct(message.metadata)}'
        f',"is_read":{boolean(message.is_read)}'
        f',"created_at":{time(message.created_at)}'
        # Iterating over a repeated field costs twice what its slice does.
        f',"channels":[{",".join(map(_channel, message.channels[:]))}]'
        f',"read_at":{time(message.read_at) if message.HasField("read_at") else "null"}'
        f',"send_at":{time(message.send_at) if message.HasField("send_at") else "null"}'
        f',"expires_at":{time(message.expires_at) if message.HasField("expires_at") else "null"}}}'
    )


def _channel(message: Any) -> str:
    return (
        f'{{"id":{quoted(message.id)}'
        f',"notification_id":{quoted(message.notification_id)}'
        f',"channel":{_CHANNEL_TYPES[message.channel]}'
        f',"status":{_STATUSES[message.status]}'
        f',"attempts":{message.attempts}'
        f',"created_at":{time(message.created_at)}'
        f',"next_attempt_at":{time(message.next_attempt_at) if message.HasField("next_attempt_at") else "null"}}}'
    )


def time(message: Any) -> str:
    """Return a Timestamp: RFC 3339 in UTC, with microseconds if it has any."""
    microseconds = message.nanos // 1000
    if microseconds:
        return f'"{_seconds(message.seconds)}.{microseconds:06}Z"'
    return f'"{_seconds(message.seconds)}Z"'


@lru_cache(maxsize=256)  # of one notification most times are of the same second, and so are those of many
def _seconds(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()


def _struct(message: Any) -> str:
    members = message.fields
    if not members:
        return "{}"
    # Sorted, because the wire keeps no order.
    return f"{{{','.join([f'{quoted(name)}:{_value(members[name])}' for name in sorted(members)])}}}"


def _value(message: Any) -> str:
    kind = message.WhichOneof("kind")
    if kind == "string_value":
        return quoted(message.string_value)
    if kind == "number_value":
        number = message.number_value
        # Everything else, such as 0.5 or 1e300, is a float to JSON's own encoder, too.
        return str(int(number)) if number.is_integer() and abs(number) <= _EXACT else json.dumps(number)
    if kind == "bool_value":
        return boolean(message.bool_value)
    if kind == "struct_value":
        return _struct(message.struct_value)
    if kind == "list_value":
        return f"[{','.join([_value(item) for item in message.list_value.values])}]"
    return "null"
