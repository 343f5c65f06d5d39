"""Noticing that a clock was set."""

from __future__ import annotations

import pytest

from tocsin_server.timing.jumps import TOLERANCE, Jumps


class Clocks:
    """One that may be set, and one that goes on."""

    def __init__(self) -> None:
        self.set = 1_767_268_800 * 10**6
        self.elapsed = 5_000 * 10**9

    def pass_(self, seconds: float, shown: float | None = None) -> None:
        """Let time pass, of which the one shows ``shown`` seconds."""
        self.elapsed += round(seconds * 1e9)
        self.set += round((seconds if shown is None else shown) * 1e6)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def jumps(clocks: Clocks) -> Jumps:
    return Jumps(lambda: clocks.set, lambda: clocks.elapsed)


def test_time_that_passes_is_no_jump(clocks: Clocks, jumps: Jumps) -> None:
    for seconds in (0.0, 1.0, 86_400.0):
        clocks.pass_(seconds)
        assert jumps.since_last() == 0


@pytest.mark.parametrize("seconds", [3600.0, -3600.0, TOLERANCE + 1])
def test_a_jump_is_told_once(clocks: Clocks, jumps: Jumps, seconds: float) -> None:
    clocks.pass_(1.0, 1.0 + seconds)
    assert jumps.since_last() == pytest.approx(seconds)
    clocks.pass_(1.0)
    assert jumps.since_last() == 0


def test_a_clock_that_is_slewed_for_long_does_not_jump(clocks: Clocks, jumps: Jumps) -> None:
    for _ in range(1000):
        clocks.pass_(1.0, 0.9)
        assert jumps.since_last() == 0
