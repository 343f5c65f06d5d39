"""Simulate and Backtest over a real port: what rules would decide, with nothing written, and never at others' cost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from tocsin.v1 import contact_service_pb2 as contact_pb
from tocsin.v1 import contact_service_pb2_grpc, decision_service_pb2_grpc
from tocsin.v1 import decision_service_pb2 as decision_pb
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import DEADLINE, EMAIL, GUEST, SMS, WEBSOCKET, Api, at, read_status, refused, request, user
from helpers.databases import KINDS
from helpers.server import ServerUnderTest, running_server, server_on

RULES = """
[[rules]]
name = "vip"
when = "metadata.total > 100"
channels = ["sms", "email"]

[[rules]]
name = "orders"
when = 'category.startsWith("order.")'
channels = ["websocket"]
"""
NO_TEXTS = '[[policies]]\nname = "no texts"\ndeny = ["sms"]\n'


class Simulator:
    """The calls in few words."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._stub = decision_service_pb2_grpc.DecisionServiceStub(api.channel)

    def simulate(self, wanted: service_pb.SendRequest, rules: str = "") -> Any:
        """Ask what would be decided."""
        return self._stub.Simulate(decision_pb.SimulateRequest(request=wanted, rules=rules), timeout=DEADLINE)

    def backtest(self, rules: str = "", **fields: Any) -> Any:
        """Ask what would have been."""
        return self._stub.Backtest(decision_pb.BacktestRequest(rules=rules, **fields), timeout=DEADLINE)


@pytest.fixture(params=KINDS, scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    folder = tmp_path_factory.mktemp("simulations")
    with server_on(request.param, folder) as running:
        yield running


@pytest.fixture
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(str(server.address)) as connection:
        yield connection


def unnamed(recipient: pb.Recipient | None = None, **fields: Any) -> service_pb.SendRequest:
    """Return a request that names no channels, with two addresses."""
    wanted = request(recipient, **fields)
    del wanted.channels[:]
    wanted.addresses.add(channel=EMAIL, address="ann@example.org")
    wanted.addresses.add(channel=SMS, address="+15550100")
    return wanted


def test_the_decision_comes_with_the_rules_that_were_tried_and_nothing_is_written(api: Api) -> None:
    to = user()
    found = Simulator(api).simulate(unnamed(to, category="order.paid"), RULES)
    assert (found.decision.by, found.decision.name) == (decision_pb.DECIDED_BY_RULE, "orders")
    assert [target.channel for target in found.decision.channels] == [WEBSOCKET]
    assert [(trial.rule, trial.matched, trial.why) for trial in found.trials] == [
        ("vip", False, "the condition failed: there is no key total"),
        ("orders", True, ""),
    ]
    assert not found.HasField("refusal")
    assert not api.stub.List(service_pb.ListRequest(recipient=to), timeout=DEADLINE).notifications


def test_addresses_of_a_decision_are_masked(api: Api) -> None:
    found = Simulator(api).simulate(unnamed(metadata={"total": 101}), RULES)
    assert [target.address for target in found.decision.channels] == ["•••00", "a•••@example.org"]


def test_without_rules_of_its_own_those_in_force_decide_and_what_is_deferred_too(api: Api) -> None:
    wanted = unnamed()
    wanted.routing.deferred = True
    found = Simulator(api).simulate(wanted)
    assert found.decision.name == "built-in"
    assert [target.channel for target in found.decision.channels] == [WEBSOCKET, EMAIL, SMS]


def test_a_contact_is_looked_at(api: Api) -> None:
    to = user()
    address = pb.Address(channel=SMS, address="+15550199")
    contacts = contact_service_pb2_grpc.ContactServiceStub(api.channel)
    contact = contact_pb.Contact(recipient=to, addresses=[address], locale="de-DE")
    contacts.PutContact(contact_pb.PutContactRequest(contact=contact), timeout=DEADLINE)
    german = '[[rules]]\nname = "german"\nwhen = \'contact.locale == "de-DE"\'\nchannels = ["sms"]\n'
    wanted = unnamed(to)
    del wanted.addresses[:]
    found = Simulator(api).simulate(wanted, german)
    assert (found.decision.name, [target.address for target in found.decision.channels]) == ("german", ["•••99"])


def test_the_error_that_send_would_give_is_told(api: Api) -> None:
    denied = Simulator(api).simulate(request(user(), (SMS, "+15550100")), NO_TEXTS)
    assert read_status(denied.refusal).reason == "POLICY_DENIED"
    nothing = Simulator(api).simulate(
        unnamed(pb.Recipient(type=GUEST), metadata={"total": 200}),
        NO_TEXTS + ('[[rules]]\nname = "texts"\nchannels = ["sms"]\n'),
    )
    assert read_status(nothing.refusal).reason == "NO_ROUTE"
    assert (nothing.decision.name, nothing.decision.reason) == ("texts", "NO_ROUTE")
    assert [(out.policy, out.detail) for out in nothing.decision.denied] == [("no texts", "denied")]


def test_each_mistake_in_rules_is_a_violation(api: Api) -> None:
    wrong = '[[rules]]\nname = "a"\nwhen = "categry == 1"\nchannels = ["pager"]\n'
    refusal = refused(lambda: Simulator(api).simulate(unnamed(), wrong))
    assert refusal.reason == "INVALID_FIELD"
    assert set(refusal.violations) == {"rules"}
    assert "categry" in refusal.message
    assert "pager" in refusal.message
    too_many = "#" * 65_537
    assert "must be at most 65536 bytes" in refused(lambda: Simulator(api).backtest(too_many)).message
    assert "must be at most 65536 bytes" in refused(lambda: Simulator(api).simulate(unnamed(), too_many)).message


def test_what_is_tried_must_be_a_good_request(api: Api) -> None:
    assert refused(lambda: Simulator(api).simulate(service_pb.SendRequest(), RULES)).reason == "INVALID_FIELD"


def test_a_backtest_compares_with_what_was_decided(api: Api) -> None:
    category = "backtest.compared"
    same = api.send(request(user(), category=category))
    other = api.send(unnamed(category=category, metadata={"total": 101}))
    rules = RULES + f'[[rules]]\nname = "all"\nwhen = \'category == "{category}"\'\nchannels = ["websocket"]\n'
    found = Simulator(api).backtest(rules, category=category, until=at(60))
    assert (found.examined, found.agreed, found.truncated) == (2, 1, False)
    assert [(change.channel, change.added, change.removed) for change in found.changes] == [(WEBSOCKET, 0, 1)]
    [example] = found.examples
    assert (example.id, example.category, example.rule) == (other.id, category, "vip")
    assert list(example.was) == [WEBSOCKET, EMAIL, SMS]
    assert list(example.would_be) == [EMAIL, SMS] or list(example.would_be) == [SMS, EMAIL]
    assert same.id != other.id


def test_a_backtest_has_bounds_of_rows_and_of_time(api: Api) -> None:
    category = "backtest.bounded"
    for _ in range(3):
        api.send(request(user(), category=category))
    find = Simulator(api).backtest
    for limit, examined, truncated in ((2, 2, True), (3, 3, False), (0, 3, False)):
        found = find(category=category, until=at(60), limit=limit)
        assert (found.examined, found.truncated) == (examined, truncated)
    assert find(category=category, since=at(-3600), until=at(-1800)).examined == 0
    refusal = refused(lambda: find(since=at(0), until=at(-10), limit=10_001, category="A"))
    assert set(refusal.violations) == {"since", "limit", "category"}


def test_whoever_may_not_is_refused(tmp_path: Any) -> None:
    def entry(name: str, scopes: str) -> str:
        return f"{name}:{scopes}:{hashlib.sha256(name.encode()).hexdigest()}"

    tokens = (entry("sender", "send"), entry("tester", "simulate"))
    with running_server(tmp_path, dev=True, auth_tokens=tokens) as running, Api(str(running.address)) as api:
        stub = decision_service_pb2_grpc.DecisionServiceStub(api.channel)

        def ask(name: str) -> Any:
            metadata = (("authorization", f"Bearer {name}"),)
            return stub.Simulate(decision_pb.SimulateRequest(request=unnamed()), metadata=metadata, timeout=DEADLINE)

        assert refused(lambda: ask("sender")).code == grpc.StatusCode.PERMISSION_DENIED
        assert ask("tester").decision.name == "built-in"


LIMITED = """
[[rules]]
name = "texts"
channels = ["sms", "websocket"]

[[policies]]
name = "one text"
channels = ["sms"]
limit = { count = 1, per = "366d", each = "recipient" }
"""


def test_a_limit_that_is_reached_is_seen_in_what_is_simulated_and_in_what_is_to_be_decided(tmp_path: Any) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(LIMITED)
    with running_server(tmp_path, dev=True, rules=str(file)) as running, Api(str(running.address)) as api:
        to, simulator = user(), Simulator(api)
        named = request(to, (SMS, "+15550100"))
        for _ in range(2):  # looking counts nothing
            assert not simulator.simulate(named).HasField("refusal")
        api.send(named)
        assert read_status(simulator.simulate(named).refusal).reason == "POLICY_LIMIT"
        found = simulator.simulate(unnamed(to)).decision
        assert [target.channel for target in found.channels] == [WEBSOCKET]
        assert [(out.policy, out.detail) for out in found.denied] == [("one text", "limit 1 per 366d reached")]
        deferred = unnamed(to)
        deferred.routing.deferred = True
        api.send(deferred)
        stub = decision_service_pb2_grpc.DecisionServiceStub(api.channel)
        [given] = stub.LeaseUndecided(decision_pb.LeaseUndecidedRequest(), timeout=DEADLINE).undecided
        options = {option.channel: option for option in given.options}
        assert (options[SMS].allowed, list(options[SMS].denied_by)) == (False, ["one text"])
        assert options[EMAIL].allowed
