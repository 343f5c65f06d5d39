"""Replay: what follows a cursor."""

from __future__ import annotations

import pytest

from helpers.drafts import (
    draft,
    ids_of,
    user,
)
from helpers.store import (
    StoreBench,
)
from tocsin_server.domain.model import (
    ANY_WEIGHT,
    NO_FEED,
    FeedPart,
    FeedPosition,
    FeedState,
)


def test_a_replay_is_what_changed_after_a_position_in_its_latest_state(bench: StoreBench) -> None:
    recipient = user()
    first, second, third = bench.accept(*(draft(recipient=recipient) for _ in range(3)))
    epoch = bench.state(recipient).epoch
    bench.run(bench.store.mark_read([first.id]))
    state, replay, *_ = bench.run(bench.store.feed_after(recipient, FeedPosition(epoch, 2), 10))
    assert state == FeedState(epoch, 4, 0, 2)
    assert ids_of(replay) == [third.id, first.id]
    assert [notification.sequence for notification in replay] == [3, 4]
    assert replay[1] == bench.get(first)
    assert replay[1].is_read
    assert ids_of(bench.run(bench.store.feed_after(recipient, NO_FEED, 10)).notifications) == [
        second.id,
        third.id,
        first.id,
    ]


def test_a_replay_comes_in_parts_of_the_size_asked_for(bench: StoreBench) -> None:
    recipient = user()
    stored = bench.accept(*(draft(recipient=recipient) for _ in range(7)))
    epoch, position, parts = bench.state(recipient).epoch, 0, []
    while part := bench.run(bench.store.feed_after(recipient, FeedPosition(epoch, position), 3)).notifications:
        parts.append(ids_of(part))
        position = part[-1].sequence or 0
    assert [len(part) for part in parts] == [3, 3, 1]
    assert [found for part in parts for found in part] == ids_of(stored)


@pytest.mark.parametrize(("epoch", "sequence"), [(0, 2), (0, 3), (1, 1), (1, 0), (-1, 0), (0, 1 << 62)])
def test_a_position_at_or_above_the_head_or_of_another_epoch_has_no_replay(
    bench: StoreBench, epoch: int, sequence: int
) -> None:
    recipient = user()
    bench.accept(draft(recipient=recipient), draft(recipient=recipient))
    head = bench.state(recipient)
    state, replay, *_ = bench.run(
        bench.store.feed_after(recipient, FeedPosition(head.epoch + epoch or 1, sequence), 10)
    )
    assert (state, replay) == (head, [])


def test_a_part_ends_with_the_notification_that_makes_its_weight_complete(bench: StoreBench) -> None:
    recipient = user()
    large = "It arrives on Friday. " * 1_000
    stored = bench.accept(*(draft(recipient=recipient, message=large, metadata={"n": "x" * 999}) for _ in range(5)))
    epoch = bench.state(recipient).epoch

    def after(limit: int, weight: int) -> FeedPart:
        return bench.run(bench.store.feed_after(recipient, FeedPosition(epoch, 1), limit, weight))

    def waiting(limit: int, weight: int) -> FeedPart:
        return bench.run(bench.store.feed_waiting(recipient, 1, limit, weight))

    for read in (after, waiting):
        whole = read(10, ANY_WEIGHT)
        assert (whole.notifications, whole.more) == (stored[1:], False)
        assert 4 * len(large) < whole.weight < 8 * len(large)
        each = whole.weight // 4
        for weight, count in ((1, 1), (each, 1), (each + 1, 2), (3 * each, 3)):
            part = read(10, weight)
            assert (part.notifications, part.weight, part.more) == (stored[1 : 1 + count], count * each, True)
        assert read(2, ANY_WEIGHT) == (whole.state, stored[1:3], 2 * each, True)


def test_a_feed_that_does_not_exist_has_neither_replay_nor_waiting(bench: StoreBench) -> None:
    recipient, empty = user(), FeedState(*NO_FEED, 0, 0)
    for position in (NO_FEED, FeedPosition(1, 1)):
        assert bench.run(bench.store.feed_after(recipient, position, 10)) == FeedPart(empty, [])
    assert bench.run(bench.store.feed_waiting(recipient, 0, 10)) == FeedPart(empty, [])
