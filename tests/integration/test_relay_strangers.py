"""Who may hold a stream of RelayService: strangers take no place from a relay, however many of them there are."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from helpers.browser_socket import running_bridge, token_for
from helpers.calls import Api, request, user
from helpers.relay import RelayCaller
from helpers.server import feed_server, running_server
from helpers.waiting import eventually
from tocsin_server.rpc.services.relay_service import RelayLimits

SECRET = "a secret of at least thirty-two bytes"
RELAY, OTHER_RELAY, DESK, BRIDGE = "relay-token", "other-token", "desk-token", "the-bridges-own-token"


def entry(name: str, scopes: str, token: str) -> str:
    return f"{name}:{scopes}:{hashlib.sha256(token.encode()).hexdigest()}"


TOKENS = (entry("relay", "relay", RELAY), entry("other", "relay", OTHER_RELAY), entry("desk", "read", DESK))


@contextlib.contextmanager
def strangers(api: Api, count: int) -> Iterator[list[RelayCaller]]:
    """Open streams on which nothing is asked for."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(RelayCaller(api)) for _ in range(count)]


# -- without a token -----------------------------------------------------------------------------


def test_the_oldest_stream_without_a_subscription_gives_way(tmp_path: Path) -> None:
    options = {"limits": RelayLimits(unproven=(3, 3))}
    with (
        feed_server(tmp_path, relay_options=options) as server,
        Api(server.address) as api,
        RelayCaller(api) as used,
        RelayCaller(api) as oldest,
    ):
        used.open(1, user())
        used.subscribed(1)
        # Refused, so that it is there before the others, and still a stranger.
        oldest.open(1, user(), "no cursor")
        oldest.ending(1)
        with strangers(api, 3) as others:
            end = oldest.end()
            assert end is not None
            assert (end.code, end.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")
            for one in (*others, used):
                one.open(2, user())
                one.subscribed(2)


@pytest.mark.parametrize("guarded", [False, True])
def test_a_thousand_idle_streams_do_not_keep_a_new_bridge_out(tmp_path: Path, guarded: bool) -> None:
    settings: dict[str, Any] = {"auth_tokens": TOKENS, "jwt_secret": SECRET} if guarded else {}
    to = user()
    token = token_for(to, SECRET) if guarded else None
    with (
        running_server(tmp_path, **settings) as server,
        Api(server.address) as api,
        strangers(api, 1_000),
        running_bridge(server.address) as bridge,
        bridge.open() as socket,
    ):
        socket.subscribe(to, token=token)


def test_an_address_has_a_share_of_the_streams_that_are_used(tmp_path: Path) -> None:
    options = {"limits": RelayLimits(used=(10, 1), named=(10, 10))}
    with (
        feed_server(tmp_path, relay_options=options, bridge_token=BRIDGE) as server,
        Api(server.address) as api,
        RelayCaller(api) as first,
    ):
        first.open(1, user())
        first.subscribed(1)
        with RelayCaller(api) as second:
            second.open(1, user())
            end = second.end()
            assert end is not None
            assert (end.reason, end.metadata) == ("TOO_MANY_STREAMS", {"scope": "address", "limit": "1"})
        with RelayCaller(api, token=BRIDGE) as named:
            named.open(1, user())
            named.subscribed(1)


# -- with a token --------------------------------------------------------------------------------


def test_a_relay_with_a_token_has_a_place_of_its_own_until_its_share_is_used(tmp_path: Path) -> None:
    with running_server(tmp_path, auth_tokens=TOKENS, jwt_secret=SECRET) as server, Api(server.address) as api:
        to = user()
        with RelayCaller(api, token=RELAY) as relay:
            relay.open(1, to, token=token_for(to, SECRET))
            relay.subscribed(1)
    options = {"limits": RelayLimits(named=(3, 2))}
    with (
        feed_server(tmp_path, relay_options=options, auth_tokens=TOKENS) as server,
        Api(server.address) as api,
        contextlib.ExitStack() as stack,
    ):

        def opened(token: str) -> RelayCaller:
            relay = stack.enter_context(RelayCaller(api, token=token))
            relay.open(1, user())
            return relay

        for _ in range(2):
            assert opened(RELAY).ending(1).reason == "UNAUTHENTICATED"
        end = opened(RELAY).end()
        assert end is not None
        assert end.metadata == {"scope": "token", "limit": "2"}
        assert opened(OTHER_RELAY).ending(1).reason == "UNAUTHENTICATED"
        end = opened(OTHER_RELAY).end()
        assert end is not None
        assert end.metadata == {"scope": "server", "limit": "3"}


@pytest.mark.parametrize(("token", "code"), [("forged", "UNAUTHENTICATED"), (DESK, "PERMISSION_DENIED")])
def test_a_token_that_is_not_a_relays_opens_nothing(tmp_path: Path, token: str, code: str) -> None:
    with (
        feed_server(tmp_path, auth_tokens=TOKENS) as server,
        Api(server.address) as api,
        RelayCaller(api, token=token) as relay,
    ):
        end = relay.end()
        assert end is not None
        assert end.code.name == code


def test_a_bridges_token_is_no_browsers_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    to = user()
    with running_server(tmp_path, auth_tokens=TOKENS, jwt_secret=SECRET) as server:
        with running_bridge(server.address, token=BRIDGE, outage_limit=0.1) as bridge, bridge.open() as socket:
            socket.begin(to, token=token_for(to, SECRET))
            code, error = socket.refusal()
            assert (code, error["code"]) == (1013, "UNAVAILABLE")
        assert [record.__dict__["event"] for record in caplog.records if "TOCSIN_BRIDGE_TOKEN" in record.getMessage()]
    with (
        running_server(tmp_path, auth_tokens=TOKENS, jwt_secret=SECRET, bridge_token=BRIDGE) as server,
        running_bridge(server.address, token=BRIDGE) as bridge,
        bridge.open() as socket,
    ):
        socket.subscribe(to, token=token_for(to, SECRET))


def test_the_bridges_token_alone_turns_no_authentication_on(tmp_path: Path) -> None:
    with running_server(tmp_path, bridge_token=BRIDGE) as server, Api(server.address) as api:
        sent = api.send(request())
        assert api.get(sent.id).id == sent.id
        with RelayCaller(api, token="anything") as relay:
            relay.open(1, user())
            relay.subscribed(1)


def test_a_stream_that_has_to_give_way_and_reads_nothing_is_cut_off(tmp_path: Path) -> None:
    options = {"limits": RelayLimits(unproven=(1, 1))}
    fixed = ("grpc.http2.bdp_probe", 0)
    with (
        feed_server(tmp_path, relay_options=options) as server,
        Api(server.address) as api,
        Api(server.address, fixed) as slow_api,
        RelayCaller(slow_api) as deaf,
    ):
        for number in range(1, 3_000):
            deaf.open(number, user(), "no cursor")
        eventually(lambda: server.relays == 1)
        with RelayCaller(api) as newcomer:
            newcomer.open(1, user())
            newcomer.subscribed(1)
            eventually(lambda: server.relays == 1)
