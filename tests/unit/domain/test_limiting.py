"""What limits leave of a decision, and what is told of the rest."""

from __future__ import annotations

import pytest

from helpers.drafts import EMAIL, GUEST, NOON, SMS, TELEGRAM, draft
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import NoRoute, PolicyLimit
from tocsin_server.domain.limiting import Counts, admit, count_key, limit_denial, limit_reached
from tocsin_server.domain.model import (
    ChannelDraft,
    ChannelType,
    DecidedBy,
    Decision,
    Denial,
    LimitUse,
    NotificationDraft,
    Strategy,
    StrategyKind,
)

HOUR = micros(3_600)
FALLBACK = Strategy(StrategyKind.FALLBACK)
STEPS = [ChannelDraft(kind, None) for kind in (SMS, TELEGRAM, EMAIL)]


def use(kind: ChannelType, policy: str, hours: int = 24, limit: int = 3) -> LimitUse:
    return LimitUse(policy, "", kind, limit, NOON - HOUR, NOON + (hours - 1) * HOUR)


TEXTS, CHATS, MAILS = use(SMS, "texts"), use(TELEGRAM, "chats", hours=1), use(EMAIL, "mails")


def counts(**used: int) -> Counts:
    return Counts({count_key(each): used.get(each.policy, 0) for each in (TEXTS, CHATS, MAILS)})


def left_of(used: Counts) -> dict[str, int]:
    return {policy: count for (policy, *_), count in used.used.items()}


def ruled(wanted: NotificationDraft, *uses: LimitUse) -> NotificationDraft:
    earlier = [Denial(EMAIL, "hours", "never")]
    return wanted._replace(limits=uses, decision=Decision(DecidedBy.RULE, "orders", wanted.channels, earlier))


def test_each_step_of_a_fallback_counts_whether_or_not_its_turn_comes() -> None:
    used = counts()
    fallback = ruled(draft(SMS, TELEGRAM, EMAIL)._replace(strategy=FALLBACK), TEXTS, CHATS, MAILS)
    assert admit(fallback, used, NOON) is fallback
    assert left_of(used) == {"texts": 1, "chats": 1, "mails": 1}


def test_a_rule_goes_without_the_channels_that_are_at_their_limits() -> None:
    used = counts(texts=3)
    assert used.narrow(STEPS, [TEXTS, CHATS, MAILS], whole=False) == (STEPS[1:], [TEXTS])
    assert left_of(used) == {"texts": 3, "chats": 1, "mails": 1}


def test_what_a_caller_named_is_refused_for_any_of_its_channels_and_counts_nothing() -> None:
    used = counts(mails=3)
    assert used.narrow(STEPS, [TEXTS, CHATS, MAILS], whole=True) == ([], [MAILS])
    assert left_of(used) == {"texts": 0, "chats": 0, "mails": 3}


def test_without_uses_everything_is_left() -> None:
    assert Counts({}).narrow(STEPS, (), whole=True) == (STEPS, ())


def test_a_decision_tells_which_channels_were_taken_out_at_which_limit() -> None:
    wanted = ruled(draft(SMS, TELEGRAM), TEXTS, CHATS)
    admitted = admit(wanted, counts(texts=3), NOON)
    assert isinstance(admitted, NotificationDraft)
    assert admitted.decision is not None
    assert wanted.decision is not None
    assert [each.channel for each in admitted.channels] == [TELEGRAM]
    assert admitted.decision.channels == admitted.channels
    assert admitted.decision.denied == [*wanted.decision.denied, Denial(SMS, "texts", "limit 3 per 1d reached")]


def test_a_rule_of_which_nothing_is_left_gives_no_route() -> None:
    refusal = admit(ruled(draft(SMS, recipient=GUEST), TEXTS), counts(texts=3), NOON)
    assert isinstance(refusal, NoRoute)
    assert "sms: policy 'texts'" in str(refusal)


@pytest.mark.parametrize("decision", [None, Decision(DecidedBy.CALLER, "shop", ())])
def test_a_caller_hears_of_the_limit_that_lasts_longest(decision: Decision | None) -> None:
    wanted = draft(SMS, TELEGRAM)._replace(limits=[TEXTS, CHATS], decision=decision)
    refusal = admit(wanted, counts(texts=3, chats=3), NOON)
    assert isinstance(refusal, PolicyLimit)
    assert (refusal.metadata["channel"], refusal.metadata["policy"]) == ("sms", "texts")
    assert refusal.retry_after == 23 * 3_600


def test_a_window_that_has_ended_still_asks_for_a_wait() -> None:
    wait = limit_reached([CHATS], NOON + HOUR).retry_after
    assert wait is not None
    assert wait > 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(86_400, "1d"), (604_800, "7d"), (3_600, "1h"), (5_400, "90m"), (45, "45s"), (0.5, "500ms")]
)
def test_a_denial_names_the_limit_as_a_rule_file_does(seconds: float, text: str) -> None:
    each = LimitUse("texts", "", SMS, 10, NOON, NOON + micros(seconds))
    assert limit_denial(each).detail == f"limit 10 per {text} reached"
