"""Hints on their way: of each recipient the newest, and not without end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.replica import EPOCH, hint, user
from tocsin_server.domain.model import FeedPosition, Recipient, RecipientType
from tocsin_server.feed.bus.hints import Hint, PendingHints, newer

recipients = st.builds(Recipient, st.sampled_from(RecipientType), st.uuids().map(str))
numbers = st.integers(0, 2**63 - 1)
hints = st.builds(Hint, recipients, st.builds(FeedPosition, numbers, numbers))


def test_of_two_positions_of_an_epoch_the_higher_is_newer_and_of_two_epochs_the_later_told() -> None:
    low, high, elsewhere = FeedPosition(1, 5), FeedPosition(1, 6), FeedPosition(2, 1)
    assert newer(None, low) == low
    assert newer(low, high) == newer(high, low) == high
    assert newer(high, elsewhere) == elsewhere
    assert newer(elsewhere, high) == high


@given(st.lists(hints, max_size=30))
def test_pending_hints_give_the_newest_of_each_recipient_once(several: list[Hint]) -> None:
    pending = PendingHints()
    expected: dict[Recipient, FeedPosition] = {}
    for one in several:
        assert pending.add([one]) is not bool(expected)
        expected[one.recipient] = newer(expected.get(one.recipient), one.position)
    assert bool(pending) is bool(expected)
    assert dict(pending.take()) == expected
    assert not pending
    assert pending.take() == []


def test_nobody_is_woken_for_nothing() -> None:
    pending = PendingHints()
    assert not pending.add([])
    assert pending.add([hint(user(), 1)])
    assert not pending.add([hint(user(), 1)])
    pending.take()
    assert pending.add([hint(user(), 1)])


def test_pending_hints_are_bounded_and_those_beyond_are_counted_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pending = PendingHints(limit=2)
    kept = [user(), user()]
    pending.add([hint(kept[0], 1), hint(kept[1], 1)])
    for _ in range(3):
        pending.add([hint(user(), 1)])
    pending.add([hint(kept[1], 2)])
    assert dict(pending.take()) == {kept[0]: FeedPosition(EPOCH, 1), kept[1]: FeedPosition(EPOCH, 2)}
    assert [(record.event, getattr(record, "count", None)) for record in caplog.records] == [  # type: ignore[attr-defined]
        ("bus_hints_dropping", None),
        ("bus_hints_dropped", 3),
    ]
    caplog.clear()
    pending.add([hint(user(), 1)])
    assert len(pending.take()) == 1
    assert not caplog.records
