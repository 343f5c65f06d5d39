"""What becomes of a browser's socket when the way to the server breaks, and what travels on that way.

The server here does what the test says, so that every ending can be had; `test_bridge_processes` breaks a real one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import grpc
import pytest
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.browser_socket import BridgeUnderTest, BrowserSocket, plain, running_bridge
from helpers.scripted_server import (
    NOTIFICATION_ID,
    SILENCE,
    USER_ID,
    Refusal,
    ScriptedServer,
    arrived,
    channel,
    heartbeat,
    notification,
    read_changed,
    subscribed,
)
from helpers.waiting import eventually
from tocsin_server.bridge.session import SessionTimes

USER = pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=USER_ID)
AWAY = Refusal(grpc.StatusCode.UNAVAILABLE, reason="SHUTTING_DOWN", retry_after=0)
AGED = Refusal(grpc.StatusCode.UNAVAILABLE, reason="STREAM_AGED", retry_after=0)
CUT = Refusal(grpc.StatusCode.CANCELLED)
SLOW = Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, reason="SUBSCRIBER_TOO_SLOW", retry_after=0)
CROWDED = Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, reason="TOO_MANY_STREAMS", retry_after=0)
EARLY = Refusal(
    grpc.StatusCode.UNAUTHENTICATED, reason="UNAUTHENTICATED", metadata={"valid_from": "2026-03-01T12:00:00Z"}
)
EXPIRED = Refusal(grpc.StatusCode.UNAUTHENTICATED, reason="TOKEN_EXPIRED")
FAULT = Refusal(grpc.StatusCode.INTERNAL, reason="INTERNAL", metadata={"incident": "1"})


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def bridge(server: ScriptedServer) -> Iterator[BridgeUnderTest]:
    with running_bridge(server.address) as running:
        yield running


@pytest.fixture
def socket(bridge: BridgeUnderTest) -> Iterator[BrowserSocket]:
    with bridge.open() as opened:
        yield opened


def cursors(server: ScriptedServer) -> list[str]:
    return [call.request.cursor for call in server.calls("Subscribe")]


# -- resuming ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [AWAY, AGED, CUT, Refusal(grpc.StatusCode.UNKNOWN)])
def test_the_end_of_a_stream_is_invisible(server: ScriptedServer, socket: BrowserSocket, ending: Refusal) -> None:
    server.script(
        "Subscribe",
        [subscribed("c0"), arrived("c1", unread=1), ending],
        ending,
        [subscribed("c1"), ending],
        [subscribed("c1"), arrived("c2", unread=2), heartbeat("c3"), ending],
        [subscribed("c3"), read_changed("c4", NOTIFICATION_ID), SILENCE],
    )
    socket.begin(USER, "c0")
    kinds = [socket.frame()["type"] for _ in range(4)]
    assert kinds == ["subscribed", "notification", "notification", "read_changed"]
    assert socket.cursor == "c4"
    assert cursors(server) == ["c0", "c1", "c1", "c1", "c3"]


def test_a_restart_of_the_server_is_invisible(server: ScriptedServer, socket: BrowserSocket) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE], [subscribed("c0"), arrived("c1"), SILENCE])
    socket.subscribe(USER)
    server.restart()
    assert socket.take("notification")["cursor"] == "c1"


def test_what_cannot_be_replayed_is_told_on_the_same_socket(server: ScriptedServer, socket: BrowserSocket) -> None:
    server.script(
        "Subscribe",
        [subscribed("c1"), AWAY],
        [subscribed("c9", recovered=False, unread=7), arrived("c10"), SILENCE],
    )
    assert socket.subscribe(USER, "c1")["recovered"]
    gap = socket.take("subscribed")
    assert (gap["recovered"], gap["cursor"], gap["unread_count"]) == (False, "c9", 7)
    assert socket.take("notification")["cursor"] == "c10"


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (SLOW, 1013),
        (CROWDED, 1013),
        (FAULT, 1013),
        (EXPIRED, 4401),
        (Refusal(grpc.StatusCode.UNAUTHENTICATED, reason="UNAUTHENTICATED"), 4401),
        (Refusal(grpc.StatusCode.PERMISSION_DENIED, reason="PERMISSION_DENIED"), 1008),
        (Refusal(grpc.StatusCode.INVALID_ARGUMENT, reason="MALFORMED_CURSOR"), 1008),
        (Refusal(grpc.StatusCode.UNIMPLEMENTED, reason="NOT_IMPLEMENTED"), 1013),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
def test_what_no_stream_would_cure_ends_the_socket(
    server: ScriptedServer, socket: BrowserSocket, ending: Refusal, code: int, begun: bool
) -> None:
    server.script("Subscribe", [subscribed("c0"), arrived("c1"), ending] if begun else ending)
    socket.begin(USER)
    if begun:
        socket.take("subscribed")
        socket.take("notification")
    ended, error = socket.refusal()
    assert (ended, error["code"], error["reason"]) == (code, ending.code.name, ending.reason)
    assert socket.cursor == ("c1" if begun else "")


def test_an_event_that_cannot_be_written_ends_its_own_socket_only(
    server: ScriptedServer, bridge: BridgeUnderTest
) -> None:
    impossible = arrived("c1")
    impossible.notification.created_at.seconds = 2**60
    server.script("Subscribe", [subscribed("c0"), SILENCE], [subscribed("c0"), impossible, SILENCE])
    server.script("List", service_pb.ListResponse(cursor="c0"))
    with bridge.open() as other, bridge.open() as socket:
        other.subscribe(USER)
        socket.subscribe(USER)
        code, error = socket.refusal()
        assert (code, error["code"], socket.cursor) == (1013, "UNAVAILABLE", "c0")
        assert other.ask({"type": "list"})["type"] == "list"


# -- the stream that all sockets share -----------------------------------------------------------


def test_all_sockets_share_one_stream(server: ScriptedServer, bridge: BridgeUnderTest) -> None:
    server.script("Subscribe", *[[subscribed("c0"), SILENCE]] * 3)
    with bridge.open() as one, bridge.open() as two, bridge.open() as three:
        for socket in (one, two, three):
            socket.subscribe(USER)
    assert server.relays == 1


@pytest.mark.parametrize("code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE])
def test_the_end_of_the_stream_is_no_sockets_end(
    server: ScriptedServer, socket: BrowserSocket, code: grpc.StatusCode
) -> None:
    server.script("Relay", *[Refusal(code, reason="X", retry_after=0)] * 3)
    server.script("Subscribe", [subscribed("c0"), SILENCE])
    socket.subscribe(USER)
    assert server.relays == 4


def test_a_server_without_the_service_is_told_to_the_operator(
    server: ScriptedServer, socket: BrowserSocket, caplog: pytest.LogCaptureFixture
) -> None:
    # Often, since gRPC tells INTERNAL instead when the end of a stream meets a request.
    server.script("Relay", *[Refusal(grpc.StatusCode.UNIMPLEMENTED)] * 100)
    socket.begin(USER)
    code, error = socket.refusal()
    assert (code, error["code"], error["reason"]) == (1013, "UNIMPLEMENTED", "")
    [record] = [record for record in caplog.records if record.name == "tocsin_server.bridge.carrier"]
    assert record.__dict__["event"] == "bridge_relay_unimplemented"
    assert "RelayService" in record.getMessage()


def test_a_stream_of_a_server_that_stops_gets_no_new_subscriptions(
    server: ScriptedServer, bridge: BridgeUnderTest
) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE], [subscribed("c0"), AWAY], [subscribed("c0"), SILENCE])
    with bridge.open() as stays, bridge.open() as moves:
        stays.subscribe(USER)
        moves.subscribe(USER)
        server.wait_for_calls("Subscribe", 3)
        assert server.relays == 2
    server.wait_for_departures(2)


def test_what_a_browser_has_taken_is_confirmed(server: ScriptedServer, socket: BrowserSocket) -> None:
    events = [arrived(f"c{number}", message="x" * 12_000) for number in range(1, 7)]
    server.script("Subscribe", [subscribed("c0"), *events, SILENCE])
    socket.subscribe(USER)
    for _ in events:
        socket.take("notification")
    sizes = [event.ByteSize() for event in events]
    first, second = server.wait_for_receipt(), server.wait_for_receipt()
    assert first == (1, subscribed("c0").ByteSize() + sum(sizes[:3]))
    assert second == (1, sum(sizes[3:]))


def test_bytes_that_are_no_event_end_their_own_socket_only(server: ScriptedServer, bridge: BridgeUnderTest) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE], [subscribed("c0"), b"\xff\xff", SILENCE])
    server.script("List", service_pb.ListResponse(cursor="c0"))
    with bridge.open() as other, bridge.open() as socket:
        other.subscribe(USER)
        socket.subscribe(USER)
        code, error = socket.refusal()
        assert (code, error["code"]) == (1013, "UNAVAILABLE")
        assert other.ask({"type": "list"})["type"] == "list"


# -- a server that is away -----------------------------------------------------------------------


def test_a_socket_waits_a_while_for_a_server_that_is_away(server: ScriptedServer) -> None:
    server.stop()
    with running_bridge(server.address) as bridge, bridge.open() as socket:
        socket.begin(USER)
        server.script("Subscribe", [subscribed("c0"), SILENCE])
        server.start()
        socket.take("subscribed")


def test_a_socket_that_is_not_confirmed_in_time_is_told_to_try_later(server: ScriptedServer) -> None:
    server.script("Subscribe", [SILENCE])
    times = SessionTimes(confirmation=0.05)
    with running_bridge(server.address, times=times) as bridge, bridge.open() as socket:
        socket.begin(USER)
        code, error = socket.refusal()
        assert (code, error["code"], error["reason"]) == (1013, "UNAVAILABLE", "")
        assert server.address not in str(error)
        server.wait_for_departures(1)


def test_a_server_that_stays_away_ends_the_socket(server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), AWAY], *[AWAY] * 1_000)
    with running_bridge(server.address, outage_limit=0.1) as bridge, bridge.open() as socket:
        socket.subscribe(USER)
        code, error = socket.refusal()
        assert (code, error["reason"]) == (1013, "SHUTTING_DOWN")


def test_a_token_whose_time_has_not_come_is_tried_again(server: ScriptedServer, socket: BrowserSocket) -> None:
    server.script("Subscribe", EARLY, EARLY, [subscribed("c0"), SILENCE])
    socket.subscribe(USER, token="ahead")


def test_outages_do_not_add_up(server: ScriptedServer) -> None:
    server.script("Subscribe", *[[subscribed("c0"), AWAY]] * 20, [subscribed("c0"), arrived("c1"), SILENCE])
    with running_bridge(server.address, outage_limit=0.0) as bridge, bridge.open() as socket:
        socket.subscribe(USER)
        socket.take("notification")


# -- heartbeats ----------------------------------------------------------------------------------


def test_heartbeats_fill_the_silence_and_have_the_last_cursor(server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE])
    with running_bridge(server.address, times=SessionTimes(heartbeat=0.02)) as bridge, bridge.open() as socket:
        socket.subscribe(USER)
        for _ in range(3):
            assert socket.any_frame() == {"type": "heartbeat", "cursor": "c0"}


def test_heartbeats_go_on_while_the_server_is_away(server: ScriptedServer) -> None:
    server.script("Subscribe", [subscribed("c0"), arrived("c1"), SILENCE])
    with running_bridge(server.address, times=SessionTimes(heartbeat=0.02)) as bridge, bridge.open() as socket:
        socket.subscribe(USER)
        socket.take("notification")
        server.stop()
        for _ in range(10):
            assert socket.any_frame() == {"type": "heartbeat", "cursor": "c1"}
        server.script("Subscribe", [subscribed("c1"), arrived("c2"), SILENCE])
        server.start()
        assert socket.take("notification")["cursor"] == "c2"


def test_there_is_no_heartbeat_before_the_start(server: ScriptedServer) -> None:
    server.script("Subscribe", AWAY, AWAY, AWAY, AWAY, [subscribed("c0"), SILENCE])
    with running_bridge(server.address, times=SessionTimes(heartbeat=0.001)) as bridge, bridge.open() as socket:
        socket.begin(USER)
        assert socket.any_frame()["type"] == "subscribed"


# -- what travels --------------------------------------------------------------------------------


def test_every_call_has_the_sockets_token_and_recipient(server: ScriptedServer, bridge: BridgeUnderTest) -> None:
    server.script("Subscribe", *[[subscribed("c0"), SILENCE]] * 2)
    server.script("List", *[service_pb.ListResponse(cursor="c0")] * 2)
    server.script("MarkRead", *[service_pb.MarkReadResponse()] * 2)
    other = pb.Recipient(type=pb.RECIPIENT_TYPE_GUEST, id=str(uuid.uuid4()))
    with bridge.open() as one, bridge.open() as two:
        one.subscribe(USER, token="ann")
        two.subscribe(other)
        for socket in (one, two):
            socket.ask({"type": "list", "page_size": 7, "page_token": "p"})
            socket.ask({"type": "mark_read", "up_to_cursor": "c0"})
    for rpc in ("Subscribe", "List", "MarkRead"):
        calls = server.calls(rpc)
        assert [call.request.recipient for call in calls] == [USER, other]
        assert [call.metadata.get("authorization") for call in calls] == ["Bearer ann", None]
    asked = server.calls("List")[0].request
    assert (asked.feed_only, asked.page_size, asked.page_token) == (True, 7, "p")
    assert server.calls("MarkRead")[0].request.up_to_cursor == "c0"


def test_ids_are_marked_without_naming_a_recipient(server: ScriptedServer, socket: BrowserSocket) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE])
    server.script("MarkRead", service_pb.MarkReadResponse(marked_count=1, unread_count=2, cursor="c7"))
    socket.subscribe(USER)
    answer = socket.ask({"type": "mark_read", "ids": [NOTIFICATION_ID]})
    assert answer == {"type": "marked", "marked_count": 1, "unread_count": 2, "cursor": "c7"}
    request = server.calls("MarkRead")[0].request
    assert list(request.ids) == [NOTIFICATION_ID]
    assert not request.HasField("recipient")


def test_what_a_server_without_authentication_tells_is_kept_from_browsers(
    server: ScriptedServer, socket: BrowserSocket
) -> None:
    row = channel("email", address="ann@example.org", response={"detail": "250 ok"})
    server.script("Subscribe", [subscribed("c0"), arrived("c1", channels=[row]), SILENCE])
    server.script("List", service_pb.ListResponse(notifications=[notification(channels=[row])]))
    socket.subscribe(USER)
    assert "ann@example.org" not in str(socket.take("notification"))
    assert "250 ok" not in str(socket.ask({"type": "list"}))


@pytest.mark.parametrize(
    ("refusal", "code"),
    [(EXPIRED, 4401), (EARLY, 1013), (Refusal(grpc.StatusCode.UNAUTHENTICATED, reason="UNAUTHENTICATED"), 4401)],
)
def test_a_request_shows_that_a_token_is_bad_as_well(
    server: ScriptedServer, socket: BrowserSocket, refusal: Refusal, code: int
) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE])
    server.script("List", refusal)
    socket.subscribe(USER)
    socket.send({"type": "list"})
    ended, error = socket.refusal()
    assert (ended, error["reason"]) == (code, refusal.reason)


@pytest.mark.parametrize("refusal", [CROWDED, FAULT, Refusal(grpc.StatusCode.PERMISSION_DENIED, reason="X")])
def test_any_other_refusal_of_a_request_leaves_the_socket_open(
    server: ScriptedServer, socket: BrowserSocket, refusal: Refusal
) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE])
    server.script("List", refusal, service_pb.ListResponse(cursor="c0"))
    socket.subscribe(USER)
    error = socket.ask({"type": "list"})
    assert (error["type"], error["code"], error["reason"]) == ("error", refusal.code.name, refusal.reason)
    assert socket.ask({"type": "list"})["type"] == "list"


# -- leaving -------------------------------------------------------------------------------------


def test_a_browser_that_leaves_ends_its_stream(server: ScriptedServer, bridge: BridgeUnderTest) -> None:
    server.script("Subscribe", [subscribed("c0"), SILENCE])
    with bridge.open() as socket:
        socket.subscribe(USER)
    server.wait_for_departures(1)
    assert eventually(lambda: bridge.admission.sockets.taken == 0)
    assert bridge.admission.closed == {}


@pytest.mark.parametrize("waiting_for", ["Subscribe", "List"])
def test_a_browser_that_leaves_while_the_server_is_asked_ends_that_too(
    server: ScriptedServer, bridge: BridgeUnderTest, waiting_for: str
) -> None:
    server.script("Subscribe", [SILENCE] if waiting_for == "Subscribe" else [subscribed("c0"), SILENCE])
    server.script("List", SILENCE)
    with bridge.open() as socket:
        socket.send({"type": "subscribe", "recipient": plain(USER)})
        socket.send({"type": "list"})
        server.wait_for_calls(waiting_for, 1)
    server.wait_for_departures(1 if waiting_for == "Subscribe" else 2)
    assert eventually(lambda: bridge.admission.sockets.taken == 0)
