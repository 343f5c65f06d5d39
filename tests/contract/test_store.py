"""What every store promises the rest of the server, whichever database it is on."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers.drafts import (
    EMAIL,
    FAILED,
    GUEST,
    PENDING,
    SENT,
    SMS,
    TELEGRAM,
    WEBSOCKET,
    claim,
    dice,
    draft,
    ids_of,
    user,
)
from helpers.store import (
    ATTEMPT_LIMIT,
    BACKENDS,
    LEASE,
    StoreBench,
    in_loops,
    reason_of,
    received,
    result,
)
from tocsin_server.clock import micros
from tocsin_server.errors import (
    DatabaseUnavailable,
    IdempotencyKeyReused,
    InvalidArgument,
    MalformedCursor,
    NoRoute,
    NotificationNotFound,
    ShuttingDown,
    TocsinError,
)
from tocsin_server.model import (
    NO_FEED,
    Accepted,
    ChannelType,
    FeedEvent,
    FeedPosition,
    FeedState,
    Marked,
    Notification,
    NotificationDraft,
    NotificationFilter,
    Recipient,
    RecipientType,
    Status,
)
from tocsin_server.storage.store import Store

UNKNOWN_ID = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"

REFUSED_BY_THE_DATABASE = "x" * 256
"""A title that callers cannot send, to make a transaction fail."""


@pytest.fixture(params=BACKENDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreBench]:
    """An empty store."""
    with StoreBench(BACKENDS[request.param](tmp_path)) as bench:
        yield bench


@pytest.fixture(scope="module", params=BACKENDS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreBench]:
    """A store that the examples of property tests share, each with recipients and keys of its own."""
    with StoreBench(BACKENDS[request.param](tmp_path_factory.mktemp("shared"))) as bench:
        yield bench


# -- accepting -----------------------------------------------------------------------------------


def test_what_was_accepted_reads_back_as_it_was_answered_also_after_a_restart(bench: StoreBench) -> None:
    wanted = draft(
        SMS,
        WEBSOCKET,
        EMAIL,
        title="Zażółć 🔔",
        message="a\nb\t\u2028c",
        metadata={"order_id": "ABC123", "n": 1, "x": 0.5, "deep": [{"": None}, True, []]},
        send_at=bench.clock(),
        expires_at=bench.clock() + micros(3600),
    )
    stored = bench.accept_one(wanted)
    assert (stored.recipient, stored.title, stored.message) == (wanted.recipient, wanted.title, wanted.message)
    assert (stored.metadata, stored.send_at, stored.expires_at) == (wanted.metadata, wanted.send_at, wanted.expires_at)
    assert [(row.channel, row.address) for row in stored.channels] == [
        (wished.channel, wished.address) for wished in wanted.channels
    ]
    assert bench.get(stored) == stored
    bench.reopen()
    assert bench.get(stored) == stored


def test_a_new_notification_is_pending_unread_and_untried(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(EMAIL, TELEGRAM))
    assert (stored.status, stored.is_read, stored.read_at, stored.sequence) == (PENDING, False, None, None)
    assert (stored.metadata, stored.send_at, stored.expires_at) == (None, None, None)
    for row in stored.channels:
        assert (row.notification_id, row.created_at) == (stored.id, stored.created_at)
        assert (row.status, row.attempts, row.response) == (PENDING, 0, None)


def test_an_id_is_a_uuid_of_version_7_that_holds_the_time_of_creation(bench: StoreBench) -> None:
    before = bench.clock()
    stored = bench.accept_one(draft())
    identity = uuid.UUID(stored.id)
    assert (str(identity), identity.version) == (stored.id, 7)
    assert (identity.int >> 80) * 1000 == stored.created_at
    assert before - 1000 <= stored.created_at <= bench.clock()


def test_ids_rise_in_the_order_of_acceptance(bench: StoreBench) -> None:
    stored = bench.accept(*(draft(key=key) for key in ("c", "", "a", "b", "")))
    for key in ("", "", "0"):
        stored += bench.accept(draft(key=key))
    assert ids_of(stored) == sorted(ids_of(stored))
    assert bench.find() == ids_of(stored)[::-1]


@pytest.mark.parametrize("recipient_type", RecipientType)
def test_every_type_of_recipient_can_be_stored_with_an_id_and_without(
    bench: StoreBench, recipient_type: RecipientType
) -> None:
    for recipient in (Recipient(recipient_type, user().id), Recipient(recipient_type, None)):
        stored = bench.accept_one(draft(EMAIL, recipient=recipient))
        assert bench.get(stored).recipient == recipient


def test_what_has_no_time_or_a_past_one_is_due_by_the_stores_own_clock(bench: StoreBench) -> None:
    bench.clock.advance(-3600)  # behind the clock that the ids come from
    bench.accept(draft(EMAIL), draft(EMAIL, send_at=bench.clock() - 1), draft(EMAIL, send_at=0))
    due_at = bench.run(bench.store.next_due(EMAIL))
    assert due_at is not None
    assert due_at <= bench.clock()
    assert len(bench.claim(EMAIL)) == 3


def test_a_scheduled_channel_tells_when_it_will_be_tried(bench: StoreBench) -> None:
    later = bench.clock() + micros(60)
    stored = bench.accept_one(draft(EMAIL, WEBSOCKET, send_at=later))
    assert [row.next_attempt_at for row in stored.channels] == [later, later]
    assert bench.get(stored) == stored


def test_an_empty_call_stores_nothing(bench: StoreBench) -> None:
    assert list(bench.answers()) == []
    assert bench.find() == []


def test_a_call_that_the_database_refuses_fails_whole_and_alone(bench: StoreBench) -> None:
    recipient = user()

    async def scenario() -> list[Sequence[Accepted | TocsinError] | BaseException]:
        bad = [draft(recipient=recipient), draft(recipient=recipient, title=REFUSED_BY_THE_DATABASE)]
        calls = [[draft(recipient=recipient)], bad, [draft(recipient=recipient)]]
        return await asyncio.gather(*(bench.store.accept(call) for call in calls), return_exceptions=True)

    first, refused, last = bench.run(scenario())
    assert isinstance(refused, DatabaseUnavailable)
    assert isinstance(first, Sequence)
    assert isinstance(last, Sequence)
    stored = [answer.notification for answer in (*first, *last) if isinstance(answer, Accepted)]
    assert bench.find() == ids_of(stored)[::-1]
    assert [notification.sequence for notification in stored] == [1, 2]
    assert bench.state(recipient).unread_count == 2


# -- idempotency ---------------------------------------------------------------------------------


def test_a_repeated_key_finds_the_first_notification_as_it_is_now(bench: StoreBench) -> None:
    wanted = draft(EMAIL, key="order-1")
    stored = bench.accept_one(wanted)
    bench.record(bench.claim_one(EMAIL), SENT)
    [answer] = bench.answers(wanted)
    assert answer == Accepted(bench.get(stored), duplicate=True)
    assert bench.get(stored).status == SENT
    assert bench.find() == [stored.id]


def test_a_key_with_other_content_is_refused_and_stores_nothing(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(key="order-1"))
    [answer] = bench.answers(draft(key="order-1", title="Another"))
    assert isinstance(answer, IdempotencyKeyReused)
    assert answer.metadata == {"idempotency_key": "order-1", "id": stored.id}
    assert bench.find() == [stored.id]


def test_a_key_within_one_call_counts_once_in_the_order_of_the_call(bench: StoreBench) -> None:
    recipient = user()
    first, second, third, fourth = bench.answers(
        draft(recipient=recipient, key="z"),
        draft(recipient=recipient, key="z", title="Another"),
        draft(recipient=recipient, key="a"),
        draft(recipient=recipient, key="z"),
    )
    assert isinstance(first, Accepted)
    assert isinstance(second, IdempotencyKeyReused)
    assert isinstance(third, Accepted)
    assert fourth == Accepted(bench.get(first.notification), duplicate=True)
    assert (first.duplicate, third.duplicate) == (False, False)
    assert (first.notification.sequence, third.notification.sequence) == (1, 2)
    assert bench.state(recipient)[1:] == (2, 0, 2)


def test_without_a_key_every_draft_is_new(bench: StoreBench) -> None:
    wanted = draft()
    bench.accept(wanted, wanted)
    bench.accept(wanted)
    assert len(bench.find()) == 3


def test_keys_of_different_callers_are_apart(bench: StoreBench) -> None:
    bench.accept(*(draft(key="order-1", caller=caller) for caller in ("", "shop", "billing")))
    assert len(bench.find()) == 3


def test_a_refused_draft_stores_nothing_and_does_not_use_up_its_key(bench: StoreBench) -> None:
    refusal = NoRoute("guest")
    answers = bench.answers(draft(key="order-1", refusal=refusal), draft(refusal=refusal))
    assert list(answers) == [refusal, refusal]
    assert bench.find() == []
    bench.accept_one(draft(key="order-1"))


def test_a_refused_draft_finds_what_an_earlier_call_of_its_key_stored(bench: StoreBench) -> None:
    refusal = NoRoute("guest")
    stored = bench.accept_one(draft(key="order-1"))
    same, other = bench.answers(
        draft(key="order-1", refusal=refusal), draft(key="order-1", title="Another", refusal=refusal)
    )
    assert same == Accepted(stored, duplicate=True)
    assert isinstance(other, IdempotencyKeyReused)


class Attempt(NamedTuple):
    """A draft of the idempotency property: keys and contents are few, so that they meet."""

    key: str
    content: str
    refused: bool


ATTEMPTS = st.builds(Attempt, st.sampled_from(["a", "b", ""]), st.sampled_from(["x", "y"]), st.booleans())


@settings(deadline=None, max_examples=60)
@given(calls=st.lists(st.lists(ATTEMPTS, max_size=4), max_size=5))
def test_any_calls_answer_as_if_each_key_had_been_looked_up_in_turn(
    shared: StoreBench, calls: list[list[Attempt]]
) -> None:
    caller, recipient, refusal = str(uuid.uuid4()), user(), NoRoute("user")
    kept: dict[str, tuple[str, str]] = {}
    count = 0
    for call in calls:
        answers = shared.answers(
            *(
                draft(
                    recipient=recipient,
                    caller=caller,
                    key=attempt.key,
                    title=attempt.content,
                    refusal=refusal if attempt.refused else None,
                )
                for attempt in call
            )
        )
        for attempt, answer in zip(call, answers, strict=True):
            if attempt.key in kept:
                content, stored_id = kept[attempt.key]
                if content == attempt.content:
                    assert isinstance(answer, Accepted)
                    assert (answer.notification.id, answer.duplicate) == (stored_id, True)
                else:
                    assert isinstance(answer, IdempotencyKeyReused)
            elif attempt.refused:
                assert answer is refusal
            else:
                assert isinstance(answer, Accepted)
                assert not answer.duplicate
                count += 1
                assert answer.notification.sequence == count
                if attempt.key:
                    kept[attempt.key] = (attempt.content, answer.notification.id)
    assert shared.state(recipient)[1:] == (count, 0, count)


def test_a_key_is_stored_once_however_many_loops_use_it_at_the_same_time(bench: StoreBench) -> None:
    recipient = user()
    drafts = [draft(recipient=recipient, key=f"key-{number}") for number in range(30)]

    async def repeat(seed: int) -> list[Accepted]:
        mine = dice(seed).sample(drafts, len(drafts))
        calls = [mine[:10], *([wanted] for wanted in mine[10:])]
        answers = await asyncio.gather(*(bench.store.accept(call) for call in calls))
        flat = [answer for call in answers for answer in call]
        return [answer for answer in flat if isinstance(answer, Accepted)]

    answers = [answer for loop in in_loops(repeat, range(4)) for answer in loop]
    assert len(answers) == 4 * 30
    assert Counter(answer.duplicate for answer in answers) == {False: 30, True: 90}
    assert len({answer.notification.id for answer in answers}) == len(bench.find()) == 30
    assert bench.state(recipient)[1:] == (30, 0, 30)


# -- feeds: entering and reading -----------------------------------------------------------------


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
        assert replay == [event.notification for event in events]
        assert ids_of(replay) == sorted(ids_of(replay))


def test_with_two_transactions_open_the_order_of_sequences_is_the_order_of_commits(bench: StoreBench) -> None:
    first = bench.accept_one(draft())
    recipient = first.recipient

    async def changes() -> list[int | None]:
        part = await bench.store.feed_after(recipient, NO_FEED, 10)
        return [found.sequence for found in part.notifications]

    async def scenario() -> tuple[list[int | None], int | None, list[int | None]]:
        commit = bench.backend.open_change(first)  # holds sequence 2
        later = asyncio.ensure_future(bench.store.accept([draft(recipient=recipient)]))
        meanwhile = await changes()
        await asyncio.to_thread(commit)
        [accepted] = await later
        assert isinstance(accepted, Accepted)
        return meanwhile, accepted.notification.sequence, await changes()

    meanwhile, sequence, afterwards = bench.run(scenario())
    # A reader never sees 3 while 2 may still come: its cursor would pass over it.
    assert meanwhile == [1]
    assert sequence == 3
    assert afterwards == [2, 3]


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
        asyncio.run(bench.store.get(event.notification.id)) for event in events if event.notification
    )
    stored = bench.accept(draft(), draft())
    assert seen == stored


def test_nothing_is_published_of_what_was_not_stored(bench: StoreBench) -> None:
    with pytest.raises(DatabaseUnavailable):
        bench.answers(draft(), draft(title=REFUSED_BY_THE_DATABASE))
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
    assert bench.run(bench.store.mark_read([first.id, third.id])) == Marked(2, before)
    bench.listener.events.clear()
    bench.clock.advance(120)
    assert bench.run(bench.store.enter_due(10)) == 3
    assert [(event.notification and event.notification.id, event.unread_count) for event in bench.listener.events] == [
        (first.id, before),
        (second.id, before + 1),
        (third.id, before + 1),
    ]
    assert bench.state(recipient)[1:] == (before + 3, 0, before + 1)
    assert bench.run(bench.store.mark_feed_read(recipient, None)) == Marked(before + 1, 0)


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


# -- feeds: replay -------------------------------------------------------------------------------


def test_a_replay_is_what_changed_after_a_position_in_its_latest_state(bench: StoreBench) -> None:
    recipient = user()
    first, second, third = bench.accept(*(draft(recipient=recipient) for _ in range(3)))
    epoch = bench.state(recipient).epoch
    bench.run(bench.store.mark_read([first.id]))
    state, replay = bench.run(bench.store.feed_after(recipient, FeedPosition(epoch, 2), 10))
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
    state, replay = bench.run(bench.store.feed_after(recipient, FeedPosition(head.epoch + epoch or 1, sequence), 10))
    assert (state, replay) == (head, [])


def test_a_feed_that_does_not_exist_has_neither_replay_nor_waiting(bench: StoreBench) -> None:
    recipient, empty = user(), FeedState(*NO_FEED, 0, 0)
    for position in (NO_FEED, FeedPosition(1, 1)):
        assert bench.run(bench.store.feed_after(recipient, position, 10)) == (empty, [])
    assert bench.run(bench.store.feed_waiting(recipient, 0, 10)) == (empty, [])


# -- feeds: settling -----------------------------------------------------------------------------


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
    state, part = bench.run(bench.store.feed_waiting(recipient, 0, 2))
    assert (state, part) == (bench.state(recipient), stored[:2])
    assert bench.run(bench.store.feed_waiting(recipient, 3, 10)).notifications == stored[3:]


def test_settling_leaves_the_other_channels_to_their_own_fate(bench: StoreBench) -> None:
    recipient = user()
    stored = bench.accept_one(draft(WEBSOCKET, EMAIL, recipient=recipient))
    bench.settle(recipient, bench.state(recipient).head)
    bench.record(bench.claim_one(EMAIL), FAILED)
    assert [row.status for row in bench.get(stored).channels] == [SENT, FAILED]
    assert bench.get(stored).status == SENT


# -- read state ----------------------------------------------------------------------------------


def test_marking_takes_the_next_sequences_and_tells_all_devices(bench: StoreBench) -> None:
    recipient = user()
    first, second, third = bench.accept(*(draft(recipient=recipient) for _ in range(3)))
    before = bench.clock()
    assert bench.run(bench.store.mark_read([third.id, first.id])) == Marked(2, 1)
    event = bench.listener.events_of(recipient)[-1]
    assert (event.first, event.last, event.unread_count, event.notification) == (4, 5, 1, None)
    assert list(event.read_ids) == [first.id, third.id]
    assert event.read_at is not None
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
    assert bench.run(bench.store.mark_read([first.id])) == Marked(0, 1)
    assert bench.run(bench.store.mark_read([first.id, second.id])) == Marked(1, 0)
    assert bench.run(bench.store.mark_feed_read(recipient, None)) == Marked(0, 0)
    assert bench.get(first) == once
    assert bench.state(recipient).sequence == 4


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
    assert bench.run(bench.store.mark_read([mine.id], recipient)) == Marked(1, 0)


def test_what_is_not_in_a_feed_is_marked_without_touching_one(bench: StoreBench) -> None:
    recipient = user()
    inside, outside = bench.accept(draft(recipient=recipient), draft(SMS, recipient=recipient))
    nobodys = bench.accept_one(draft(SMS, recipient=GUEST))
    assert bench.run(bench.store.mark_read([outside.id])) == Marked(1, 1)
    assert bench.run(bench.store.mark_read([nobodys.id])) == Marked(1, 0)
    assert bench.get(outside).is_read
    assert bench.get(outside).sequence is None
    assert bench.get(outside).read_at is not None
    assert bench.state(recipient)[1:] == (1, 0, 1)
    assert bench.run(bench.store.mark_read([outside.id, inside.id])) == Marked(1, 0)


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


def test_a_long_feed_is_marked_in_chunks_and_what_arrives_meanwhile_stays_unread(bench: StoreBench) -> None:
    recipient = user()
    bench.accept(*(draft(recipient=recipient) for _ in range(1000)))
    bench.accept(*(draft(recipient=recipient) for _ in range(200)))
    bench.listener.events.clear()

    async def scenario() -> tuple[Marked, Sequence[Accepted | TocsinError]]:
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def begin(_: Sequence[FeedEvent]) -> None:
            loop.call_soon_threadsafe(begun.set)

        bench.listener.on_commit = begin

        async def arrive() -> Sequence[Accepted | TocsinError]:
            await begun.wait()
            return await bench.store.accept([draft(recipient=recipient)])

        return await asyncio.gather(bench.store.mark_feed_read(recipient, None), arrive())

    marked, [arrived] = bench.run(scenario())
    assert marked.marked_count == 1200
    assert isinstance(arrived, Accepted)
    assert not bench.get(arrived.notification).is_read
    chunks = [event for event in bench.listener.events_of(recipient) if event.notification is None]
    assert [len(event.read_ids) for event in chunks] == [500, 500, 200]
    assert all(event.last - event.first + 1 == len(event.read_ids) for event in chunks)
    assert bench.state(recipient)[1:] == (2401, 0, 1)


def test_a_feed_is_marked_up_to_a_position_and_no_further(bench: StoreBench) -> None:
    recipient = user()
    stored = bench.accept(*(draft(recipient=recipient) for _ in range(3)))
    epoch = bench.state(recipient).epoch
    bench.accept(draft(SMS, recipient=recipient))
    assert bench.run(bench.store.mark_feed_read(recipient, FeedPosition(epoch, 2))) == Marked(2, 1)
    assert [bench.get(notification).is_read for notification in stored] == [True, True, False]
    # Reading has moved the first two above the third, which must not take it along.
    assert bench.run(bench.store.mark_feed_read(recipient, FeedPosition(epoch, 2))) == Marked(0, 1)
    assert bench.run(bench.store.mark_feed_read(recipient, bench.state(recipient).head)) == Marked(1, 0)


def test_a_position_that_is_not_of_this_feed_marks_nothing(bench: StoreBench) -> None:
    recipient = user()
    bench.accept(draft(recipient=recipient))
    epoch = bench.state(recipient).epoch
    strangers = [(recipient, FeedPosition(epoch + 1, 1)), (recipient, FeedPosition(epoch, 2)), (user(), (epoch, 1))]
    for whose, position in strangers:
        with pytest.raises(MalformedCursor) as refused:
            bench.run(bench.store.mark_feed_read(whose, FeedPosition(*position)))
        assert refused.value.metadata == {"field": "up_to_cursor"}
    assert bench.run(bench.store.mark_feed_read(recipient, NO_FEED)) == Marked(0, 1)
    assert bench.run(bench.store.mark_feed_read(user(), NO_FEED)) == Marked(0, 0)
    assert bench.run(bench.store.mark_feed_read(user(), None)) == Marked(0, 0)


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


# -- reading and listing -------------------------------------------------------------------------


def test_an_unknown_id_is_not_found(bench: StoreBench) -> None:
    with pytest.raises(NotificationNotFound) as missing:
        bench.run(bench.store.get(UNKNOWN_ID))
    assert missing.value.metadata == {"id": UNKNOWN_ID}


@pytest.fixture(scope="module", params=BACKENDS)
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A store with some of everything."""
    with StoreBench(BACKENDS[request.param](tmp_path_factory.mktemp("archive"))) as bench:
        yield Archive(bench)


class Archive:
    """Notifications of a few recipients, in all states, and which of them a filter has to find."""

    def __init__(self, bench: StoreBench) -> None:
        self.bench = bench
        self.recipients = [user(), Recipient(RecipientType.PARTNER, user().id)]
        chance = dice(7)
        choices: list[tuple[ChannelType, ...]] = [(WEBSOCKET,), (EMAIL,), (WEBSOCKET, EMAIL), (EMAIL, SMS), (SMS,)]
        stored: list[Notification] = []
        for _ in range(60):
            channels = chance.choice(choices)
            whose = chance.choice([*self.recipients, GUEST]) if WEBSOCKET not in channels else None
            send_at = bench.clock() + micros(chance.randint(1, 900)) if chance.random() < 0.3 else None
            recipient = whose or chance.choice(self.recipients)
            stored.append(bench.accept_one(draft(*channels, recipient=recipient, send_at=send_at)))
        bench.clock.advance(1000)
        bench.run(bench.store.enter_due(100))
        for kind in (EMAIL, SMS):
            for row in bench.claim(kind):
                if chance.random() < 0.7:
                    bench.record(row, chance.choice([SENT, FAILED]))
        for notification in stored:
            if chance.random() < 0.4:
                bench.run(bench.store.mark_read([notification.id]))
        self.stored = [bench.get(notification) for notification in stored]
        # The order of entry, before reading moved anything: the events tell it.
        self.entered = ids_of([event.notification for event in bench.listener.events if event.notification])

    def found(self, wanted: NotificationFilter) -> list[str]:
        """Return what a filter has to find, in order."""
        matching = [notification for notification in self.stored if _matches(notification, wanted)]
        if wanted.feed_only:
            return [found for found in self.entered[::-1] if found in set(ids_of(matching))]
        return sorted(ids_of(matching), reverse=True)


def _matches(notification: Notification, wanted: NotificationFilter) -> bool:
    return (
        (wanted.recipient is None or notification.recipient == wanted.recipient)
        and (not wanted.feed_only or notification.sequence is not None)
        and (not wanted.unread_only or not notification.is_read)
        and (not wanted.unrouted_only)
        and (not wanted.statuses or notification.status in wanted.statuses)
        and (not wanted.channels or any(row.channel in wanted.channels for row in notification.channels))
        and (wanted.created_after is None or notification.created_at >= wanted.created_after)
        and (wanted.created_before is None or notification.created_at < wanted.created_before)
    )


def test_the_archive_has_some_of_everything(archive: Archive) -> None:
    assert {notification.status for notification in archive.stored} == set(Status)
    assert {notification.is_read for notification in archive.stored} == {True, False}
    assert {notification.sequence is None for notification in archive.stored} == {True, False}
    assert archive.entered != sorted(archive.entered)


@pytest.mark.parametrize(
    "narrow",
    [
        {},
        {"feed_only": True},
        {"unread_only": True},
        {"feed_only": True, "unread_only": True},
        {"unrouted_only": True},
        *({"statuses": (status,)} for status in Status),
        {"statuses": (PENDING, FAILED)},
        {"statuses": tuple(Status)},
        *({"channels": (channel,)} for channel in ChannelType),
        {"channels": (SMS, WEBSOCKET), "statuses": (SENT,), "unread_only": True},
    ],
    ids=str,
)
def test_a_filter_finds_what_matches_and_only_that(archive: Archive, narrow: dict[str, Any]) -> None:
    for recipient in archive.recipients:
        wanted = NotificationFilter(recipient=recipient, **narrow)
        assert archive.bench.find(wanted) == archive.found(wanted)
    if not narrow.get("feed_only"):
        wanted = NotificationFilter(**narrow)
        assert archive.bench.find(wanted) == archive.found(wanted)


def test_times_are_inclusive_from_and_exclusive_to(archive: Archive) -> None:
    first, middle, last = (archive.stored[place].created_at for place in (0, 30, -1))
    spans = [(None, middle), (middle, last), (last, None)]
    parts = [
        archive.bench.find(NotificationFilter(created_after=after, created_before=before)) for after, before in spans
    ]
    assert [*parts[2], *parts[1], *parts[0]] == archive.found(NotificationFilter())
    assert archive.stored[30].id in parts[1]
    # A bound within a millisecond belongs to the next one.
    assert archive.bench.find(NotificationFilter(created_after=last + 1)) == []
    assert archive.bench.find(NotificationFilter(created_before=first)) == []
    assert archive.bench.find(NotificationFilter(created_before=first + 1)) != []


@st.composite
def filters(draw: st.DrawFn) -> dict[str, Any]:
    """Conditions of a list; the recipient and the times are numbers of an archive's."""
    return {
        "recipient": draw(st.one_of(st.none(), st.integers(0, 1))),
        "feed_only": draw(st.booleans()),
        "unread_only": draw(st.booleans()),
        "statuses": tuple(draw(st.lists(st.sampled_from(Status), unique=True))),
        "channels": tuple(draw(st.lists(st.sampled_from(ChannelType), unique=True))),
        "created_after": draw(st.one_of(st.none(), st.integers(0, 59))),
        "created_before": draw(st.one_of(st.none(), st.integers(0, 59))),
    }


@settings(deadline=None, max_examples=120)
@given(narrow=filters(), page_size=st.integers(1, 70), arrivals=st.booleans())
def test_the_pages_of_a_list_are_together_the_whole_in_order_while_new_ones_arrive(
    archive: Archive, narrow: dict[str, Any], page_size: int, *, arrivals: bool
) -> None:
    assume(narrow["recipient"] is not None or not narrow["feed_only"])
    bench, values = archive.bench, dict(narrow)
    if values["recipient"] is not None:
        values["recipient"] = archive.recipients[values["recipient"]]
    for bound in ("created_after", "created_before"):
        if values[bound] is not None:
            values[bound] = archive.stored[values[bound]].created_at
    wanted = NotificationFilter(**values)
    expected = archive.found(wanted)
    found: list[str] = []
    before: str | None = None
    while True:
        page = bench.run(bench.store.find(wanted, before, page_size)).page
        assert len(page.notifications) == len(page.positions) <= page_size
        found += ids_of(page.notifications)
        if not page.more:
            break
        assert page.notifications
        before = page.positions[-1]
        if arrivals and len(found) == page_size:  # once: the archive keeps it
            archive.stored += bench.accept(draft(WEBSOCKET, EMAIL, recipient=wanted.recipient))
            archive.entered.append(archive.stored[-1].id)
    assert found == expected


def test_a_listed_notification_is_the_whole_of_it(archive: Archive) -> None:
    page = archive.bench.run(archive.bench.store.find(NotificationFilter(), None, 500)).page
    stored = {notification.id: notification for notification in archive.stored}
    assert [stored[notification.id] for notification in page.notifications] == page.notifications


def test_a_page_ends_when_it_holds_a_mebibyte(bench: StoreBench) -> None:
    recipient, large = user(), "é" * 32 * 1024
    stored = bench.accept(*(draft(recipient=recipient, message=large) for _ in range(20)))
    for feed_only in (False, True):
        wanted = NotificationFilter(recipient=recipient, feed_only=feed_only)
        first = bench.run(bench.store.find(wanted, None, 500)).page
        size = sum(len(notification.message.encode()) for notification in first.notifications)
        assert size <= 1024 * 1024
        assert first.more
        rest = bench.run(bench.store.find(wanted, first.positions[-1], 500)).page
        assert not rest.more
        assert ids_of([*first.notifications, *rest.notifications]) == ids_of(stored)[::-1]


def test_the_largest_notification_still_makes_a_page(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(message="m" * 64 * 1024, metadata={"blob": "x" * 32_000}))
    page = bench.run(bench.store.find(NotificationFilter(), None, 500)).page
    assert page.notifications == [stored]
    assert not page.more


def test_a_list_tells_the_head_of_the_feed_of_the_recipient_it_is_for(bench: StoreBench) -> None:
    recipient = user()
    bench.accept(draft(recipient=recipient))
    for feed_only in (False, True):
        wanted = NotificationFilter(recipient=recipient, feed_only=feed_only)
        assert bench.run(bench.store.find(wanted, None, 10)).state == bench.state(recipient)
    nobody = NotificationFilter(recipient=user())
    assert bench.run(bench.store.find(nobody, None, 10)).state == FeedState(*NO_FEED, 0, 0)
    assert bench.run(bench.store.find(NotificationFilter(), None, 10)).state is None


# -- the queue -----------------------------------------------------------------------------------


def test_a_claimed_row_has_all_that_sending_it_needs(bench: StoreBench) -> None:
    expires_at = bench.clock() + micros(3600)
    wanted = draft(EMAIL, SMS, metadata={"order_id": "ABC123"}, expires_at=expires_at)
    stored = bench.accept_one(wanted)
    before = bench.clock()
    row = bench.claim_one(SMS, lease=30)
    channel = stored.channels[1]
    assert (row.id, row.notification_id, row.channel, row.address) == (channel.id, stored.id, SMS, channel.address)
    assert (row.title, row.message, row.metadata) == (stored.title, stored.message, stored.metadata)
    assert (row.attempts, row.attempt_limit, row.response) == (0, ATTEMPT_LIMIT, None)
    assert (row.created_at, row.expires_at) == (stored.created_at, expires_at)
    assert before + micros(30) <= row.lease_until <= bench.clock() + micros(30)
    assert (row.taken_over, row.cancelled) == (False, False)
    assert bench.channel(stored, SMS).next_attempt_at is None
    assert bench.channel(stored, EMAIL) == stored.channels[0]


def test_only_what_is_due_is_claimed_oldest_first_and_up_to_the_limit(bench: StoreBench) -> None:
    now = bench.clock()
    late, early, future = bench.accept(*(draft(EMAIL, send_at=now + micros(seconds)) for seconds in (20, 10, 3600)))
    assert bench.claim(EMAIL) == []
    assert bench.run(bench.store.next_due(EMAIL)) == early.send_at
    bench.clock.advance(30)
    assert [row.notification_id for row in bench.claim(EMAIL, limit=1)] == [early.id]
    assert [row.notification_id for row in bench.claim(EMAIL)] == [late.id]
    assert bench.claim(EMAIL) == []
    bench.clock.advance(3600)
    assert future.id in [row.notification_id for row in bench.claim(EMAIL)]


def test_each_channel_is_a_queue_of_its_own(bench: StoreBench) -> None:
    bench.accept(draft(EMAIL, SMS), draft(TELEGRAM), draft(WEBSOCKET))
    assert {kind: len(bench.claim(kind)) for kind in (EMAIL, SMS, TELEGRAM)} == {EMAIL: 1, SMS: 1, TELEGRAM: 1}
    assert bench.run(bench.store.next_due(WEBSOCKET)) is None


def test_an_empty_queue_has_nothing_due(bench: StoreBench) -> None:
    for kind in ChannelType:
        assert bench.run(bench.store.next_due(kind)) is None
        assert bench.claim(kind) == []


def test_a_row_is_claimed_by_one_only_however_many_ask_at_once(bench: StoreBench) -> None:
    stored = bench.accept(*(draft(EMAIL) for _ in range(60)))

    async def claims(_: int) -> list[tuple[str, str]]:
        calls = await asyncio.gather(*(bench.store.claim(EMAIL, 7, micros(LEASE)) for _ in range(5)))
        return [(row.notification_id, row.token) for call in calls for row in call]

    claimed = [row for loop in in_loops(claims, range(3)) for row in loop]
    assert sorted(notification_id for notification_id, _ in claimed) == ids_of(stored)


def test_a_lease_that_ran_out_is_taken_over_and_counts_an_attempt(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(EMAIL))
    first = bench.claim_one(EMAIL)
    bench.clock.advance(LEASE - 1)
    assert bench.claim(EMAIL) == []
    bench.clock.advance(2)
    second = bench.claim_one(EMAIL)
    assert (second.id, second.attempts, second.taken_over) == (first.id, 1, True)
    assert second.token != first.token
    assert bench.channel(stored, EMAIL).attempts == 1
    bench.clock.advance(LEASE + 1)
    assert bench.claim_one(EMAIL).attempts == 2


def test_a_late_result_changes_nothing(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(EMAIL))
    late = bench.claim_one(EMAIL)
    bench.clock.advance(LEASE + 1)
    holder = bench.claim_one(EMAIL)
    before = bench.get(stored)
    assert not bench.record(late, SENT)
    assert bench.get(stored) == before
    assert bench.record(holder, FAILED)
    assert not bench.record(holder, SENT)
    assert bench.channel(stored, EMAIL).status == bench.get(stored).status == FAILED


def test_a_result_after_the_lease_counts_while_nobody_else_holds_the_row(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(EMAIL))
    row = bench.claim_one(EMAIL)
    bench.clock.advance(LEASE + 1)
    assert bench.record(row, SENT)
    assert bench.get(stored).status == SENT
    assert bench.claim(EMAIL) == []


def test_a_renewed_lease_runs_from_the_renewal(bench: StoreBench) -> None:
    bench.accept(draft(EMAIL), draft(EMAIL))
    lost, *_ = rows = bench.claim(EMAIL)
    bench.clock.advance(LEASE - 10)
    assert bench.run(bench.store.renew(rows[1:], micros(LEASE))) == {rows[1].id}
    bench.clock.advance(20)
    taken = bench.claim_one(EMAIL)
    assert taken.id == lost.id
    assert bench.run(bench.store.renew(rows, micros(LEASE))) == {rows[1].id}
    assert bench.run(bench.store.renew([taken], micros(LEASE))) == {taken.id}
    assert bench.run(bench.store.renew([], micros(LEASE))) == set()
    assert bench.record(rows[1], SENT)
    assert bench.run(bench.store.renew([rows[1]], micros(LEASE))) == set()


def test_a_released_row_is_due_at_once_and_its_attempt_does_not_count(bench: StoreBench) -> None:
    bench.accept(draft(EMAIL))
    held = bench.claim_one(EMAIL)
    bench.run(bench.store.release([held]))
    again = bench.claim_one(EMAIL)
    assert (again.id, again.attempts, again.taken_over) == (held.id, 0, False)
    bench.run(bench.store.release([held]))  # not the holder any more
    assert bench.claim(EMAIL) == []
    assert bench.record(again, SENT)


def test_a_row_that_is_to_be_retried_is_due_when_the_result_says(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(EMAIL))
    response = {"outcome": "transient", "code": "451", "history": [{"code": "421"}]}
    due_at = bench.clock() + micros(30)
    assert bench.record(bench.claim_one(EMAIL), PENDING, due_at=due_at, response=response)
    row = bench.channel(stored, EMAIL)
    assert (row.status, row.attempts, row.response, row.next_attempt_at) == (PENDING, 1, response, due_at)
    assert bench.get(stored).status == PENDING
    assert bench.run(bench.store.next_due(EMAIL)) == due_at
    assert bench.claim(EMAIL) == []
    bench.clock.advance(31)
    again = bench.claim_one(EMAIL)
    assert (again.attempts, again.response, again.taken_over) == (1, response, False)


def test_a_result_may_bring_a_new_address_and_otherwise_keeps_the_old(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(TELEGRAM))
    bench.record(bench.claim_one(TELEGRAM), PENDING, due_at=0, address="-100123")
    assert bench.channel(stored, TELEGRAM).address == "-100123"
    bench.record(bench.claim_one(TELEGRAM), SENT)
    assert bench.channel(stored, TELEGRAM).address == "-100123"


def test_a_settled_row_is_never_due_again(bench: StoreBench) -> None:
    bench.accept(draft(EMAIL), draft(EMAIL))
    for row, status in zip(bench.claim(EMAIL), (SENT, FAILED), strict=True):
        assert bench.record(row, status)
    bench.clock.advance(10 * 86_400)
    assert bench.claim(EMAIL) == []
    assert bench.run(bench.store.next_due(EMAIL)) is None


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        ((SENT, FAILED), SENT),
        ((FAILED, SENT), SENT),
        ((SENT, SENT), SENT),
        ((FAILED, FAILED), FAILED),
        ((FAILED, PENDING), PENDING),
        ((SENT, PENDING), SENT),
    ],
)
def test_a_notification_has_the_status_that_its_channels_make(
    bench: StoreBench, statuses: tuple[Status, Status], whole: Status
) -> None:
    """Also when two of them finish in one round of the writer, which so many results make sure of."""
    stored = bench.accept(*(draft(EMAIL, SMS) for _ in range(20)))
    rows = zip(bench.claim(EMAIL), bench.claim(SMS), strict=True)
    due_at = bench.clock() + micros(60)
    written = bench.together(
        *(
            bench.store.record([result(row, status, due_at=due_at if status == PENDING else None)])
            for pair in rows
            for row, status in zip(pair, statuses, strict=True)
        )
    )
    assert written == [[True]] * 40
    assert {bench.get(notification).status for notification in stored} == {whole}


def test_a_notification_that_was_sent_stays_so_when_a_later_channel_fails(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(EMAIL, SMS))
    bench.record(bench.claim_one(EMAIL), SENT)
    assert bench.get(stored).status == SENT
    bench.record(bench.claim_one(SMS), FAILED)
    assert bench.get(stored).status == SENT


def test_a_feed_channel_keeps_the_notification_pending_until_its_subscriber_comes(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(WEBSOCKET, EMAIL))
    bench.record(bench.claim_one(EMAIL), FAILED)
    assert bench.get(stored).status == PENDING
    bench.settle(stored.recipient, bench.state(stored.recipient).head)
    assert bench.get(stored).status == SENT


# -- rows that this process sends at once --------------------------------------------------------


def test_rows_with_a_free_place_are_stored_leased_and_handed_over(bench: StoreBench) -> None:
    bench.listener.places[EMAIL] = 2
    before = bench.clock()
    stored = bench.accept(*(draft(EMAIL, metadata={"n": number}) for number in range(3)))
    handed = bench.listener.claims
    assert [row.notification_id for row in handed] == ids_of(stored)[:2]
    assert bench.listener.places[EMAIL] == 0
    for row, notification in zip(handed, stored, strict=False):
        assert before + micros(LEASE) <= row.lease_until <= bench.clock() + micros(LEASE)
        assert bench.get(notification) == notification
        assert notification.channels[0].next_attempt_at is None
    left = bench.claim_one(EMAIL)
    assert left.notification_id == stored[2].id
    bench.clock.advance(LEASE + 1)
    taken = {row.id: row for row in bench.claim(EMAIL)}
    for row in handed:  # what was handed over is what a claim would have given
        again = taken[row.id]
        assert (again.taken_over, again.attempts) == (True, 1)
        assert again._replace(token=row.token, lease_until=row.lease_until, taken_over=False, attempts=0) == row


def test_the_result_of_a_row_that_was_handed_over_is_fenced_by_its_token(bench: StoreBench) -> None:
    bench.listener.places[EMAIL] = 1
    stored = bench.accept_one(draft(EMAIL))
    [row] = bench.listener.claims
    assert not bench.record(row._replace(token=UNKNOWN_ID), SENT)
    assert bench.run(bench.store.renew([row], micros(LEASE))) == {row.id}
    assert bench.record(row, SENT)
    assert bench.get(stored).status == SENT


def test_no_place_is_taken_for_what_is_not_sent_now(bench: StoreBench) -> None:
    bench.listener.places.update({EMAIL: 5, WEBSOCKET: 5})
    bench.accept(draft(WEBSOCKET), draft(EMAIL, send_at=bench.clock() + micros(60)))
    bench.answers(draft(EMAIL, refusal=NoRoute("user")))
    assert bench.listener.claims == []
    assert bench.listener.places == {EMAIL: 5, WEBSOCKET: 5}


def test_a_repetition_takes_no_place(bench: StoreBench) -> None:
    bench.listener.places[EMAIL] = 5
    wanted = draft(EMAIL, key="order-1")
    bench.accept(wanted)
    bench.answers(wanted, draft(EMAIL, key="order-1", title="Another"))
    assert bench.listener.places[EMAIL] == 4
    assert len(bench.listener.claims) == 1


def test_places_are_given_back_when_nothing_is_stored(bench: StoreBench) -> None:
    bench.listener.places[EMAIL] = 2
    with pytest.raises(DatabaseUnavailable):
        bench.answers(draft(EMAIL), draft(EMAIL, title=REFUSED_BY_THE_DATABASE))
    assert bench.listener.places[EMAIL] == 2
    assert bench.listener.claims == []
    bench.accept(draft(EMAIL), draft(EMAIL))
    assert bench.listener.places[EMAIL] == 0


# -- several loops, and the end ------------------------------------------------------------------


def test_answers_reach_the_loop_that_asked(bench: StoreBench) -> None:
    async def send(title: str) -> list[str]:
        answers = await asyncio.gather(*(bench.store.accept([draft(EMAIL, title=title)]) for _ in range(40)))
        stored = [answer.notification for [answer] in answers if isinstance(answer, Accepted)]
        read = await asyncio.gather(*(bench.store.get(notification.id) for notification in stored))
        assert read == stored
        return [notification.title for notification in read]

    titles = ["one", "two", "three"]
    assert in_loops(send, titles) == [[title] * 40 for title in titles]
    assert len(bench.find()) == 120


def test_closing_writes_what_was_handed_over_before(bench: StoreBench) -> None:
    async def scenario() -> list[Sequence[Accepted | TocsinError]]:
        calls = [asyncio.create_task(bench.store.accept([draft(), draft()])) for _ in range(20)]
        await asyncio.sleep(0)  # each is on its way to the writer
        await bench.store.close()
        return await asyncio.gather(*calls)

    answers = [answer for call in bench.run(scenario()) for answer in call]
    stored = [answer.notification for answer in answers if isinstance(answer, Accepted)]
    assert len(stored) == 40
    bench.reopen()
    assert sorted(bench.find()) == sorted(ids_of(stored))


CALLS: Mapping[str, Callable[[Store], Coroutine[Any, Any, object]]] = {
    "accept": lambda store: store.accept([draft()]),
    "get": lambda store: store.get(UNKNOWN_ID),
    "find": lambda store: store.find(NotificationFilter(), None, 10),
    "mark_read": lambda store: store.mark_read([UNKNOWN_ID]),
    "mark_feed_read": lambda store: store.mark_feed_read(user(), None),
    "feed_state": lambda store: store.feed_state(user()),
    "feed_after": lambda store: store.feed_after(user(), NO_FEED, 10),
    "feed_waiting": lambda store: store.feed_waiting(user(), 0, 10),
    "settle_feeds": lambda store: store.settle_feeds({user(): NO_FEED}, received()),
    "enter_due": lambda store: store.enter_due(10),
    "next_due": lambda store: store.next_due(EMAIL),
    "claim": lambda store: store.claim(EMAIL, 10, micros(LEASE)),
    "renew": lambda store: store.renew([claim()], micros(LEASE)),
    "release": lambda store: store.release([claim()]),
    "record": lambda store: store.record([result(claim(), SENT)]),
    "cancel": lambda store: store.cancel(UNKNOWN_ID),
    "retry": lambda store: store.retry(UNKNOWN_ID, (), {}),
}
"""Every method but `close`, with arguments that are right."""


def test_every_method_of_the_protocol_is_tried_after_the_end() -> None:
    methods = {name for name in vars(Store) if not name.startswith("_")}
    assert set(CALLS) | {"close"} == methods


@pytest.mark.parametrize("method", CALLS)
def test_after_close_every_call_is_told_that_the_server_stops(bench: StoreBench, method: str) -> None:
    bench.run(bench.store.close())
    with pytest.raises(ShuttingDown):
        bench.run(CALLS[method](bench.store))


def test_closing_twice_does_nothing(bench: StoreBench) -> None:
    bench.accept(draft())
    bench.run(bench.store.close())
    bench.run(bench.store.close())
    bench.reopen()
    assert len(bench.find()) == 1


def test_a_caller_that_gives_up_does_not_undo_what_it_handed_over(bench: StoreBench) -> None:
    async def scenario() -> None:
        given_up = asyncio.create_task(bench.store.accept([draft(EMAIL)]))
        await asyncio.sleep(0)  # on its way to the writer
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        await bench.store.accept([draft(EMAIL)])  # by when the first is written too

    bench.run(scenario())
    assert len(bench.claim(EMAIL)) == 2


def test_a_draft_is_taken_as_it_is_and_left_as_it_was(bench: StoreBench) -> None:
    wanted: NotificationDraft = draft(EMAIL, metadata={"order_id": "ABC123"}, key="order-1")
    copy = draft(EMAIL, recipient=wanted.recipient, metadata={"order_id": "ABC123"}, key="order-1")
    bench.accept(wanted)
    assert wanted == copy
