"""Fallbacks as they go on: by failure, by time, and what ends them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from helpers import invariants
from helpers.drafts import (
    EMAIL,
    FAILED,
    GUEST,
    PENDING,
    SENT,
    SMS,
    TELEGRAM,
    WEBSOCKET,
    draft,
    fallback,
    ids_of,
    user,
)
from helpers.store import LEASE, StoreBench, in_loops, reason_of, result
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import AlreadySettled
from tocsin_server.domain.fallback import RECORDING_GRACE
from tocsin_server.domain.model import ChannelType, Entered, Goal, Notification, Recipient, Status


def escalate(bench: StoreBench) -> int:
    """Let the clock start what is due."""
    return bench.run(bench.store.start_due_steps(100))


def states(bench: StoreBench, stored: Notification) -> dict[ChannelType, Status]:
    """Return the channels that have begun, in their order."""
    return {row.channel: row.status for row in bench.get(stored).channels}


def reasons(bench: StoreBench, stored: Notification) -> dict[ChannelType, Any]:
    """Return why channels were given up."""
    return {row.channel: reason_of(row.response) for row in bench.get(stored).channels}


def outstanding(bench: StoreBench, stored: Notification) -> bool:
    """Whether a step is left."""
    rows = bench.backend.database.rows("SELECT 1 FROM escalations WHERE notification_id = ?", stored.id)
    return bool(rows)


def decisions(bench: StoreBench, stored: Notification) -> list[tuple[str, str, list[str]]]:
    """Return who decided, under which name, for which channels."""
    rows = bench.backend.database.rows(
        "SELECT decided_by, name, channels FROM decisions WHERE notification_id = ? ORDER BY id", stored.id
    )
    return [(by, name, [one["channel"] for one in json.loads(text)]) for by, name, text in rows]


def settle(bench: StoreBench, stored: Notification) -> int:
    """Record that the recipient's feed was received."""
    return bench.settle(stored.recipient, bench.state(stored.recipient).head)


def checked(bench: StoreBench) -> None:
    invariants.check(bench.backend.database.rows)


# -- by failure ----------------------------------------------------------------------------------


def test_the_next_step_starts_in_the_transaction_in_which_the_one_before_fails(bench: StoreBench) -> None:
    bench.listener.places.update({EMAIL: 1, SMS: 1})
    stored = bench.accept_one(fallback(EMAIL, SMS, TELEGRAM, metadata={"order_id": "ABC123"}))
    [mail] = bench.listener.claims
    assert bench.record(mail, FAILED)
    [_, text] = bench.listener.claims
    row = bench.channel(stored, SMS)
    assert (text.id, text.channel, text.address, text.attempts) == (row.id, SMS, row.address, 0)
    assert (text.title, text.message, text.metadata) == (stored.title, stored.message, stored.metadata)
    assert (text.unless_read, text.created_at) == (True, row.created_at)
    assert states(bench, stored) == {EMAIL: FAILED, SMS: PENDING}
    assert bench.get(stored).status == PENDING
    assert bench.record(text, FAILED)  # leased by nobody: telegram has no place
    assert bench.record(bench.claim_one(TELEGRAM), FAILED)
    assert states(bench, stored) == {EMAIL: FAILED, SMS: FAILED, TELEGRAM: FAILED}
    assert (bench.get(stored).status, outstanding(bench, stored)) == (FAILED, False)
    assert decisions(bench, stored) == [("escalation", "FAILED", ["sms"]), ("escalation", "FAILED", ["telegram"])]
    checked(bench)


def test_many_fail_at_once_and_each_goes_on_by_itself(bench: StoreBench) -> None:
    alone = bench.accept(*(draft(EMAIL) for _ in range(3)))
    feeds = bench.accept(*(fallback(EMAIL, WEBSOCKET, recipient=user()) for _ in range(3)))
    texts = bench.accept(*(fallback(EMAIL, SMS) for _ in range(3)))
    rows = bench.claim(EMAIL)
    assert bench.run(bench.store.record([result(row, FAILED) for row in rows])) == [True] * 9
    assert [bench.get(stored).status for stored in (*alone, *feeds, *texts)] == [FAILED] * 3 + [PENDING] * 6
    assert len(bench.claim(SMS)) == 3
    for stored in feeds:
        [event] = bench.listener.events_of(stored.recipient)
        assert isinstance(event, Entered)
        assert event.notification.channels == bench.get(stored).channels
        assert bench.state(stored.recipient)[1:] == (1, 0, 1)
    checked(bench)


def test_only_the_step_that_began_last_leads_on_when_it_fails(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(EMAIL, SMS, TELEGRAM, after=30))
    mail = bench.claim_one(EMAIL, lease=1000)
    bench.clock.advance(31)
    assert escalate(bench) == 1
    assert bench.record(mail, FAILED)
    assert states(bench, stored) == {EMAIL: FAILED, SMS: PENDING}
    assert bench.record(bench.claim_one(SMS), FAILED)
    assert states(bench, stored) == {EMAIL: FAILED, SMS: FAILED, TELEGRAM: PENDING}
    checked(bench)


def test_a_retried_step_runs_beside_the_later_one_and_does_not_lead_on_again(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(EMAIL, SMS, TELEGRAM))
    assert bench.record(bench.claim_one(EMAIL), FAILED)
    bench.run(bench.store.retry(stored.id, [EMAIL], {}))
    assert states(bench, stored) == {EMAIL: PENDING, SMS: PENDING}
    assert bench.record(bench.claim_one(EMAIL), FAILED)
    assert states(bench, stored) == {EMAIL: FAILED, SMS: PENDING}
    assert bench.record(bench.claim_one(SMS), FAILED)
    assert states(bench, stored)[TELEGRAM] == PENDING
    checked(bench)


def test_a_lost_lease_leads_nowhere(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(EMAIL, SMS))
    late = bench.claim_one(EMAIL)
    bench.clock.advance(LEASE + 1)
    bench.claim_one(EMAIL)
    assert not bench.record(late, FAILED)
    assert states(bench, stored) == {EMAIL: PENDING}


def test_a_feed_row_that_the_database_refuses_leads_on(bench: StoreBench) -> None:
    send_at = bench.clock() + micros(10)
    stored = bench.accept_one(fallback(WEBSOCKET, EMAIL, after=3600, send_at=send_at))
    bench.backend.refuse("notifications", "entered_sequence", stored.id)
    bench.clock.advance(11)
    assert bench.run(bench.store.enter_due(100)) == 1
    assert (states(bench, stored), bench.get(stored).status) == ({WEBSOCKET: FAILED}, PENDING)
    assert escalate(bench) == 1
    assert states(bench, stored) == {WEBSOCKET: FAILED, EMAIL: PENDING}
    assert decisions(bench, stored) == [("escalation", "FAILED", ["email"])]


# -- by time -------------------------------------------------------------------------------------


def test_the_next_step_starts_when_the_one_before_has_had_its_time_and_not_before(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(WEBSOCKET, EMAIL, SMS, after=30))
    due_at = bench.run(bench.store.next_step_due())
    assert due_at is not None
    bench.clock.advance(29)
    assert escalate(bench) == 0
    bench.clock.advance(1.5)
    assert escalate(bench) == 1
    assert escalate(bench) == 0
    assert states(bench, stored) == {WEBSOCKET: PENDING, EMAIL: PENDING}
    later = bench.run(bench.store.next_step_due())
    assert later is not None
    assert micros(30) <= later - due_at <= micros(32)
    assert bench.record(bench.claim_one(EMAIL), SENT)
    assert bench.get(stored).status == SENT
    bench.clock.advance(31)
    assert escalate(bench) == 1  # sent, and still unread
    assert states(bench, stored) == {WEBSOCKET: PENDING, EMAIL: SENT, SMS: PENDING}
    assert bench.run(bench.store.next_step_due()) is None
    assert bench.record(bench.claim_one(SMS), FAILED)
    assert bench.get(stored).status == SENT
    assert decisions(bench, stored) == [("escalation", "UNREAD", ["email"]), ("escalation", "UNREAD", ["sms"])]
    checked(bench)


def test_a_later_step_may_be_the_feed_and_shows_there_from_then_on(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(SMS, WEBSOCKET, after=30))
    bench.clock.advance(31)
    assert escalate(bench) == 1
    found = bench.get(stored)
    [event] = bench.listener.events_of(stored.recipient)
    assert isinstance(event, Entered)
    assert (event.last, event.unread_count, event.notification) == (1, 1, found)
    assert bench.state(stored.recipient)[1:] == (1, 0, 1)
    assert settle(bench, stored) == 1
    assert bench.get(stored).status == SENT
    checked(bench)


def test_many_are_started_a_batch_at_a_time_those_first_that_are_due_first(bench: StoreBench) -> None:
    late = bench.accept(*(fallback(EMAIL, SMS, after=40) for _ in range(3)))
    early = bench.accept(*(fallback(EMAIL, SMS, after=30) for _ in range(3)))
    bench.clock.advance(50)
    assert bench.run(bench.store.start_due_steps(4)) == 4
    begun = {row.notification_id for row in bench.claim(SMS)}
    assert begun > set(ids_of(early))
    assert bench.run(bench.store.start_due_steps(4)) == 2
    assert {row.notification_id for row in bench.claim(SMS)} | begun == {*ids_of(late), *ids_of(early)}


def test_a_restart_forgets_no_step(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(EMAIL, SMS, after=30))
    bench.reopen()
    bench.clock.advance(31)
    assert escalate(bench) == 1
    assert states(bench, stored) == {EMAIL: PENDING, SMS: PENDING}


def test_each_step_starts_once_however_many_processes_look(bench: StoreBench) -> None:
    mixed = [(EMAIL, SMS), (EMAIL, WEBSOCKET), (WEBSOCKET, SMS)]
    recipients = [user() for _ in range(4)]
    stored = bench.accept(
        *(fallback(*mixed[n % 3], after=30, recipient=recipients[n % 4]) for n in range(30)),
    )
    bench.clock.advance(31)

    async def look(_: int) -> int:
        return sum(await asyncio.gather(*(bench.store.start_due_steps(7) for _ in range(8))))

    assert sum(in_loops(look, range(3))) + escalate(bench) == 30
    assert all(len(bench.get(one).channels) == 2 for one in stored)
    assert all(len(decisions(bench, one)) == 1 for one in stored)
    checked(bench)


# -- the goal ------------------------------------------------------------------------------------


def test_with_the_goal_sent_a_step_that_is_sent_ends_the_rest(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(EMAIL, SMS, after=30, goal=Goal.SENT))
    bench.clock.advance(1000)
    assert escalate(bench) == 0
    assert bench.record(bench.claim_one(EMAIL), SENT)
    assert (states(bench, stored), outstanding(bench, stored)) == ({EMAIL: SENT}, False)
    checked(bench)


def test_with_the_goal_sent_only_a_feed_row_that_waits_is_outwaited(bench: StoreBench) -> None:
    here, away = user(), user()
    received, waits = bench.accept(
        *(fallback(WEBSOCKET, EMAIL, SMS, after=30, goal=Goal.SENT, recipient=to) for to in (here, away))
    )
    assert settle(bench, received) == 1
    assert not outstanding(bench, received)
    bench.run(bench.store.mark_feed_read(away, None))  # being read is not the goal
    bench.clock.advance(31)
    assert escalate(bench) == 1
    assert states(bench, received) == {WEBSOCKET: SENT}
    assert states(bench, waits) == {WEBSOCKET: PENDING, EMAIL: PENDING}
    assert settle(bench, waits) == 1
    assert not outstanding(bench, waits)
    checked(bench)


def test_a_step_that_is_sent_without_a_time_has_nothing_after_it(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(EMAIL, SMS))
    assert bench.record(bench.claim_one(EMAIL), SENT)
    assert not outstanding(bench, stored)
    checked(bench)


# -- reading -------------------------------------------------------------------------------------


def mark(bench: StoreBench, stored: Notification, how: str) -> None:
    if how == "feed":
        bench.run(bench.store.mark_feed_read(stored.recipient, None))
    else:
        bench.run(bench.store.mark_read([stored.id]))


@pytest.mark.parametrize("how", ["ids", "feed"])
def test_reading_just_before_its_time_keeps_the_next_step_from_starting(bench: StoreBench, how: str) -> None:
    stored = bench.accept_one(fallback(WEBSOCKET, EMAIL, after=30))
    assert settle(bench, stored) == 1
    bench.clock.advance(29)
    mark(bench, stored, how)
    bench.clock.advance(10)
    assert escalate(bench) == 0
    assert (states(bench, stored), bench.get(stored).status) == ({WEBSOCKET: SENT}, SENT)
    checked(bench)


@pytest.mark.parametrize("how", ["ids", "feed"])
def test_reading_just_after_its_time_ends_the_step_that_has_started(bench: StoreBench, how: str) -> None:
    stored = bench.accept_one(fallback(WEBSOCKET, EMAIL, SMS, after=30))
    other = bench.accept_one(draft(WEBSOCKET, EMAIL, recipient=stored.recipient))
    bench.clock.advance(31)
    assert escalate(bench) == 1
    mark(bench, stored, how)
    assert states(bench, stored)[EMAIL] == FAILED
    assert reasons(bench, stored)[EMAIL] == "SUPERSEDED"
    assert not outstanding(bench, stored)
    assert states(bench, other) == {WEBSOCKET: PENDING, EMAIL: PENDING}  # which reading is nothing to
    checked(bench)


def test_reading_while_a_row_is_held_leaves_it_to_its_lane_to_look(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(EMAIL, SMS, after=30))
    row = bench.claim_one(EMAIL)
    assert row.unless_read
    assert not bench.run(bench.store.is_read(stored.id))
    bench.run(bench.store.mark_read([stored.id]))
    assert bench.run(bench.store.is_read(stored.id))
    assert states(bench, stored) == {EMAIL: PENDING}
    assert bench.record(row, SENT)  # it was being sent at that moment
    assert (states(bench, stored), bench.get(stored).status) == ({EMAIL: SENT}, SENT)
    checked(bench)


@pytest.mark.parametrize("status", [PENDING, FAILED])
def test_what_was_being_sent_when_it_was_read_is_not_tried_again(bench: StoreBench, status: Status) -> None:
    stored = bench.accept_one(fallback(EMAIL, SMS, after=30))
    row = bench.claim_one(EMAIL)
    bench.run(bench.store.mark_read([stored.id]))
    due_at = bench.clock() if status == PENDING else None
    assert bench.record(row, status, due_at=due_at, response={"outcome": "transient", "code": "451"})
    assert (states(bench, stored), bench.get(stored).status) == ({EMAIL: FAILED}, FAILED)
    assert reasons(bench, stored)[EMAIL] == ("SUPERSEDED" if status == PENDING else None)
    checked(bench)


def test_a_row_that_waits_in_its_feed_has_a_moment_to_be_recorded_before_reading_ends_it(bench: StoreBench) -> None:
    quick, away = bench.accept(*(fallback(WEBSOCKET, EMAIL, after=30) for _ in range(2)))
    for stored in (quick, away):
        bench.run(bench.store.mark_read([stored.id]))
        assert states(bench, stored) == {WEBSOCKET: PENDING}
    assert settle(bench, quick) == 1
    bench.clock.advance(RECORDING_GRACE / 1e6 + 1)
    assert bench.run(bench.store.enter_due(100)) == 1
    assert (states(bench, quick), bench.get(quick).status) == ({WEBSOCKET: SENT}, SENT)
    assert (states(bench, away), bench.get(away).status) == ({WEBSOCKET: FAILED}, FAILED)
    assert reasons(bench, away)[WEBSOCKET] == "SUPERSEDED"
    checked(bench)


def test_what_is_read_and_revived_has_but_that_moment_again(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(WEBSOCKET, EMAIL, after=30))
    bench.run(bench.store.mark_read([stored.id]))
    for revived in (False, True):
        if revived:
            bench.run(bench.store.retry(stored.id, (), {}))
        assert states(bench, stored) == {WEBSOCKET: PENDING}
        bench.clock.advance(RECORDING_GRACE / 1e6 + 1)
        assert bench.run(bench.store.enter_due(100)) == 1
        assert (states(bench, stored), bench.get(stored).status) == ({WEBSOCKET: FAILED}, FAILED)
        assert reasons(bench, stored)[WEBSOCKET] == "SUPERSEDED"
    checked(bench)


def test_a_notification_that_is_in_no_feed_is_marked_by_its_id(bench: StoreBench) -> None:
    waits, nobodys = bench.accept(fallback(SMS, WEBSOCKET, after=30), fallback(SMS, EMAIL, recipient=GUEST, after=30))
    for stored in (waits, nobodys):
        bench.run(bench.store.mark_read([stored.id]))
        assert reasons(bench, stored) == {SMS: "SUPERSEDED"}
        assert bench.get(stored).sequence is None
    bench.clock.advance(31)
    assert escalate(bench) == 0
    checked(bench)


# -- cancelling and expiry -----------------------------------------------------------------------


def test_cancelling_ends_the_later_steps_too(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(EMAIL, SMS, after=30))
    cancelled = bench.run(bench.store.cancel(stored.id))
    assert cancelled.status == FAILED
    assert reasons(bench, stored) == {EMAIL: "CANCELLED"}
    bench.clock.advance(31)
    assert escalate(bench) == 0
    with pytest.raises(AlreadySettled):
        bench.run(bench.store.cancel(stored.id))
    bench.run(bench.store.retry(stored.id, [], {}))
    assert bench.record(bench.claim_one(EMAIL), FAILED)
    assert (states(bench, stored), bench.get(stored).status) == ({EMAIL: FAILED}, FAILED)  # the steps are gone
    checked(bench)


def test_where_nothing_but_a_later_step_is_outstanding_that_can_be_cancelled(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(EMAIL, SMS, after=30))
    assert bench.record(bench.claim_one(EMAIL), SENT)
    assert bench.run(bench.store.cancel(stored.id)).status == SENT
    bench.clock.advance(31)
    assert escalate(bench) == 0
    with pytest.raises(AlreadySettled):
        bench.run(bench.store.cancel(stored.id))
    checked(bench)


@pytest.mark.parametrize("by", ["time", "failure", "feed"])
def test_after_its_expiry_nothing_starts_any_more(bench: StoreBench, by: str) -> None:
    expires_at = bench.clock() + micros(20)
    first = WEBSOCKET if by == "feed" else EMAIL
    stored = bench.accept_one(fallback(first, SMS, after=30, expires_at=expires_at))
    claims = bench.claim(EMAIL, lease=1000)
    bench.clock.advance(31 if by == "time" else 21)
    if by == "time":
        assert escalate(bench) == 1
        assert bench.record(claims[0], FAILED)
    elif by == "failure":
        assert bench.record(claims[0], FAILED)
    else:
        assert bench.run(bench.store.enter_due(100)) == 1
    assert (states(bench, stored), bench.get(stored).status) == ({first: FAILED}, FAILED)
    assert not outstanding(bench, stored)
    checked(bench)


def test_reading_and_leading_on_at_the_same_time_leave_nothing_half_done(bench: StoreBench) -> None:
    recipients = [user() for _ in range(3)]
    stored = bench.accept(
        *(fallback(EMAIL, WEBSOCKET, SMS, after=30, recipient=recipients[n % 3]) for n in range(30)),
    )
    rows = bench.claim(EMAIL, lease=1000)
    bench.clock.advance(31)

    async def act(kind: int) -> None:
        if kind == 0:
            await asyncio.gather(*(bench.store.mark_read([one.id]) for one in stored[::2]))
        elif kind == 1:
            await asyncio.gather(*(bench.store.record([result(row, FAILED)]) for row in rows))
        elif kind == 2:
            await asyncio.gather(*(bench.store.start_due_steps(5) for _ in range(6)))
        else:
            await asyncio.gather(*map(_mark_feed(bench), recipients))

    in_loops(act, range(4))
    escalate(bench)
    for one in stored[::2]:
        found = bench.get(one)
        assert found.is_read
        assert SMS not in states(bench, one)
        assert not outstanding(bench, one)
    checked(bench)


def _mark_feed(bench: StoreBench) -> Any:
    async def call(recipient: Recipient) -> object:
        return await bench.store.mark_feed_read(recipient, None)

    return call
