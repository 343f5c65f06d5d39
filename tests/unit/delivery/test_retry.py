"""How long is waited before an attempt is repeated."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_server.delivery.retry import FACTOR, JITTER, RetryPolicy

POLICIES = st.builds(RetryPolicy, base=st.floats(0.001, 86_400), cap=st.floats(0.001, 7 * 86_400))
ATTEMPTS = st.integers(1, 10_000)
SPREADS = st.floats(0, 1)


def test_delays_grow_threefold_from_five_seconds_to_an_hour() -> None:
    policy = RetryPolicy()
    assert [policy.delay(attempts, 0.5) for attempts in range(1, 9)] == pytest.approx(
        [5, 15, 45, 135, 405, 1215, 3600, 3600]
    )
    # Twelve attempts, as many as there are by default, take between five hours and six.
    assert 5 * 3600 < sum(policy.delay(attempts, 0.5) for attempts in range(1, 12)) < 6 * 3600


@settings(deadline=None)
@given(POLICIES, ATTEMPTS, SPREADS)
def test_a_later_delay_is_never_shorter_until_the_cap(policy: RetryPolicy, attempts: int, spread: float) -> None:
    assert policy.delay(attempts, spread) <= policy.delay(attempts + 1, spread) <= policy.cap


@settings(deadline=None)
@given(POLICIES, ATTEMPTS, SPREADS)
def test_a_delay_is_spread_by_the_jitter_and_no_more(policy: RetryPolicy, attempts: int, spread: float) -> None:
    exact = min(policy.cap, policy.base * FACTOR ** min(attempts - 1, 60))
    delay = policy.delay(attempts, spread)
    assert exact * (1 - JITTER) * 0.999 <= delay <= exact * (1 + JITTER) * 1.001
    assert delay > 0


@settings(deadline=None)
@given(POLICIES, ATTEMPTS)
def test_chance_spreads_delays_to_both_sides(policy: RetryPolicy, attempts: int) -> None:
    early, middle, late = (policy.delay(attempts, spread) for spread in (0.0, 0.5, 1.0))
    assert early < middle <= late
    assert early == pytest.approx(middle * (1 - JITTER))
