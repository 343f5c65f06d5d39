"""The WebSocket protocol over real sockets, with a real server behind the bridge: the whole table of frames."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tocsin.v1 import notification_pb2 as pb

from helpers.browser_socket import BridgeUnderTest, BrowserSocket, plain, running_bridge
from helpers.calls import EMAIL, SENT, WEBSOCKET, Api, channel_of, ids_of, request, user
from helpers.server import ServerUnderTest, running_server
from helpers.waiting import eventually
from tocsin_server.bridge.protocol.frames import LARGEST_FRAME
from tocsin_server.bridge.session import SessionTimes


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    with running_server(tmp_path_factory.mktemp("protocol"), dev=True) as running:
        yield running


@pytest.fixture(scope="module")
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as connected:
        yield connected


@pytest.fixture(scope="module")
def bridge(server: ServerUnderTest) -> Iterator[BridgeUnderTest]:
    with running_bridge(server.address) as running:
        yield running


@pytest.fixture
def socket(bridge: BridgeUnderTest) -> Iterator[BrowserSocket]:
    with bridge.open() as opened:
        yield opened


# -- events --------------------------------------------------------------------------------------


def test_a_notification_is_pushed_whole_but_for_what_only_the_sender_may_see(api: Api, socket: BrowserSocket) -> None:
    to = user()
    started = socket.subscribe(to)
    assert (started["recovered"], started["unread_count"]) == (True, 0)
    sent = api.send(
        request(to, WEBSOCKET, (EMAIL, "ann@example.org"), title="Zoë's order", metadata={"order_id": "A1", "count": 2})
    )
    event = socket.take("notification")
    assert event["unread_count"] == 1
    assert event["cursor"] != started["cursor"]
    shown = event["notification"]
    assert [channel["channel"] for channel in shown["channels"]] == ["websocket", "email"]
    assert all("response" not in channel and "address" not in channel for channel in shown["channels"])
    assert shown | {"channels": []} == {
        "id": sent.id,
        "recipient": plain(to),
        "title": "Zoë's order",
        "message": "It arrives on Friday.",
        "status": "pending",
        "metadata": {"order_id": "A1", "count": 2},
        "is_read": False,
        "created_at": sent.created_at.ToJsonString().replace("Z", "000Z"),
        "channels": [],
        "read_at": None,
        "send_at": None,
        "expires_at": None,
        "category": "",
    }
    eventually(lambda: channel_of(api.get(sent.id), WEBSOCKET).status == SENT)


def test_what_waited_for_a_first_subscriber_comes_first(api: Api, socket: BrowserSocket) -> None:
    to = user()
    waiting = [api.send(request(to)).id for _ in range(3)]
    assert socket.subscribe(to)["unread_count"] == 3
    assert socket.ids(3) == waiting


def test_a_socket_resumes_after_the_cursor_of_another(api: Api, bridge: BridgeUnderTest) -> None:
    to = user()
    with bridge.open() as first:
        first.subscribe(to)
        seen = [api.send(request(to)).id for _ in range(3)]
        assert first.ids(2) == seen[:2]
    missed = [api.send(request(to)).id for _ in range(3)]
    with bridge.open() as second:
        assert second.subscribe(to, first.cursor)["recovered"]
        assert second.ids(4) == [*seen[2:], *missed]


def test_a_cursor_from_the_future_is_not_recovered(api: Api, bridge: BridgeUnderTest) -> None:
    to, other = user(), user()
    for _ in range(2):
        api.send(request(other))
    ahead = api.list(recipient=other, feed_only=True).cursor
    api.send(request(to))
    with bridge.open() as socket:
        assert not socket.subscribe(to, ahead)["recovered"]


def test_what_is_read_on_one_device_is_read_on_the_others(api: Api, bridge: BridgeUnderTest) -> None:
    to = user()
    with bridge.open() as phone, bridge.open() as laptop:
        phone.subscribe(to)
        laptop.subscribe(to)
        sent = [api.send(request(to)).id for _ in range(3)]
        assert phone.ids(3) == laptop.ids(3) == sent
        answer = phone.answer("marked", {"type": "mark_read", "ids": [sent[1]]})
        assert answer == {
            "type": "marked",
            "marked_count": 1,
            "unread_count": 2,
            "cursor": answer["cursor"],
        }
        for device in (phone, laptop):
            changed = device.take("read_changed")
            assert changed["ids"] == [sent[1]]
            assert changed["cursor"] == answer["cursor"]
            assert changed["unread_count"] == 2
            assert changed["read_at"].endswith("Z")
        cursor = laptop.cursor
        later = api.send(request(to)).id
        assert phone.ids(1) == laptop.ids(1) == [later]
        marked = laptop.answer("marked", {"type": "mark_read", "up_to_cursor": cursor})
        assert (marked["marked_count"], marked["unread_count"]) == (2, 1)
        assert set(phone.take("read_changed")["ids"]) == {sent[0], sent[2]}
        marked = laptop.answer("marked", {"type": "mark_read", "up_to_cursor": ""})
        assert (marked["marked_count"], marked["unread_count"]) == (1, 0)
        assert phone.take("read_changed")["ids"] == [later]


# -- requests ------------------------------------------------------------------------------------


def test_a_feed_is_listed_page_by_page(api: Api, socket: BrowserSocket) -> None:
    to = user()
    sent = [api.send(request(to, title=f"Order {number}")).id for number in range(5)]
    api.send(request(to, (EMAIL, "ann@example.org")))  # not in the feed
    socket.subscribe(to)
    socket.ids(5)
    listed: list[str] = []
    token, pages = "", 0
    while token or not pages:
        page = socket.ask({"type": "list", "page_size": 2, "page_token": token})
        assert page["type"] == "list"
        assert page["cursor"]
        assert all("response" not in one["channels"][0] for one in page["notifications"])
        listed += [one["id"] for one in page["notifications"]]
        token, pages = page["next_page_token"], pages + 1
    assert listed == sent[::-1]
    assert pages == 3
    assert {*page} == {"type", "notifications", "next_page_token", "cursor"}


def test_a_list_and_its_cursor_make_an_inbox_without_a_gap(api: Api, bridge: BridgeUnderTest) -> None:
    to = user()
    before = [api.send(request(to)).id for _ in range(2)]
    with bridge.open() as one:
        one.subscribe(to)
        one.ids(2)
        page = one.ask({"type": "list"})
    between = api.send(request(to)).id
    with bridge.open() as two:
        two.subscribe(to, page["cursor"])
        assert [one["id"] for one in page["notifications"]] == before[::-1]
        assert two.ids(1) == [between]


def test_requests_are_answered_in_their_order_and_after_the_start(api: Api, socket: BrowserSocket) -> None:
    to = user()
    socket.begin(to)
    for _ in range(10):
        socket.send({"type": "list"})
        socket.send({"type": "mark_read", "up_to_cursor": ""})
        socket.send("no frame")
    kinds = [socket.frame()["type"] for _ in range(31)]
    assert kinds == ["subscribed", *["list", "marked", "error"] * 10]


@pytest.mark.parametrize(
    ("frame", "code", "reason"),
    [
        ("no json", "INVALID_ARGUMENT", "MALFORMED_REQUEST"),
        (b'{"type":"list"}', "INVALID_ARGUMENT", "MALFORMED_REQUEST"),
        ("[" * 16_000, "INVALID_ARGUMENT", "MALFORMED_REQUEST"),
        ("[]", "INVALID_ARGUMENT", "MALFORMED_REQUEST"),
        ({"type": "unsubscribe"}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        ({"type": "subscribe", "recipient": {"type": "user", "id": "x"}}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        ({"type": "subscribe", "token": "names nobody"}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        ({"type": "subscribe", "token": "nobody"}, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        ({"type": "list", "page_size": "all"}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        ({"type": "list", "page_token": "forged"}, "INVALID_ARGUMENT", "MALFORMED_PAGE_TOKEN"),
        ({"type": "mark_read"}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        ({"type": "mark_read", "ids": ["not a uuid"]}, "INVALID_ARGUMENT", "INVALID_FIELD"),
        (
            {"type": "mark_read", "ids": ["01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"]},
            "NOT_FOUND",
            "NOTIFICATION_NOT_FOUND",
        ),
        ({"type": "mark_read", "up_to_cursor": "forged"}, "INVALID_ARGUMENT", "MALFORMED_CURSOR"),
    ],
)
def test_a_bad_request_is_told_and_the_socket_goes_on(
    api: Api, socket: BrowserSocket, frame: Any, code: str, reason: str
) -> None:
    to = user()
    socket.subscribe(to)
    error = socket.ask(frame)
    assert {*error} == {"type", "code", "reason", "message"}
    assert (error["type"], error["code"], error["reason"]) == ("error", code, reason)
    assert error["message"]
    sent = api.send(request(to)).id
    assert socket.ids(1) == [sent]


def test_only_what_exists_is_marked(api: Api, socket: BrowserSocket) -> None:
    to = user()
    sent = api.send(request(to)).id
    socket.subscribe(to)
    socket.ids(1)
    unknown = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"
    assert socket.ask({"type": "mark_read", "ids": [sent, unknown]})["code"] == "NOT_FOUND"
    assert api.unread(to) == 1


# -- the first frame -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "code", "reason"),
    [
        ("no json", 1008, "MALFORMED_REQUEST"),
        (b"\x00\xff", 1008, "MALFORMED_REQUEST"),
        ('{"type":' * 1_800, 1008, "MALFORMED_REQUEST"),
        ({"type": "list"}, 1008, "INVALID_FIELD"),
        ({"type": "mark_read", "up_to_cursor": ""}, 1008, "INVALID_FIELD"),
        ({"type": "hello"}, 1008, "INVALID_FIELD"),
        ({"type": "subscribe"}, 1008, "INVALID_FIELD"),
        ({"type": "subscribe", "recipient": {"type": "user"}}, 1008, "INVALID_FIELD"),
        ({"type": "subscribe", "recipient": {"type": "user", "id": "7"}}, 1008, "INVALID_FIELD"),
        ({"type": "subscribe", "recipient": {"type": "user", "id": ""}}, 1008, "INVALID_FIELD"),
        ({"type": "subscribe", "recipient": plain(user()), "cursor": "forged"}, 1008, "MALFORMED_CURSOR"),
        ({"type": "subscribe", "token": "names.no.body"}, 4401, "UNAUTHENTICATED"),
    ],
)
def test_a_bad_first_frame_is_told_and_ends_the_socket(
    socket: BrowserSocket, first: Any, code: int, reason: str
) -> None:
    socket.send(first)
    ended, error = socket.refusal()
    assert (ended, error["reason"]) == (code, reason)


def test_a_socket_that_says_nothing_is_closed(server: ServerUnderTest) -> None:
    with running_bridge(server.address, times=SessionTimes(first_frame=0.05)) as bridge, bridge.open() as socket:
        code, error = socket.refusal()
        assert (code, error["reason"]) == (1008, "INVALID_FIELD")
        assert "no subscribe frame came within 0.05 s" in error["message"]
        assert eventually(lambda: bridge.admission.sockets.taken == 0)


# -- what the WebSocket library refuses by itself ------------------------------------------------


@pytest.mark.parametrize("subscribed", [False, True])
def test_a_frame_over_the_limit_ends_the_socket(socket: BrowserSocket, subscribed: bool) -> None:
    if subscribed:
        socket.subscribe(user())
    frame = json.dumps({"type": "list", "page_token": "x" * LARGEST_FRAME})
    socket.send(frame)
    assert socket.ending()[0] == 1009


def test_the_largest_frame_is_taken(api: Api, socket: BrowserSocket) -> None:
    to = user()
    ids = ids_of(result.response.notification for result in api.batch(*[request(to)] * 390))
    socket.subscribe(to, api.list(recipient=to, feed_only=True, page_size=1).cursor)
    frame = json.dumps({"type": "mark_read", "ids": ids})
    padded = frame + " " * (LARGEST_FRAME - len(frame))
    socket.send(padded)
    kinds = {socket.frame()["type"], socket.frame()["type"]}
    assert kinds == {"marked", "read_changed"}
    assert socket.unread_count == 0


def test_hundreds_of_events_arrive_in_order(api: Api, bridge: BridgeUnderTest) -> None:
    to: pb.Recipient = user()
    with bridge.open() as socket:
        socket.subscribe(to)
        sent = []
        for _ in range(4):
            results = api.batch(*(request(to, message="x" * 2_000) for _ in range(100)))
            sent += ids_of(result.response.notification for result in results)
        assert socket.ids(400) == sent
        assert socket.unread_count == 400
