"""Feeds: entering and reading."""

from __future__ import annotations

import asyncio

import pytest

from helpers.drafts import (
    EMAIL,
    FAILED,
    WEBSOCKET,
    dice,
    draft,
    ids_of,
    user,
)
from helpers.store import (
    StoreBench,
    in_loops,
    reason_of,
)
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import (
    NoRoute,
)
from tocsin_server.domain.model import (
    NO_FEED,
    Accepted,
    Entered,
    FeedState,
    Notification,
    NotificationFilter,
    Recipient,
    RecipientType,
)

REFUSED_BY_THE_DATABASE = "x" * 256
"""A title that callers cannot send, to make a transaction fail."""


def test_a_feed_that_nothing_entered_is_at_its_beginning(bench: StoreBench) -> None:
    recipient = user()
    bench.accept(draft(EMAIL, recipient=recipient))
    assert bench.state(recipient) == FeedState(*NO_FEED, purged=0, unread_count=0)


def test_sequences_of_each_feed_are_contiguous_and_each_published_once_under_concurrency(bench: StoreBench) -> None:
    recipients = [user() for _ in range(3)]

    async def send(seed: int) -> None:
        chance = dice(seed)
        await asyncio.gather(
            *(
                bench.store.accept([draft(recipient=chance.choice(recipients)) for _ in range(chance.randint(1, 3))])
                for _ in range(25)
            )
        )

    in_loops(send, range(3))
    for recipient in recipients:
        # Transactions side by side may be told of in another order than they were committed in.
        events = sorted(bench.listener.events_of(recipient), key=lambda event: event.first)
        state = bench.state(recipient)
        numbers = list(range(1, len(events) + 1))
        assert [(event.first, event.last) for event in events] == [(number, number) for number in numbers]
        assert [event.unread_count for event in events] == numbers
        assert {event.epoch for event in events} == {state.epoch}
        assert (state.sequence, state.unread_count) == (len(events), len(events))
        replay = bench.run(bench.store.feed_after(recipient, NO_FEED, 1000)).notifications
        assert replay == [event.notification for event in events if isinstance(event, Entered)]
        assert ids_of(replay) == sorted(ids_of(replay))


async def test_with_two_transactions_open_the_order_of_sequences_is_the_order_of_commits(bench: StoreBench) -> None:
    first = bench.accept_one(draft())
    recipient = first.recipient

    async def changes() -> list[int | None]:
        part = await bench.store.feed_after(recipient, NO_FEED, 10)
        return [found.sequence for found in part.notifications]

    commit = bench.backend.open_change(first)  # holds sequence 2
    later = asyncio.ensure_future(bench.store.accept([draft(recipient=recipient)]))
    # A reader never sees 3 while 2 may still come: its cursor would pass over it.
    assert await changes() == [1]
    await asyncio.to_thread(commit)
    [accepted] = await later
    assert isinstance(accepted, Accepted)
    assert accepted.notification.sequence == 3
    assert await changes() == [2, 3]


def test_the_same_id_with_another_type_is_another_feed(bench: StoreBench) -> None:
    one = user()
    other = Recipient(RecipientType.PARTNER, one.id)
    bench.accept(draft(recipient=one), draft(recipient=other), draft(recipient=one))
    assert bench.state(one)[1:] == (2, 0, 2)
    assert bench.state(other)[1:] == (1, 0, 1)
    assert bench.state(one).epoch != bench.state(other).epoch


def test_what_is_published_can_be_read_already(bench: StoreBench) -> None:
    seen: list[Notification] = []
    bench.listener.on_commit = lambda events: seen.extend(
        asyncio.run(bench.store.get(event.notification.id)) for event in events if isinstance(event, Entered)
    )
    stored = bench.accept(draft(), draft())
    assert seen == stored


def test_nothing_is_published_of_what_was_not_stored(bench: StoreBench) -> None:
    bench.answers(draft(title=REFUSED_BY_THE_DATABASE))
    bench.answers(draft(refusal=NoRoute("user")), draft(EMAIL))
    assert bench.listener.events == []


def test_a_scheduled_notification_enters_its_feed_when_it_is_due(bench: StoreBench) -> None:
    recipient = user()
    scheduled = bench.accept_one(draft(recipient=recipient, send_at=bench.clock() + micros(60)))
    bench.accept(draft(recipient=recipient))
    assert bench.run(bench.store.enter_due(10)) == 0
    assert bench.state(recipient)[1:] == (1, 0, 1)
    assert bench.run(bench.store.next_due(WEBSOCKET)) == scheduled.send_at
    bench.clock.advance(61)
    assert bench.run(bench.store.enter_due(10)) == 1
    entered = bench.get(scheduled)
    assert entered.sequence == 2
    assert bench.state(recipient)[1:] == (2, 0, 2)
    assert bench.channel(entered, WEBSOCKET).next_attempt_at is None
    event = bench.listener.events_of(recipient)[-1]
    assert isinstance(event, Entered)
    assert (event.first, event.last, event.unread_count, event.notification) == (2, 2, 2, entered)
    assert bench.run(bench.store.enter_due(10)) == 0


def test_due_notifications_enter_in_the_order_of_their_times_up_to_the_limit(bench: StoreBench) -> None:
    one, other = user(), user()
    start = bench.clock()
    stored = bench.accept(
        *(
            draft(recipient=recipient, send_at=start + micros(seconds))
            for recipient, seconds in [(one, 30), (other, 10), (one, 20), (one, 40)]
        )
    )
    bench.clock.advance(60)
    assert bench.run(bench.store.enter_due(3)) == 3
    assert [bench.get(notification).sequence for notification in stored] == [2, 1, 1, None]
    assert [(event.recipient, event.first, event.unread_count) for event in bench.listener.events] == [
        (other, 1, 1),
        (one, 1, 1),
        (one, 2, 2),
    ]
    assert bench.run(bench.store.enter_due(3)) == 1
    assert bench.state(one)[1:] == (3, 0, 3)


@pytest.mark.parametrize("before", [0, 1], ids=["new feed", "old feed"])
def test_what_was_read_before_it_entered_does_not_count_as_unread(bench: StoreBench, before: int) -> None:
    recipient = user()
    bench.accept(*(draft(recipient=recipient) for _ in range(before)))
    first, second, third = bench.accept(
        *(draft(recipient=recipient, send_at=bench.clock() + micros(60 + number)) for number in range(3))
    )
    assert bench.run(bench.store.mark_read([first.id, third.id]))[:2] == (2, before)
    bench.listener.events.clear()
    bench.clock.advance(120)
    assert bench.run(bench.store.enter_due(10)) == 3
    told = bench.listener.events
    assert [(isinstance(event, Entered) and event.notification.id, event.unread_count) for event in told] == [
        (first.id, before),
        (second.id, before + 1),
        (third.id, before + 1),
    ]
    assert bench.state(recipient)[1:] == (before + 3, 0, before + 1)
    assert bench.run(bench.store.mark_feed_read(recipient, None))[:2] == (before + 1, 0)


def test_what_expires_before_it_is_due_fails_and_never_enters(bench: StoreBench) -> None:
    recipient, now = user(), bench.clock()
    stored = bench.accept_one(draft(recipient=recipient, send_at=now + micros(10), expires_at=now + micros(20)))
    bench.clock.advance(30)
    assert bench.run(bench.store.enter_due(10)) == 1
    failed = bench.channel(stored, WEBSOCKET)
    assert (failed.status, failed.attempts, reason_of(failed.response)) == (FAILED, 0, "EXPIRED")
    assert (bench.get(stored).status, bench.get(stored).sequence) == (FAILED, None)
    assert bench.state(recipient) == FeedState(*NO_FEED, 0, 0)
    assert bench.listener.events == []


def test_what_expires_while_it_waits_fails_and_stays_in_its_feed_unread(bench: StoreBench) -> None:
    recipient = user()
    expires_at = bench.clock() + micros(10)
    stored = bench.accept_one(draft(recipient=recipient, expires_at=expires_at))
    assert bench.run(bench.store.next_due(WEBSOCKET)) == expires_at
    bench.clock.advance(11)
    assert bench.run(bench.store.enter_due(10)) == 1
    assert reason_of(bench.channel(stored, WEBSOCKET).response) == "EXPIRED"
    assert bench.get(stored).status == FAILED
    assert bench.state(recipient)[1:] == (1, 0, 1)
    assert bench.find(NotificationFilter(recipient=recipient, feed_only=True)) == [stored.id]
    assert bench.run(bench.store.feed_waiting(recipient, 0, 10)).notifications == []
    assert bench.run(bench.store.next_due(WEBSOCKET)) is None


def test_what_waits_for_its_subscriber_without_an_end_is_never_due(bench: StoreBench) -> None:
    bench.accept(draft())
    bench.clock.advance(400 * 86_400)
    assert bench.run(bench.store.next_due(WEBSOCKET)) is None
    assert bench.run(bench.store.enter_due(10)) == 0
