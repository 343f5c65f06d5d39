"""The JSON of a channel's response."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.drafts import NOON
from tocsin_server.channels.sender import OutcomeKind
from tocsin_server.domain.attempt_log import (
    ATTEMPTS_EXHAUSTED,
    CANCELLED,
    EXPIRED,
    HISTORY_LIMIT,
    THROTTLED,
    Attempt,
    attempted,
    attempts_in,
    given_up,
)
from tocsin_server.domain.clock import isoformat, micros
from tocsin_server.domain.model import Json

ATTEMPTS = st.lists(st.sampled_from(["transient", "unknown", "permanent"]), min_size=1, max_size=40)


def _attempts(outcomes: list[str], detail: str = "") -> Json:
    response: Json | None = None
    for number, outcome in enumerate(outcomes):
        response = attempted(
            response,
            outcome=outcome,
            code=str(number),
            detail=detail,
            provider=f"relay-{number}",
            at=NOON + micros(number),
            data={"size": number},
        )
    assert response is not None
    return response


def test_an_answer_tells_how_why_who_and_when() -> None:
    assert attempted(None, outcome="accepted", code="250", detail="queued", provider="relay", at=NOON) == {
        "outcome": "accepted",
        "code": "250",
        "detail": "queued",
        "provider": "relay",
        "at": "2026-01-01T12:00:00Z",
    }


def test_what_the_provider_gave_besides_is_kept_for_the_latest_answer() -> None:
    response = _attempts(["transient", "unknown"])
    assert response["data"] == {"size": 1}
    assert "data" not in response["history"][0]


@settings(deadline=None)
@given(ATTEMPTS)
def test_the_history_is_the_latest_attempts_before_oldest_first(outcomes: list[str]) -> None:
    response = _attempts(outcomes)
    told = [*response.get("history", ()), response]
    numbers = list(range(len(outcomes)))[-HISTORY_LIMIT - 1 :]
    assert [entry["code"] for entry in told] == [str(number) for number in numbers]
    assert [entry["outcome"] for entry in told] == [outcomes[number] for number in numbers]
    assert [entry["provider"] for entry in told] == [f"relay-{number}" for number in numbers]
    assert [entry["at"] for entry in told] == [isoformat(NOON + micros(number)) for number in numbers]


@settings(deadline=None)
@given(ATTEMPTS)
def test_a_response_does_not_grow_with_the_attempts(outcomes: list[str]) -> None:
    detail = "x" * 500
    assert len(json.dumps(_attempts(outcomes, detail))) <= (HISTORY_LIMIT + 1) * (len(detail) + 200)
    assert all("history" not in entry for entry in _attempts(outcomes).get("history", ()))


def test_being_throttled_however_often_pushes_no_attempt_out_of_the_history() -> None:
    response = _attempts(["unknown", *["throttled"] * 20])
    assert response["code"] == "20"
    assert [entry["code"] for entry in response["history"]] == ["0"]
    assert "history" not in _attempts(["throttled", "throttled"])


def test_the_answer_before_is_left_as_it_was() -> None:
    before = _attempts(["transient"] * 3)
    copy = json.loads(json.dumps(before))
    attempted(before, outcome="accepted", code="", detail="", provider="", at=NOON)
    given_up(before, reason=EXPIRED, at=NOON)
    assert before == copy


def test_the_outcome_that_is_no_attempt_is_the_senders_word_for_it() -> None:
    assert THROTTLED == OutcomeKind.THROTTLED


@pytest.mark.parametrize("reason", [EXPIRED, CANCELLED, ATTEMPTS_EXHAUSTED])
def test_a_row_that_was_given_up_tells_why_and_what_was_tried(reason: str) -> None:
    response = given_up(_attempts(["transient", "unknown"]), reason=reason, at=NOON)
    assert (response["outcome"], response["reason"], response["at"]) == ("permanent", reason, isoformat(NOON))
    assert response["detail"]
    assert "code" not in response
    assert [entry["code"] for entry in response["history"]] == ["0", "1"]
    assert "history" not in given_up(None, reason=reason, at=NOON)


@settings(deadline=None)
@given(ATTEMPTS)
def test_the_attempts_in_a_response_are_the_latest_in_the_order_of_time(outcomes: list[str]) -> None:
    told = list(attempts_in(_attempts(outcomes, "why")))
    first = max(0, len(outcomes) - HISTORY_LIMIT - 1)
    assert told == [
        Attempt(NOON + micros(number), outcome, f"relay-{number}", str(number), "why")
        for number, outcome in enumerate(outcomes[first:], start=first)
    ]


def test_what_was_stored_otherwise_is_told_as_far_as_it_can_be_read() -> None:
    assert list(attempts_in(None)) == []
    strange: Json = {"outcome": "odd", "at": "yesterday", "history": [{}]}
    assert list(attempts_in(strange)) == [Attempt(None, "", "", "", ""), Attempt(None, "odd", "", "", "")]
