"""JSON straight from messages: the same text as on the way over the client's values, for whatever a server sends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.struct_pb2 import ListValue, NullValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.scripted_server import heartbeat
from tocsin_client import as_plain, convert
from tocsin_server.bridge.protocol import frames, json_text

# -- whatever a server sends ---------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)  # protobuf has no lone surrogates
LONG_TEXT = st.builds(  # with one thing at some place that may have to be escaped
    "{}{}{}".format,
    st.integers(0, 200).map("a".__mul__),
    st.characters(codec="utf-8") | st.sampled_from([*map(chr, range(0x20)), '"', "\\", "\x7f", "\u2028", "ü"]),
    st.integers(0, 200).map("z".__mul__),
)
NUMBERS = st.integers(0, 9)  # of an enum: those that there are, and some that are newer
TIMES = st.builds(
    Timestamp,
    seconds=st.integers(-62_135_596_800, 253_402_300_799),  # the years 1 to 9999, which is what a Timestamp may hold
    nanos=st.sampled_from([0, 1, 999, 1_000, 250_000_000, 999_999_999]) | st.integers(0, 999_999_999),
)
VALUES = st.recursive(
    st.builds(Value)
    | st.just(Value(null_value=NullValue.NULL_VALUE))
    | st.builds(Value, bool_value=st.booleans())
    | st.builds(Value, number_value=st.floats() | st.integers(-(2**60), 2**60).map(float))
    | st.builds(Value, string_value=TEXT),
    lambda inner: (
        st.builds(Value, list_value=st.builds(ListValue, values=st.lists(inner, max_size=3)))
        | st.builds(Value, struct_value=st.builds(Struct, fields=st.dictionaries(TEXT, inner, max_size=3)))
    ),
    max_leaves=8,
)
STRUCTS = st.builds(Struct, fields=st.dictionaries(TEXT, VALUES, max_size=4))
CHANNELS = st.builds(
    pb.Channel,
    id=TEXT,
    notification_id=TEXT,
    channel=NUMBERS,
    status=NUMBERS,
    attempts=st.integers(-(2**31), 2**31 - 1),
    response=STRUCTS,
    created_at=st.none() | TIMES,
    address=TEXT,
    next_attempt_at=st.none() | TIMES,
)
NOTIFICATIONS = st.builds(
    pb.Notification,
    id=TEXT,
    # The server answers with ids in lower case, and the client reads them so.
    recipient=st.none() | st.builds(pb.Recipient, type=NUMBERS, id=st.just("") | st.uuids().map(str)),
    title=TEXT,
    message=TEXT | LONG_TEXT,
    status=NUMBERS,
    metadata=st.none() | STRUCTS,
    is_read=st.booleans(),
    created_at=st.none() | TIMES,
    channels=st.lists(CHANNELS, max_size=3),
    read_at=st.none() | TIMES,
    send_at=st.none() | TIMES,
    expires_at=st.none() | TIMES,
    category=TEXT,
)


def with_in_common(notification: pb.Notification, nanos: int | None) -> pb.Notification:
    """Return it with channels as a server makes them: with its id and time, or another time of the same second."""
    for channel in notification.channels:
        channel.notification_id = notification.id
        channel.created_at.CopyFrom(notification.created_at)
        if nanos is not None:
            channel.created_at.nanos = nanos
    return notification


NOTIFICATIONS |= st.builds(with_in_common, NOTIFICATIONS, st.none() | st.integers(0, 999_999_999))
EVENTS = st.builds(
    lambda kind, **position: service_pb.SubscribeResponse(**position, **kind),
    st.fixed_dictionaries({"subscribed": st.builds(service_pb.Subscribed, recovered=st.booleans())})
    | st.fixed_dictionaries({"notification": NOTIFICATIONS})
    | st.fixed_dictionaries(
        {"read_changed": st.builds(service_pb.ReadChanged, ids=st.lists(TEXT, max_size=4), read_at=st.none() | TIMES)}
    ),
    cursor=TEXT,
    unread_count=st.integers(-(2**63), 2**63 - 1),
)


# -- the same by way of the client's values ------------------------------------------------------


def shown(notification: dict[str, Any]) -> dict[str, Any]:
    """Return what a browser may see of a notification."""
    # What is in a feed is decided, and an external id is only in contacts.
    del notification["owner"], notification["route_by"], notification["recipient"]["external_id"]
    for channel in notification["channels"]:
        del channel["response"], channel["address"], channel["history"]
    return notification


def text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@settings(deadline=None)
@given(NOTIFICATIONS)
def test_a_notification_is_written_as_the_client_would(message: pb.Notification) -> None:
    assert json_text.notification(message) == text(shown(as_plain(convert.notification_from(message))))


@settings(deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.integers(-(2**53), 2**53)
        | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=12,
    ).map(lambda value: {"inner": value})
)
def test_metadata_is_written_as_json_writes_the_plain_value(metadata: dict[str, Any]) -> None:
    message = pb.Notification()
    message.metadata.update(metadata)
    written = json.loads(json_text.notification(message))["metadata"]
    assert written == metadata


@settings(deadline=None)
@given(EVENTS)
def test_an_event_is_written_as_the_client_would(message: service_pb.SubscribeResponse) -> None:
    plain = as_plain(convert.event_from(message))
    if "notification" in plain:
        shown(plain["notification"])
    if "recovered" in plain:  # which comes second in its frame
        plain = {"type": plain.pop("type"), "recovered": plain.pop("recovered"), **plain}
    assert frames.event_frame(message, plain["type"], message.cursor) == text(plain)


@settings(deadline=None)
@given(st.lists(NOTIFICATIONS, max_size=3), TEXT, TEXT)
def test_a_page_is_written_as_the_client_would(notifications: list[pb.Notification], token: str, cursor: str) -> None:
    page = service_pb.ListResponse(notifications=notifications, next_page_token=token, cursor=cursor)
    plain = [shown(as_plain(convert.notification_from(message))) for message in notifications]
    assert frames.list_frame(page) == text(
        {"type": "list", "notifications": plain, "next_page_token": token, "cursor": cursor}
    )


def test_what_is_no_event_for_browsers_has_no_frame() -> None:
    with pytest.raises(ValueError, match="no event"):
        frames.event_frame(heartbeat("c1"), "heartbeat", "c1")
