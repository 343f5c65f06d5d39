"""The queue: claiming, renewing, recording, cancelling, retrying."""

from __future__ import annotations

import asyncio

import pytest

from helpers.drafts import (
    EMAIL,
    FAILED,
    PENDING,
    SENT,
    SMS,
    TELEGRAM,
    WEBSOCKET,
    draft,
    ids_of,
)
from helpers.store import (
    ATTEMPT_LIMIT,
    LEASE,
    StoreBench,
    in_loops,
    result,
)
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import (
    ChannelType,
    Status,
)
from tocsin_server.domain.upkeep import QueueCounts


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


def test_what_a_caller_still_holds_it_does_not_claim_again_however_late_it_is(bench: StoreBench) -> None:
    bench.accept(draft(EMAIL), draft(EMAIL))
    held, lost = bench.claim(EMAIL)
    bench.clock.advance(LEASE + 1)
    [found] = bench.run(bench.store.claim(EMAIL, 10, micros(LEASE), [held.id]))
    assert (found.id, found.taken_over) == (lost.id, True)
    assert bench.run(bench.store.renew([held], micros(LEASE))) == {held.id}
    assert bench.record(held, SENT)


def test_what_waits_for_another_attempt_can_be_made_to_wait_less(bench: StoreBench) -> None:
    now = bench.clock()
    bench.accept(*[draft(EMAIL) for _ in range(5)])
    waits = (5, 3600, 7200, 10_800)
    *rows, held = bench.claim(EMAIL)
    for row, wait in zip(rows, waits, strict=True):
        assert bench.record(row, PENDING, due_at=now + micros(wait))
    scheduled = bench.accept_one(draft(EMAIL, send_at=now + micros(7200)))
    bench.run(bench.store.renew([held], micros(7200)))

    # Those due after half an hour, by two hours, two at a time.
    after = bench.run(bench.store.hasten(EMAIL, now + micros(1800), micros(7200), 2))
    brought = [after]
    while after is not None:
        after = bench.run(bench.store.hasten(EMAIL, after, micros(7200), 2))
        brought.append(after)

    assert brought == [now + micros(7200), now + micros(10_800), None]
    found = [bench.run(bench.store.get(row.notification_id)).channels[0] for row in rows]
    later = bench.clock() + 1
    first, second, third, last = (row.next_attempt_at or 0 for row in found)
    assert first == now + micros(5)
    assert now <= second < later
    assert now <= third < later
    assert last == now + micros(3600)
    assert bench.channel(scheduled, EMAIL).next_attempt_at == now + micros(7200)
    assert bench.record(held, SENT)


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


def test_the_queue_is_counted_by_what_is_to_be_done_with_its_rows(bench: StoreBench) -> None:
    now = bench.clock()
    bench.accept(*(draft(EMAIL, send_at=now + micros(seconds)) for seconds in (1, 2, 3, 3600)))
    bench.accept(draft(), draft(), draft(expires_at=now + micros(3600)))
    bench.clock.advance(60)
    assert len(bench.claim(EMAIL, limit=1)) == 1
    counts = {kind: bench.run(bench.store.queue_counts(kind)) for kind in ChannelType}
    assert counts == {
        EMAIL: QueueCounts(due=2, leased=1, waiting=1, oldest_due_at=now + micros(2)),
        WEBSOCKET: QueueCounts(due=0, leased=0, waiting=3, oldest_due_at=None),
        SMS: QueueCounts(0, 0, 0, None),
        TELEGRAM: QueueCounts(0, 0, 0, None),
    }
