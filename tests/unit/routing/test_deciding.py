"""A decision as a whole: what is stored of it, and what a caller is told who may not have it."""

from __future__ import annotations

import pytest

from helpers.decisions import OpensAt, facts, policy
from helpers.drafts import ADDRESSES, EMAIL, NOON, SMS, WEBSOCKET
from tocsin_server.domain.errors import PolicyDenied
from tocsin_server.domain.model import PARALLEL, ChannelDraft, ChannelType, Contact, DecidedBy, Decision, Denial
from tocsin_server.routing.book import Rule, RuleBook
from tocsin_server.routing.deciding import by_caller, by_rules
from tocsin_server.routing.facts import known_addresses

ALL = dict.fromkeys(ChannelType, True)
NAMED = [ChannelDraft(WEBSOCKET, None), ChannelDraft(SMS, ADDRESSES[SMS])]
NO_TEXTS = [policy("no texts", denied=frozenset({SMS})), policy("none at all", denied=frozenset({SMS, WEBSOCKET}))]


def test_of_what_a_caller_chose_and_got_there_is_nothing_to_tell() -> None:
    for book in (RuleBook(), RuleBook((), [policy(denied=frozenset({EMAIL}))])):
        decided = by_caller(book, facts(), NAMED, PARALLEL)
        assert (decided.channels, decided.decision, list(decided.limits)) == (NAMED, None, [])


def test_a_caller_is_refused_with_every_channel_and_every_policy_that_denies_it() -> None:
    with pytest.raises(PolicyDenied) as refused:
        by_caller(RuleBook((), NO_TEXTS), facts(), NAMED, PARALLEL)
    assert refused.value.metadata == {"channels": "websocket,sms", "policies": "none at all,no texts"}


def test_a_caller_whose_channel_is_put_off_finds_out_why() -> None:
    book = RuleBook((), [policy("later", channels=frozenset({SMS}), hours=OpensAt(lambda at: max(at, NOON + 1)))])
    decided = by_caller(book, facts(), NAMED, PARALLEL)
    assert decided.decision == Decision(
        DecidedBy.CALLER, "shop", decided.channels, [Denial(SMS, "later", "put off to 2026-01-01T12:00:00.000001Z")]
    )


def test_rules_are_narrowed_and_say_by_what() -> None:
    book = RuleBook([Rule("all", None, (EMAIL, SMS))], NO_TEXTS)
    decided = by_rules(book, facts(), ALL, DecidedBy.DEADLINE)
    assert decided.decision == Decision(
        DecidedBy.DEADLINE,
        "all",
        [ChannelDraft(EMAIL, ADDRESSES[EMAIL])],
        [Denial(SMS, "no texts", "denied"), Denial(SMS, "none at all", "denied")],
    )


def test_a_rule_of_which_nothing_is_left_says_so() -> None:
    decided = by_rules(RuleBook([Rule("texts", None, (SMS,))], NO_TEXTS), facts(), ALL)
    assert decided.channels == []
    assert decided.decision is not None
    assert (decided.decision.name, decided.decision.reason) == ("texts", "NO_ROUTE")


def test_an_address_that_came_with_a_notification_goes_before_the_contacts() -> None:
    contact = Contact(facts().recipient, None, {EMAIL: "old@example.org", SMS: "+15550199"})
    assert known_addresses({EMAIL: "new@example.org"}, contact) == {EMAIL: "new@example.org", SMS: "+15550199"}
    assert known_addresses({EMAIL: "new@example.org"}, None) == {EMAIL: "new@example.org"}
