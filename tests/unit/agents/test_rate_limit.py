"""How often an agent may call: so many a minute, a quarter of them at once."""

from __future__ import annotations

import pytest

from tocsin_server.agents.rate_limit import MOST_CALLERS, CallerRateLimit


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("per_minute", "at_once"), [(120, 30), (4, 1), (6_000, 1_500)])
def test_a_quarter_may_come_at_once_and_the_rest_as_time_goes_by(per_minute: int, at_once: int) -> None:
    clock = Clock()
    limit = CallerRateLimit(per_minute, clock)
    assert [limit.take("a") for _ in range(at_once)] == [0.0] * at_once
    wait = limit.take("a")
    assert wait == pytest.approx(60 / per_minute)
    assert limit.take("a") == pytest.approx(wait), "asking does not make it longer"
    clock.now += wait + 1e-6
    assert limit.take("a") == 0.0
    assert limit.take("a") > 0.0


def test_ten_thousand_calls_in_a_minute_are_a_hundred_and_fifty() -> None:
    clock = Clock()
    limit = CallerRateLimit(120, clock)
    passed = 0
    for _ in range(10_000):
        passed += limit.take("a") == 0.0
        clock.now += 60 / 10_000
    assert 148 <= passed <= 150


def test_callers_have_buckets_of_their_own_and_the_longest_gone_is_forgotten() -> None:
    limit = CallerRateLimit(4, Clock())
    assert (limit.take("a"), limit.take("b")) == (0.0, 0.0)
    assert limit.take("a") > 0
    for number in range(MOST_CALLERS):
        limit.take(str(number))
    assert limit.take("a") == 0.0
