"""Texts of strangers as a model is shown them: nothing hidden, no more than there is room for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_server.agents.outside import HIDDEN, beginning, part_of, seen


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Your order has shipped", "Your order has shipped"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("zero\u200bwidth", f"zero{HIDDEN}width"),
        ("turned \u202e round", f"turned {HIDDEN} round"),
        ("tags \U000e0069\U000e0067\U000e006e\U000e006f\U000e0072\U000e0065", f"tags {HIDDEN}"),
        ("bytes on a letter a\U000e0101\U000e0150", f"bytes on a letter a{HIDDEN}"),
        ("\x1b[2J\x00", f"{HIDDEN}[2J{HIDDEN}"),
        ("family \U0001f468\u200d\U0001f469\u200d\U0001f467", "family \U0001f468\u200d\U0001f469\u200d\U0001f467"),
        (
            "hearts \u2764\ufe0f\u200d\U0001f525, keys 1\ufe0f\u20e3",
            "hearts \u2764\ufe0f\u200d\U0001f525, keys 1\ufe0f\u20e3",
        ),
        ("joined\u200d\u200c\u200d up", f"joined{HIDDEN} up"),
        ("\U0001f468\u200d\u200c\u200d\u200c", f"\U0001f468\u200d{HIDDEN}"),
        ("\u2764\ufe0f\ufe01\ufe02\ufe00", f"\u2764\ufe0f{HIDDEN}"),
        ("s\ufe01t\ufe02y\ufe03les", f"s{HIDDEN}t{HIDDEN}y{HIDDEN}les"),
        ("\u200dfirst", f"{HIDDEN}first"),
        ("fillers \u3164\u115f\u1160\uffa0 marks a\u034f\u180b", f"fillers {HIDDEN} marks a{HIDDEN}"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
    ],
)
def test_what_nobody_would_see_is_marked(text: str, shown: str) -> None:
    assert seen(text) == shown


@given(st.text(max_size=200), st.integers(0, 100))
def test_a_beginning_is_within_its_bytes_and_says_whether_there_is_more(text: str, limit: int) -> None:
    shown, more = beginning(text, limit)
    assert more == (len(text.encode(errors="replace")) > limit)
    if seen(text) == text:
        assert len(shown.encode()) <= limit
        assert text.startswith(shown)


def test_members_of_metadata_are_shown_while_there_is_room() -> None:
    metadata: dict[str, Any] = {
        "order": "A\u200b1",
        "nested": {"list": [1, None, True, {"deep": "x"}]},
        "long": "m" * 500,
    }
    shown, more = part_of(metadata, 100)
    assert (shown, more) == ({"order": f"A{HIDDEN}1", "nested": metadata["nested"]}, True)
    assert part_of({}, 100) == ({}, False)


def test_metadata_without_end_is_cut_at_a_depth() -> None:
    deep: dict[str, Any] = {}
    for _ in range(32):
        deep = {"a": deep}
    shown, more = part_of({"deep": deep}, 1_000)
    assert not more
    assert json.dumps(shown, ensure_ascii=False).count("a") == 8


def test_of_metadata_with_names_that_look_the_same_one_is_shown_and_it_is_said() -> None:
    assert part_of({"to\u200b": "a", "to\u202e": "b", "other": 1}, 100) == ({f"to{HIDDEN}": "a", "other": 1}, True)
