"""What Twilio's answers mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_server.channels.sender import OutcomeKind
from tocsin_server.channels.sms.answers import RATE_PAUSE, classify_failed, classify_refusal
from tocsin_server.channels.verdict import LATER, NOT_HERE, PERMANENT, PROVIDER_FAULT, UNKNOWN, Verdict


@pytest.mark.parametrize("code", [21211, 21610, 21614, 30004, 30005, 30006, 30007])
def test_what_is_wrong_with_the_number_or_the_message_is_permanent(code: int) -> None:
    assert classify_refusal(400, code, None) == PERMANENT


@pytest.mark.parametrize("code", [21265, 21266, 21605, 21612, 21617])
def test_what_is_wrong_for_this_account_s_number_only_is_left_to_another_account(code: int) -> None:
    assert classify_refusal(400, code, None) == NOT_HERE


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, 20403), (400, 30002), (400, 21212), (401, 20003), (404, 20404), (400, 21606), (400, 21660), (403, 20005)],
)
def test_what_is_wrong_with_our_account_is_the_provider_s_fault(status: int, code: int) -> None:
    assert classify_refusal(status, code, None) == PROVIDER_FAULT


@pytest.mark.parametrize("code", [21408, 21608])
def test_what_our_account_may_not_do_for_some_numbers_leaves_the_breaker_alone(code: int) -> None:
    assert classify_refusal(400, code, None) == LATER


@pytest.mark.parametrize(
    ("code", "retry_after", "expected"),
    [(20429, 3.0, 3.0), (20429, 0.0, 0.0), (20429, None, RATE_PAUSE), (None, None, RATE_PAUSE)],
)
def test_too_many_requests_is_throttling(code: int | None, retry_after: float | None, expected: float) -> None:
    assert classify_refusal(429, code, retry_after) == Verdict(OutcomeKind.THROTTLED, retry_after=expected)


def test_a_full_queue_of_our_sender_is_throttling() -> None:
    assert classify_refusal(400, 21611, None).kind is OutcomeKind.THROTTLED


@pytest.mark.parametrize(("status", "code"), [(500, 20500), (503, 20503), (502, None), (504, None)])
def test_after_a_server_error_nobody_knows_whether_the_message_went_out(status: int, code: int | None) -> None:
    assert classify_refusal(status, code, None) == UNKNOWN


@pytest.mark.parametrize("status", [301, 302, 400, 403, 407, 413])
def test_an_answer_without_a_code_is_not_twilio_s(status: int) -> None:
    assert classify_refusal(status, None, None) == PROVIDER_FAULT


def test_a_code_that_the_table_does_not_know_is_judged_by_its_status() -> None:
    assert classify_refusal(400, 99999, None) == NOT_HERE
    assert classify_refusal(403, 99999, None) == PROVIDER_FAULT


def test_a_message_that_failed_at_once_is_judged_by_its_own_code() -> None:
    assert classify_failed(30007) == PERMANENT
    assert classify_failed(30003) == LATER
    assert classify_failed(99999) == LATER
    assert classify_failed(None) == LATER


@given(st.integers(300, 599), st.none() | st.integers(0, 99999), st.none() | st.floats(0, 3600))
def test_no_refusal_is_taken_for_acceptance(status: int, code: int | None, retry_after: float | None) -> None:
    assert classify_refusal(status, code, retry_after).kind is not OutcomeKind.ACCEPTED
