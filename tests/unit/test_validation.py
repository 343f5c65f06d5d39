"""The rules for single values of a request."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.drafts import NOON
from tocsin_server.errors import InvalidArgument, Violation
from tocsin_server.rpc.validation import (
    LONGEST_DELAY,
    LONGEST_KEY,
    LONGEST_MESSAGE,
    LONGEST_TITLE,
    Violations,
    expiry_order_problem,
    id_problem,
    key_problem,
    message_problem,
    send_at_problem,
    title_problem,
)

ID = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)]


@settings(deadline=None)
@given(st.uuids())
def test_a_uuid_in_canonical_form_is_an_id(value: uuid.UUID) -> None:
    assert id_problem(str(value)) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        ID.upper(),
        f"{{{ID}}}",
        f"urn:uuid:{ID}",
        ID.replace("-", ""),
        ID[:-1],
        ID + "0",
        f" {ID}",
        f"{ID}\n",
        "\uff11" + ID[1:],
    ],
)
def test_other_spellings_of_a_uuid_are_not(value: str) -> None:
    assert id_problem(value) is not None


@settings(deadline=None)
@given(st.text(max_size=40))
def test_what_is_taken_for_an_id_is_its_own_canonical_form(value: str) -> None:
    if id_problem(value) is None:
        assert str(uuid.UUID(value)) == value


@pytest.mark.parametrize("title", ["t", "Zażółć 🔔 \u200f\u05e9\u05dc\u05d5\u05dd", " ", "é" * LONGEST_TITLE, "a\xa0b"])
def test_a_line_of_text_is_a_title(title: str) -> None:
    assert title_problem(title) is None


def test_a_title_is_neither_missing_nor_too_long() -> None:
    assert title_problem("") == "must be given"
    assert title_problem("é" * (LONGEST_TITLE + 1)) == "must be at most 255 characters, is 256"


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_no_control_character_is_in_a_title_or_a_key(control: str) -> None:
    assert title_problem(f"a{control}b") is not None
    assert key_problem(f"a{control}b") is not None
    assert title_problem(control) is not None


@pytest.mark.parametrize(
    "message",
    ["m", "a\r\n\tb\u2028\x1b", "m" * LONGEST_MESSAGE, "é" * (LONGEST_MESSAGE // 2), "🔔" * (LONGEST_MESSAGE // 4)],
    ids=len,
)
def test_text_up_to_its_limit_in_bytes_is_a_message(message: str) -> None:
    assert message_problem(message) is None


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("", "must be given"),
        ("m" * LONGEST_MESSAGE + "m", "must be at most 65536 bytes of UTF-8, is 65537"),
        ("é" * (LONGEST_MESSAGE // 2) + "m", "must be at most 65536 bytes of UTF-8, is 65537"),
        ("🔔" * (LONGEST_MESSAGE // 4) + "m", "must be at most 65536 bytes of UTF-8, is 65537"),
        ("a\x00b", "must not contain NUL"),
    ],
    ids=["empty", "ascii", "two bytes", "four bytes", "NUL"],
)
def test_a_message_has_a_limit_and_no_nul(message: str, problem: str) -> None:
    assert message_problem(message) == problem


def test_a_key_is_any_string_up_to_its_limit() -> None:
    assert key_problem("order-ABC123 / zażółć") is None
    assert key_problem("é" * LONGEST_KEY) is None
    assert key_problem("k" * (LONGEST_KEY + 1)) == "must be at most 255 characters, is 256"


def test_sending_can_be_put_off_by_a_leap_year_and_lie_in_the_past() -> None:
    assert send_at_problem(NOON + LONGEST_DELAY, NOON) is None
    assert send_at_problem(0, NOON) is None
    assert send_at_problem(NOON + LONGEST_DELAY + 1, NOON) == "must be at most 366 days ahead"


def test_expiry_comes_after_sending() -> None:
    assert expiry_order_problem(NOON + 1, NOON) is None
    assert expiry_order_problem(NOON, NOON) is not None
    assert expiry_order_problem(NOON - 1, NOON) is not None
    assert expiry_order_problem(0, None) is None


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_checks() -> None:
    problems = Violations()
    assert not problems
    problems.add("title", None)
    problems.raise_any()
    problems.add("title", "must be given")
    problems.add("message", None)
    problems.add("channels[1].address", "must be empty")
    assert problems
    with pytest.raises(InvalidArgument) as refused:
        problems.raise_any()
    assert refused.value.violations == (
        Violation("title", "must be given"),
        Violation("channels[1].address", "must be empty"),
    )
    assert refused.value.metadata == {"fields": "title,channels[1].address"}
    assert refused.value.message == "title: must be given; channels[1].address: must be empty"
