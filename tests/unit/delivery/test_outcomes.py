"""What becomes of a row after an attempt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.drafts import EMAIL, FAILED, NOON, PENDING, SENT, claim
from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind
from tocsin_server.delivery.outcomes import (
    BREAKER_OPEN,
    DEADLINE,
    INTERRUPTED,
    LEASE_EXPIRED,
    THROTTLE_DELAY,
    Answer,
    bound_provider,
    by_policy,
    conclude,
    decide,
    interrupted,
    leads_on,
    out_of_time,
    refuse,
)
from tocsin_server.delivery.retry import RetryPolicy
from tocsin_server.domain.clock import isoformat, micros
from tocsin_server.domain.model import ChannelResult, ClaimedChannel, Denial

NOW = NOON + micros(5)
POLICY = RetryPolicy(base=10.0, cap=1000.0)
ACCEPTED, TRANSIENT, THROTTLED, PERMANENT, UNKNOWN = OutcomeKind


def _after(row: ClaimedChannel, kind: OutcomeKind, spread: float = 0.5, **facts: Any) -> ChannelResult:
    return decide(row, Answer(Outcome(kind, **facts), "relay-1"), now=NOW, policy=POLICY, spread=spread)


@pytest.mark.parametrize(
    ("kind", "status", "attempts", "delay"),
    [
        (ACCEPTED, SENT, 3, None),
        (PERMANENT, FAILED, 3, None),
        (TRANSIENT, PENDING, 3, 90.0),
        (UNKNOWN, PENDING, 3, 90.0),
        (THROTTLED, PENDING, 2, THROTTLE_DELAY * 1.1),
    ],
)
def test_an_outcome_settles_a_row_or_sends_it_back_for_later(
    kind: OutcomeKind, status: str, attempts: int, delay: float | None
) -> None:
    row = claim(attempts=2)
    result = _after(row, kind, code="451", detail="later", data={"sid": "SM1"})
    assert (result.channel_id, result.notification_id, result.token) == (row.id, row.notification_id, row.token)
    assert (result.status, result.attempts) == (status, attempts)
    assert result.due_at == (None if delay is None else NOW + micros(delay))
    assert result.response == {
        "outcome": kind,
        "code": "451",
        "detail": "later",
        "provider": "relay-1",
        "at": isoformat(NOW),
        "data": {"sid": "SM1"},
    }


@pytest.mark.parametrize(
    ("kind", "status"),
    [(ACCEPTED, SENT), (PERMANENT, FAILED), (TRANSIENT, FAILED), (UNKNOWN, FAILED), (THROTTLED, PENDING)],
)
def test_the_last_attempt_of_a_budget_is_the_last_unless_it_was_throttled(kind: OutcomeKind, status: str) -> None:
    result = _after(claim(attempts=11, attempt_limit=12), kind)
    assert result.status == status
    assert (result.due_at is None) == (status != PENDING)


def test_a_provider_that_says_when_is_waited_for_even_if_the_policy_would_be_sooner() -> None:
    assert _after(claim(), TRANSIENT, retry_after=500.0).due_at == NOW + micros(500)
    assert _after(claim(), TRANSIENT, retry_after=1.0).due_at == NOW + micros(10)
    assert _after(claim(), THROTTLED, retry_after=30.0, spread=0.0).due_at == NOW + micros(30)


@settings(deadline=None)
@given(st.floats(0.001, 3_600), st.floats(0, 1))
def test_a_throttled_row_never_returns_before_it_may_and_within_the_hour(retry_after: float, spread: float) -> None:
    due_at = _after(claim(), THROTTLED, retry_after=retry_after, spread=spread).due_at
    assert due_at is not None
    assert NOW + micros(retry_after) <= due_at <= NOW + micros(min(retry_after * 1.2, 3_600)) + 1


@pytest.mark.parametrize("kind", [TRANSIENT, UNKNOWN, THROTTLED])
def test_a_retry_that_would_come_after_expiry_comes_at_expiry_to_say_so(kind: OutcomeKind) -> None:
    expires_at = NOW + micros(1)
    row = claim(expires_at=expires_at)
    result = _after(row, kind, retry_after=60.0)
    assert (result.status, result.due_at) == (PENDING, expires_at)
    later = claim(expires_at=expires_at, attempts=result.attempts, response=result.response)
    refused = refuse(later, now=expires_at, cancelled=False)
    assert refused is not None
    assert (refused.response or {})["reason"] == "EXPIRED"


def test_a_new_address_of_the_recipient_is_kept() -> None:
    assert _after(claim(), TRANSIENT, address="-100123").address == "-100123"
    assert _after(claim(), ACCEPTED).address is None


def test_the_answer_before_moves_into_the_history() -> None:
    first = _after(claim(), TRANSIENT, code="451")
    second = _after(claim(attempts=1, response=first.response), ACCEPTED, code="250")
    response = second.response or {}
    assert response["code"] == "250"
    assert [entry["code"] for entry in response["history"]] == ["451"]


def test_the_attempt_of_a_worker_that_disappeared_is_told_as_unknown() -> None:
    row = claim(attempts=2, taken_over=True, response={"outcome": "transient", "code": "451"})
    for result in (_after(row, ACCEPTED, code="250"), refuse(row._replace(attempt_limit=2), now=NOW, cancelled=False)):
        assert result is not None
        history = (result.response or {})["history"]
        assert [(entry["outcome"], entry["code"]) for entry in history] == [
            ("transient", "451"),
            ("unknown", LEASE_EXPIRED),
        ]


# -- what must not be sent any more --------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "cancelled", "reason"),
    [
        ({}, False, None),
        ({"expires_at": NOW + 1}, False, None),
        ({"attempts": 11}, False, None),
        ({"expires_at": NOW}, False, "EXPIRED"),
        ({"expires_at": NOW - 1}, False, "EXPIRED"),
        ({"attempts": 12}, False, "ATTEMPTS_EXHAUSTED"),
        ({"attempts": 13}, False, "ATTEMPTS_EXHAUSTED"),
        ({}, True, "CANCELLED"),
        ({"expires_at": NOW - 1, "attempts": 12}, True, "CANCELLED"),
        ({"expires_at": NOW - 1, "attempts": 12}, False, "EXPIRED"),
    ],
)
def test_a_row_is_refused_for_its_time_its_budget_or_its_caller(
    changes: dict[str, Any], cancelled: bool, reason: str | None
) -> None:
    row = claim(**changes)
    result = refuse(row, now=NOW, cancelled=cancelled)
    if reason is None:
        assert result is None
        return
    assert result is not None
    assert (result.status, result.attempts, result.due_at) == (FAILED, row.attempts, None)
    assert (result.channel_id, result.notification_id, result.token) == (row.id, row.notification_id, row.token)
    assert (result.response or {})["reason"] == reason


# -- who may try again ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "provider"),
    [
        (None, None),
        ({"outcome": "unknown", "provider": "relay-1"}, "relay-1"),
        ({"outcome": "unknown", "provider": ""}, None),
        ({"outcome": "unknown"}, None),
        ({"outcome": "unknown", "provider": 1}, None),
        ({"outcome": "transient", "provider": "relay-1"}, None),
        ({"outcome": "throttled", "provider": "relay-1"}, None),
        ({"outcome": "transient", "history": [{"outcome": "unknown", "provider": "relay-1"}]}, None),
        ({"outcome": "throttled", "history": [{"outcome": "unknown", "provider": "relay-1"}]}, "relay-1"),
        (
            {
                "outcome": "throttled",
                "history": [{"outcome": "unknown", "provider": "relay-1"}, {"outcome": "transient"}],
            },
            None,
        ),
        (
            {
                "outcome": "throttled",
                "history": [
                    {"outcome": "transient"},
                    {"outcome": "unknown", "provider": "relay-1"},
                    {"outcome": "throttled", "provider": "relay-1"},
                ],
            },
            "relay-1",
        ),
    ],
)
def test_only_a_provider_that_may_have_accepted_it_is_tried_again_alone(
    response: dict[str, Any] | None, provider: str | None
) -> None:
    assert bound_provider(claim(response=response)) == provider


def test_a_provider_that_throttles_for_long_stays_the_only_one_that_may_try_again() -> None:
    response = _after(claim(), UNKNOWN).response
    for _ in range(20):
        response = _after(claim(attempts=1, response=response), THROTTLED, code="429").response
        assert bound_provider(claim(response=response)) == "relay-1"


def test_an_open_breaker_does_not_make_a_row_forget_who_may_have_accepted_it() -> None:
    """Else a provider that hangs, and opens its breaker by that, would hand its doubtful messages to the next one."""
    response = _after(claim(), UNKNOWN, code="DEADLINE").response
    for _ in range(10):
        row = claim(attempts=1, response=response)
        kept_out = Answer(Outcome(THROTTLED, BREAKER_OPEN, retry_after=5.0), "")
        result = decide(row, kept_out, now=NOW, policy=POLICY, spread=0.0)
        assert (result.status, result.attempts, result.due_at) == (PENDING, 1, NOW + micros(5))
        response = result.response
        assert bound_provider(claim(response=response)) == "relay-1"
    assert response is not None
    assert response["code"] == "DEADLINE"
    assert "history" not in response


def test_a_row_that_was_never_tried_tells_that_its_providers_are_kept_out() -> None:
    kept_out = Answer(Outcome(THROTTLED, BREAKER_OPEN, retry_after=5.0), "")
    response = decide(claim(), kept_out, now=NOW, policy=POLICY, spread=0.0).response
    assert response is not None
    assert response["code"] == BREAKER_OPEN


@pytest.mark.parametrize(("handed_over", "kind"), [(False, TRANSIENT), (True, UNKNOWN)])
def test_what_is_cut_off_is_unknown_only_once_content_was_handed_over(handed_over: bool, kind: OutcomeKind) -> None:
    attempt = Attempt(claim(), handed_over)
    late, stopped = out_of_time(attempt, 30.0), interrupted(attempt)
    assert (late.kind, late.code, late.provider_fault) == (kind, DEADLINE, True)
    assert (stopped.kind, stopped.code, stopped.provider_fault) == (kind, INTERRUPTED, False)
    [counted, free] = [
        decide(claim(), Answer(outcome, "relay-1"), now=NOW, policy=POLICY, spread=0.0) for outcome in (late, stopped)
    ]
    assert (counted.attempts, free.attempts, free.due_at) == (1, 0, NOW)
    assert bound_provider(claim(response=counted.response)) == ("relay-1" if handed_over else None)


def test_a_stop_before_anything_was_handed_over_does_not_make_a_row_forget_who_may_have_accepted_it() -> None:
    response = _after(claim(), UNKNOWN).response
    row = claim(attempts=1, response=response)
    result = decide(row, Answer(interrupted(Attempt(row)), "relay-1"), now=NOW, policy=POLICY, spread=0.0)
    assert bound_provider(claim(response=result.response)) == "relay-1"


HERE = Answer(Outcome(PERMANENT, "552", elsewhere=True), "relay-1")
HERE_TOO = Answer(Outcome(PERMANENT, "552", elsewhere=True), "relay-2")
DOWN = Answer(Outcome(TRANSIENT, "ECONNREFUSED", provider_fault=True), "relay-3")


def test_all_that_is_known_not_accepted_and_not_wrong_for_everybody_leads_on() -> None:
    assert leads_on(HERE.outcome)
    assert leads_on(DOWN.outcome)
    assert leads_on(Outcome(THROTTLED, "429"))
    for outcome in (Outcome(ACCEPTED), Outcome(PERMANENT, "550"), Outcome(UNKNOWN, "EOF")):
        assert not leads_on(outcome)
    assert not leads_on(Outcome(TRANSIENT, INTERRUPTED))


def test_a_relay_s_own_limit_is_final_once_every_relay_has_such_a_one() -> None:
    assert conclude([HERE], []) == HERE
    assert conclude([HERE, HERE_TOO], []) == HERE_TOO


def test_a_relay_s_own_limit_is_not_final_while_another_may_take_the_message_later() -> None:
    assert conclude([DOWN, HERE], []) == DOWN
    assert conclude([HERE, DOWN], []) == DOWN
    later = conclude([HERE], [3.0, 2.0])
    assert (later.outcome.kind, later.outcome.code, later.provider) == (TRANSIENT, "552", "relay-1")


def test_what_ends_the_matter_counts_whatever_was_said_before() -> None:
    for outcome in (Outcome(ACCEPTED), Outcome(PERMANENT, "550"), Outcome(UNKNOWN, "EOF")):
        ending = Answer(outcome, "relay-2")
        assert conclude([DOWN, HERE, ending], [1.0]) == ending


def test_with_every_provider_kept_out_the_row_waits_for_the_first_to_be_let_in() -> None:
    answer = conclude([], [3.0, 2.0])
    assert (answer.outcome.kind, answer.outcome.code, answer.outcome.retry_after) == (THROTTLED, BREAKER_OPEN, 2.0)


def test_a_row_that_a_policy_denies_fails_without_an_attempt_and_names_it() -> None:
    denial = Denial(EMAIL, "no letters", "denied")
    result = by_policy(claim(attempts=2), denial, now=NOW)
    assert (result.status, result.attempts, result.due_at, result.denial) == (FAILED, 2, None, denial)
    assert result.response == {
        "outcome": PERMANENT,
        "reason": "POLICY_DENIED",
        "detail": "policy 'no letters': denied",
        "at": isoformat(NOW),
    }


@pytest.mark.parametrize(("expires", "due"), [(None, 60), (90, 60), (30, 30)])
def test_a_row_outside_hours_waits_for_them_or_for_its_expiry_without_an_attempt(
    expires: float | None, due: float
) -> None:
    earlier = {"outcome": "transient", "code": "451"}
    row = claim(attempts=2, response=earlier, expires_at=None if expires is None else NOW + micros(expires))
    result = by_policy(row, NOW + micros(60), now=NOW)
    assert (result.status, result.attempts, result.due_at) == (PENDING, 2, NOW + micros(due))
    assert (result.response, result.denial) == (earlier, None)


def test_a_row_that_was_taken_over_and_is_put_off_still_tells_of_the_lost_attempt() -> None:
    result = by_policy(claim(attempts=1, taken_over=True), NOW + micros(60), now=NOW)
    assert result.response is not None
    assert (result.response["outcome"], result.response["code"]) == (UNKNOWN, LEASE_EXPIRED)
