"""Comparing two sides fairly: alternating rounds, medians of paired ratios, and when a figure cannot be used.

Machines differ, and one machine differs from minute to minute. So ours and the baseline are measured in turns, in the
order A B, B A, A B, …, each round gives one ratio, and the result is the median of the ratios. Their quartiles tell
how far to trust it.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

WIDEST_SPREAD = 0.25
"""Distance of the quartiles of the ratios, as a part of their median, beyond which a figure says nothing."""

LARGEST_SHARE = 0.80
"""Part of a core beyond which a helper, such as the load generator, may be what is measured."""

OTHERS_SHARE = 0.30
"""Cores that processes outside of the benchmark may use beside it."""

Better = Literal["higher", "lower"]


class Measure(NamedTuple):
    """One line of the table.

    ``goal`` is the ratio ours / baseline to reach: at least that where higher is better, else at most.
    """

    name: str
    work: str
    baseline: str
    unit: str
    better: Better
    goal: float | None


class Sample(NamedTuple):
    """One side of one round.

    ``value`` is in the unit of its measure. ``cpu`` is what the process under test used, in microseconds for each
    operation; it is hardly touched by what else the machine does. ``shares`` are cores used by each helper (load
    generator, sink), ``others`` cores used by processes outside of the benchmark.
    """

    value: float
    cpu: float | None = None
    shares: Mapping[str, float] = {}
    others: float = 0.0


Side = Callable[[], Sequence[Sample]]
"""Measures once, and returns one sample for each measure of its benchmark, in their order."""


class Spread(NamedTuple):
    """Median and quartiles."""

    low: float
    median: float
    high: float

    @property
    def relative(self) -> float:
        """Distance of the quartiles as a part of the median."""
        return (self.high - self.low) / abs(self.median) if self.median else float("inf")


@dataclass(frozen=True)
class Row:
    """What came of a measure. ``unusable`` has the reasons for which the figure must not be relied on."""

    measure: Measure
    ours: float
    baseline: float
    ratio: Spread
    cpu_ours: float | None
    cpu_baseline: float | None
    shares: dict[str, float]
    rounds: int
    unusable: list[str] = field(default_factory=list)
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached; None without a goal or where the figure is unusable."""
        if self.measure.goal is None or self.unusable:
            return None
        return reaches(self.ratio.median, self.measure)


def reaches(ratio: float, measure: Measure) -> bool:
    """Tell whether a ratio reaches the goal of a measure that has one."""
    assert measure.goal is not None
    return ratio >= measure.goal if measure.better == "higher" else ratio <= measure.goal


def turns(rounds: int) -> Iterator[tuple[Literal["ours", "baseline"], Literal["ours", "baseline"]]]:
    """Yield the order of the sides in each round: A B, B A, … so that a drift of the machine cancels out."""
    for number in range(rounds):
        yield ("ours", "baseline") if number % 2 == 0 else ("baseline", "ours")


def alternate(ours: Side, baseline: Side, rounds: int) -> tuple[list[Sequence[Sample]], list[Sequence[Sample]]]:
    """Run both sides in turns, and return the samples of each, by round."""
    sides = {"ours": ours, "baseline": baseline}
    samples: dict[str, list[Sequence[Sample]]] = {"ours": [], "baseline": []}
    for order in turns(rounds):
        for side in order:
            samples[side].append(sides[side]())
    return samples["ours"], samples["baseline"]


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles (inclusive: of two values, they lie between them)."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(low, median, high)


def summarise(measure: Measure, ours: Sequence[Sample], baseline: Sequence[Sample], note: str = "") -> Row:
    """Make a row of the rounds of one measure."""
    ratio = spread([a.value / b.value for a, b in zip(ours, baseline, strict=True)])
    shares: dict[str, float] = {}
    for sample in (*ours, *baseline):
        for helper in sample.shares:
            shares[helper] = max(_median_share(ours, helper), _median_share(baseline, helper))
    return Row(
        measure=measure,
        ours=statistics.median(sample.value for sample in ours),
        baseline=statistics.median(sample.value for sample in baseline),
        ratio=ratio,
        cpu_ours=_median_cpu(ours),
        cpu_baseline=_median_cpu(baseline),
        shares=shares,
        rounds=len(ours),
        unusable=_faults(ratio, shares, max(_median_others(ours), _median_others(baseline))),
        note=note,
    )


def _faults(ratio: Spread, shares: Mapping[str, float], others: float) -> list[str]:
    faults = [
        f"the {helper} used {share:.0%} of a core" for helper, share in sorted(shares.items()) if share > LARGEST_SHARE
    ]
    if ratio.relative > WIDEST_SPREAD:
        faults.append(f"quartiles {ratio.low:.2f} to {ratio.high:.2f}")
    if others > OTHERS_SHARE:
        faults.append(f"other processes used {others:.1f} cores")
    return faults


def _median_share(samples: Sequence[Sample], helper: str) -> float:
    return statistics.median(sample.shares.get(helper, 0.0) for sample in samples)


def _median_others(samples: Sequence[Sample]) -> float:
    return statistics.median(sample.others for sample in samples)


def _median_cpu(samples: Sequence[Sample]) -> float | None:
    known = [sample.cpu for sample in samples if sample.cpu is not None]
    return statistics.median(known) if known else None
