"""The rules of `tocsin_server.domain.channel_row` in the words of each database: what they find, show and compute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.drafts import EMAIL, FAILED, PENDING, SMS, TELEGRAM, WEBSOCKET, draft
from helpers.store import StoreBench
from tocsin_server.domain.channel_row import (
    is_due,
    is_expired,
    next_attempt_at,
    notification_status,
    waits_until,
)
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import ChannelType, Micros, Notification, Status
from tocsin_server.storage.databases.batches import RowUpdate
from tocsin_server.storage.new_ids import new_id
from tocsin_server.storage.schema.tables import NotificationChannels
from tocsin_server.storage.sql_store import SqlStore
from tocsin_server.storage.writer import Transaction

EXAMPLES = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])

STATE = ("id", "status", "due_at", "claim_token")


@dataclass(frozen=True)
class State:
    """A row's state; ``due`` and ``expires`` are minutes from now."""

    status: Status
    due: int | None
    held: bool
    expires: int | None


MINUTES = st.one_of(st.none(), st.integers(-3, 3))
STATES = st.builds(State, st.sampled_from(Status), MINUTES, st.booleans(), MINUTES)


def write(bench: StoreBench, rows: Sequence[tuple[Any, ...]]) -> None:
    """Set the states of rows, whatever led to them."""
    assert isinstance(bench.store, SqlStore)
    store = bench.store

    def update(transaction: Transaction, _: Sequence[None]) -> list[None]:
        on = store._do.claiming._on
        RowUpdate(on, NotificationChannels, STATE).run(transaction.cursor, sorted(rows))
        return [None]

    async def ask() -> None:
        await store._writer.submit(update, None)

    bench.run(ask())


def after(now: Micros, minutes: int | None) -> Micros | None:
    return None if minutes is None else now + micros(60 * minutes)


@contextmanager
def rows_in(
    bench: StoreBench, kind: ChannelType, states: Sequence[State]
) -> Iterator[tuple[list[Notification], Micros]]:
    """Store a notification for each state, which is that of its row of a channel, and tell the time.

    All of them are settled in the end.
    """
    now = bench.clock()
    later = now + micros(3600)  # not due by itself
    stored = bench.accept(*(draft(kind, send_at=later, expires_at=after(now, state.expires)) for state in states))
    write(
        bench,
        [
            (kept.channels[0].id, state.status, after(now, state.due), new_id() if state.held else None)
            for kept, state in zip(stored, states, strict=True)
        ],
    )
    try:
        yield stored, now
    finally:
        write(bench, [(kept.channels[0].id, FAILED, None, None) for kept in stored])


@EXAMPLES
@given(st.lists(STATES, min_size=1, max_size=8))
def test_what_is_due_is_claimed_what_was_held_is_taken_over_and_the_rest_is_left(
    shared: StoreBench, states: list[State]
) -> None:
    with rows_in(shared, EMAIL, states) as (stored, now):
        rows = [(kept.channels[0].id, after(now, state.due), state) for kept, state in zip(stored, states, strict=True)]
        coming = [at for _, at, state in rows if state.status == PENDING and at is not None]
        assert shared.run(shared.store.next_due(EMAIL)) == min(coming, default=None)
        for kept, (_, at, state) in zip(stored, rows, strict=True):
            shown = shared.channel(kept, EMAIL).next_attempt_at
            expected = next_attempt_at(EMAIL, state.status, at, held=state.held, in_feed=False)
            assert shown == expected
        claimed = {row.id: row.taken_over for row in shared.claim(EMAIL)}
        assert claimed == {row_id: state.held for row_id, at, state in rows if is_due(state.status, at, now)}


@EXAMPLES
@given(st.lists(STATES, min_size=1, max_size=8))
def test_what_is_due_enters_its_feed_and_waits_there_or_ends_if_its_time_is_over(
    shared: StoreBench, states: list[State]
) -> None:
    with rows_in(shared, WEBSOCKET, states) as (stored, now):
        due = [is_due(state.status, after(now, state.due), now) for state in states]
        assert shared.run(shared.store.enter_due(100)) == sum(due)
        for kept, state, was_due in zip(stored, states, due, strict=True):
            found = shared.get(kept)
            [(status, due_at)] = shared.backend.database.rows(
                "SELECT status, due_at FROM notification_channels WHERE id = ?", kept.channels[0].id
            )
            if not was_due:
                assert (found.sequence, status, due_at) == (None, state.status, after(now, state.due))
            elif is_expired(kept.expires_at, now):
                assert (found.sequence, status, due_at) == (None, FAILED, None)
            else:
                assert (found.sequence, status, due_at) == (1, PENDING, waits_until(kept.expires_at))
                shown = next_attempt_at(WEBSOCKET, PENDING, due_at, held=False, in_feed=True)
                assert found.channels[0].next_attempt_at == shown


@EXAMPLES
@given(
    st.permutations([EMAIL, SMS, TELEGRAM]),
    st.lists(st.sampled_from(Status), min_size=3, max_size=3),
    st.booleans(),
)
def test_a_notification_has_the_status_that_its_channels_and_what_is_outstanding_give_it_at_each_step(
    shared: StoreBench, order: list[ChannelType], statuses: list[Status], outstanding: bool
) -> None:
    route_by = shared.clock() + micros(3600) if outstanding else None
    stored = shared.accept_one(draft(EMAIL, SMS, TELEGRAM)._replace(route_by=route_by))
    held = {kind: shared.claim_one(kind) for kind in order}
    now = dict.fromkeys(order, PENDING)
    for kind, status in zip(order, statuses, strict=True):
        due_at = shared.clock() + micros(1000) if status == PENDING else None
        assert shared.record(held[kind], status, due_at=due_at)
        now[kind] = status
        assert shared.get(stored).status == notification_status(now.values(), outstanding=outstanding)
    # Nothing of it is left for the next example.
    if PENDING in now.values() or outstanding:
        shared.run(shared.store.cancel(stored.id))
        ended = [FAILED if status == PENDING else status for status in now.values()]
        assert shared.get(stored).status == notification_status(ended)
