"""Deciders over a real port: what they are given, what their decisions do, and what each bad one gets."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tocsin.v1 import decision_service_pb2 as decision_pb
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb
from tocsin.v1.decision_service_pb2_grpc import DecisionServiceStub

from helpers import nats_server, postgresql
from helpers.calls import (
    DEADLINE,
    EMAIL,
    FAILED,
    PENDING,
    SMS,
    TELEGRAM,
    WEBSOCKET,
    Api,
    Refusal,
    at,
    read_refusal,
    refused,
    request,
)
from helpers.process import Ended, run
from helpers.server import ServerUnderTest, running_server
from helpers.waiting import eventually
from tocsin_client import Client

ADDRESSES = {EMAIL: "ann@example.org", SMS: "+15550123456", TELEGRAM: "@ann_example"}
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def entry(name: str, scopes: str) -> str:
    return f"{name}:{scopes}:{hashlib.sha256(name.encode()).hexdigest()}"


TOKENS = (
    entry("shop", "send+read"),
    entry("router", "route"),
    entry("other", "route"),
    entry("free", "route_anywhere"),
    entry("auditor", "simulate"),
)


class Decider:
    """Whoever calls with a token."""

    def __init__(self, api: Api, token: str = "") -> None:
        self.api = api
        self.decisions = DecisionServiceStub(api.channel)
        self._metadata = bearer(token) if token else ()

    def defer(self, *, route_by: float | None = 60.0, **fields: Any) -> pb.Notification:
        """Send something that waits for a decision, for so many seconds; None leaves that to the server."""
        addresses = [pb.Address(channel=channel, address=text) for channel, text in ADDRESSES.items()]
        wanted = request(**({"addresses": addresses} | fields))
        del wanted.channels[:]
        wanted.routing.deferred = True
        if route_by is not None:
            wanted.routing.route_by.CopyFrom(at(route_by))
        return self.api.stub.Send(wanted, timeout=DEADLINE, metadata=self._metadata).notification

    def lease(self, count: int = 10, *, seconds: float = 60.0, wait: float = 0.0, **fields: Any) -> list[Any]:
        """Take what is undecided."""
        wanted = decision_pb.LeaseUndecidedRequest(max_count=count, lease=length(seconds), wait=length(wait), **fields)
        answer = self.decisions.LeaseUndecided(wanted, timeout=DEADLINE + wait, metadata=self._metadata)
        return list(answer.undecided)

    def route(self, notification_id: str, *channels: Any, **fields: Any) -> pb.Notification:
        """Decide; channels are types, or pairs of a type and an address."""
        pairs = [channel if isinstance(channel, tuple) else (channel, "") for channel in channels]
        named = [pb.ChannelTarget(channel=channel, address=address) for channel, address in pairs]
        wanted = service_pb.RouteRequest(id=notification_id, channels=named, **fields)
        return self.api.stub.Route(wanted, timeout=DEADLINE, metadata=self._metadata).notification

    def explain(self, notification_id: str) -> list[decision_pb.Decision]:
        """Ask who decided."""
        wanted = decision_pb.ExplainRequest(id=notification_id)
        return list(self.decisions.Explain(wanted, timeout=DEADLINE, metadata=self._metadata).decisions)

    def unrouted(self) -> list[pb.Notification]:
        """List what is undecided."""
        wanted = service_pb.ListRequest(unrouted_only=True)
        return list(self.api.stub.List(wanted, timeout=DEADLINE, metadata=self._metadata).notifications)


def length(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration


def reason_of(call: Callable[[], object]) -> str:
    return refused(call).reason


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerUnderTest]:
    with running_server(tmp_path, dev=True, auth_tokens=TOKENS) as running:
        yield running


@pytest.fixture
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as connected:
        yield connected


@pytest.fixture
def shop(api: Api) -> Decider:
    return Decider(api, "shop")


@pytest.fixture
def router(api: Api) -> Decider:
    return Decider(api, "router")


# -- the way of one notification ------------------------------------------------------------------


def test_one_that_is_deferred_is_leased_judged_decided_and_explained(shop: Decider, router: Decider) -> None:
    sent = shop.defer(category="order.shipped", metadata={"order_id": "A1"})
    assert (sent.status, list(sent.channels)) == (PENDING, [])
    assert [one.id for one in router.unrouted()] == [sent.id]
    [given] = router.lease(category="order.*")
    assert (given.notification.id, given.notification.metadata["order_id"]) == (sent.id, "A1")
    shown = {option.channel: (option.allowed, option.masked_address) for option in given.options}
    assert shown == {
        WEBSOCKET: (True, ""),
        EMAIL: (True, "a•••@example.org"),
        TELEGRAM: (True, "@a•••"),
        SMS: (True, "•••56"),
    }
    assert given.context.local_time.endswith("+00:00")
    decided = router.route(
        sent.id, WEBSOCKET, EMAIL, lease_token=given.lease_token, reason="she reads mail", decider="smart 1.0"
    )
    assert [(row.channel, row.address) for row in decided.channels] == [(WEBSOCKET, ""), (EMAIL, "a•••@example.org")]
    assert not decided.HasField("route_by")
    again = router.route(sent.id, WEBSOCKET, EMAIL)
    assert [row.id for row in again.channels] == [row.id for row in decided.channels]
    assert router.unrouted() == []
    [decision] = router.explain(sent.id)
    assert (decision.by, decision.name, decision.reason) == (decision_pb.DECIDED_BY_DECIDER, "router", "she reads mail")
    assert [target.address for target in decision.channels] == ["", "a•••@example.org"]
    assert decision.decider == "smart 1.0"


def test_an_id_in_upper_case_is_the_same_notification(shop: Decider, router: Decider) -> None:
    wanted = shop.defer()
    assert router.route(wanted.id.upper(), EMAIL).id == wanted.id
    assert [one.by for one in router.explain(wanted.id.upper())] == [decision_pb.DECIDED_BY_DECIDER]


def test_nobody_decides_so_rules_do_at_the_deadline(shop: Decider, router: Decider) -> None:
    sent = shop.defer(route_by=1.5)
    router.lease(seconds=600)

    def decided() -> bool:
        return bool(shop.explain(sent.id))

    eventually(decided)
    [decision] = shop.explain(sent.id)
    assert (decision.by, decision.name) == (decision_pb.DECIDED_BY_DEADLINE, "built-in")
    assert [target.channel for target in decision.channels] == [WEBSOCKET, EMAIL, TELEGRAM, SMS]
    assert reason_of(lambda: router.route(sent.id, EMAIL)) == "ALREADY_ROUTED"


def test_rules_that_find_nothing_fail_it_and_so_does_its_expiry(shop: Decider) -> None:
    nowhere = shop.defer(route_by=1.0, recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_GUEST), addresses=[])
    expired = shop.defer(route_by=None, expires_at=at(1.0))
    with_metadata = bearer("shop")

    def status(one: pb.Notification) -> int:
        wanted = service_pb.GetRequest(id=one.id)
        return shop.api.stub.Get(wanted, timeout=DEADLINE, metadata=with_metadata).notification.status

    eventually(lambda: status(nowhere) == FAILED and status(expired) == FAILED)
    assert [decision.reason for decision in shop.explain(nowhere.id)] == ["NO_ROUTE"]
    assert shop.explain(expired.id) == []


def test_one_is_put_off_and_another_suppressed(shop: Decider, router: Decider) -> None:
    kept, dropped = shop.defer(), shop.defer()
    held = router.route(kept.id, hold_until=at(20), reason="not at night")
    assert held.status == PENDING
    [given] = router.lease()
    assert given.notification.id == dropped.id
    for _ in range(2):
        assert router.route(dropped.id, suppress=True, lease_token=given.lease_token).status == FAILED
    assert router.explain(dropped.id)[0].reason == "SUPPRESSED"
    assert router.explain(kept.id)[0].reason == "HELD: not at night"


# -- what a bad decision gets ---------------------------------------------------------------------


def test_each_bad_decision_has_a_reason_of_its_own_and_nothing_is_half_done(
    api: Api, shop: Decider, router: Decider, server: ServerUnderTest
) -> None:
    other, free = Decider(api, "other"), Decider(api, "free")
    wanted = shop.defer(addresses=[pb.Address(channel=EMAIL, address="ann@example.org")])
    guest = shop.defer(recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_GUEST))
    queries = ("SELECT id FROM notification_channels", "SELECT id FROM decisions", "SELECT * FROM undecided")

    def stored() -> list[int]:
        return [len(server.database.rows(query)) for query in queries]

    before = stored()
    given = {one.notification.id: one.lease_token for one in router.lease()}
    assert reason_of(lambda: other.route(wanted.id, EMAIL)) == "LEASE_HELD"
    assert reason_of(lambda: other.route(wanted.id, EMAIL, lease_token=UNKNOWN)) == "LEASE_HELD"
    token = {"lease_token": given[wanted.id]}
    assert reason_of(lambda: router.route(wanted.id, SMS, **token)) == "ADDRESS_UNKNOWN"
    foreign = (EMAIL, "mallory@example.org")
    assert reason_of(lambda: router.route(wanted.id, foreign, **token)) == "ADDRESS_UNKNOWN"
    in_feed = {"lease_token": given[guest.id]}
    assert reason_of(lambda: router.route(guest.id, WEBSOCKET, **in_feed)) == "RECIPIENT_NOT_REGISTERED"
    assert reason_of(lambda: router.route(UNKNOWN, EMAIL)) == "NOTIFICATION_NOT_FOUND"
    late = refused(lambda: router.route(wanted.id, hold_until=at(61), **token))
    assert list(late.violations) == ["hold_until"]
    assert router.explain(wanted.id) == []
    assert reason_of(lambda: other.explain(wanted.id)) == "PERMISSION_DENIED"
    assert stored() == before
    assert free.route(wanted.id, foreign, **token).channels[0].address == "m•••@example.org"


@pytest.mark.parametrize(
    ("fields", "violations"),
    [
        ({"id": "x", "suppress": True}, {"id"}),
        ({"id": UNKNOWN}, {"channels"}),
        ({"id": UNKNOWN, "suppress": True, "hold_until": at(3_600)}, {"channels"}),
        ({"id": UNKNOWN, "hold_until": at(-9)}, {"hold_until"}),
        ({"id": UNKNOWN, "suppress": True, "reason": "r" * 501}, {"reason"}),
        ({"id": UNKNOWN, "suppress": True, "reason": "a\nb"}, {"reason"}),
        ({"id": UNKNOWN, "suppress": True, "decider": "d" * 101}, {"decider"}),
        ({"id": UNKNOWN, "suppress": True, "lease_token": "t" * 65}, {"lease_token"}),
    ],
)
def test_a_malformed_decision_names_every_bad_field(
    router: Decider, fields: dict[str, Any], violations: set[str]
) -> None:
    wanted = service_pb.RouteRequest(**fields)
    refusal = refused(lambda: router.api.stub.Route(wanted, timeout=DEADLINE, metadata=bearer("router")))
    assert set(refusal.violations) == violations


@pytest.mark.parametrize(
    ("fields", "violations"),
    [
        ({"max_count": 101}, {"max_count"}),
        ({"max_count": -1}, {"max_count"}),
        ({"lease": length(0.5)}, {"lease"}),
        ({"lease": length(601)}, {"lease"}),
        ({"wait": length(61)}, {"wait"}),
        ({"wait": length(-1)}, {"wait"}),
        ({"category": "Order"}, {"category"}),
        ({"recipient_types": [pb.RECIPIENT_TYPE_USER, 77]}, {"recipient_types[1]"}),
    ],
)
def test_what_cannot_be_leased_names_the_bad_field(
    router: Decider, fields: dict[str, Any], violations: set[str]
) -> None:
    wanted = decision_pb.LeaseUndecidedRequest(**fields)
    refusal = refused(lambda: router.decisions.LeaseUndecided(wanted, timeout=DEADLINE, metadata=bearer("router")))
    assert set(refusal.violations) == violations


def test_a_lease_ends_and_what_was_cancelled_or_has_expired_is_decided_by_nobody(
    api: Api, shop: Decider, router: Decider
) -> None:
    lapsed, cancelled, expiring = shop.defer(), shop.defer(), shop.defer(route_by=None, expires_at=at(1.5))
    given = {one.notification.id: one.lease_token for one in router.lease(seconds=1.0)}
    api.stub.Cancel(service_pb.CancelRequest(id=cancelled.id), timeout=DEADLINE, metadata=bearer("shop"))
    token = given[cancelled.id]
    assert reason_of(lambda: router.route(cancelled.id, EMAIL, lease_token=token)) == "ALREADY_SETTLED"
    eventually(lambda: lapsed.id in [one.notification.id for one in Decider(api, "other").lease(seconds=1.0)])
    eventually(lambda: reason_of(lambda: router.route(lapsed.id, EMAIL, lease_token=UNKNOWN)) == "LEASE_EXPIRED")
    eventually(lambda: reason_of(lambda: router.route(expiring.id, EMAIL)) == "EXPIRED")


def test_a_past_deadline_is_refused_unless_it_repeats_what_was_accepted(shop: Decider) -> None:
    refusal = refused(lambda: shop.defer(route_by=-1.0))
    assert list(refusal.violations) == ["routing.route_by"]
    wanted = request()
    del wanted.channels[:]
    wanted.routing.deferred = True
    wanted.routing.route_by.CopyFrom(at(1.0))
    wanted.idempotency_key = "k"
    first = shop.api.stub.Send(wanted, timeout=DEADLINE, metadata=bearer("shop"))
    eventually(lambda: bool(shop.explain(first.notification.id)))
    again = shop.api.stub.Send(wanted, timeout=DEADLINE, metadata=bearer("shop"))
    assert again.duplicate
    assert again.notification.id == first.notification.id


# -- who may know what ----------------------------------------------------------------------------


def test_a_decider_sees_no_address_and_explains_what_it_decides_alone(api: Api, shop: Decider) -> None:
    router, other, auditor = (Decider(api, name) for name in ("router", "other", "auditor"))
    sent = shop.defer()
    [given] = router.lease()
    seen = [given, *router.unrouted(), router.route(sent.id, EMAIL, SMS, lease_token=given.lease_token)]
    seen += [router.route(sent.id, EMAIL, SMS), *router.explain(sent.id), *auditor.explain(sent.id)]
    assert not [text for message in seen for text in ADDRESSES.values() if text in str(message)]
    assert reason_of(lambda: other.explain(sent.id)) == "PERMISSION_DENIED"
    assert reason_of(auditor.lease) == "PERMISSION_DENIED"
    assert reason_of(lambda: shop.route(sent.id, EMAIL)) == "PERMISSION_DENIED"
    named = shop.api.stub.Send(
        request(None, (EMAIL, "ann@example.org")), timeout=DEADLINE, metadata=bearer("shop")
    ).notification
    [derived] = shop.explain(named.id)
    assert (derived.by, derived.name) == (decision_pb.DECIDED_BY_CALLER, "shop")
    assert [target.channel for target in derived.channels] == [EMAIL]


# -- waiting --------------------------------------------------------------------------------------


@contextlib.contextmanager
def waiting_lease(decider: Decider, **fields: Any) -> Iterator[Any]:
    """Give the future of a call that waits; it has begun to."""
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(decider.lease, wait=30.0, **fields)


def test_a_call_that_waits_is_woken_by_a_send_that_it_wants(shop: Decider, router: Decider) -> None:
    with waiting_lease(router, category="order.*") as call:
        shop.defer(category="news")
        sent = shop.defer(category="order.paid")
        [given] = call.result(DEADLINE)
        assert given.notification.id == sent.id


def test_a_call_that_waits_is_woken_when_a_lease_ends(shop: Decider, router: Decider, api: Api) -> None:
    sent = shop.defer()
    assert len(router.lease(seconds=1.0)) == 1
    [given] = Decider(api, "other").lease(wait=30.0)
    assert given.notification.id == sent.id


def test_a_wait_that_is_over_gives_nothing(router: Decider) -> None:
    assert router.lease(wait=0.05) == []


def waits(router: Decider, count: int, lease: float) -> list[Any]:
    """Begin calls that wait, for leases of so many seconds."""
    wanted = decision_pb.LeaseUndecidedRequest(wait=length(30), lease=length(lease))
    metadata = bearer("router")
    return [router.decisions.LeaseUndecided.future(wanted, timeout=DEADLINE, metadata=metadata) for _ in range(count)]


def test_of_what_is_sent_while_waits_are_broken_off_nothing_is_lost(shop: Decider, router: Decider) -> None:
    # Whether an answer arrives before its call is broken off is anyone's guess: such a lease ends by itself.
    calls = waits(router, 20, lease=1.0)
    sent = {shop.defer().id for _ in range(5)}
    for call in calls:
        call.cancel()
    assert {notification.id for notification in router.unrouted()} == sent
    taken: set[str] = set()
    eventually(lambda: given_so_far(router, taken) == sent)


def test_waits_that_were_broken_off_take_nothing(shop: Decider, router: Decider) -> None:
    for call in waits(router, 20, lease=600.0):
        call.cancel()
    router.unrouted()  # comes after them on the same connection
    sent = {shop.defer().id for _ in range(5)}
    taken: set[str] = set()
    eventually(lambda: given_so_far(router, taken) == sent)


def given_so_far(router: Decider, taken: set[str]) -> set[str]:
    """Take what there is, and return it with what was taken before."""
    taken.update(one.notification.id for one in router.lease())
    return taken


def test_waiting_ends_with_the_server(server: ServerUnderTest, router: Decider) -> None:
    wanted = decision_pb.LeaseUndecidedRequest(wait=length(60))
    call = router.decisions.LeaseUndecided.future(wanted, timeout=90, metadata=bearer("router"))
    ended = threading.Event()
    call.add_done_callback(lambda _: ended.set())
    # Answered after it, on the same connection.
    router.unrouted()
    begun = time.monotonic()
    server.begin_stop()
    assert ended.wait(DEADLINE)
    assert time.monotonic() - begun < 30
    error = call.exception()
    assert isinstance(error, grpc.RpcError)
    refusal: Refusal = read_refusal(error)
    assert refusal.reason == "SHUTTING_DOWN"


@pytest.mark.parametrize("bus", ["postgresql", "nats"])
def test_a_call_that_waits_is_woken_by_a_send_on_another_replica(tmp_path: Path, bus: str) -> None:
    with postgresql.temporary_database() as url, contextlib.ExitStack() as stack:
        settings: dict[str, Any] = {"database_url": url}
        if bus == "nats":
            settings["bus_url"] = nats_server.shared_server_url()
        here, there = (
            Decider(
                stack.enter_context(Api(stack.enter_context(running_server(tmp_path, dev=True, **settings)).address))
            )
            for _ in range(2)
        )
        for _ in range(5):
            with waiting_lease(there) as call:
                sent = here.defer()
                [given] = call.result(DEADLINE)
            assert given.notification.id == sent.id
            assert there.route(sent.id, EMAIL, lease_token=given.lease_token).channels


def test_replicas_let_rules_decide_each_once(tmp_path: Path) -> None:
    with postgresql.temporary_database() as url, contextlib.ExitStack() as stack:
        servers = [stack.enter_context(running_server(tmp_path, dev=True, database_url=url)) for _ in range(2)]
        here = Decider(stack.enter_context(Api(servers[0].address)))
        sent = [here.defer(route_by=2.0).id for _ in range(40)]
        eventually(lambda: not here.unrouted())
        for notification_id in sent:
            assert [decision.by for decision in here.explain(notification_id)] == [decision_pb.DECIDED_BY_DEADLINE]
            assert len(here.api.get(notification_id).channels) == 4


# -- the client and the command line ----------------------------------------------------------------


def test_the_client_has_a_verb_for_each_of_it(shop: Decider, server: ServerUnderTest) -> None:
    one, two, three = (shop.defer(title=title) for title in ("one", "two", "three"))
    with Client(server.address, token="router") as client:
        given = {item.notification.id: item for item in client.lease_undecided(max_count=5, lease=30, wait=1)}
        assert set(given) == {one.id, two.id, three.id}
        first = given[one.id]
        assert set(first.allowed) == {"websocket", "email", "telegram", "sms"}
        assert [option.masked_address for option in first.options if option.channel == "email"] == ["a•••@example.org"]
        routed = client.route(one.id, ["email"], lease_token=first.lease_token, reason="mail", decider="test")
        assert [row.channel for row in routed.channels] == ["email"]
        assert client.suppress(two.id, lease_token=given[two.id].lease_token).status == "failed"
        later = datetime.now(UTC) + timedelta(seconds=20)
        assert client.hold(three.id, later, lease_token=given[three.id].lease_token).status == "pending"
        told = [client.explain(sent.id)[0] for sent in (one, two, three)]
        assert [decision.by for decision in told] == ["decider"] * 3
        assert [decision.reason for decision in told] == ["mail", "SUPPRESSED", "HELD"]


def test_the_commands_show_decide_and_explain(shop: Decider, server: ServerUnderTest, tmp_path: Path) -> None:
    sent = shop.defer(title="Order shipped")

    def tocsin(*arguments: str) -> Ended:
        return run(tmp_path, *arguments, TOCSIN_SERVER=server.address, TOCSIN_TOKEN="router")

    given = json.loads(tocsin("undecided", "--json").output)
    assert given["notification"]["id"] == sent.id
    shown = tocsin("route", sent.id, "--channel", "email", "--lease", given["lease_token"], "--reason", "she asked")
    assert "email" in shown.output
    assert "decider router, by tocsin route: email (she asked)" in tocsin("explain", sent.id).output
    other = shop.defer(title="T" * 200)
    lines = tocsin("undecided").output.splitlines()
    assert lines[0] == f"notification {other.id}"
    assert max(map(len, lines)) <= 100
    assert lines[-1].startswith("  lease     ")
    assert "nothing is free" in tocsin("undecided").errors
    assert tocsin("route", sent.id).status == 2
