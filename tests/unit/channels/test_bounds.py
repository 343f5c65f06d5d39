"""How much is believed of what a provider says."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_server.channels.bounds import (
    FACT_LIMIT,
    FACTS_LIMIT,
    LONGEST_WAIT,
    bounded_facts,
    bounded_text,
    bounded_wait,
    json_object,
    wait_of_header,
)
from tocsin_server.channels.sender import DETAIL_LIMIT, Outcome, OutcomeKind

EPOCH_SECONDS = 1_790_000_000


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (0, 0.0),
        (7, 7.0),
        (2.5, 2.5),
        (3600, 3600.0),
        (3601, LONGEST_WAIT),
        (EPOCH_SECONDS, LONGEST_WAIT),
        (EPOCH_SECONDS * 1000, LONGEST_WAIT),
        (10**400, LONGEST_WAIT),
        (math.inf, LONGEST_WAIT),
        (-1, None),
        (-math.inf, None),
        (math.nan, None),
        (True, None),
        ("7", None),
        ([7], None),
        (None, None),
    ],
)
def test_a_wait_is_an_hour_at_most_and_what_is_no_time_is_none(asked: object, waited: float | None) -> None:
    assert bounded_wait(asked) == waited


@pytest.mark.parametrize(
    ("header", "waited"),
    [
        (None, None),
        ("7", 7.0),
        (" 7 ", 7.0),
        (str(EPOCH_SECONDS), LONGEST_WAIT),
        (f"{EPOCH_SECONDS}000", LONGEST_WAIT),
        ("9" * 5000, LONGEST_WAIT),
        ("", None),
        ("-7", None),
        ("7.5", None),
        ("NaN", None),
        ("inf", None),
        ("1e400", None),
        ("0x10", None),
        ("\u0667", None),  # a digit, though not of HTTP's
        ("soon", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("Wed, 21 Oct 9026 07:28:00 GMT", None),
    ],
)
def test_a_header_s_wait_is_read_in_seconds(header: str | None, waited: float | None) -> None:
    assert wait_of_header(header) == waited


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"[1]",
        b"\xff\xfe",
        b'{"a": 1' + b"0" * 5000 + b"}",
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_json_object_reads_as_an_empty_one(octets: bytes) -> None:
    assert json_object(octets) == {}


def test_facts_are_plain_values_of_reasonable_size() -> None:
    facts = {
        "sid": "S" * 1_000_000,
        "text": "a\0b\ud800\r\nc",
        "id": 42,
        "flag": True,
        "none": None,
        "large": 2**53 + 1,
        "huge": 10**4000,
        "nan": math.nan,
        "infinite": -math.inf,
        "list": [1],
        "object": {"a": 1},
    }
    assert bounded_facts(facts) == {
        "sid": "S" * FACT_LIMIT,
        "text": "a b? c",
        "id": 42,
        "flag": True,
        "none": None,
    }
    assert len(bounded_facts({str(number): number for number in range(1000)})) == FACTS_LIMIT


TEXT = st.text(st.characters(exclude_categories=()), max_size=1000)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
ANYTHING = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(TEXT, PLAIN, max_size=3)


@given(
    TEXT,
    TEXT,
    st.dictionaries(st.sampled_from(["sid", "status", "message_id"]), ANYTHING),
    st.floats() | st.integers(),
)
def test_whatever_an_outcome_is_made_of_it_can_be_stored(code: str, text: str, data: dict[str, Any], wait: Any) -> None:
    outcome = Outcome(OutcomeKind.THROTTLED, code, text, data, retry_after=wait, address=text)
    assert outcome.retry_after is None or 0 <= outcome.retry_after <= LONGEST_WAIT
    assert len(outcome.detail) <= DETAIL_LIMIT
    for value in (outcome.code, outcome.detail, outcome.address or "", *outcome.data.values()):
        stored = json.dumps(value, allow_nan=False)
        assert len(stored) <= 6 * DETAIL_LIMIT
        assert "\\u0000" not in stored
        assert json.loads(stored) == value


@given(st.text(st.characters(exclude_categories=()), max_size=60), st.integers(0, 50))
def test_text_is_one_line_of_valid_unicode(text: str, limit: int) -> None:
    kept = bounded_text(text, limit)
    assert len(kept) <= limit
    assert kept.encode().decode() == kept
    assert not any(character in kept for character in "\0\r\n\t\u2028\x85")
    assert bounded_text(kept, limit) == kept.strip()
