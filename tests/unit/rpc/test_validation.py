"""The rules for single values of a request."""

from __future__ import annotations

import uuid
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.drafts import NOON
from tocsin_server.domain.errors import InvalidArgument, Violation
from tocsin_server.rpc.validation import (
    LONGEST_DELAY,
    LONGEST_KEY,
    LONGEST_MESSAGE,
    LONGEST_TITLE,
    MOST_VIOLATIONS,
    Violations,
    expiry_order_problem,
    external_id_problem,
    id_problem,
    key_problem,
    locale_problem,
    message_problem,
    send_at_problem,
    time_zone_problem,
    time_zones,
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
def test_what_is_taken_for_an_id_is_in_lower_case_its_own_canonical_form(value: str) -> None:
    if id_problem(value) is None:
        assert str(uuid.UUID(value)) == value.lower()


def test_an_id_may_be_in_upper_case() -> None:
    assert id_problem(ID.upper()) is None


@pytest.mark.parametrize(
    "value", ["4", "42", " ", "a:b:c", "ext:", "user:42", ID, "Größe №7 🔔", "e\u0301", "\u200b", "é" * 255, "🔔" * 255]
)
def test_almost_any_text_is_an_external_id(value: str) -> None:
    assert external_id_problem(value) is None


@pytest.mark.parametrize("value", ["", "x" * 256, "a\ud800", "\udfff", *(f"a{control}" for control in CONTROLS)])
def test_nothing_too_long_and_nothing_that_breaks_a_line_is_an_external_id(value: str) -> None:
    assert external_id_problem(value) is not None


@pytest.mark.parametrize(
    "value",
    [
        *("de", "de-CH", "pt-BR", "PT-br", "zh-Hant", "zh-Hans-CN", "sr-Latn-RS", "es-419", "haw", "zh-cmn-Hans-CN"),
        *("sl-rozaj-biske-1994", "de-CH-1901", "hy-Latn-IT-arevela", "en-US-u-islamcal", "zh-CN-a-myext-x-private"),
        *("en-a-myext-b-another", "x-whatever", "de-CH-x-phonebk", "az-Arab-x-AZE-derbend", "i-klingon", "sgn-BE-FR"),
        *("en-GB-oed", "art-lojban", "zh-min-nan", "aaaaaaaa", "qaa-Qaaa-QM-x-southern"),
    ],
)
def test_a_well_formed_language_tag_is_a_locale(value: str) -> None:
    """Most are the examples of RFC 5646, appendix A."""
    assert locale_problem(value) is None


@pytest.mark.parametrize(
    "value",
    [
        *("d", "de_CH", "de-", "-de", "de--CH", "de-CH-", "de-419-DE", "a-DE", "ar-a", "x", "x-", "english language"),
        *(
            "de-CH\n",
            " de",
            "deutschland",
            "12",
            "de-u",
            "de-x",
            "d\u212a",
            "\u017fv",
            "e\u0301",
            "de\0",
            "en-US.UTF-8",
        ),
        *("C", "de-" + "abcde-" * 6, "i-esperanto", "x-" + "a" * 9),
    ],
)
def test_anything_else_is_no_locale(value: str) -> None:
    problem = locale_problem(value)
    assert problem is not None
    assert "pt-BR" in problem or "at most 35 characters" in problem


@settings(deadline=None)
@given(st.text("aA1-x", max_size=36))
def test_no_language_tag_takes_long_to_be_judged(value: str) -> None:
    locale_problem(value)


def test_every_time_zone_in_the_list_can_be_loaded() -> None:
    assert len(time_zones()) > 400
    for name in time_zones():
        assert time_zone_problem(name) is None
        ZoneInfo(name)


@pytest.mark.parametrize(
    "value",
    [
        *("Europe", "Europe/", "europe/lisbon", "Europe/Lisbon ", "Europe/Atlantis", "+01:00", "../UTC", "/etc/passwd"),
        *("posixrules", "right/UTC", "Europe/Lisbon\0", "zones", "", "x" * 65),
    ],
)
def test_what_is_not_in_it_is_no_time_zone(value: str) -> None:
    problem = time_zone_problem(value)
    assert problem is not None
    assert "Europe/Lisbon" in problem or "at most 64 characters" in problem


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


def test_no_more_bad_fields_are_looked_for_than_are_named() -> None:
    problems = Violations()
    for number in range(60):
        assert problems.full == (number >= MOST_VIOLATIONS)
        problems.add(f"ids[{number}]", "must be a UUID")
    with pytest.raises(InvalidArgument) as refused:
        problems.raise_any()
    assert [violation.field for violation in refused.value.violations] == [f"ids[{place}]" for place in range(50)]
