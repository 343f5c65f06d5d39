"""Many subscriptions on one stream: each with its own token, cursor, pace and end, and none at another's cost."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb
from tocsin.v1 import relay_service_pb2 as relay_pb

from helpers.browser_socket import token_for
from helpers.calls import (
    DEADLINE,
    EMAIL,
    SENT,
    WEBSOCKET,
    Api,
    channel_of,
    ids_of,
    read_refusal,
    refused,
    request,
    user,
)
from helpers.relay import RelayCaller
from helpers.server import ServerUnderTest, feed_server, running_server
from helpers.waiting import eventually
from tocsin_server.feed.stream import StreamTimes
from tocsin_server.rpc import server as rpc_server
from tocsin_server.rpc.relay_stream import WINDOW, RelayTimes
from tocsin_server.rpc.requests import MOST_NOTES, MOST_OPENINGS
from tocsin_server.rpc.services.relay_service import RelayLimits

SECRET = "a secret of at least thirty-two bytes"
SHOP, DESK, RELAY = "shop-token", "desk-token", "relay-token"
PAGE = "It arrives on Friday. " * 900
"""20 KiB: the window of a subscription holds three of them."""


def entry(name: str, scopes: str, token: str) -> str:
    return f"{name}:{scopes}:{hashlib.sha256(token.encode()).hexdigest()}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    with running_server(tmp_path_factory.mktemp("relay")) as running:
        yield running


@pytest.fixture(scope="module")
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as connected:
        yield connected


@pytest.fixture
def relay(api: Api) -> Iterator[RelayCaller]:
    with RelayCaller(api) as caller:
        yield caller


def send_pages(api: Api, to: pb.Recipient, count: int) -> list[str]:
    return ids_of(result.response.notification for result in api.batch(*[request(to, message=PAGE)] * count))


# -- events --------------------------------------------------------------------------------------


def test_each_subscription_gets_the_events_of_its_own_recipient(api: Api, relay: RelayCaller) -> None:
    audience = [user() for _ in range(5)]
    for number, to in enumerate(audience, 1):
        relay.open(number, to)
    for number in range(1, 6):
        assert relay.subscribed(number).recovered
    sent = [[api.send(request(to)).id for to in audience] for _ in range(3)]
    for number in range(1, 6):
        assert relay.ids(number, 3) == [one[number - 1] for one in sent]
    eventually(lambda: channel_of(api.get(sent[-1][-1]), WEBSOCKET).status == SENT)


def test_an_event_of_several_devices_travels_once(api: Api, relay: RelayCaller) -> None:
    to = user()
    for number in (1, 2, 3):
        relay.open(number, to)
        relay.subscribed(number)
    sent = api.send(request(to)).id
    for number in (1, 2, 3):
        assert relay.ids(number, 1) == [sent]
    assert relay.shared[-1] == [1, 2, 3]
    api.mark(ids=[sent])
    assert [list(relay.event(number).read_changed.ids) for number in (1, 2, 3)] == [[sent]] * 3


def test_a_subscription_resumes_after_the_cursor_of_another_stream(api: Api, relay: RelayCaller) -> None:
    to = user()
    relay.open(1, to)
    relay.subscribed(1)
    sent = [api.send(request(to)).id for _ in range(4)]
    assert relay.ids(1, 2) == sent[:2]
    with RelayCaller(api) as other:
        other.open(7, to, relay.cursors[1])
        assert other.subscribed(7).recovered
        assert other.ids(7, 2) == sent[2:]


def test_a_closed_subscription_frees_its_place_and_the_others_go_on(tmp_path: Path) -> None:
    with feed_server(tmp_path) as server, Api(server.address) as api, RelayCaller(api) as relay:
        one, two = user(), user()
        relay.open(1, one)
        relay.open(2, two)
        relay.subscribed(1)
        relay.subscribed(2)
        relay.close(1, 99)
        eventually(lambda: server.open_subscriptions == 1)
        sent = api.send(request(two)).id
        assert relay.ids(2, 1) == [sent]
        relay.call.cancel()
        eventually(lambda: server.open_subscriptions == 0)


def test_a_relay_that_hangs_up_ends_with_ok(tmp_path: Path) -> None:
    with feed_server(tmp_path) as server, Api(server.address) as api, RelayCaller(api) as relay:
        relay.open(1, user())
        relay.subscribed(1)
        relay.hang_up()
        assert relay.end() is None
        eventually(lambda: server.open_subscriptions == 0)


# -- who may -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    tokens = (entry("shop", "send", SHOP), entry("desk", "read", DESK), entry("relay", "relay", RELAY))
    with running_server(tmp_path_factory.mktemp("guarded"), dev=True, auth_tokens=tokens, jwt_secret=SECRET) as running:
        yield running


@pytest.fixture
def guarded_relay(guarded: ServerUnderTest) -> Iterator[RelayCaller]:
    with Api(guarded.address) as api, RelayCaller(api) as caller:
        yield caller


def test_each_subscription_needs_a_token_that_is_good_for_its_own_recipient(guarded_relay: RelayCaller) -> None:
    ann, bob = user(), user()
    relay = guarded_relay
    relay.open(1, ann, token=token_for(ann, SECRET))
    relay.open(2, bob, token=token_for(ann, SECRET))
    relay.open(3, ann)
    relay.open(4, ann, token="forged")
    relay.open(5, ann, token=token_for(ann, SECRET, lifetime=-10))
    relay.open(6, ann, token=SHOP)
    relay.open(7, bob, token=DESK)
    assert [relay.ending(number).reason for number in (2, 3, 4, 5, 6)] == [
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
        "UNAUTHENTICATED",
        "TOKEN_EXPIRED",
        "PERMISSION_DENIED",
    ]
    relay.subscribed(1)
    relay.subscribed(7)


def test_the_streams_own_credentials_give_no_rights(guarded: ServerUnderTest) -> None:
    with Api(guarded.address) as api, RelayCaller(api, token=RELAY) as relay:
        relay.open(1, user())
        assert relay.ending(1).reason == "UNAUTHENTICATED"


def test_the_end_of_a_token_ends_its_subscription_alone(guarded: ServerUnderTest, guarded_relay: RelayCaller) -> None:
    ann, bob = user(), user()
    relay = guarded_relay
    relay.open(1, ann, token=token_for(ann, SECRET, lifetime=1.5))
    relay.open(2, bob, token=token_for(bob, SECRET))
    relay.subscribed(1)
    relay.subscribed(2)
    ending = relay.ending(1)
    assert (ending.code, ending.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")
    with Api(guarded.address) as api:
        metadata = (("authorization", f"Bearer {SHOP}"),)
        sent = api.stub.Send(request(bob), metadata=metadata, timeout=DEADLINE).notification.id
    assert relay.ids(2, 1) == [sent]


def test_subscriptions_of_the_same_feed_see_what_their_own_token_allows(
    guarded: ServerUnderTest, guarded_relay: RelayCaller
) -> None:
    ann = user()
    guarded_relay.open(1, ann, token=token_for(ann, SECRET))
    guarded_relay.open(2, ann, token=DESK)
    guarded_relay.subscribed(1)
    guarded_relay.subscribed(2)
    with Api(guarded.address) as api:
        metadata = (("authorization", f"Bearer {SHOP}"),)
        api.stub.Send(request(ann, WEBSOCKET, (EMAIL, "ann@example.org")), metadata=metadata, timeout=DEADLINE)
    anns, desks = guarded_relay.event(1).notification, guarded_relay.event(2).notification
    assert anns.id == desks.id
    assert channel_of(anns, EMAIL).address == ""
    assert channel_of(desks, EMAIL).address == "ann@example.org"


# -- what is wrong -------------------------------------------------------------------------------


def test_a_bad_subscription_is_answered_as_subscribe_would(api: Api, relay: RelayCaller) -> None:
    good, nobody = user(), pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id="7")
    relay.open(1, nobody)
    relay.open(2, good, "forged")
    relay.open(3, good)
    wanted = [
        service_pb.SubscribeRequest(recipient=nobody),
        service_pb.SubscribeRequest(recipient=good, cursor="forged"),
    ]
    for number, one in enumerate(wanted, 1):
        expected = refused(lambda one=one: next(api.stub.Subscribe(one, timeout=DEADLINE)))  # type: ignore[misc]
        assert relay.ending(number) == expected
    relay.subscribed(3)


def test_a_missing_or_repeated_id_ends_the_stream_and_is_named(relay: RelayCaller) -> None:
    def opening(number: int) -> relay_pb.RelayOpening:
        return relay_pb.RelayOpening(id=number, subscribe=service_pb.SubscribeRequest(recipient=user()))

    relay.say(relay_pb.RelayRequest(openings=[opening(1)]))
    relay.subscribed(1)
    relay.say(relay_pb.RelayRequest(openings=[opening(2), opening(0), opening(1), opening(2)]))
    end = relay.end()
    assert end is not None
    assert (end.code, end.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert set(end.violations) == {"openings[1].id", "openings[2].id", "openings[3].id"}
    assert "in use" in end.violations["openings[2].id"]


@pytest.mark.parametrize(
    ("name", "too_many"),
    [
        ("openings", relay_pb.RelayRequest(openings=[relay_pb.RelayOpening(id=1)] * (MOST_OPENINGS + 1))),
        ("closings", relay_pb.RelayRequest(closings=range(MOST_NOTES + 1))),
        ("receipts", relay_pb.RelayRequest(receipts=[relay_pb.RelayReceipt(id=1)] * (MOST_NOTES + 1))),
    ],
)
def test_too_much_at_once_is_refused(relay: RelayCaller, name: str, too_many: relay_pb.RelayRequest) -> None:
    relay.say(too_many)
    end = relay.end()
    assert end is not None
    assert list(end.violations) == [name]


def test_bytes_that_are_no_request_end_the_stream(api: Api) -> None:
    start = api.channel.stream_stream("/tocsin.v1.RelayService/Relay", lambda data: data, lambda data: data)
    refusal = refused(lambda: next(start(iter([b"\xff\xff"]), timeout=DEADLINE)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
    assert refusal.metadata["type"] == "tocsin.v1.RelayRequest"


# -- pace ----------------------------------------------------------------------------------------


def test_a_subscription_that_is_not_confirmed_waits_and_the_others_go_on(api: Api, server: ServerUnderTest) -> None:
    slow, quick = user(), user()
    with RelayCaller(api, confirms=False) as relay:
        relay.open(1, slow)
        relay.open(2, quick)
        relay.subscribed(1)
        relay.subscribed(2)
        sent = send_pages(api, slow, 10)
        for _ in range(3):
            theirs = api.send(request(quick)).id
            assert relay.ids(2, 1) == [theirs]
        assert WINDOW <= relay.sizes[1] < WINDOW + 2 * len(PAGE)
        read: list[str] = []
        while len(read) < len(sent):
            read += relay.ids(1, 1)
            relay.confirm(1, relay.sizes[1] if len(read) == 1 else 30_000)
        assert read == sent


def test_more_confirmed_than_was_sent_counts_as_all_of_it(api: Api) -> None:
    to = user()
    with RelayCaller(api, confirms=False) as relay:
        relay.open(1, to)
        relay.subscribed(1)
        relay.confirm(1, 2**63)
        relay.confirm(99, 5)
        sent = send_pages(api, to, 6)
        read = relay.ids(1, 3)
        assert relay.sizes[1] < WINDOW + 2 * len(PAGE)
        relay.confirm(1, 2**63)
        assert read + relay.ids(1, 3) == sent


def test_a_subscription_that_is_never_confirmed_ends_as_too_slow_with_its_cursor(tmp_path: Path) -> None:
    with (
        feed_server(tmp_path, relay_options={"times": RelayTimes(patience=0.2)}) as server,
        Api(server.address) as api,
        RelayCaller(api, confirms=False) as relay,
    ):
        slow, other = user(), user()
        relay.open(1, slow)
        relay.open(2, other)
        relay.subscribed(1)
        relay.subscribed(2)
        sent = send_pages(api, slow, 10)
        read = relay.ids(1, 4)
        ending = relay.ending(1)
        assert (ending.code, ending.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "SUBSCRIBER_TOO_SLOW")
        assert ending.metadata["cursor"] == relay.cursors[1]
        eventually(lambda: server.open_subscriptions == 1)
        with RelayCaller(api) as again:
            again.open(1, slow, ending.metadata["cursor"])
            assert again.subscribed(1).recovered
            assert again.ids(1, 6) == sent[len(read) :]


def test_a_relay_that_reads_nothing_is_ended_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc_server, "WRITE_TIMEOUT", 0.3)
    fixed = ("grpc.http2.bdp_probe", 0)
    with feed_server(tmp_path) as server, Api(server.address) as api, Api(server.address, fixed) as slow_api:
        audience = [user() for _ in range(40)]
        with RelayCaller(slow_api, confirms=False) as relay:
            for number, to in enumerate(audience, 1):
                relay.open(number, to)
                relay.subscribed(number)
            sent = [send_pages(api, to, 3) for to in audience]
            eventually(lambda: server.open_subscriptions == 0)
            end = relay.end()
            assert end is not None
            assert end.reason == "SUBSCRIBER_TOO_SLOW"
        with RelayCaller(api) as again:
            for number, to in enumerate(audience, 1):
                again.open(number, to, relay.cursors[number])
                again.subscribed(number)
                assert again.ids(number, 3) == sent[number - 1]


# -- limits and ends -----------------------------------------------------------------------------


def test_subscriptions_count_as_streams_of_their_recipient_and_of_the_server(tmp_path: Path) -> None:
    with (
        feed_server(tmp_path, streams_per_recipient=2, streams=3) as server,
        Api(server.address) as api,
        RelayCaller(api) as relay,
    ):
        to = user()
        for number in (1, 2):
            relay.open(number, to)
            relay.subscribed(number)
        relay.open(3, to)
        assert relay.ending(3).metadata["scope"] == "recipient"
        relay.open(4, user())
        relay.subscribed(4)
        relay.open(5, user())
        ending = relay.ending(5)
        assert (ending.reason, ending.metadata["scope"]) == ("TOO_MANY_STREAMS", "server")
        relay.close(1)
        eventually(lambda: server.open_subscriptions == 2)
        relay.open(6, to)
        relay.subscribed(6)


def test_there_is_a_limit_of_relays(tmp_path: Path) -> None:
    options = {"limits": RelayLimits(used=(1, 1))}
    with (
        feed_server(tmp_path, relay_options=options) as server,
        Api(server.address) as api,
        RelayCaller(api) as first,
    ):
        first.open(1, user())
        first.subscribed(1)
        with RelayCaller(api) as second:
            second.open(1, user())
            end = second.end()
            assert end is not None
            assert end.reason == "TOO_MANY_STREAMS"


def test_a_relay_without_subscriptions_ends(tmp_path: Path) -> None:
    options = {"times": RelayTimes(idleness=0.05)}
    with (
        feed_server(tmp_path, relay_options=options) as server,
        Api(server.address) as api,
        RelayCaller(api) as relay,
    ):
        end = relay.end()
        assert end is not None
        assert (end.code, end.reason) == (grpc.StatusCode.UNAVAILABLE, "STREAM_AGED")


def test_a_relay_whose_last_subscription_was_closed_ends_too(tmp_path: Path) -> None:
    with feed_server(tmp_path) as server, Api(server.address) as api, RelayCaller(api) as relay:
        for number in (1, 2):
            relay.open(number, user())
            relay.subscribed(number)
        # From here on: before the first subscription it was idle, too, and for nobody knows how long.
        [stream] = (stream for service in server.relay_services for stream in service._streams)
        stream._times = RelayTimes(idleness=0.05)
        relay.close(1, 2)
        end = relay.end()
        assert end is not None
        assert (end.code, end.reason) == (grpc.StatusCode.UNAVAILABLE, "STREAM_AGED")


def test_a_relay_that_opens_only_what_is_refused_ends_too(tmp_path: Path) -> None:
    options = {"times": RelayTimes(idleness=0.3)}
    with (
        feed_server(tmp_path, relay_options=options) as server,
        Api(server.address) as api,
        RelayCaller(api) as relay,
    ):
        nobody = pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id="7")
        refusals = 0
        with contextlib.suppress(grpc.RpcError):
            while True:
                relay.open(refusals + 1, nobody)
                relay.ending(refusals + 1)
                refusals += 1
        assert refusals > 0
        assert read_refusal(relay.call).reason == "STREAM_AGED"


def test_subscriptions_age_one_by_one_and_the_stream_stays(tmp_path: Path) -> None:
    times = StreamTimes(maximum_age=0.4)
    with feed_server(tmp_path, times=times) as server, Api(server.address) as api, RelayCaller(api) as relay:
        to = user()
        relay.open(1, to)
        relay.subscribed(1)
        sent = api.send(request(to)).id
        assert relay.ids(1, 1) == [sent]
        ending = relay.ending(1)
        assert (ending.reason, ending.metadata["cursor"]) == ("STREAM_AGED", relay.cursors[1])
        missed = api.send(request(to)).id
        relay.open(2, to, relay.cursors[1])
        relay.subscribed(2)
        assert relay.ids(2, 1) == [missed]


def test_a_subscription_without_events_has_heartbeats(tmp_path: Path) -> None:
    times = StreamTimes(heartbeat=0.05)
    with feed_server(tmp_path, times=times) as server, Api(server.address) as api, RelayCaller(api) as relay:
        relay.open(1, user())
        relay.subscribed(1)
        assert [relay.event(1).WhichOneof("event") for _ in range(3)] == ["heartbeat"] * 3


def test_a_server_that_stops_ends_every_subscription_with_its_cursor_and_then_the_stream(tmp_path: Path) -> None:
    with feed_server(tmp_path) as server, Api(server.address) as api, RelayCaller(api) as relay:
        audience = [user() for _ in range(30)]
        for number, to in enumerate(audience, 1):
            relay.open(number, to)
            relay.subscribed(number)
        server.begin_stop()
        for number in range(1, 31):
            ending = relay.ending(number)
            assert (ending.code, ending.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
            assert ending.metadata["cursor"] == relay.cursors[number]
        end = relay.end()
        assert end is not None
        assert end.reason == "SHUTTING_DOWN"


def test_an_idle_relay_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    with feed_server(tmp_path) as server, Api(server.address) as api, RelayCaller(api) as relay:
        relay.open(1, user())
        relay.subscribed(1)
        relay.close(1)
        eventually(lambda: server.open_subscriptions == 0)
        server.begin_stop()
        end = relay.end()
        assert end is not None
        assert end.reason == "SHUTTING_DOWN"
