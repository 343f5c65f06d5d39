"""What the Bot API's refusals mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_server.channels.sender import OutcomeKind
from tocsin_server.channels.telegram.answers import FLOOD_PAUSE, classify_refusal
from tocsin_server.channels.verdict import LATER, NOT_HERE, PERMANENT, PROVIDER_FAULT, UNKNOWN, Verdict


@pytest.mark.parametrize(
    ("code", "description", "expected"),
    [
        (403, "Forbidden: bot was blocked by the user", PERMANENT),
        (403, "Forbidden: user is deactivated", PERMANENT),
        (403, "Forbidden: bot can't send messages to the user", LATER),
        (403, "Forbidden: bot was kicked from the supergroup chat", LATER),
        (400, "Bad Request: chat not found", NOT_HERE),
        (400, "Bad Request: PEER_ID_INVALID", NOT_HERE),
        (400, "Bad Request: message is too long", NOT_HERE),
        (400, "Bad Request: not enough rights to send text messages to the chat", LATER),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN", LATER),
        (413, "Request Entity Too Large", NOT_HERE),
        (401, "Unauthorized", PROVIDER_FAULT),
        (404, "Not Found", PROVIDER_FAULT),
        (409, "Conflict: terminated by other getUpdates request", PROVIDER_FAULT),
        (500, "Internal Server Error", UNKNOWN),
        (502, None, UNKNOWN),
        (400, None, PROVIDER_FAULT),
        (302, None, PROVIDER_FAULT),
    ],
)
def test_a_refusal_is_judged_by_its_code_and_description(code: int, description: str | None, expected: Verdict) -> None:
    assert classify_refusal(code, description, None) == expected


@pytest.mark.parametrize(
    ("description", "retry_after", "expected"),
    [
        ("Too Many Requests: retry after 35", 35.0, 35.0),
        ("Too Many Requests", None, FLOOD_PAUSE),
        (None, None, FLOOD_PAUSE),
    ],
)
def test_flood_control_is_throttling(description: str | None, retry_after: float | None, expected: float) -> None:
    assert classify_refusal(429, description, retry_after) == Verdict(OutcomeKind.THROTTLED, retry_after=expected)


@given(st.integers(300, 599), st.none() | st.text(max_size=40), st.none() | st.floats(0, 3600))
def test_no_refusal_is_taken_for_acceptance(code: int, description: str | None, retry_after: float | None) -> None:
    assert classify_refusal(code, description, retry_after).kind is not OutcomeKind.ACCEPTED
