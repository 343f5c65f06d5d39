"""Fallbacks as they begin: the first step has a row, the others wait in a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from helpers import invariants
from helpers.drafts import EMAIL, PENDING, SMS, TELEGRAM, WEBSOCKET, draft, fallback, user
from helpers.store import StoreBench
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import (
    PARALLEL,
    Channel,
    ChannelDraft,
    Entered,
    Goal,
    Micros,
    Notification,
    Strategy,
    StrategyKind,
)
from tocsin_server.storage.operations.heads import FeedHeads
from tocsin_server.storage.operations.steps import read_steps
from tocsin_server.storage.sql_store import SqlStore
from tocsin_server.storage.writer import Transaction


def waiting(bench: StoreBench, stored: Notification) -> tuple[list[str], Micros | None] | None:
    """Return the channels of the steps that have not begun, and when the next one is due."""
    rows = bench.backend.database.rows(
        "SELECT steps, next_step_at FROM escalations WHERE notification_id = ?", stored.id
    )
    if not rows:
        return None
    [(steps, next_step_at)] = rows
    return [step.channel for step in read_steps(steps)], next_step_at


def begin(
    bench: StoreBench, stored: Notification, channels: Sequence[ChannelDraft], strategy: Strategy
) -> list[Channel]:
    """Start channels of a stored notification, as a decision does."""
    assert isinstance(bench.store, SqlStore)
    store = bench.store

    def handle(transaction: Transaction, _: Sequence[None]) -> list[Any]:
        FeedHeads(store._do.starting._on).lock_or_create(transaction.cursor, [stored.recipient])
        return [store._do.starting.begin(transaction, stored, channels, strategy)]

    async def ask() -> Any:
        return await store._writer.submit(handle, None)

    rows: list[Channel] = bench.run(ask())
    return rows


def test_only_the_first_step_of_a_fallback_has_a_row_and_the_others_wait(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(EMAIL, SMS, TELEGRAM, after=30))
    assert [row.channel for row in stored.channels] == [EMAIL]
    assert bench.get(stored).channels == stored.channels
    assert bench.get(stored).status == PENDING
    due_at = stored.created_at + micros(30)
    found = waiting(bench, stored)
    assert found is not None
    assert found[0] == [SMS, TELEGRAM]
    assert found[1] is not None
    assert abs(found[1] - due_at) < micros(1)
    assert bench.listener.steps_due == [found[1]]
    invariants.check(bench.backend.database.rows)


def test_a_fallback_of_a_single_step_has_no_list(bench: StoreBench) -> None:
    stored = bench.accept_one(fallback(EMAIL, after=30))
    assert [row.channel for row in stored.channels] == [EMAIL]
    assert waiting(bench, stored) is None
    assert bench.listener.steps_due == []


def test_a_websocket_step_enters_the_feed_when_it_begins_and_not_before(bench: StoreBench) -> None:
    first = bench.accept_one(fallback(WEBSOCKET, EMAIL, after=30))
    later = bench.accept_one(fallback(EMAIL, WEBSOCKET, after=30))
    assert (first.sequence, later.sequence) == (1, None)
    assert bench.state(first.recipient).unread_count == 1
    assert bench.state(later.recipient).unread_count == 0


def test_each_step_may_have_a_time_of_its_own_and_without_any_only_failure_leads_on(bench: StoreBench) -> None:
    own = bench.accept_one(fallback(EMAIL, SMS, after=[None, 10]))
    first = bench.accept_one(fallback(EMAIL, SMS, after=[20, None]))
    assert waiting(bench, own) == ([SMS], None)
    found = waiting(bench, first)
    assert found is not None
    assert found[1] is not None
    assert abs(found[1] - first.created_at - micros(20)) < micros(1)


def test_of_a_fallback_that_is_to_be_sent_only_a_websocket_step_has_a_time(bench: StoreBench) -> None:
    mail = bench.accept_one(fallback(EMAIL, SMS, after=30, goal=Goal.SENT))
    feed = bench.accept_one(fallback(WEBSOCKET, SMS, after=30, goal=Goal.SENT))
    assert waiting(bench, mail) == ([SMS], None)
    found = waiting(bench, feed)
    assert found is not None
    assert found[1] is not None


def test_the_time_of_a_scheduled_fallback_counts_from_its_time(bench: StoreBench) -> None:
    send_at = bench.clock() + micros(3600)
    stored = bench.accept_one(fallback(WEBSOCKET, EMAIL, after=30, send_at=send_at))
    assert stored.sequence is None
    assert waiting(bench, stored) == ([EMAIL], send_at + micros(30))


def test_the_first_step_is_leased_where_a_lane_has_a_place_and_is_looked_at_before_it_is_sent(
    bench: StoreBench,
) -> None:
    bench.listener.places[EMAIL] = 3
    for wanted, unless_read in [
        (fallback(EMAIL, SMS, after=30), True),
        (fallback(EMAIL, SMS, after=30, goal=Goal.SENT), False),
        (draft(EMAIL), False),
    ]:
        stored = bench.accept_one(wanted)
        claim = bench.listener.claims[-1]
        assert (claim.notification_id, claim.unless_read) == (stored.id, unless_read)


def test_a_decision_starts_all_channels_at_once_or_the_first_step_of_a_fallback(bench: StoreBench) -> None:
    recipient = user()
    channels = [ChannelDraft(WEBSOCKET, None), ChannelDraft(EMAIL, "ann@example.org")]
    bench.listener.places[EMAIL] = 1
    both = bench.accept_one(draft(recipient=recipient)._replace(channels=[]))
    assert [row.channel for row in begin(bench, both, channels, PARALLEL)] == [WEBSOCKET, EMAIL]
    assert bench.get(both).sequence == 1
    [claim] = bench.listener.claims
    assert (claim.notification_id, claim.title, claim.unless_read) == (both.id, both.title, False)
    assert waiting(bench, both) is None

    strategy = Strategy(StrategyKind.FALLBACK, micros(30))
    one = bench.accept_one(draft(recipient=recipient)._replace(channels=[]))
    assert [row.channel for row in begin(bench, one, channels, strategy)] == [WEBSOCKET]
    event = bench.listener.events_of(recipient)[-1]
    assert isinstance(event, Entered)
    assert event.notification == bench.get(one)
    assert (event.last, event.unread_count) == (2, 2)
    found = waiting(bench, one)
    assert found is not None
    assert found[0] == [EMAIL]
    invariants.check(bench.backend.database.rows)


def test_what_is_decided_before_its_time_starts_at_its_time(bench: StoreBench) -> None:
    send_at = bench.clock() + micros(3600)
    stored = bench.accept_one(draft(send_at=send_at)._replace(channels=[]))
    channels = [ChannelDraft(WEBSOCKET, None), ChannelDraft(EMAIL, "ann@example.org")]
    [row] = begin(bench, stored, channels, Strategy(StrategyKind.FALLBACK, micros(30)))
    assert row.next_attempt_at == send_at
    assert bench.get(stored).sequence is None
    assert waiting(bench, stored) == ([EMAIL], send_at + micros(30))
