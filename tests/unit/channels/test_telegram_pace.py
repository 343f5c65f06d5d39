"""How messages are spaced."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_server.channels.telegram.pace import Pace


def test_the_first_turn_is_at_once() -> None:
    assert Pace(overall=0.1, per_chat=1.0).take("a", now=50.0) == 0.0


def test_turns_of_one_chat_are_apart_by_its_spacing() -> None:
    pace = Pace(overall=0.1, per_chat=1.0)
    assert [pace.take("a", now=50.0) for _ in range(3)] == pytest.approx([0.0, 1.0, 2.0])


def test_turns_of_different_chats_are_apart_by_the_overall_spacing() -> None:
    pace = Pace(overall=0.1, per_chat=1.0)
    assert [pace.take(chat, now=50.0) for chat in "abcd"] == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_a_busy_chat_does_not_hold_up_the_others() -> None:
    pace = Pace(overall=0.1, per_chat=1.0)
    for _ in range(3):
        pace.take("a", now=50.0)
    assert pace.delay("b", now=50.0) == pytest.approx(0.3)


def test_asking_for_the_delay_takes_no_turn() -> None:
    pace = Pace(overall=0.1, per_chat=1.0)
    assert pace.delay("a", now=50.0) == pace.delay("a", now=50.0) == pace.take("a", now=50.0) == 0.0


def test_turns_come_back_with_time() -> None:
    pace = Pace(overall=0.1, per_chat=1.0)
    pace.take("a", now=50.0)
    assert pace.delay("a", now=50.4) == pytest.approx(0.6)
    assert pace.delay("a", now=51.0) == 0.0


def test_a_chat_on_hold_waits_and_the_others_do_not() -> None:
    pace = Pace(overall=0.1, per_chat=1.0)
    pace.hold("a", until=80.0, now=50.0)
    pace.hold("a", until=60.0, now=50.0)  # a shorter one does not cut it short
    assert pace.delay("a", now=50.0) == pytest.approx(30.0)
    assert pace.delay("b", now=50.0) == 0.0


def test_chats_whose_turn_has_come_are_forgotten() -> None:
    pace = Pace(overall=0.001, per_chat=1.0)
    for number in range(10_000):
        pace.take(str(number), now=float(number))
    assert len(pace._next_of_chat) < 2000


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 0.5)), max_size=60))
def test_no_spacing_is_ever_undercut(events: list[tuple[str, float]]) -> None:
    pace = Pace(overall=0.1, per_chat=1.0)
    now = 0.0
    turns: dict[str, list[float]] = {}
    for chat, pause in events:
        now += pause
        turns.setdefault(chat, []).append(now + pace.take(chat, now))
    for times in turns.values():
        assert all(later - earlier >= 1.0 - 1e-9 for earlier, later in pairwise(times))
