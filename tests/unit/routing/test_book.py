"""Rules in order, the built-in one behind them, and policies that bind whoever decides."""

from __future__ import annotations

import pytest

from helpers.decisions import OpensAt, Says, facts, policy
from helpers.drafts import ADDRESSES, EMAIL, GUEST, NOON, SMS, TELEGRAM, WEBSOCKET
from tocsin_server.domain.model import ChannelDraft, ChannelType, Denial, Goal, Strategy, StrategyKind
from tocsin_server.routing.book import CurrentRules, Rule, RuleBook, Trial
from tocsin_server.routing.facts import Facts

ALL = dict.fromkeys(ChannelType, True)
FIRST_SMS = Strategy(StrategyKind.FALLBACK, 30_000_000, Goal.READ)


def _chosen(book: RuleBook, of: Facts, configured: dict[ChannelType, bool] | None = None) -> list[ChannelType]:
    return [draft.channel for draft in book.choose(of, ALL if configured is None else configured).channels]


def test_the_first_rule_that_matches_chooses_and_the_trials_say_why_others_did_not() -> None:
    book = RuleBook(
        [
            Rule("never", Says(False), (EMAIL,)),
            Rule("broken", Says(None), (EMAIL,)),
            Rule("codes", Says(True), (SMS, EMAIL), FIRST_SMS),
            Rule("unseen", Says(True), (EMAIL,)),
        ]
    )
    choice = book.choose(facts(), ALL)
    assert choice.rule == "codes"
    assert choice.channels == [ChannelDraft(SMS, ADDRESSES[SMS]), ChannelDraft(EMAIL, ADDRESSES[EMAIL])]
    assert choice.strategy == FIRST_SMS
    assert choice.trials == [
        Trial("never", False, "the condition is false"),
        Trial("broken", False, "the condition failed: no such key: kind"),
        Trial("codes", True, ""),
    ]


def test_a_rule_without_a_condition_matches_everything() -> None:
    assert _chosen(RuleBook([Rule("all", None, (EMAIL,))]), facts()) == [EMAIL]


def test_channels_of_a_rule_that_cannot_be_used_are_left_out_and_said() -> None:
    book = RuleBook([Rule("all", None, (WEBSOCKET, EMAIL, TELEGRAM, SMS))])
    choice = book.choose(facts(recipient=GUEST, addresses={EMAIL: "ann@example.org"}), {EMAIL: True, SMS: True})
    assert [draft.channel for draft in choice.channels] == [EMAIL]
    assert choice.left_out == [
        Denial(WEBSOCKET, "", "RECIPIENT_NOT_REGISTERED"),
        Denial(TELEGRAM, "", "CHANNEL_NOT_CONFIGURED"),
        Denial(SMS, "", "ADDRESS_UNKNOWN"),
    ]


@pytest.mark.parametrize(
    ("of", "configured", "expected"),
    [
        (facts(), (EMAIL, TELEGRAM, SMS), [WEBSOCKET, EMAIL, TELEGRAM, SMS]),
        (facts(recipient=GUEST), (EMAIL, TELEGRAM, SMS), [EMAIL, TELEGRAM, SMS]),
        (facts(addresses={}), (EMAIL, TELEGRAM, SMS), [WEBSOCKET]),
        (facts(), (SMS,), [WEBSOCKET, SMS]),
        (facts(recipient=GUEST, addresses={}), (EMAIL,), []),
        (facts(recipient=GUEST), (), []),
    ],
)
def test_the_built_in_rule_takes_every_possible_channel(
    of: Facts, configured: tuple[ChannelType, ...], expected: list[ChannelType]
) -> None:
    choice = RuleBook().choose(of, dict.fromkeys(configured, True))
    assert [draft.channel for draft in choice.channels] == expected
    assert (choice.rule, choice.left_out, choice.trials) == ("built-in", [], [Trial("built-in", True, "")])


def test_without_policies_what_was_chosen_is_left_as_it_is() -> None:
    channels = [ChannelDraft(EMAIL, "ann@example.org")]
    assert RuleBook().narrow(facts(), channels).channels is channels
    assert RuleBook().denied_now(facts(), SMS, "+15550100") is None
    assert not RuleBook().policies_need_contact(ChannelType)


def test_the_contact_is_needed_only_where_a_policy_about_the_channel_looks_at_it() -> None:
    book = RuleBook(
        (), [policy(channels=frozenset({SMS}), when=Says(True, needs_contact=True)), policy(when=Says(True))]
    )
    assert book.policies_need_contact([WEBSOCKET, SMS])
    assert not book.policies_need_contact([WEBSOCKET, EMAIL])


def test_just_before_sending_denials_and_hours_are_looked_at_anew() -> None:
    book = RuleBook(
        (),
        [
            policy("not now", denied=frozenset({SMS}), channels=frozenset({SMS})),
            policy("never bound", when=Says(False), denied=frozenset({EMAIL})),
            policy("later", channels=frozenset({EMAIL}), hours=OpensAt(lambda at: max(at, NOON + 5))),
        ],
    )
    assert book.denied_now(facts(), SMS, "+15550100") == Denial(SMS, "not now", "denied")
    assert book.denied_now(facts(), EMAIL, "ann@example.org") is None
    assert book.opens_at(facts(), EMAIL) == NOON + 5
    assert book.opens_at(facts(), TELEGRAM) == NOON


def test_rules_are_replaced_as_a_whole() -> None:
    rules = CurrentRules()
    assert (rules.book.rules, rules.book.policies) == ((), ())
    book = RuleBook([Rule("all", None, (EMAIL,))])
    rules.replace(book)
    assert rules.book is book


def test_somebody_is_told_of_conditions_that_cannot_be_judged() -> None:
    told: list[str] = []
    broken = RuleBook([Rule("a rule", Says(None), (EMAIL,))], [policy("a policy", when=Says(None))])
    rules = CurrentRules(broken, told.append)
    rules.book.narrow(facts(), rules.book.choose(facts(), ALL).channels)
    rules.replace(RuleBook([Rule("another", Says(None), (EMAIL,))]))
    rules.book.choose(facts(), ALL)
    assert told == ["a rule", "a policy", "another"]


def test_rules_after_one_that_takes_everything_are_unreachable() -> None:
    some = Says(True)
    book = RuleBook([Rule("some", some, (SMS,)), Rule("all", None, (EMAIL,)), Rule("a", some, ()), Rule("b", None, ())])
    assert book.unreachable() == [("a", "all"), ("b", "all")]
    assert RuleBook(book.rules[:2]).unreachable() == []
