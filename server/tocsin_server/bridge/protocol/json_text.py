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


_ESCAPED: Final = bytes(byte < 0x20 or byte in b'"\\' for byte in range(256))
"""1 for each byte of UTF-8 that JSON wants escaped."""

_LONG: Final = 64
"""Characters from which on it pays to look whether anything has to be escaped."""


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


def _quoted_prose(text: str) -> str:
    """Return what `quoted` does, in half the time for a long line without anything to escape."""
    if len(text) < _LONG or "\n" in text or 1 in text.encode().translate(_ESCAPED):
        return quoted(text)
    return f'"{text}"'


def notification(message: Any) -> str:
    """Return a Notification."""
    # To read a field costs as much as to write it. So each is read once, and what a notification and its channels
    # have in common is written once.
    identifier: str = message.id
    quoted_id = quoted(identifier)
    created_at = message.created_at
    seconds: int = created_at.seconds
    nanos: int = created_at.nanos
    created = _time(seconds, nanos)
    recipient = message.recipient
    recipient_id = recipient.id
    channels = []
    for channel in message.channels[:]:  # iterating over a repeated field costs twice what its slice does
        notification_id = channel.notification_id
        created_at = channel.created_at
        its_seconds, its_nanos = created_at.seconds, created_at.nanos
        channels.append(
            f'{{"id":{quoted(channel.id)}'
            f',"notification_id":{quoted_id if notification_id == identifier else quoted(notification_id)}'
            f',"channel":{_CHANNEL_TYPES[channel.channel]}'
            f',"status":{_STATUSES[channel.status]}'
            f',"attempts":{channel.attempts}'
            ',"created_at":'
            f"{created if its_seconds == seconds and its_nanos == nanos else _time(its_seconds, its_nanos)}"
            f',"next_attempt_at":{time(channel.next_attempt_at) if channel.HasField("next_attempt_at") else "null"}}}'
        )
    return (
        f'{{"id":{quoted_id}'
        f',"recipient":{{"type":{_RECIPIENT_TYPES[recipient.type]}'
        f',"id":{quoted(recipient_id) if recipient_id else "null"}}}'
        f',"title":{quoted(message.title)}'
        f',"message":{_quoted_prose(message.message)}'
        f',"status":{_STATUSES[message.status]}'
        f',"metadata":{_struct(message.metadata)}'
        f',"is_read":{"true" if message.is_read else "false"}'
        f',"created_at":{created}'
        f',"channels":[{",".join(channels)}]'
        f',"read_at":{time(message.read_at) if message.HasField("read_at") else "null"}'
        f',"send_at":{time(message.send_at) if message.HasField("send_at") else "null"}'
        f',"expires_at":{time(message.expires_at) if message.HasField("expires_at") else "null"}'
        f',"category":{quoted(message.category)}}}'
    )


def time(message: Any) -> str:
    """Return a Timestamp: RFC 3339 in UTC, with microseconds if it has any."""
    return _time(message.seconds, message.nanos)


def _time(seconds: int, nanos: int) -> str:
    if nanos >= 1_000:
        microseconds = "%06d" % (nanos // 1_000)  # noqa: UP031 - f"{…:06}" takes twice as long
        return f'"{_seconds(seconds)}.{microseconds}Z"'
    return f'"{_seconds(seconds)}Z"'


@lru_cache(maxsize=256)  # of one notification most times are of the same second, and so are those of many
def _seconds(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()


def _struct(message: Any) -> str:
    members = message.fields
    texts = []
    for name in sorted(members):  # because the wire keeps no order
        value = members[name]
        text = value.string_value  # most are, and each call costs
        texts.append(f"{quoted(name)}:{quoted(text) if text else _value(value)}")
    return f"{{{','.join(texts)}}}"


def _value(message: Any) -> str:
    # A field that is not the one that the value has reads as its default. So most values are found without being
    # asked for their kind, which costs twice as much as to read a field.
    if text := message.string_value:
        return quoted(text)
    if number := message.number_value:
        return _number(number)
    if message.bool_value:
        return "true"
    match message.WhichOneof("kind"):
        case "string_value":
            return '""'
        case "number_value":
            return "0"
        case "bool_value":
            return "false"
        case "struct_value":
            return _struct(message.struct_value)
        case "list_value":
            return f"[{','.join([_value(item) for item in message.list_value.values])}]"
    return "null"


def _number(number: float) -> str:
    if -_EXACT <= number <= _EXACT and number == (whole := int(number)):
        return str(whole)
    # Everything else, such as 0.5 or 1e300, is a float to JSON's own encoder, too.
    return json.dumps(number)
