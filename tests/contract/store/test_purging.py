"""What is removed for its age, what goes with it, and what stays."""

from __future__ import annotations

from helpers.drafts import EMAIL, SENT, WEBSOCKET, draft, user
from helpers.store import StoreBench
from tocsin_server.domain.clock import micros, wall_clock
from tocsin_server.domain.errors import NotificationNotFound
from tocsin_server.domain.model import Accepted, FeedPosition, Notification
from tocsin_server.domain.upkeep import Purged

DAY = micros(86_400)


def purge(bench: StoreBench, *, after: str | None = None, limit: int = 100) -> Purged:
    """Remove all that is old, which everything is."""
    return bench.run(bench.store.purge(wall_clock() + DAY, after, limit))


def exists(bench: StoreBench, notification: Notification) -> bool:
    try:
        bench.get(notification)
    except NotificationNotFound:
        return False
    return True


def rows(bench: StoreBench, table: str) -> int:
    [[count]] = bench.backend.database.rows(f"SELECT count(*) FROM {table}")  # noqa: S608 - our own name
    return int(count)


def test_what_is_young_stays(bench: StoreBench) -> None:
    stored = bench.accept_one(draft())
    assert bench.run(bench.store.purge(wall_clock() - DAY, None, 100)) == Purged(0, None)
    assert exists(bench, stored)


def test_what_is_old_goes_with_its_channels_and_its_key_which_is_free_again(bench: StoreBench) -> None:
    wanted = draft(caller="shop", key="order-7")
    stored = bench.accept_one(wanted)
    other = bench.accept_one(draft(caller="shop", key="order-8"))
    assert purge(bench, limit=1) == Purged(1, stored.id)
    assert (exists(bench, stored), exists(bench, other)) == (False, True)
    assert (rows(bench, "notification_channels"), rows(bench, "idempotency_keys")) == (1, 1)
    [answer] = bench.answers(wanted)
    assert isinstance(answer, Accepted)
    assert not answer.duplicate
    assert answer.notification.id != stored.id


def test_what_is_still_to_be_sent_or_to_enter_its_feed_stays_until_it_is_done(bench: StoreBench) -> None:
    to_send, to_enter = bench.accept(draft(EMAIL, WEBSOCKET), draft(send_at=bench.clock() + DAY))
    assert purge(bench) == Purged(0, None)
    row = bench.claim_one(EMAIL)
    assert purge(bench) == Purged(0, None)
    assert bench.record(row, SENT)
    assert purge(bench) == Purged(1, to_send.id)
    assert exists(bench, to_enter)


def test_a_feed_loses_its_unread_ones_from_the_count_and_older_cursors_cannot_be_resumed(bench: StoreBench) -> None:
    recipient = user()
    first, second, third, fourth = bench.accept(*(draft(recipient=recipient) for _ in range(4)))
    bench.run(bench.store.mark_read([first.id]))
    before = bench.state(recipient)
    assert (before.sequence, before.unread_count, before.purged) == (5, 3, 0)
    assert purge(bench, limit=2) == Purged(2, second.id)
    after = bench.state(recipient)
    # The first was changed last, when it was read: whoever was there before may have to hear of it.
    assert (after.epoch, after.sequence, after.unread_count, after.purged) == (before.epoch, 5, 2, 5)
    assert not after.covers(FeedPosition(after.epoch, 4))
    assert after.covers(FeedPosition(after.epoch, 5))
    assert purge(bench, after=second.id) == Purged(2, fourth.id)
    assert not exists(bench, third)
    left = bench.state(recipient)
    assert (left.sequence, left.unread_count, left.purged) == (5, 0, 5)
    new = bench.accept_one(draft(recipient=recipient))
    assert bench.state(recipient).sequence == 6
    assert exists(bench, new)


def test_feeds_of_others_are_left_alone(bench: StoreBench) -> None:
    mine, theirs = user(), user()
    bench.accept(draft(recipient=mine), draft(recipient=mine), draft(recipient=theirs))
    purge(bench, limit=2)
    assert [bench.state(one).unread_count for one in (mine, theirs)] == [0, 1]
    assert [bench.state(one).purged for one in (mine, theirs)] == [2, 0]


def test_several_that_remove_at_once_remove_each_only_once(bench: StoreBench) -> None:
    recipient = user()
    bench.accept(*(draft(recipient=recipient, caller="shop", key=str(number)) for number in range(60)))
    removed = bench.together(*(bench.store.purge(wall_clock() + DAY, None, 40) for _ in range(6)))
    assert sum(part.number for part in removed) == 60
    assert (bench.state(recipient).unread_count, rows(bench, "idempotency_keys")) == (0, 0)
