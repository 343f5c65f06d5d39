"""Settling: what subscribers have received."""

from __future__ import annotations

from helpers.drafts import (
    EMAIL,
    FAILED,
    PENDING,
    SENT,
    WEBSOCKET,
    draft,
    ids_of,
    user,
)
from helpers.store import (
    StoreBench,
    received,
)
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import (
    NO_FEED,
    FeedPosition,
)


def test_settling_records_everything_up_to_a_position_as_sent_once(bench: StoreBench) -> None:
    recipient = user()
    stored = bench.accept(*(draft(recipient=recipient) for _ in range(3)))
    epoch = bench.state(recipient).epoch
    assert bench.settle(recipient, FeedPosition(epoch, 2)) == 2
    for notification in stored[:2]:
        row = bench.channel(notification, WEBSOCKET)
        assert (row.status, row.attempts, row.response) == (SENT, 1, received())
        assert bench.get(notification).status == SENT
    assert bench.get(stored[2]) == stored[2]
    assert ids_of(bench.run(bench.store.feed_waiting(recipient, 0, 10)).notifications) == [stored[2].id]
    for sequence in (2, 1, 0):
        assert bench.settle(recipient, FeedPosition(epoch, sequence)) == 0
    assert bench.settle(recipient, FeedPosition(epoch, 3)) == 1


def test_a_position_of_another_epoch_or_above_the_head_settles_nothing(bench: StoreBench) -> None:
    recipient = user()
    stored = bench.accept_one(draft(recipient=recipient))
    epoch = bench.state(recipient).epoch
    for position in (FeedPosition(epoch + 1, 1), FeedPosition(epoch, 2), NO_FEED):
        assert bench.settle(recipient, position) == 0
    assert bench.settle(user(), FeedPosition(epoch, 1)) == 0
    assert bench.channel(stored, WEBSOCKET).status == PENDING


def test_what_was_read_is_settled_at_the_place_to_which_reading_moved_it(bench: StoreBench) -> None:
    recipient = user()
    read, unread = bench.accept(draft(recipient=recipient), draft(recipient=recipient))
    epoch = bench.state(recipient).epoch
    bench.run(bench.store.mark_read([read.id]))
    assert bench.settle(recipient, FeedPosition(epoch, 2)) == 1
    assert ids_of(bench.run(bench.store.feed_waiting(recipient, 0, 10)).notifications) == [read.id]
    assert bench.settle(recipient, FeedPosition(epoch, 3)) == 1
    assert {bench.channel(notification, WEBSOCKET).status for notification in (read, unread)} == {SENT}


def test_what_waits_is_told_in_order_in_parts_and_without_what_has_no_feed_row(bench: StoreBench) -> None:
    recipient = user()
    stored = bench.accept(*(draft(recipient=recipient) for _ in range(5)))
    bench.accept(draft(EMAIL, recipient=recipient), draft(recipient=recipient, send_at=bench.clock() + micros(60)))
    state, part, *_ = bench.run(bench.store.feed_waiting(recipient, 0, 2))
    assert (state, part) == (bench.state(recipient), stored[:2])
    assert bench.run(bench.store.feed_waiting(recipient, 3, 10)).notifications == stored[3:]


def test_settling_leaves_the_other_channels_to_their_own_fate(bench: StoreBench) -> None:
    recipient = user()
    stored = bench.accept_one(draft(WEBSOCKET, EMAIL, recipient=recipient))
    bench.settle(recipient, bench.state(recipient).head)
    bench.record(bench.claim_one(EMAIL), FAILED)
    assert [row.status for row in bench.get(stored).channels] == [SENT, FAILED]
    assert bench.get(stored).status == SENT
