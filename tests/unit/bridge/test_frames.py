"""The frames of the WebSocket protocol: what is read from a browser, what is refused, and what is written to one."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tocsin.v1 import notification_service_pb2 as service_pb
from websockets.frames import Frame, Opcode

from helpers.scripted_server import channel, notification, read_changed, struct, subscribed
from tocsin_client import (
    Aborted,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    MarkedRead,
    PermissionDenied,
    Recipient,
    RecipientType,
    ResourceExhausted,
    TocsinError,
    Unauthenticated,
    Unavailable,
    Unknown,
)
from tocsin_server.bridge.protocol import frames
from tocsin_server.bridge.protocol.frames import CloseCode, ListFeed, MarkRead, Subscribe

USER_ID = "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"
ID = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"
USER = Recipient(RecipientType.USER, USER_ID)
THEM = {"type": "user", "id": USER_ID}
DEEP = "[" * 8_000 + "]" * 8_000


def jwt_of(claims: object) -> str:
    """Return a token that looks like a JWT, whoever signed it."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2lnbmVk"


def violations(frame: object) -> dict[str, str]:
    """Return what is said of a frame's bad members."""
    with pytest.raises(InvalidArgument) as caught:
        frames.parse(frame if isinstance(frame, str | bytes) else json.dumps(frame))
    assert caught.value.reason == "INVALID_FIELD"
    assert all(violation.field in caught.value.message for violation in caught.value.violations)
    return {violation.field: violation.description for violation in caught.value.violations}


# -- what is read --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "read"),
    [
        ({"type": "subscribe", "recipient": THEM}, Subscribe(USER, None, "")),
        ({"type": "subscribe", "recipient": THEM, "token": "", "cursor": ""}, Subscribe(USER, None, "")),
        ({"type": "subscribe", "recipient": THEM, "token": None, "cursor": None}, Subscribe(USER, None, "")),
        ({"type": "subscribe", "recipient": THEM, "token": "opaque", "cursor": "c1"}, Subscribe(USER, "opaque", "c1")),
        ({"type": "list"}, ListFeed(0, "")),
        ({"type": "list", "page_size": 20, "page_token": "p"}, ListFeed(20, "p")),
        ({"type": "list", "page_size": 10**30}, ListFeed(frames.LARGEST_PAGE, "")),
        ({"type": "mark_read", "ids": [ID]}, MarkRead((ID,), "")),
        ({"type": "mark_read", "ids": [ID] * 300}, MarkRead((ID,) * 300, "")),
        ({"type": "mark_read", "up_to_cursor": "c1"}, MarkRead(None, "c1")),
        ({"type": "mark_read", "up_to_cursor": ""}, MarkRead(None, "")),
        ({"type": "mark_read", "up_to_cursor": "c1", "ids": None}, MarkRead(None, "c1")),
    ],
)
def test_good_frames_are_read(frame: dict[str, Any], read: frames.ClientFrame) -> None:
    assert frames.parse(json.dumps(frame)) == read


@pytest.mark.parametrize("external_id", ["42", "ext:a:b", "Größe №7 🔔", " ", "x" * 255])
def test_a_recipient_may_be_named_by_an_external_id(external_id: str) -> None:
    frame = {"type": "subscribe", "recipient": {"type": "user", "external_id": external_id}}
    token = jwt_of({"sub": f"user:ext:{external_id}"})
    for read in (frames.parse(json.dumps(frame)), frames.parse(json.dumps({"type": "subscribe", "token": token}))):
        assert isinstance(read, Subscribe)
        assert read.recipient.external_id == external_id
        assert read.recipient == Recipient(RecipientType.USER, external_id=external_id)


@pytest.mark.parametrize("kind", list(RecipientType))
def test_the_token_says_whose_feed_where_the_frame_does_not(kind: RecipientType) -> None:
    token = jwt_of({"sub": f"{kind}:{USER_ID}", "exp": 1})
    frame = frames.parse(json.dumps({"type": "subscribe", "token": token}))
    assert frame == Subscribe(Recipient(kind, USER_ID), token, "")


def test_the_frame_goes_before_the_token() -> None:
    token = jwt_of({"sub": f"guest:{ID}"})
    frame = frames.parse(json.dumps({"type": "subscribe", "token": token, "recipient": THEM}))
    assert frame == Subscribe(USER, token, "")


@pytest.mark.parametrize(
    "token",
    [
        "opaque",
        "a.b",
        "a.b.c",
        "a.!!.c",
        "....",
        jwt_of({}),
        jwt_of([]),
        jwt_of("sub"),
        jwt_of({"sub": 7}),
        jwt_of({"sub": ""}),
        jwt_of({"sub": "user"}),
        jwt_of({"sub": "user:"}),
        jwt_of({"sub": f"nobody:{USER_ID}"}),
        jwt_of({"sub": "user:\ud800"}),
        jwt_of({"sub": "user:" + "x" * 2_000}),
        jwt_of({"sub": "user:ext:"}),
        jwt_of({"sub": "user:ext:" + "x" * 256}),
        jwt_of({"sub": "user:ext:a\nb"}),
        jwt_of({"sub": "user:ext:\ud800"}),
        jwt_of({"sub": "nobody:ext:42"}),
        f"a.{base64.urlsafe_b64encode(DEEP.encode()[:6_000]).decode()}.c",
    ],
)
def test_a_token_that_names_nobody_is_a_bad_token(token: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        frames.parse(json.dumps({"type": "subscribe", "token": token}))
    assert caught.value.reason == "UNAUTHENTICATED"
    assert token not in str(caught.value)


def test_the_text_of_an_error_page_is_told_apart_from_a_token() -> None:
    page = "nothing here; the WebSocket is at /ws\n"
    with pytest.raises(InvalidArgument) as caught:
        frames.parse(json.dumps({"type": "subscribe", "recipient": THEM, "token": page}))
    [violation] = caught.value.violations
    assert violation.field == "token"
    assert "error page" in violation.description
    assert page not in str(caught.value)


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        "",
        "subscribe",
        "{",
        '{"type": "list"',
        "'list'",
        '{"type": NaN}',
        '{"type": "list", "page_size": Infinity}',
        '{"type": "list", "page_size": ' + "9" * 5_000 + "}",
        DEEP,
        '{"type":' * 2_000,
        "null",
        "7",
        '"list"',
        "[]",
        '["list"]',
        b'{"type": "list"}',
        b"",
        b"\xff\xfe",
    ],
)
def test_what_is_no_json_object_in_text_is_malformed(data: str | bytes) -> None:
    with pytest.raises(InvalidArgument) as caught:
        frames.parse(data)
    assert caught.value.reason == "MALFORMED_REQUEST"


@pytest.mark.parametrize("kind", [None, "", "Subscribe", "unsubscribe", 7, True, [], {}, ["list"], "x" * 10_000])
def test_an_unknown_type_is_refused(kind: object) -> None:
    assert violations({"type": kind}) == {"type": "must be subscribe, list or mark_read"}


@pytest.mark.parametrize(
    ("frame", "fields"),
    [
        ({"type": "subscribe"}, {"recipient"}),
        ({"type": "subscribe", "recipient": "user:" + USER_ID}, {"recipient"}),
        ({"type": "subscribe", "recipient": [THEM]}, {"recipient"}),
        ({"type": "subscribe", "recipient": {}}, {"recipient.type", "recipient.id"}),
        ({"type": "subscribe", "recipient": {"type": "USER", "id": USER_ID}}, {"recipient.type"}),
        ({"type": "subscribe", "recipient": {"type": ["user"], "id": 7}}, {"recipient.type", "recipient.id"}),
        ({"type": "subscribe", "recipient": {**THEM, "name": "Ann"}}, {"recipient.name"}),
        ({"type": "subscribe", "recipient": {"type": "user", "id": "\ud800"}}, {"recipient.id"}),
        ({"type": "subscribe", "recipient": {**THEM, "external_id": "42"}}, {"recipient.id"}),
        (
            {"type": "subscribe", "recipient": {"type": "user", "external_id": 42}},
            {"recipient.external_id", "recipient.id"},
        ),
        (
            {"type": "subscribe", "recipient": {"type": "user", "external_id": "\ud800"}},
            {"recipient.external_id", "recipient.id"},
        ),
        ({"type": "subscribe", "recipient": {**THEM, "external_id": "x" * 256}}, {"recipient.external_id"}),
        ({"type": "subscribe", "recipient": THEM, "token": 7}, {"token"}),
        ({"type": "subscribe", "recipient": THEM, "token": "two words"}, {"token"}),
        ({"type": "subscribe", "recipient": THEM, "token": "line\nx-other: header"}, {"token"}),
        ({"type": "subscribe", "recipient": THEM, "token": "x" * 8_193}, {"token"}),
        ({"type": "subscribe", "recipient": THEM, "token": "ключ"}, {"token"}),
        ({"type": "subscribe", "recipient": THEM, "cursor": 7}, {"cursor"}),
        ({"type": "subscribe", "recipient": THEM, "cursor": "\u0000"}, {"cursor"}),
        ({"type": "subscribe", "recipient": THEM, "curser": "c1"}, {"curser"}),
        ({"type": "subscribe", "recipient": 7, "token": 7, "cursor": 7}, {"recipient", "token", "cursor"}),
        ({"type": "list", "page_size": -1}, {"page_size"}),
        ({"type": "list", "page_size": 1.5}, {"page_size"}),
        ({"type": "list", "page_size": "20"}, {"page_size"}),
        ({"type": "list", "page_size": True}, {"page_size"}),
        ({"type": "list", "page_token": ["p"]}, {"page_token"}),
        ({"type": "list", "page_token": "x" * 1_025}, {"page_token"}),
        ({"type": "list", "unread_only": True, "cursor": "c"}, {"unread_only", "cursor"}),
        ({"type": "mark_read"}, {"ids"}),
        ({"type": "mark_read", "up_to_curser": "c1"}, {"ids", "up_to_curser"}),
        ({"type": "mark_read", "ids": [ID], "up_to_cursor": "c1"}, {"ids"}),
        ({"type": "mark_read", "ids": []}, {"ids"}),
        ({"type": "mark_read", "ids": ID}, {"ids"}),
        ({"type": "mark_read", "ids": {ID: True}}, {"ids"}),
        ({"type": "mark_read", "ids": ["x"] * 501}, {"ids"}),
        ({"type": "mark_read", "ids": [ID, 7, "\ud800", None]}, {"ids[1]", "ids[2]", "ids[3]"}),
        ({"type": "mark_read", "up_to_cursor": 7}, {"up_to_cursor"}),
        ({"type": "list", "a member\nwith a strange name": 1}, {"(a member)"}),
    ],
)
def test_every_bad_member_is_named_at_once(frame: dict[str, Any], fields: set[str]) -> None:
    assert set(violations(frame)) == fields


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
NAMES = st.sampled_from(["token", "recipient", "cursor", "page_size", "page_token", "ids", "up_to_cursor", "type"])
FRAMES = st.builds(
    lambda kind, members: members | kind,
    st.fixed_dictionaries({"type": st.sampled_from(["subscribe", "list", "mark_read"]) | JSON}),
    st.dictionaries(NAMES | st.text(), JSON, max_size=4),
)


@given(FRAMES | JSON)
def test_whatever_json_comes_is_read_or_refused(frame: object) -> None:
    with contextlib.suppress(InvalidArgument, Unauthenticated):
        assert isinstance(frames.parse(json.dumps(frame)), Subscribe | ListFeed | MarkRead)


@given(st.text() | st.binary())
def test_whatever_text_comes_is_read_or_refused(data: str | bytes) -> None:
    with pytest.raises(InvalidArgument):
        frames.parse(data)


# -- what is written -----------------------------------------------------------------------------


NOTIFICATION = notification(
    category="order.shipped",
    title='Zoë\'s "order"',
    message="It arrives on Friday.\n\u2028",
    metadata=struct({"order_id": "ABC123", "count": 3, "nested": {"a": [1.5, None, True]}}),
    channels=[
        channel("websocket", attempts=1),
        channel("email", attempts=1, address="ann@example.org", response=struct({"detail": "250 ok"})),
    ],
)
PLAIN = {
    "id": ID,
    "recipient": THEM,
    "title": 'Zoë\'s "order"',
    "message": "It arrives on Friday.\n\u2028",
    "status": "sent",
    "metadata": {"order_id": "ABC123", "count": 3, "nested": {"a": [1.5, None, True]}},
    "is_read": False,
    "created_at": "2026-01-31T08:15:00.250000Z",
    "channels": [
        {
            "id": f"channel-{kind}",
            "notification_id": ID,
            "channel": kind,
            "status": "sent",
            "attempts": 1,
            "created_at": "2026-01-31T08:15:00.250000Z",
            "next_attempt_at": None,
        }
        for kind in ("websocket", "email")
    ],
    "read_at": None,
    "send_at": None,
    "expires_at": None,
    "category": "order.shipped",
}


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        (
            frames.event_frame(subscribed("c1", unread=3), "subscribed", "c1"),
            {"type": "subscribed", "recovered": True, "cursor": "c1", "unread_count": 3},
        ),
        (
            frames.event_frame(
                service_pb.SubscribeResponse(cursor="c2", unread_count=4, notification=NOTIFICATION),
                "notification",
                "c2",
            ),
            {"type": "notification", "cursor": "c2", "unread_count": 4, "notification": PLAIN},
        ),
        (
            frames.event_frame(read_changed("c3", ID, unread=2), "read_changed", "c3"),
            {
                "type": "read_changed",
                "cursor": "c3",
                "unread_count": 2,
                "ids": [ID],
                "read_at": "2026-01-31T08:15:00.250000Z",
            },
        ),
        (frames.heartbeat_frame("c4"), {"type": "heartbeat", "cursor": "c4"}),
        (
            frames.list_frame(
                service_pb.ListResponse(notifications=[NOTIFICATION], next_page_token="next", cursor="c5")
            ),
            {"type": "list", "notifications": [PLAIN], "next_page_token": "next", "cursor": "c5"},
        ),
        (
            frames.marked_frame(MarkedRead(1, 2, "c6")),
            {"type": "marked", "marked_count": 1, "unread_count": 2, "cursor": "c6"},
        ),
        (
            frames.error_frame(InvalidArgument("ids[0]: must be a UUID", reason="INVALID_FIELD")),
            {
                "type": "error",
                "code": "INVALID_ARGUMENT",
                "reason": "INVALID_FIELD",
                "message": "ids[0]: must be a UUID",
            },
        ),
    ],
)
def test_frames_are_those_of_the_contract(text: str, frame: dict[str, Any]) -> None:
    assert json.loads(text) == frame
    assert list(json.loads(text)) == list(frame)


def test_what_grpc_itself_says_is_not_shown_to_browsers() -> None:
    text = frames.error_frame(Unavailable("failed to connect to all addresses; last error: ipv4:10.0.0.7:50051"))
    assert json.loads(text) == {
        "type": "error",
        "code": "UNAVAILABLE",
        "reason": "",
        "message": "the server could not be asked (UNAVAILABLE)",
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unauthenticated("no"), CloseCode.BAD_TOKEN),
        (Unauthenticated("late", reason="TOKEN_EXPIRED"), CloseCode.BAD_TOKEN),
        (PermissionDenied("no"), CloseCode.POLICY),
        (InvalidArgument("no"), CloseCode.POLICY),
        (ResourceExhausted("slow", reason="SUBSCRIBER_TOO_SLOW"), CloseCode.TRY_LATER),
        (Unavailable("away"), CloseCode.TRY_LATER),
        (DeadlineExceeded("late"), CloseCode.TRY_LATER),
        (Internal("fault"), CloseCode.TRY_LATER),
        (Unknown("fault"), CloseCode.TRY_LATER),
        (Aborted("fault"), CloseCode.TRY_LATER),
    ],
)
def test_the_close_code_tells_the_browser_what_to_do(error: TocsinError, code: int) -> None:
    assert frames.close_code_for(error) == code


def test_the_close_codes_are_those_of_the_contract() -> None:
    assert [int(code) for code in CloseCode] == [1001, 1008, 1013, 4401]


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 100_000])
def test_a_frame_becomes_a_text_message_as_the_library_writes_it(length: int) -> None:
    frame = "é" * (length // 2) + "x" * (length % 2)
    message = frames.text_message(frame)
    assert message == Frame(Opcode.TEXT, frame.encode()).serialize(mask=False)
