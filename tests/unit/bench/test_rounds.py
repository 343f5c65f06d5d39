"""Comparing in rounds: order, medians, and when a figure is unusable."""

from __future__ import annotations

import pytest

from bench.rounds import Measure, Sample, alternate, spread, summarise, turns

FASTER = Measure("B0", "work", "nothing", "calls/s", "higher", 0.70)
SMALLER = Measure("B0", "work", "nothing", "ms", "lower", 1.20)


def _samples(*values: float) -> list[Sample]:
    return [Sample(value) for value in values]


def test_sides_alternate_and_swap_their_order_each_round() -> None:
    assert list(turns(3)) == [("ours", "baseline"), ("baseline", "ours"), ("ours", "baseline")]


def test_each_side_is_measured_once_a_round_in_that_order() -> None:
    calls: list[str] = []

    def side(name: str) -> list[Sample]:
        calls.append(name)
        return [Sample(len(calls))]

    ours, baseline = alternate(lambda: side("A"), lambda: side("B"), 4)
    assert "".join(calls) == "ABBAABBA"
    assert [sample.value for [sample] in ours] == [1, 4, 5, 8]
    assert [sample.value for [sample] in baseline] == [2, 3, 6, 7]


def test_the_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_medians() -> None:
    row = summarise(FASTER, _samples(8, 2, 90), _samples(10, 4, 100))
    assert row.ratio.median == pytest.approx(0.8)
    assert (row.ours, row.baseline) == (8, 10)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3], (3, 3, 3)), ([1, 3], (1.5, 2, 2.5)), ([5, 1, 3], (2, 3, 4)), ([1, 2, 3, 4, 5], (2, 3, 4))],
)
def test_the_spread_is_the_median_between_quartiles(values: list[float], expected: tuple[float, ...]) -> None:
    assert tuple(spread(values)) == expected


@pytest.mark.parametrize(
    ("measure", "ours", "met"), [(FASTER, 70, True), (FASTER, 69, False), (SMALLER, 120, True), (SMALLER, 121, False)]
)
def test_the_goal_is_a_lower_or_an_upper_bound(measure: Measure, ours: float, met: bool) -> None:
    assert summarise(measure, _samples(ours), _samples(100)).met is met


def test_without_a_goal_nothing_is_met() -> None:
    assert summarise(FASTER._replace(goal=None), _samples(1), _samples(1)).met is None


def test_a_wide_spread_makes_a_figure_unusable() -> None:
    row = summarise(FASTER, _samples(50, 100, 150), _samples(100, 100, 100))
    assert row.unusable == ["quartiles 0.75 to 1.25"]
    assert row.met is None


def test_a_busy_helper_on_either_side_makes_a_figure_unusable() -> None:
    ours = [Sample(9, shares={"load generator": 0.2})] * 3
    baseline = [Sample(10, shares={"load generator": 0.93, "sink": 0.1})] * 3
    row = summarise(FASTER, ours, baseline)
    assert row.unusable == ["the load generator used 93% of a core"]
    assert row.shares == {"load generator": 0.93, "sink": 0.1}


def test_one_disturbed_round_of_three_does_not_make_a_figure_unusable_and_two_do() -> None:
    quiet, busy = Sample(9, others=0.1), Sample(9, others=1.4)
    assert summarise(FASTER, [quiet, busy, quiet], [quiet] * 3).unusable == []
    assert summarise(FASTER, [quiet, busy, busy], [quiet] * 3).unusable == ["other processes used 1.4 cores"]


def test_processor_time_of_each_side_is_a_median_of_what_is_known() -> None:
    row = summarise(FASTER, [Sample(1, 300), Sample(1, 500), Sample(1, 310)], [Sample(1, None)] * 3)
    assert (row.cpu_ours, row.cpu_baseline) == (310, None)
