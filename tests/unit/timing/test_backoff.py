"""Pauses grow, are bounded, are never quite the same, and start over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tocsin_server.timing.backoff import Backoff

BACKOFF = Backoff(first=0.5, longest=30.0, healthy=60.0)
FAILURES = st.integers(1, 10_000)
SPREADS = st.floats(0, 1)


def test_pauses_double_from_the_first_to_the_longest() -> None:
    assert [BACKOFF.pause(failures, 1.0) for failures in range(1, 10)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


@given(FAILURES, SPREADS)
def test_a_pause_is_spread_over_its_upper_half_and_never_longer_than_the_longest(failures: int, spread: float) -> None:
    exact = BACKOFF.pause(failures, 1.0)
    assert exact / 2 <= BACKOFF.pause(failures, spread) <= exact <= BACKOFF.longest
    assert BACKOFF.pause(failures, 0.0) == exact / 2


@given(FAILURES, SPREADS)
def test_one_more_failure_never_makes_the_pause_shorter(failures: int, spread: float) -> None:
    assert 0 < BACKOFF.pause(failures, spread) <= BACKOFF.pause(failures + 1, spread)


def test_the_spread_is_chance_unless_it_is_given() -> None:
    pauses = [BACKOFF.pause(3) for _ in range(1_000)]
    assert all(1.0 <= pause <= 2.0 for pause in pauses)
    assert len(set(pauses)) > 900


def test_what_held_for_long_fails_for_the_first_time_again() -> None:
    assert BACKOFF.failures(0, held=0.0) == 1
    assert BACKOFF.failures(4, held=59.9) == 5
    assert BACKOFF.failures(4, held=60.0) == 1
