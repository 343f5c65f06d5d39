"""Read state: marking, one by one and whole feeds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.drafts import (
    GUEST,
    SMS,
    WEBSOCKET,
    dice,
    draft,
    ids_of,
    user,
)
from helpers.store import (
    StoreBench,
    in_loops,
)
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import (
    InvalidArgument,
    MalformedCursor,
    NotificationNotFound,
    TocsinError,
)
from tocsin_server.domain.model import (
    NO_FEED,
    Accepted,
    FeedEvent,
    FeedPosition,
    MarkedRead,
    Notification,
    Recipient,
    RecipientType,
)

UNKNOWN_ID = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"


def test_marking_takes_the_next_sequences_and_tells_all_devices(bench: StoreBench) -> None:
    recipient = user()
    first, second, third = bench.accept(*(draft(recipient=recipient) for _ in range(3)))
    before = bench.clock()
    assert bench.run(bench.store.mark_read([third.id, first.id]))[:2] == (2, 1)
    event = bench.listener.events_of(recipient)[-1]
    assert isinstance(event, MarkedRead)
    assert (event.first, event.last, event.unread_count) == (4, 5, 1)
    assert list(event.ids) == [first.id, third.id]
    assert before <= event.read_at <= bench.clock()
    for notification, sequence in ((first, 4), (third, 5)):
        now = bench.get(notification)
        assert (now.is_read, now.read_at, now.sequence) == (True, event.read_at, sequence)
    assert not bench.get(second).is_read
    assert bench.state(recipient)[1:] == (5, 0, 1)


def test_marking_again_changes_nothing(bench: StoreBench) -> None:
    recipient = user()
    first, second = bench.accept(draft(recipient=recipient), draft(recipient=recipient))
    bench.run(bench.store.mark_read([first.id]))
    once = bench.get(first)
    assert bench.run(bench.store.mark_read([first.id]))[:2] == (0, 1)
    assert bench.run(bench.store.mark_read([first.id, second.id]))[:2] == (1, 0)
    assert bench.run(bench.store.mark_feed_read(recipient, None))[:2] == (0, 0)
    assert bench.get(first) == once
    assert bench.state(recipient).sequence == 4


def test_a_count_comes_with_its_place_in_the_feed(bench: StoreBench) -> None:
    recipient = user()
    first, second, third = bench.accept(*(draft(recipient=recipient) for _ in range(3)))
    outside, nobodys = bench.accept(draft(SMS, recipient=recipient), draft(SMS, recipient=GUEST))
    for ids in ([first.id, second.id], [first.id], [outside.id]):  # the last two change nothing of the feed
        marked, state = bench.run(bench.store.mark_read(ids)), bench.state(recipient)
        assert (marked.position, marked.unread_count) == (state.head, state.unread_count)
    for up_to in (NO_FEED, None):
        marked, state = bench.run(bench.store.mark_feed_read(recipient, up_to)), bench.state(recipient)
        assert (marked.position, marked.unread_count) == (state.head, state.unread_count)
    assert bench.state(recipient)[1:] == (6, 0, 0)
    assert bench.listener.events_of(recipient)[-1].last == 6
    assert bench.get(third).is_read
    assert bench.run(bench.store.mark_read([nobodys.id])).position is None
    assert bench.run(bench.store.mark_feed_read(user(), None)).position == NO_FEED


def test_all_are_marked_or_none(bench: StoreBench) -> None:
    recipient = user()
    known = bench.accept_one(draft(recipient=recipient))
    with pytest.raises(NotificationNotFound) as missing:
        bench.run(bench.store.mark_read([known.id, UNKNOWN_ID]))
    assert missing.value.metadata == {"id": UNKNOWN_ID}
    other = bench.accept_one(draft())
    with pytest.raises(InvalidArgument) as mixed:
        bench.run(bench.store.mark_read([known.id, other.id]))
    assert mixed.value.metadata == {"fields": "ids"}
    assert not bench.get(known).is_read
    assert bench.state(recipient)[1:] == (1, 0, 1)


def test_with_an_owner_the_notifications_of_others_look_as_if_they_did_not_exist(bench: StoreBench) -> None:
    recipient = user()
    mine, others, nobodys = bench.accept(draft(recipient=recipient), draft(), draft(SMS, recipient=GUEST))
    namesake = Recipient(RecipientType.PARTNER, recipient.id)
    for owner, ids, missing in [
        (recipient, [mine.id, others.id], others.id),
        (recipient, [nobodys.id], nobodys.id),
        (recipient, [UNKNOWN_ID, others.id], UNKNOWN_ID),
        (namesake, [mine.id], mine.id),
    ]:
        with pytest.raises(NotificationNotFound) as refused:
            bench.run(bench.store.mark_read(ids, owner))
        assert refused.value.metadata == {"id": missing}
    assert not any(bench.get(notification).is_read for notification in (mine, others, nobodys))
    assert bench.run(bench.store.mark_read([mine.id], recipient))[:2] == (1, 0)


def test_what_is_not_in_a_feed_is_marked_without_touching_one(bench: StoreBench) -> None:
    recipient = user()
    inside, outside = bench.accept(draft(recipient=recipient), draft(SMS, recipient=recipient))
    nobodys = bench.accept_one(draft(SMS, recipient=GUEST))
    assert bench.run(bench.store.mark_read([outside.id]))[:2] == (1, 1)
    assert bench.run(bench.store.mark_read([nobodys.id]))[:2] == (1, 0)
    assert bench.get(outside).is_read
    assert bench.get(outside).sequence is None
    assert bench.get(outside).read_at is not None
    assert bench.state(recipient)[1:] == (1, 0, 1)
    assert bench.run(bench.store.mark_read([outside.id, inside.id]))[:2] == (1, 0)


def test_marking_at_the_same_time_counts_each_notification_once(bench: StoreBench) -> None:
    recipient = user()
    ids = ids_of(bench.accept(*(draft(recipient=recipient) for _ in range(40))))

    async def mark(seed: int) -> int:
        mine = dice(seed).sample(ids, 30)
        marked = await asyncio.gather(
            *(bench.store.mark_read(mine[start : start + 3]) for start in range(0, 30, 3)),
            bench.store.mark_feed_read(recipient, None),
        )
        return sum(call.marked_count for call in marked)

    assert sum(in_loops(mark, range(3))) == 40
    assert bench.state(recipient)[1:] == (80, 0, 0)


async def test_a_long_feed_is_marked_in_chunks_and_what_arrives_meanwhile_stays_unread(bench: StoreBench) -> None:
    recipient = user()
    bench.accept(*(draft(recipient=recipient) for _ in range(1000)))
    bench.accept(*(draft(recipient=recipient) for _ in range(200)))
    bench.listener.events.clear()

    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    def begin(_: Sequence[FeedEvent]) -> None:
        loop.call_soon_threadsafe(begun.set)

    bench.listener.on_commit = begin

    async def arrive() -> Sequence[Accepted | TocsinError]:
        await begun.wait()
        return await bench.store.accept([draft(recipient=recipient)])

    marked, [arrived] = await asyncio.gather(bench.store.mark_feed_read(recipient, None), arrive())
    assert marked.marked_count == 1200
    assert isinstance(arrived, Accepted)
    assert not bench.get(arrived.notification).is_read
    chunks = [event for event in bench.listener.events_of(recipient) if isinstance(event, MarkedRead)]
    assert [len(event.ids) for event in chunks] == [500, 500, 200]
    assert all(event.last - event.first + 1 == len(event.ids) for event in chunks)
    assert bench.state(recipient)[1:] == (2401, 0, 1)


def test_a_feed_is_marked_up_to_a_position_and_no_further(bench: StoreBench) -> None:
    recipient = user()
    stored = bench.accept(*(draft(recipient=recipient) for _ in range(3)))
    epoch = bench.state(recipient).epoch
    bench.accept(draft(SMS, recipient=recipient))
    assert bench.run(bench.store.mark_feed_read(recipient, FeedPosition(epoch, 2)))[:2] == (2, 1)
    assert [bench.get(notification).is_read for notification in stored] == [True, True, False]
    # Reading has moved the first two above the third, which must not take it along.
    assert bench.run(bench.store.mark_feed_read(recipient, FeedPosition(epoch, 2)))[:2] == (0, 1)
    assert bench.run(bench.store.mark_feed_read(recipient, bench.state(recipient).head))[:2] == (1, 0)


def test_a_position_that_is_not_of_this_feed_marks_nothing(bench: StoreBench) -> None:
    recipient = user()
    bench.accept(draft(recipient=recipient))
    epoch = bench.state(recipient).epoch
    strangers = [(recipient, FeedPosition(epoch + 1, 1)), (recipient, FeedPosition(epoch, 2)), (user(), (epoch, 1))]
    for whose, position in strangers:
        with pytest.raises(MalformedCursor) as refused:
            bench.run(bench.store.mark_feed_read(whose, FeedPosition(*position)))
        assert refused.value.metadata == {"field": "up_to_cursor"}
    assert bench.run(bench.store.mark_feed_read(recipient, NO_FEED))[:2] == (0, 1)
    assert bench.run(bench.store.mark_feed_read(user(), NO_FEED))[:2] == (0, 0)
    assert bench.run(bench.store.mark_feed_read(user(), None))[:2] == (0, 0)


Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "schedule", "sms", "read", "read_up_to", "read_all", "time", "settle"]),
        st.integers(0, 7),
    ),
    max_size=14,
)


@settings(deadline=None, max_examples=60)
@given(steps=STEPS)
def test_the_count_is_exact_and_every_cursor_replays_to_the_present_whatever_happens(
    shared: StoreBench, steps: list[Step]
) -> None:
    recipient = user()
    sent: list[Notification] = []
    snapshots: dict[FeedPosition, dict[str, bool]] = {NO_FEED: {}}
    for action, number in steps:
        if action in ("send", "schedule", "sms"):
            send_at = shared.clock() + micros(60) if action == "schedule" else None
            channel = SMS if action == "sms" else WEBSOCKET
            sent += shared.accept(
                *(draft(channel, recipient=recipient, send_at=send_at) for _ in range(number % 3 + 1))
            )
        elif action == "read" and sent:
            shared.run(shared.store.mark_read([sent[number % len(sent)].id]))
        elif action == "read_up_to":
            shared.run(shared.store.mark_feed_read(recipient, list(snapshots)[number % len(snapshots)]))
        elif action == "read_all":
            shared.run(shared.store.mark_feed_read(recipient, None))
        elif action == "settle":
            position = list(snapshots)[number % len(snapshots)]
            shared.settle(recipient, position)
        elif action == "time":
            shared.clock.advance(61)
            shared.run(shared.store.enter_due(100))
        feed = {
            notification.id: notification.is_read
            for notification in map(shared.get, sent)
            if notification.sequence is not None
        }
        state = shared.state(recipient)
        assert state.unread_count == sum(not is_read for is_read in feed.values())
        for position, snapshot in snapshots.items():
            part = shared.run(shared.store.feed_after(recipient, position, 1000))
            changes = {notification.id: notification.is_read for notification in part.notifications}
            assert snapshot | changes == feed
            assert all(snapshot.get(found) != is_read for found, is_read in changes.items())
        snapshots[state.head] = feed
