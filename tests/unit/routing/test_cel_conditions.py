"""Conditions: what is true of a notification, what cannot be judged, and what the library must never be given."""

from __future__ import annotations

import contextlib
import string
import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.decisions import facts
from helpers.drafts import EMAIL, GUEST, NOON, user
from tocsin_server.domain.model import Contact, Recipient
from tocsin_server.routing.cel_checks import LONGEST, MOST_WORDS, check
from tocsin_server.routing.cel_conditions import MOST_REMEMBERED, MOST_VALUES, CelCondition, compiled, share_metadata
from tocsin_server.routing.conditions import ConditionFailed

USER = user()
BERLIN = Contact(USER, None, {}, "de-DE", "Europe/Berlin")


def condition(source: str) -> CelCondition:
    found = compiled(source)
    assert isinstance(found, CelCondition), found
    return found


@pytest.mark.parametrize(
    ("source", "changes", "answer"),
    [
        ('category == "auth.code"', {"category": "auth.code"}, True),
        ('category.startsWith("order.")', {"category": "auth.code"}, False),
        ('title.contains("shipped") || title.endsWith("!")', {"title": "It shipped"}, True),
        ('title.matches("^[A-Z]+-[0-9]+$")', {"title": "AB-12"}, True),
        ("metadata.total > 99.5", {"metadata": {"total": 100}}, True),
        ("metadata.total > 99", {"metadata": {"total": 99.5}}, True),
        ('metadata.order.lines[0].sku == "A1"', {"metadata": {"order": {"lines": [{"sku": "A1"}]}}}, True),
        ("has(metadata.vip) && metadata.vip", {"metadata": {}}, False),
        ("has(metadata.vip) && metadata.vip", {"metadata": {"vip": True}}, True),
        ('"vip" in metadata', {"metadata": None}, False),
        ('metadata.tags.exists(tag, tag == "b")', {"metadata": {"tags": ["a", "b"]}}, True),
        ("metadata.tags.all(tag, size(tag) == 1)", {"metadata": {"tags": ["a", "b"]}}, True),
        ('recipient.type == "guest" && !recipient.registered', {"recipient": GUEST}, True),
        pytest.param(f'recipient.id == "{USER.id}"', {"recipient": USER}, True, id="the recipient's own id"),
        ('"email" in addresses && !("sms" in addresses)', {"addresses": {EMAIL: "a@example.org"}}, True),
        ('contact.locale == "de-DE" && contact.time_zone == "Europe/Berlin"', {"contact": BERLIN}, True),
        ("local_hour == 13 && weekday == 4", {"contact": BERLIN}, True),
        ("local_hour == 12 && weekday == 4", {}, True),
        ("local_hour == 22", {"contact": BERLIN, "send_at": NOON + 9 * 3_600_000_000}, True),
        ("local_hour in [22, 23] || local_hour < 7", {}, False),
    ],
)
def test_it_holds_or_not(source: str, changes: dict[str, Any], answer: bool) -> None:
    assert condition(source).holds(facts(**changes)) is answer


@pytest.mark.parametrize(
    ("source", "metadata", "said"),
    [
        ("metadata.total > 5", {}, "there is no key total"),
        ("metadata.total > 5", {"total": "6"}, "whose types do not go together"),
        ("metadata.total", {"total": "6"}, "it gives a text, not true or false"),
        ("metadata.total / 0 == 1", {"total": 1}, "division by zero"),
        ("metadata.lines[3] == 1", {"lines": [1]}, "out of bounds"),
        ("metadata.lines.exists(x, x == 0)", {"lines": [1] * (MOST_VALUES + 1)}, "more than 1000 values"),
        ("metadata.lines.exists(x, x == 0)", {"lines": ["x" * 5_000]}, "more than 4096 characters"),
    ],
)
def test_what_cannot_be_judged_says_why(source: str, metadata: dict[str, Any], said: str) -> None:
    with pytest.raises(ConditionFailed, match=said):
        condition(source).holds(facts(metadata=metadata))


def test_metadata_that_is_deep_never_reaches_the_library_which_would_recurse() -> None:
    deep: dict[str, Any] = {}
    for _ in range(20_000):
        deep = {"a": deep}
    with pytest.raises(ConditionFailed, match="more than"):
        condition("metadata.a == 1").holds(facts(metadata=deep))
    assert condition('metadata.b == 1 || "b" in metadata').holds(facts(metadata={"a": deep, "b": 1}))


def test_values_are_made_anew_when_they_differ_in_kind_alone() -> None:
    wanted = condition("metadata.vip == true")
    assert wanted.holds(facts(metadata={"vip": True}))
    assert not wanted.holds(facts(metadata={"vip": 1}))
    assert wanted.holds(facts(metadata={"vip": True}))
    zero = condition('string(metadata.x) == "0"')
    assert [zero.holds(facts(metadata={"x": value})) for value in (0.0, -0.0, 0)] == [True, False, True]


@pytest.mark.parametrize("raw", [r'r"\"', r"R'\'", 'r"""\\"""'])
def test_a_raw_text_ends_where_the_library_ends_it(raw: str) -> None:
    # Else what follows would be taken for a text, and judged by the metadata of another notification.
    wanted = condition(f'category == {raw} || metadata.x == 1 || category == "true"')
    assert condition("metadata.x == 1").holds(facts(category="a", metadata={"x": 1}))
    assert not wanted.holds(facts(category="a", metadata={"x": 2}))
    assert wanted.holds(facts(category="\\", metadata={"x": 2}))


def test_conditions_that_look_at_other_keys_do_not_see_one_anothers_part() -> None:
    both = facts(metadata={"a": 1, "b": 2})
    assert condition("metadata.a == 1").holds(both)
    assert condition("metadata.b == 2").holds(both)
    assert not condition('"a" in metadata && metadata.a == 2').holds(both)


def test_conditions_that_share_a_part_of_the_metadata_answer_as_they_do_alone() -> None:
    total, vip, tags = (condition(source) for source in (
        "metadata.total > 5", "has(metadata.vip) && metadata.vip", 'metadata.tags.exists(tag, tag == "b")',
    ))  # fmt: skip
    share_metadata([total, vip, tags])
    assert total.shareable == ("total",)
    assert not tags.shareable  # its loops make the size of its part count
    for metadata in ({"total": 6}, {"vip": True}, {"total": 5, "vip": False, "tags": ["b"], "other": 1}, {}):
        for shared, source in ((total, "metadata.total > 5"), (vip, "has(metadata.vip) && metadata.vip")):
            assert _outcome(shared, metadata) == _outcome(condition(source), metadata)
    assert tags.holds(facts(metadata={"total": 5, "vip": False, "tags": ["b"]}))


def test_what_is_too_much_of_the_shared_part_does_not_spoil_a_condition_about_the_rest() -> None:
    total, lines = condition("metadata.total > 5"), condition("size(metadata.lines) > 1")
    share_metadata([total, lines])
    large = facts(metadata={"total": 6, "lines": [1] * (MOST_VALUES + 1)})
    with pytest.raises(ConditionFailed, match="more than 1000 values"):
        lines.holds(large)
    assert total.holds(large)


def test_the_answer_for_a_category_and_a_kind_of_recipient_is_remembered_for_that_alone() -> None:
    wanted = condition('category == "order.shipped" && recipient.type == "guest" && !recipient.registered')
    for _ in range(2):
        assert wanted.holds(facts(category="order.shipped", recipient=GUEST))
        assert not wanted.holds(facts(category="order.shipped", recipient=USER))
        assert not wanted.holds(facts(category="order.paid", recipient=GUEST))
    for number in range(MOST_REMEMBERED * 2):
        assert not wanted.holds(facts(category=f"kind.{number}", recipient=GUEST))
    assert wanted.holds(facts(category="order.shipped", recipient=GUEST))


SOURCES = (
    'category == "a" && metadata.x > 1',
    'recipient.registered && (category == "a" || category == "c") && metadata.x == metadata.y && title != ""',
    'category == "a" && metadata.x == 1 || recipient.type == "guest"',
    'category == "a" && metadata.x == 1 ? category == "a" : metadata.y',
    "category && metadata.x == 1",
    'metadata.x == 1 && category == "a"',
    '"x" in metadata && metadata.x == true',
    'has(metadata.x) ? metadata.x == metadata["y"] : recipient.type == "guest"',
    'metadata.x == "1" || !(metadata.y == null) && recipient.registered',
    "1.0 / metadata.x > 0.0 || 1.0 / metadata.y > 0.0",
    "metadata.x == 0 || metadata.y",
    "size(metadata.x) > 64 || metadata.y in [1, 2.5, true]",
)
REMEMBERED = {source: condition(source) for source in SOURCES}
"""They keep what they learn from one example for the next."""
VALUES = st.sampled_from([0, 0.0, -0.0, False, None, "", 1, 1.0, True, "1", 2**63, [1], "e" * 64, "e" * 65])


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(SOURCES),
    st.dictionaries(st.sampled_from("xy"), VALUES),
    st.sampled_from("ab"),
    st.sampled_from([USER, GUEST]),
)
def test_what_is_remembered_or_ruled_out_by_the_gate_is_what_the_whole_condition_gives_anew(
    source: str, metadata: dict[str, Any], category: str, recipient: Recipient
) -> None:
    of = {"category": category, "recipient": recipient}
    plain = CelCondition(check(source)._replace(gate=None))
    wanted = REMEMBERED[source]
    assert [_outcome(wanted, metadata, **of) for _ in range(2)] == [_outcome(plain, metadata, **of)] * 2


def _outcome(wanted: CelCondition, metadata: dict[str, Any], **of: Any) -> bool | str:
    try:
        return wanted.holds(facts(metadata=metadata, **of))
    except ConditionFailed as failed:
        return str(failed)


@pytest.mark.parametrize(
    ("source", "where", "said"),
    [
        ('category == "x" &&', "column 19", "ends where something must follow"),
        ("(category", "column 10", "missing ')'"),
        ('category "x"', "column 10", "extraneous input"),
        ('true &&\n\n  (title == "x"', "line 3, column 16", "missing ')'"),
        ("title", "", "it gives a text"),
        ("local_hour > '8'", "", "whose types do not go together"),
        ('title.matches("(")', "", "not a valid regex"),
        ("title == 'é' && é", "column 17", "token recognition"),
    ],
)
def test_what_does_not_compile_is_named_with_its_place(source: str, where: str, said: str) -> None:
    found = compiled(source)
    assert isinstance(found, list)
    assert found[0].where == where
    assert said in found[0].said


def test_what_is_sure_to_fail_without_metadata_is_found_when_it_is_read() -> None:
    assert isinstance(compiled("metadata.total > 5"), CelCondition)  # which may be there
    assert isinstance(compiled("category > 5"), list)


@pytest.mark.parametrize(
    "source",
    [
        "(" * 100_000,
        "(" * 5_000 + "true" + ")" * 5_000,
        "metadata" + ".a" * 20_000,
        "1" + "+1" * 20_000 + " == 1",
        "metadata" + "[0]" * 20_000,
        "[" * 900,
        "!" * 999 + "true",
        "-" * 999,
        "true?" * 100 + "true",
        "\ud800",
        "\x00",
    ],
)
def test_what_would_end_the_process_is_refused(source: str) -> None:
    assert isinstance(compiled(source), list)


LINKS = ("metadata" + ".a" * 99, "1" + "+1" * 97 + " == 1", "title" + " == title" * 49, "true" + "||true" * 99)


@pytest.mark.parametrize("source", LINKS)
def test_the_longest_chains_need_little_stack(source: str) -> None:
    """In a process that had too small a stack this would be no failure but its end."""
    done: list[object] = []

    def judge() -> None:
        found = compiled(source)
        done.append(found)
        if isinstance(found, CelCondition):
            try:
                found.holds(facts(metadata={"a": {}}))
            except ConditionFailed:
                done.append("failed")

    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=judge)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert done


PIECES = """
metadata category title x ( ) [ ] { } && || ! ? : . , - + == in has( size( .exists(x, .all(x, 'a' " ' 1 2.5 0x1u b'a'
null true // ` @ \\ .matches(' timestamp('a') Foo{a:1} metadata.a[0] "sms" \n
"""
WORD = st.sampled_from([*PIECES.split(), "\n", *string.punctuation])


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(st.lists(WORD, max_size=60).map("".join), st.lists(WORD, max_size=60).map(" ".join), st.text(max_size=80))
)
def test_whatever_is_written_gives_a_condition_or_mistakes(source: str) -> None:
    found = compiled(source)
    if isinstance(found, CelCondition):
        with contextlib.suppress(ConditionFailed):
            assert isinstance(found.holds(facts(metadata={"a": [1, "b"]})), bool)
    else:
        assert found


# Each is the worst of its kind that is let through.
_TAGS = {"tags": ["ab"] * 990, "long": "x" * 2_000}
WORST = [
    ("metadata.tags.exists(t, " + " || ".join(['metadata.long.contains("y")'] * 5) + ")", _TAGS),
    ("metadata.tags.exists(t, " + "+".join(["metadata.long"] * 10) + ' == "")', _TAGS),
    ("metadata.tags.all(t, " + " && ".join(["t == t"] * 10) + ")", _TAGS),
    ("metadata.exists_one(k, metadata[k] == 1)", {f"key{number}": number for number in range(500)}),
    (
        r'metadata.long.matches("(\\w|\\d)*(\\w|\\s)*y") || metadata.long.matches("(\\w*\\w*\\w*)*y")',
        {"long": "x" * 32_000},
    ),
    ('metadata.long.matches("' + "(x*)*" * 19 + '")', {"long": "x" * 32_000}),
    ('metadata.long.matches("(?i)' + "[a-z]*" * 15 + 'y")', {"long": "x" * 32_000}),
    (" || ".join(['metadata.long.contains("y")'] * 22), {"long": "x" * 32_000}),
]


@pytest.mark.parametrize(("source", "metadata"), WORST)
def test_the_dearest_condition_has_a_price(source: str, metadata: dict[str, Any]) -> None:
    """In processor time, with room for a machine a hundred times as slow as what was measured.

    What is not bounded takes minutes: a regular expression that counts, a list that ``map`` copies, a loop in a loop.
    """
    assert len(source) <= LONGEST
    dear = condition(source)
    begun = time.thread_time()
    for _ in range(3):
        dear.holds(facts(metadata=dict(metadata)))
    assert time.thread_time() - begun < 3.0
    assert MOST_WORDS == 200  # what was measured


def test_it_may_be_judged_on_many_threads() -> None:
    wanted = condition('category == "a" && metadata.n == 1')
    answers: list[bool] = []

    def judge(category: str, number: int) -> None:
        right = category == "a" and number == 1
        answers.extend(wanted.holds(facts(category=category, metadata={"n": number})) is right for _ in range(200))

    threads = [threading.Thread(target=judge, args=of) for of in (("a", 1), ("a", 2), ("b", 1), ("a", 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 800
