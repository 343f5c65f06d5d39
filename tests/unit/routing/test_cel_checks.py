"""What a condition may say: every mistake with its place and what would be right, and nothing that could run away."""

from __future__ import annotations

import pytest

from tocsin_server.routing.cel_checks import (
    DEEPEST,
    LONGEST,
    MOST_LOOPS,
    MOST_PATTERNS,
    MOST_WORDS,
    MOST_WORDS_IN_LOOPS,
    check,
)


@pytest.mark.parametrize(
    ("source", "where", "said"),
    [
        ('categry == "x"', "column 1", "no variable 'categry'; did you mean 'category'?"),
        ('category = "x"', "column 10", "write '=='"),
        ('category == "x" and local_hour > 3', "column 17", "write '&&'"),
        ('not ("sms" in addresses)', "column 1", "write '!'"),
        ('"smss" in addresses', "column 1", "no address is of a channel 'smss'; did you mean 'sms'?"),
        ('"websocket" in addresses', "column 1", "email, telegram, sms"),
        ('recipient.type == "guests"', "column 19", "did you mean 'guest'?"),
        ('"guests" == recipient.type', "column 1", "did you mean 'guest'?"),
        ('recipient.kind == "x"', "column 11", "recipient has no 'kind'; there is type, id, registered"),
        ('contact.zone == "x"', "column 9", "contact has no 'zone'"),
        ("recipient == 1", "column 1", "recipient.type"),
        ('title.lower() == "x"', "column 7", "no function 'lower'"),
        ('title.startswith("x")', "column 7", "did you mean 'startsWith'?"),
        ("metadata.tags.map(x, x) == []", "column 15", "use exists, all or exists_one"),
        ("title.matches(category)", "column 7", "written out"),
        ('matches(title, "x")', "column 1", "written out"),
        ('title.matches("a{2,5}")', "column 15", "must not count"),
        (r'title.matches("\\w\\w\\w\\w\\w")', "column 15", "at most 4 classes"),
        ('true &&\n  categry == "x"', "line 2, column 3", "did you mean 'category'?"),
        ("", "", "must not be empty"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_would_be_right(source: str, where: str, said: str) -> None:
    flaw = check(source).flaws[0]
    assert flaw.where == where
    assert said in flaw.said


def _nested(depth: int) -> str:
    return "(" * depth + "true" + ")" * depth


def _words(count: int) -> str:
    return "true" + "&&true" * ((count - 1) // 2)


LOOP = "metadata.tags.exists(tag, tag == 1)"


@pytest.mark.parametrize(
    ("most", "more"),
    [
        ("// " + "x" * (LONGEST - 8) + "\ntrue", "// " + "x" * (LONGEST - 7) + "\ntrue"),
        (_words(MOST_WORDS), _words(MOST_WORDS + 2)),
        (_nested(DEEPEST), _nested(DEEPEST + 1)),
        ("&&".join([LOOP] * MOST_LOOPS), "&&".join([LOOP] * (MOST_LOOPS + 1))),
        ("&&".join(['title.matches("a")'] * MOST_PATTERNS), "&&".join(['title.matches("a")'] * (MOST_PATTERNS + 1))),
        (LOOP, "metadata.tags.exists(tag, metadata.tags.exists(other, other == tag))"),
        (
            f"metadata.tags.exists(t, {_words(MOST_WORDS_IN_LOOPS - 4)})",
            f"metadata.tags.exists(t, {_words(MOST_WORDS_IN_LOOPS)})",
        ),
        ('metadata.tags.exists(t, t == "a")', 'metadata.tags.exists(t, t.matches("a"))'),
    ],
)
def test_what_could_run_away_is_refused_before_the_library_sees_it(most: str, more: str) -> None:
    assert check(most).flaws == []
    assert check(more).flaws


@pytest.mark.parametrize(
    ("source", "names", "keys"),
    [
        ('category == "a"', ("category",), ()),
        ("recipient.registered && contact.locale == ''", ("contact_locale", "recipient_registered"), ()),
        ("metadata.total > 5 && has(metadata.vip)", ("metadata",), ("total", "vip")),
        ('metadata["total"] > 5 || "vip" in metadata', ("metadata",), ("total", "vip")),
        ('"a" + "b" in metadata', ("metadata",), None),
        ("metadata[category] == 1", ("category", "metadata"), None),
        ("size(metadata) > 1", ("metadata",), None),
        ('metadata.exists(key, key == "vip")', ("metadata",), None),
        ("metadata.tags.exists(category, category == 1)", ("category", "metadata"), ("tags",)),
    ],
)
def test_what_a_condition_looks_at_is_known(source: str, names: tuple[str, ...], keys: tuple[str, ...] | None) -> None:
    checked = check(source)
    assert (checked.flaws, checked.names, checked.keys) == ([], names, keys)


@pytest.mark.parametrize(
    ("source", "gate"),
    [
        ('category == "a" && metadata.x > 1', 'category == "a" '),
        ('recipient.registered && category == "a" && title == ""', 'recipient_registered && category == "a" '),
        ('category == "a && b" && (title == "" || metadata.x)', 'category == "a && b" '),
        ('category == "a" && recipient.type == "guest"', None),  # is all about kinds
        ('metadata.x && category == "a"', None),  # would have to be judged first
        ('category == "a" && metadata.x || title == ""', None),
        ('category == "a" && metadata.x ? true : false', None),
        ('(category == "a" && metadata.x)', None),
    ],
)
def test_what_must_hold_first_and_is_about_kinds_alone_is_a_gate(source: str, gate: str | None) -> None:
    found = check(source).gate
    assert (found and found.source) == gate
