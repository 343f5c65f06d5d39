"""What policies leave: nothing that they deny, what has to wait with its time, and what is to be counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.decisions import OpensAt, Says, facts, policy
from helpers.drafts import ADDRESSES, EMAIL, GUEST, NOON, SMS, TELEGRAM, WEBSOCKET
from tocsin_server.domain.model import ChannelDraft, ChannelType, Denial, LimitUse, Micros, Recipient, RecipientType
from tocsin_server.routing.book import RuleBook
from tocsin_server.routing.policies import Each, Limit, Policy

DAY: Micros = 86_400_000_000
CHOSEN = [ChannelDraft(WEBSOCKET, None), *(ChannelDraft(channel, address) for channel, address in ADDRESSES.items())]
LATER = OpensAt(lambda at: max(at, NOON + 1_000_000))


def test_every_policy_that_denies_a_channel_is_named() -> None:
    book = RuleBook(
        (),
        [
            policy("one", denied=frozenset({SMS, EMAIL})),
            policy("two", denied=frozenset({SMS}), when=Says(True)),
            policy("three", denied=frozenset({TELEGRAM}), when=Says(False)),
        ],
    )
    narrowed = book.narrow(facts(), CHOSEN)
    assert [draft.channel for draft in narrowed.channels] == [WEBSOCKET, TELEGRAM]
    assert narrowed.denied == [
        Denial(EMAIL, "one", "denied"),
        Denial(SMS, "one", "denied"),
        Denial(SMS, "two", "denied"),
    ]


def test_a_policy_that_cannot_be_judged_binds() -> None:
    narrowed = RuleBook((), [policy(denied=frozenset({SMS}), when=Says(None))]).narrow(facts(), CHOSEN)
    assert SMS not in [draft.channel for draft in narrowed.channels]


def test_a_country_is_looked_at_for_texts_alone() -> None:
    abroad = policy("home", channels=frozenset({SMS}), country=lambda address: f"{address} is abroad")
    assert RuleBook((), [abroad]).narrow(facts(), CHOSEN).denied == [Denial(SMS, "home", "+15550100 is abroad")]


def test_hours_put_a_channel_off() -> None:
    book = RuleBook((), [policy("daytime", channels=frozenset({SMS}), hours=LATER)])
    narrowed = book.narrow(facts(), CHOSEN)
    assert narrowed.channels == [*CHOSEN[:-1], CHOSEN[-1]._replace(not_before=NOON + 1_000_000)]
    assert narrowed.put_off == [Denial(SMS, "daytime", "put off to 2026-01-01T12:00:01Z")]
    assert narrowed.denied == []


def test_what_is_scheduled_has_to_wait_only_if_its_time_is_outside_the_hours() -> None:
    book = RuleBook((), [policy("daytime", hours=LATER)])
    assert book.narrow(facts(send_at=NOON + 2_000_000), CHOSEN).channels == CHOSEN


def test_hours_of_several_policies_must_all_be_open() -> None:
    def third(at: Micros) -> Micros:
        return -(-at // 3) * 3

    def fifth(at: Micros) -> Micros:
        return -(-at // 5) * 5

    book = RuleBook((), [policy("third", hours=OpensAt(third)), policy("fifth", hours=OpensAt(fifth))])
    [draft] = book.narrow(facts(now=NOON - NOON % 15 + 1), CHOSEN[-1:]).channels
    assert draft.not_before == NOON - NOON % 15 + 15


def test_hours_that_never_meet_deny() -> None:
    morning = OpensAt(lambda at: at if at % DAY < DAY // 2 else at + DAY - at % DAY)
    evening = OpensAt(lambda at: at if at % DAY >= DAY // 2 else at + DAY // 2 - at % DAY)
    book = RuleBook((), [policy("morning", hours=morning), policy("evening", hours=evening)])
    narrowed = book.narrow(facts(), CHOSEN[-1:])
    assert narrowed.channels == []
    assert "never meet" in narrowed.denied[0].detail


@pytest.mark.parametrize("expires_at", [NOON + 1, NOON + 1_000_000])
def test_what_could_only_go_out_after_it_has_expired_is_denied_unless_its_caller_wants_it_kept(
    expires_at: Micros,
) -> None:
    book = RuleBook((), [policy("daytime", hours=LATER, limit=Limit(1, DAY, Each.ALL))])
    of = facts(expires_at=expires_at)
    narrowed = book.narrow(of, CHOSEN[-1:])
    assert (narrowed.channels, [denial.policy for denial in narrowed.denied]) == ([], ["daytime"])
    kept = book.narrow(of, CHOSEN[-1:], keep_late=True)
    assert kept.channels == [CHOSEN[-1]._replace(not_before=expires_at)]
    assert (kept.denied, kept.limits) == ([], [])


REGISTERED = Recipient(RecipientType.USER, "0190a1b2-0000-7000-8000-000000000001")


@pytest.mark.parametrize(
    ("each", "recipient", "decider", "key"),
    [
        (Each.ALL, REGISTERED, "", ""),
        (Each.CALLER, REGISTERED, "", "shop"),
        (Each.RECIPIENT, REGISTERED, "", f"user:{REGISTERED.id}"),
        (Each.DECIDER, REGISTERED, "agent", "agent"),
    ],
)
def test_a_limit_is_counted_by_what_it_is_kept_for(each: Each, recipient: Recipient, decider: str, key: str) -> None:
    book = RuleBook((), [policy("three a day", channels=frozenset({SMS}), limit=Limit(3, DAY, each))])
    narrowed = book.narrow(facts(recipient=recipient, decider=decider), CHOSEN)
    begin = NOON - NOON % DAY
    assert narrowed.limits == [LimitUse("three a day", key, SMS, 3, begin, begin + DAY)]


def test_a_limit_of_deciders_is_none_of_anybody_else() -> None:
    book = RuleBook((), [policy(limit=Limit(3, DAY, Each.DECIDER))])
    assert book.narrow(facts(), CHOSEN).limits == []


def test_who_is_not_registered_is_counted_by_an_address_that_nobody_can_read() -> None:
    book = RuleBook((), [policy(channels=frozenset({SMS}), limit=Limit(3, DAY, Each.RECIPIENT))])
    keys = [
        book.narrow(facts(recipient=GUEST), [ChannelDraft(SMS, address)]).limits[0].key
        for address in ("+15550100", "+15550101", "+15550100")
    ]
    assert keys[0] == keys[2] != keys[1]
    assert "5550100" not in keys[0]


POLICIES = st.builds(
    lambda denied, binds, channels: policy(denied=denied, channels=channels, when=Says(binds)),
    st.frozensets(st.sampled_from(ChannelType)),
    st.sampled_from([True, False, None]),
    st.frozensets(st.sampled_from(ChannelType)),
)


@given(st.lists(POLICIES, max_size=6), st.permutations(CHOSEN), st.integers(0, 4), st.booleans())
def test_no_choice_ever_leaves_a_channel_that_is_denied(
    policies: list[Policy], chosen: list[ChannelDraft], count: int, keep_late: bool
) -> None:
    book, of = RuleBook((), policies), facts()
    narrowed = book.narrow(of, chosen[:count], keep_late=keep_late)
    forbidden = {channel for each in policies if each.when != Says(False) for channel in each.denied}
    assert forbidden.isdisjoint(draft.channel for draft in narrowed.channels)
    assert {draft.channel for draft in chosen[:count]} == (
        {draft.channel for draft in narrowed.channels} | {denial.channel for denial in narrowed.denied}
    )
    assert all(book.denied_now(of, draft.channel, draft.address) is None for draft in narrowed.channels)


def test_capitals_in_an_address_begin_no_new_count() -> None:
    limited = policy(limit=Limit(1, 1_000, Each.RECIPIENT))
    chosen = [ChannelDraft(EMAIL, address) for address in ("ann@example.org", "Ann@EXAMPLE.org", "bob@example.org")]
    ann, capitals, bob = RuleBook((), [limited]).narrow(facts(recipient=GUEST), chosen).limits
    assert ann.key == capitals.key != bob.key
