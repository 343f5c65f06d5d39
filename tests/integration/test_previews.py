"""Previews of decisions: what Route would make of one, without making it; and as whom a caller is known."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from helpers.databases import KINDS, empty_database
from helpers.server import ServerUnderTest, running_server
from tocsin_client import Client, DecidedBy, Decision, PermissionDenied, TocsinError, Undecided

ADDRESSES = {"email": "ann@example.org", "sms": "+442079460000"}
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
USER = ("user", "0190a5d0-0000-7000-8000-00000000face")
RULES = """
[[policies]]
name = "no telegram"
deny = ["telegram"]

[[policies]]
name = "one text a day"
channels = ["sms"]
limit = { count = 1, per = "1d", each = "recipient" }
"""


def entry(name: str, scopes: str) -> str:
    return f"{name}:{scopes}:{hashlib.sha256(name.encode()).hexdigest()}"


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerUnderTest]:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    tokens = (entry("shop", "send+read"), entry("router", "route"), entry("other", "route"))
    with (
        empty_database(request.param, tmp_path) as url,
        running_server(tmp_path, dev=True, database_url=url, rules=str(rules), auth_tokens=tokens) as running,
    ):
        yield running


class Parties:
    """Who sends, and two who decide."""

    def __init__(self, server: ServerUnderTest, stack: ExitStack) -> None:
        self.shop, self.router, self.other = (
            stack.enter_context(Client(server.address, token=name)) for name in ("shop", "router", "other")
        )

    def given(self, **fields: Any) -> Undecided:
        """Send something, and give it to the router."""
        wanted = {"addresses": ADDRESSES, "route_by": datetime.now(UTC) + timedelta(minutes=5), **fields}
        self.shop.send(USER, "Shipped", "On its way.", deferred=True, **wanted)
        [given] = self.router.lease_undecided(lease=300)
        return given


@pytest.fixture
def parties(server: ServerUnderTest) -> Iterator[Parties]:
    with ExitStack() as stack:
        yield Parties(server, stack)


def outcome(call: Callable[[], object]) -> tuple[str, str, tuple[str, ...]]:
    """Return how a call is refused."""
    with pytest.raises(TocsinError) as refusal:
        call()
    found = refusal.value
    return found.reason, found.message, tuple(bad.field for bad in found.violations)


def told(decision: Decision | None) -> tuple[list[str], list[tuple[str, str]]]:
    assert decision is not None
    return [target.channel for target in decision.channels], [(out.channel, out.policy) for out in decision.denied]


def test_a_preview_is_what_the_decision_then_is(parties: Parties) -> None:
    given = parties.given(addresses={**ADDRESSES, "telegram": "@ann_example"})
    words: Any = {"lease_token": given.lease_token, "reason": "she reads mail", "decider": "test 1"}
    channels = ["telegram", "email", "sms"]
    previews = [parties.router.preview(given.notification.id, channels, **words) for _ in range(3)]
    assert told(previews[0]) == (["email", "sms"], [("telegram", "no telegram")])
    assert previews[0] == previews[2]  # nothing is counted
    assert parties.router.explain(given.notification.id) == ()
    parties.router.route(given.notification.id, channels, **words)
    [decided] = parties.router.explain(given.notification.id)
    assert previews[0] is not None
    assert previews[0].decided_at is None
    assert [getattr(decided, name) for name in ("by", "name", "channels", "denied", "reason", "decider")] == [
        getattr(previews[0], name) for name in ("by", "name", "channels", "denied", "reason", "decider")
    ]
    assert parties.router.preview(given.notification.id, channels, **words) is None, "it has been made"


def test_holding_and_suppressing_are_previewed_too(parties: Parties) -> None:
    given = parties.given()
    one, token = given.notification.id, given.lease_token
    held = parties.router.preview(one, hold_until=datetime.now(UTC) + timedelta(minutes=1), lease_token=token)
    dropped = parties.router.preview(one, suppress=True, lease_token=token, reason="a repetition")
    assert held is not None
    assert dropped is not None
    assert (held.by, held.reason, dropped.reason) == (DecidedBy.DECIDER, "HELD", "SUPPRESSED: a repetition")
    assert parties.shop.get(one).status == "pending"


def test_a_preview_fails_as_the_decision_would(parties: Parties) -> None:
    full = parties.given()
    parties.router.route(full.notification.id, ["sms"], lease_token=full.lease_token)
    given = parties.given(addresses={**ADDRESSES, "telegram": "@ann_example"})
    one, token = given.notification.id, given.lease_token
    too_late = datetime.now(UTC) + timedelta(hours=1)
    cases: list[tuple[Client, str, list[Any], str, str]] = [
        (parties.router, one, ["telegram"], token, "POLICY_DENIED"),
        (parties.router, one, ["sms"], token, "POLICY_LIMIT"),
        (parties.router, one, [("email", "mallory@example.org")], token, "ADDRESS_UNKNOWN"),
        (parties.router, one, [], token, "INVALID_FIELD"),
        (parties.other, one, ["email"], "", "LEASE_HELD"),
        (parties.router, UNKNOWN, ["email"], "", "NOTIFICATION_NOT_FOUND"),
        (parties.other, full.notification.id, ["email"], "", "ALREADY_ROUTED"),
        (parties.shop, one, ["email"], "", "PERMISSION_DENIED"),
    ]
    for client, wanted, channels, lease, reason in cases:
        seen = outcome(lambda c=client, w=wanted, n=channels, t=lease: c.preview(w, n, lease_token=t))  # type: ignore[misc]
        assert seen[0] == reason
        decided = outcome(lambda c=client, w=wanted, n=channels, t=lease: c.route(w, n, lease_token=t))  # type: ignore[misc]
        if reason != "PERMISSION_DENIED":  # which names the RPC
            assert seen == decided
    late = outcome(lambda: parties.router.preview(one, hold_until=too_late, lease_token=token))
    assert (late[0], late[2]) == ("INVALID_FIELD", ("hold_until",))
    assert parties.router.route(one, ["email"], lease_token=token).channels, "the lease goes on"


def test_a_caller_is_told_who_it_is_and_what_it_may_call(server: ServerUnderTest, parties: Parties) -> None:
    router, shop = parties.router.who_am_i(), parties.shop.who_am_i()
    assert (router.name, router.scopes, shop.scopes) == ("router", ("route",), ("read", "send"))
    assert "tocsin.v1.NotificationService/Route" in router.rpcs
    assert "tocsin.v1.NotificationService/Send" not in router.rpcs
    assert "tocsin.v1.NotificationService/Send" in shop.rpcs
    with Client(server.address, token="nobody's") as stranger:
        assert outcome(stranger.who_am_i)[0] == "UNAUTHENTICATED"
    with pytest.raises(PermissionDenied):
        parties.shop.preview(UNKNOWN, ["email"])


def test_where_everybody_may_do_everything_the_caller_has_no_name(tmp_path: Path) -> None:
    with running_server(tmp_path, dev=True) as open_to_all, Client(open_to_all.address) as client:
        found = client.who_am_i()
    assert (found.name, found.scopes) == ("", ())
    assert {"tocsin.v1.NotificationService/Route", "tocsin.v1.DecisionService/WhoAmI"} <= found.rpcs
