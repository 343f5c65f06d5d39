"""So much in a period: what is free at once, what has to wait, and for how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_server.timing.token_bucket import PERIODS, RateLimit


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_as_much_as_is_allowed_goes_through_at_once_and_the_rest_as_time_goes_by() -> None:
    clock = Clock()
    limit = RateLimit(3, "s", clock)
    assert [limit.take(1) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limit.take(1) == pytest.approx(1 / 3)
    clock.now += 1 / 3 + 1e-9
    assert limit.take(1) == 0.0
    assert limit.take(1) > 0
    clock.now += 3_600
    assert [limit.take(1) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limit.take(1) > 0


def test_what_comes_together_goes_through_together_and_is_made_up_for() -> None:
    clock = Clock()
    limit = RateLimit(10, "s", clock)
    assert limit.take(100) == 0.0
    assert limit.take(1) == pytest.approx(9.1)
    clock.now += 9.05
    assert limit.take(1) > 0
    clock.now += 0.1
    assert limit.take(1) == 0.0


@pytest.mark.parametrize(("period", "seconds"), [("s", 1), ("m", 60), ("h", 3600)])
def test_a_period_is_a_second_a_minute_or_an_hour(period: str, seconds: int) -> None:
    limit = RateLimit(1, period, Clock())
    limit.take(1)
    assert limit.take(1) == pytest.approx(seconds)
    assert PERIODS[period][0] == limit.unit


@given(
    most=st.integers(1, 50),
    steps=st.lists(st.tuples(st.floats(0, 2), st.integers(1, 5)), min_size=1, max_size=60),
)
def test_never_more_than_one_step_beyond_what_time_allows(most: int, steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    limit, begun, taken = RateLimit(most, "s", clock), clock.now, 0
    for seconds, number in steps:
        clock.now += seconds
        allowed = most + (clock.now - begun) * most
        if limit.take(number) == 0.0:
            assert taken <= allowed - 1 + 1e-6
            taken += number
