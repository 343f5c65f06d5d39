"""The first of a kind pass, the rest are counted, and each window starts over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tocsin_server.telemetry.bound import LINES, WINDOW, RateBound

EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=400)


def test_the_first_pass_and_the_rest_are_counted_once() -> None:
    bound = RateBound(lines=3, window=10.0)
    assert [bound.passes("a", number, 0.0) for number in range(6)] == [True, True, False, False, False, False]
    assert bound.next_end() == 10.0
    assert bound.over(9.9) == []
    assert bound.over(10.0) == [("a", 5, 4)]
    assert bound.over(100.0) == []
    assert bound.next_end() is None
    assert bound.passes("a", 7, 10.0)


def test_kinds_do_not_count_for_one_another() -> None:
    bound = RateBound(lines=2, window=10.0)
    assert bound.passes("a", 0, 0.0)
    assert not bound.passes("a", 1, 1.0)
    assert bound.passes("b", 0, 2.0)
    assert not bound.passes("b", 1, 3.0)
    assert bound.next_end() == 10.0
    assert [left_out.kind for left_out in bound.all()] == ["a", "b"]


@given(EVENTS)
def test_every_line_is_written_or_counted_and_no_window_has_more_than_its_lines(
    events: list[tuple[str, float]],
) -> None:
    bound, now, counted = RateBound(), 0.0, 0
    written: list[tuple[str, float]] = []
    summaries: list[tuple[str, float]] = []
    for kind, pause in events:
        now += pause
        for left_out in bound.over(now):
            counted += left_out.number
            summaries.append((str(left_out.kind), now))
        if bound.passes(kind, None, now):
            written.append((kind, now))
    assert len(written) + counted + sum(left_out.number for left_out in bound.all()) == len(events)
    for kind, begin in written:
        # A window of the bound's own and one that lies across two of them.
        near = [at for other, at in written + summaries if other == kind and begin <= at < begin + WINDOW]
        assert len(near) <= 2 * LINES
