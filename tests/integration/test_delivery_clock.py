"""Delivery while the clock that decides what is due is set forward and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.drafts import EMAIL, PENDING, SENT
from helpers.engine import QUICK, Engine, engine
from helpers.senders import ACCEPTED, TRANSIENT, Provider
from helpers.store import BACKENDS, Backend, ShiftedClock
from helpers.waiting import eventually, eventually_async
from tocsin_server.channels.sender import Outcome
from tocsin_server.delivery.lane import PLACES_PER_SENDER
from tocsin_server.delivery.retry import RetryPolicy
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import ClaimedChannel, Notification
from tocsin_server.telemetry.observer import ClockSet
from tocsin_server.telemetry.tally import LEASE_LOST, TAKEN_OVER

HOUR = 3600.0
WAITING = 5
"""Rows that there is no place for."""
ONE_AT_A_TIME = replace(QUICK, concurrency=1, retry=RetryPolicy(base=2.0, cap=2.0))


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """An empty database."""
    backend = BACKENDS[request.param](tmp_path)
    yield backend
    backend.remove()


def once_refused(claim: ClaimedChannel) -> Outcome:
    """Refuse the first attempt at each row."""
    return TRANSIENT if claim.attempts == 0 else ACCEPTED


async def crowd(running: Engine, provider: Provider) -> list[Notification]:
    """Send so much that one row is under way, the lane holds others, and more wait in the database."""
    sent = [await running.send(EMAIL) for _ in range(PLACES_PER_SENDER + WAITING)]
    eventually(provider.hanging.is_set)
    return sent


def held(backend: Backend, clock: ShiftedClock) -> int:
    """Count the rows that are leased."""
    ends = backend.database.rows("SELECT due_at FROM notification_channels WHERE claim_token IS NOT NULL")
    return sum(end > clock() for [end] in ends)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["forward", "back"])
async def test_what_is_held_or_waits_is_sent_once_when_the_clock_is_set(backend: Backend, seconds: float) -> None:
    provider, clock = Provider(lambda _: None), ShiftedClock()
    jumps: list[ClockSet] = []
    async with engine(backend, settings=ONE_AT_A_TIME, clock=clock) as running:
        dispatcher = running.dispatcher({EMAIL: [provider]})
        dispatcher.observer.listen(ClockSet, jumps.append)
        sent = await crowd(running, provider)
        # Of a clock that is set before a lane has looked at it, nothing can be told.
        eventually(lambda: dispatcher._lanes[EMAIL]._jumps is not None)
        clock.advance(seconds)
        eventually(lambda: jumps)
        # What is held is leased anew, by the clock as it is now.
        eventually(lambda: held(backend, clock) == PLACES_PER_SENDER)
        # Another process would find what waits, and nothing that is held.
        found = await eventually_async(lambda: running.store.claim(EMAIL, 100, micros(QUICK.lease)))
        await running.store.release(found)
        sent += [await running.send(EMAIL) for _ in range(3)]
        provider.release()
        rows = [(await running.settled(one.id)).channels[0] for one in sent]

    assert len(found) == WAITING
    assert {(row.status, row.attempts) for row in rows} == {(SENT, 1)}
    assert set(provider.entries.values()) == {1}
    assert len(provider.log) == len(rows)
    assert (dispatcher.counts[EMAIL][TAKEN_OVER], dispatcher.counts[EMAIL][LEASE_LOST]) == (0, 0)
    assert {round(jump.seconds) for jump in jumps} == {round(seconds)}


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["forward", "back"])
async def test_what_is_to_be_tried_again_is_when_the_clock_is_set(backend: Backend, seconds: float) -> None:
    provider, clock = Provider(once_refused), ShiftedClock()
    async with engine(backend, settings=ONE_AT_A_TIME, clock=clock) as running:
        running.dispatcher({EMAIL: [provider]})
        sent = [await running.send(EMAIL) for _ in range(5)]
        for one in sent:
            await eventually_async(lambda one=one: _tried(running, one))  # type: ignore[misc]
        clock.advance(seconds)
        rows = [(await running.settled(one.id)).channels[0] for one in sent]

    assert {(row.status, row.attempts) for row in rows} == {(SENT, 2)}
    assert len(provider.log) == 2 * len(rows)


async def _tried(running: Engine, one: Notification) -> bool:
    return (await running.store.get(one.id)).channels[0].attempts == 1


async def test_what_is_scheduled_is_sent_by_the_clock_as_it_was_set_last(backend: Backend) -> None:
    provider, clock = Provider(), ShiftedClock()
    async with engine(backend, settings=ONE_AT_A_TIME, clock=clock) as running:
        running.dispatcher({EMAIL: [provider]})
        scheduled = await running.send(EMAIL, send_at=clock() + micros(HOUR / 2))
        clock.advance(-HOUR)
        at_once = await running.send(EMAIL)
        await running.settled(at_once.id)
        [waiting] = (await running.store.get(scheduled.id)).channels
        clock.advance(2 * HOUR)
        [row] = (await running.settled(scheduled.id)).channels

    assert (waiting.status, waiting.next_attempt_at) == (PENDING, scheduled.channels[0].next_attempt_at)
    assert (row.status, row.attempts) == (SENT, 1)
    assert len(provider.log) == 2


async def test_what_was_put_off_for_longer_than_can_be_is_due_when_a_lane_starts(backend: Backend) -> None:
    """The clock may have been set back while no server ran."""
    provider, clock = Provider(once_refused), ShiftedClock()
    settings = replace(ONE_AT_A_TIME, retry=RetryPolicy(base=HOUR, cap=HOUR))
    clock.advance(10 * HOUR)
    async with engine(backend, settings=settings, clock=clock) as running:
        running.dispatcher({EMAIL: [provider]})
        sent = await running.send(EMAIL)
        await eventually_async(lambda: _tried(running, sent))
        scheduled = await running.send(EMAIL, send_at=clock() + micros(HOUR))
    async with engine(backend, settings=settings) as running:
        running.dispatcher({EMAIL: [provider]})
        [row] = (await running.settled(sent.id)).channels
        [waiting] = (await running.store.get(scheduled.id)).channels

    assert (row.status, row.attempts) == (SENT, 2)
    assert (waiting.status, waiting.attempts) == (PENDING, 0)
