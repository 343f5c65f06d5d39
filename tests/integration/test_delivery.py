"""Delivery with a real store and real sender threads; only the providers are without a network."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from helpers.engine import QUICK, engine
from helpers.senders import ACCEPTED, BROKEN, PERMANENT, THROTTLED, TRANSIENT, UNKNOWN, Provider
from helpers.store import BACKENDS, Backend
from helpers.waiting import eventually, eventually_async
from tocsin_server.channels.sender import Outcome, OutcomeKind
from tocsin_server.delivery import breaker
from tocsin_server.delivery.breaker import FAILURES_TO_OPEN
from tocsin_server.delivery.lane import PLACES_PER_SENDER
from tocsin_server.delivery.outcomes import LEASE_EXPIRED
from tocsin_server.domain.attempt_log import REFUSED
from tocsin_server.domain.clock import micros, wall_clock
from tocsin_server.domain.errors import (
    AlreadySettled,
    DatabaseUnavailable,
    Expired,
    NotRetryable,
    QueueFull,
    ShuttingDown,
    TocsinError,
)
from tocsin_server.domain.model import ChannelResult, ChannelType, ClaimedChannel, Micros, Status
from tocsin_server.domain.ports import Store
from tocsin_server.telemetry.tally import KEPT_OUT, LEASE_LOST, TAKEN_OVER
from tocsin_server.timing.backoff import Backoff

EMAIL, SMS, TELEGRAM, WEBSOCKET = ChannelType.EMAIL, ChannelType.SMS, ChannelType.TELEGRAM, ChannelType.WEBSOCKET


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """An empty database."""
    backend = BACKENDS[request.param](tmp_path)
    yield backend
    backend.remove()


async def test_an_accepted_message_is_sent_once_and_recorded(backend: Backend) -> None:
    provider = Provider()
    async with engine(backend) as running:
        running.dispatcher({EMAIL: [provider]})
        found = await running.settled((await running.send(EMAIL)).id)

    [row] = found.channels
    assert (found.status, row.status, row.attempts) == (Status.SENT, Status.SENT, 1)
    assert row.response is not None
    assert row.response["outcome"] == "accepted"
    assert row.response["provider"] == provider.name
    assert row.next_attempt_at is None
    assert provider.log == [(row.id, 1)]


@pytest.mark.parametrize("first", [TRANSIENT, UNKNOWN], ids=["transient", "unknown"])
async def test_what_may_work_later_is_retried_and_the_failed_attempt_kept(backend: Backend, first: Outcome) -> None:
    provider = Provider(lambda claim: first if claim.attempts == 0 else ACCEPTED)
    async with engine(backend) as running:
        running.dispatcher({EMAIL: [provider]})
        [row] = (await running.settled((await running.send(EMAIL)).id)).channels

    assert (row.status, row.attempts) == (Status.SENT, 2)
    assert provider.log == [(row.id, 1), (row.id, 2)]
    assert row.response is not None
    assert [earlier["outcome"] for earlier in row.response["history"]] == [first.kind]


async def test_a_permanent_refusal_is_not_retried(backend: Backend) -> None:
    provider = Provider(lambda _: PERMANENT)
    async with engine(backend) as running:
        running.dispatcher({EMAIL: [provider]})
        found = await running.settled((await running.send(EMAIL)).id)

    assert (found.status, found.channels[0].status, found.channels[0].attempts) == ("failed", "failed", 1)
    assert len(provider.log) == 1


async def test_a_budget_of_attempts_ends(backend: Backend) -> None:
    provider = Provider(lambda _: TRANSIENT)
    async with engine(backend, attempt_limit=3) as running:
        running.dispatcher({EMAIL: [provider]})
        found = await running.settled((await running.send(EMAIL)).id)

    assert found.channels[0].attempts == 3
    assert found.status == Status.FAILED
    assert [attempt for _, attempt in provider.log] == [1, 2, 3]


async def test_throttling_costs_no_attempt(backend: Backend) -> None:
    times = iter(range(100))
    provider = Provider(lambda _: THROTTLED if next(times) < 4 else ACCEPTED)
    async with engine(backend, attempt_limit=2) as running:
        running.dispatcher({EMAIL: [provider]})
        [row] = (await running.settled((await running.send(EMAIL)).id)).channels

    assert (row.status, row.attempts) == (Status.SENT, 1)
    assert provider.log == [(row.id, 1)] * 5


async def test_the_next_provider_is_tried_at_once_when_the_first_is_known_not_to_have_accepted(
    backend: Backend,
) -> None:
    first = Provider(lambda _: TRANSIENT, "test://first")
    second = Provider(name="test://second")
    async with engine(backend) as running:
        running.dispatcher({EMAIL: [first, second]})
        [row] = (await running.settled((await running.send(EMAIL)).id)).channels

    assert (row.status, row.attempts) == (Status.SENT, 1)
    assert row.response is not None
    assert row.response["provider"] == "test://second"
    assert (first.log, second.log) == ([(row.id, 1)], [(row.id, 1)])


@pytest.mark.parametrize("first_outcome", [UNKNOWN, PERMANENT], ids=["unknown", "permanent"])
async def test_the_next_provider_is_never_tried_when_the_first_may_have_accepted_or_the_address_is_bad(
    backend: Backend, first_outcome: Outcome
) -> None:
    first = Provider(lambda claim: first_outcome if claim.attempts < 2 else ACCEPTED, "test://first")
    second = Provider(name="test://second")
    async with engine(backend) as running:
        running.dispatcher({EMAIL: [first, second]})
        await running.settled((await running.send(EMAIL)).id)

    assert first.log
    assert second.log == []


async def test_a_provider_that_fails_repeatedly_is_left_alone_without_costing_attempts(backend: Backend) -> None:
    provider = Provider(lambda _: BROKEN)
    async with engine(backend, attempt_limit=100, settings=replace(QUICK, concurrency=1)) as running:
        dispatcher = running.dispatcher({EMAIL: [provider]})
        sent = await running.send(EMAIL)

        async def left_alone() -> bool:
            [row] = (await running.store.get(sent.id)).channels
            return row.attempts == FAILURES_TO_OPEN and row.next_attempt_at is not None

        await eventually_async(left_alone)
        others = [await running.send(EMAIL) for _ in range(10)]
        await dispatcher.stop(5.0)
        [row] = (await running.store.get(sent.id)).channels
        waiting = [(await running.store.get(other.id)).channels[0] for other in others]

    assert row.status == Status.PENDING
    assert row.attempts == len(provider.log) == FAILURES_TO_OPEN
    assert row.response is not None
    assert row.response["code"] == BROKEN.code
    # They wait in the queue, where whoever can send finds them, rather than being put off time and again.
    assert [(other.status, other.attempts, other.response) for other in waiting] == [(Status.PENDING, 0, None)] * 10
    assert all(other.next_attempt_at is not None for other in waiting)
    assert dispatcher.counts[EMAIL][KEPT_OUT] == 0


async def test_what_waited_for_a_provider_is_sent_when_a_probe_finds_it_well_again(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "PAUSES", Backoff(first=0.01, longest=0.02, healthy=0.0))
    broken = threading.Event()
    broken.set()
    provider = Provider(lambda _: BROKEN if broken.is_set() else ACCEPTED)
    async with engine(backend, attempt_limit=10_000, settings=replace(QUICK, concurrency=1)) as running:
        dispatcher = running.dispatcher({EMAIL: [provider]})
        first = await running.send(EMAIL)
        eventually(lambda: len(provider.log) > FAILURES_TO_OPEN + 2)
        others = [await running.send(EMAIL) for _ in range(20)]
        broken.clear()
        rows = [(await running.settled(sent.id)).channels[0] for sent in (first, *others)]

    assert {row.status for row in rows} == {Status.SENT}
    assert dispatcher.counts[EMAIL][KEPT_OUT] == 0  # probes were made one at a time


async def test_an_attempt_of_unknown_outcome_binds_the_row_to_its_provider_also_after_throttling(
    backend: Backend,
) -> None:
    answers = iter([UNKNOWN, THROTTLED, THROTTLED, ACCEPTED])
    first, second = Provider(lambda _: next(answers), "test://first"), Provider(name="test://second")
    async with engine(backend) as running:
        running.dispatcher({EMAIL: [first, second]})
        [row] = (await running.settled((await running.send(EMAIL)).id)).channels

    assert (row.status, row.attempts) == (Status.SENT, 2)
    assert [attempt for _, attempt in first.log] == [1, 2, 2, 2]
    assert second.log == []


async def test_a_provider_that_hangs_for_ever_delays_neither_other_channels_nor_acceptance_nor_the_stop(
    backend: Backend,
) -> None:
    hanging = Provider(lambda _: None, "test://hanging")
    working = Provider()
    async with engine(backend) as running:
        dispatcher = running.dispatcher({TELEGRAM: [hanging], EMAIL: [working]})
        # More than the hanging lane has places for, so that its queue is full.
        stuck = [await running.send(TELEGRAM) for _ in range(100)]
        eventually(hanging.hanging.is_set)

        sent = [await running.settled((await running.send(EMAIL)).id) for _ in range(20)]

        assert {found.status for found in sent} == {Status.SENT}
        # The lane holds what it has senders for; the rest waits in the database, not in memory.
        assert len(hanging.log) == QUICK.concurrency
        await dispatcher.stop(0.2)
        rows = [(await running.store.get(found.id)).channels[0] for found in stuck]

    # A stop uses up no attempt. What had been handed over says that its outcome is unknown; the rest is untouched.
    assert {row.attempts for row in rows} == {0}
    outcomes = Counter(row.response["outcome"] if row.response else None for row in rows)
    assert outcomes == {"unknown": QUICK.concurrency, None: 100 - QUICK.concurrency}
    assert all(row.status == Status.PENDING and row.next_attempt_at is not None for row in rows)


async def test_an_attempt_ends_at_its_total_deadline_as_unknown(backend: Backend) -> None:
    provider = Provider(lambda claim: None if claim.attempts == 0 else ACCEPTED)
    async with engine(backend, settings=replace(QUICK, send_timeout=0.05)) as running:
        running.dispatcher({EMAIL: [provider]})
        [row] = (await running.settled((await running.send(EMAIL)).id)).channels

    assert (row.status, row.attempts) == (Status.SENT, 2)
    assert row.response is not None
    assert (row.response["history"][0]["outcome"], row.response["history"][0]["code"]) == ("unknown", "DEADLINE")


async def test_a_provider_that_is_not_ready_in_time_is_known_not_to_have_accepted_and_the_next_one_is_tried_at_once(
    backend: Backend,
) -> None:
    slow = Provider(lambda _: None, "test://slow", hands_over=False)
    healthy = Provider(name="test://healthy")
    async with engine(backend, settings=replace(QUICK, send_timeout=0.05)) as running:
        running.dispatcher({EMAIL: [slow, healthy]})
        [row] = (await running.settled((await running.send(EMAIL)).id)).channels

    assert (row.status, row.attempts) == (Status.SENT, 1)
    assert (slow.log, healthy.log) == ([(row.id, 1)], [(row.id, 1)])


async def test_a_provider_that_is_never_ready_does_not_bind_its_messages(backend: Backend) -> None:
    slow = Provider(lambda _: None, "test://slow", hands_over=False)
    async with engine(backend, attempt_limit=2, settings=replace(QUICK, send_timeout=0.05)) as running:
        running.dispatcher({EMAIL: [slow]})
        [row] = (await running.settled((await running.send(EMAIL)).id)).channels

    assert (row.status, row.attempts) == (Status.FAILED, 2)
    assert row.response is not None
    assert (row.response["outcome"], row.response["code"]) == ("transient", "DEADLINE")


async def test_a_stop_gives_back_what_had_not_been_handed_over(backend: Backend) -> None:
    slow = Provider(lambda _: None, "test://slow", hands_over=False)
    async with engine(backend) as running:
        dispatcher = running.dispatcher({EMAIL: [slow, Provider(name="test://second")]})
        sent = await running.send(EMAIL)
        eventually(slow.hanging.is_set)
        await dispatcher.stop(0.1)
        [row] = (await running.store.get(sent.id)).channels

    assert (row.status, row.attempts) == (Status.PENDING, 0)
    assert row.response is not None
    assert (row.response["outcome"], row.response["code"]) == ("transient", "SHUTDOWN")


async def test_a_sender_that_raises_neither_loses_the_row_nor_stops_the_lane(backend: Backend) -> None:
    def answer(claim: ClaimedChannel) -> Outcome:
        if claim.attempts == 0:
            raise RuntimeError("a fault of the sender")
        return ACCEPTED

    async with engine(backend) as running:
        running.dispatcher({EMAIL: [Provider(answer)]})
        [row] = (await running.settled((await running.send(EMAIL)).id)).channels

    assert (row.status, row.attempts) == (Status.SENT, 2)


async def test_two_dispatchers_on_one_store_send_every_attempt_of_2000_rows_once(backend: Backend) -> None:
    # Every fourth row fails once, so that retries are shared out too.
    def answer(claim: ClaimedChannel) -> Outcome:
        return TRANSIENT if claim.attempts == 0 and int(claim.message) % 4 == 0 else ACCEPTED

    provider = Provider(answer)
    async with engine(backend) as running:
        sent = [await running.send(EMAIL, message=str(number)) for number in range(2000)]
        # Started only now, so that both find the same full queue; nothing is leased at insert.
        for _ in range(2):
            running.dispatcher({EMAIL: [provider]}, lease_at_insert=False)
        await eventually_async(lambda: _is_drained(backend), timeout=60)
        rows = [(await running.store.get(found.id)).channels[0] for found in sent]

    assert {row.status for row in rows} == {Status.SENT}
    assert set(provider.entries.values()) == {1}
    assert len(provider.log) == 2000 + 500 == sum(row.attempts for row in rows)


async def _is_drained(backend: Backend) -> bool:
    return backend.database.rows("SELECT count(*) FROM notification_channels WHERE status = 'pending'") == [(0,)]


async def test_a_frozen_worker_loses_its_lease_and_its_late_result_is_dropped(backend: Backend) -> None:
    thaw = threading.Event()

    def freeze(_: ClaimedChannel) -> Outcome:
        assert thaw.wait(60)  # blocks the whole lane, so that nothing renews its leases
        return PERMANENT

    settings = replace(QUICK, lease=0.3)
    frozen, healthy = Provider(freeze, "test://frozen"), Provider(name="test://healthy")
    try:
        async with engine(backend, settings=settings) as running:
            first = running.dispatcher({EMAIL: [frozen]})
            sent = await running.send(EMAIL)
            eventually(lambda: frozen.log)
            second = running.dispatcher({EMAIL: [healthy]}, lease_at_insert=False)
            [row] = (await running.settled(sent.id)).channels
            thaw.set()
            eventually(lambda: first.counts[EMAIL][LEASE_LOST])
            [after] = (await running.store.get(sent.id)).channels
    finally:
        thaw.set()

    assert (frozen.log, healthy.log) == ([(row.id, 1)], [(row.id, 2)])
    assert second.counts[EMAIL][TAKEN_OVER] == 1
    assert (row.status, row.attempts) == (Status.SENT, 2)
    assert row.response is not None
    assert row.response["history"][0]["code"] == LEASE_EXPIRED
    assert after == row  # the late refusal changed nothing


async def test_a_send_that_outlasts_its_lease_keeps_it_by_renewal(backend: Backend) -> None:
    settings = replace(QUICK, lease=2.0)  # far longer than a machine that is busy takes to renew it
    slow, other = Provider(lambda _: None, "test://slow"), Provider(name="test://other")
    async with engine(backend, settings=settings) as running:
        first = running.dispatcher({EMAIL: [slow]})
        sent = await running.send(EMAIL)
        eventually(slow.hanging.is_set)
        second = running.dispatcher({EMAIL: [other]}, lease_at_insert=False)
        leased_until = await running.store.next_due(EMAIL)
        assert leased_until is not None

        async def renewed_beyond_the_first_lease() -> bool:
            until = await running.store.next_due(EMAIL)
            return until is not None and until > leased_until + micros(settings.lease)

        await eventually_async(renewed_beyond_the_first_lease)
        slow.release()
        [row] = (await running.settled(sent.id)).channels

    assert (row.status, row.attempts) == (Status.SENT, 1)
    assert other.log == []
    assert (first.counts[EMAIL][LEASE_LOST], second.counts[EMAIL][TAKEN_OVER]) == (0, 0)


async def test_rows_whose_leases_ran_out_while_their_lane_held_them_are_not_claimed_again_by_it(
    backend: Backend,
) -> None:
    """After an outage of the database in which its leases ran out, a lane is often the first to find the rows."""
    hanging, other = Provider(lambda _: None), Provider()
    settings = replace(QUICK, concurrency=1, lease=0.3)  # and places for eight
    async with engine(backend, settings=settings) as running:
        dispatcher = running.dispatcher_on(WithoutRenewal(running.store), {EMAIL: [hanging], SMS: [other]})
        sent = [await running.send(EMAIL) for _ in range(2)]
        eventually(hanging.hanging.is_set)
        await eventually_async(lambda: _ran_out(running.store))
        # What becomes due meanwhile is claimed; the looks at the queue find the others due too.
        later = [await running.send(EMAIL, send_at=wall_clock() + micros(0.1 * number)) for number in range(4)]
        await eventually_async(lambda: _claimed(backend, len(sent) + len(later)))
        hanging.release()
        under_way, *waiting = [(await running.settled(one.id)).channels[0] for one in (*sent, *later)]

    assert {(row.status, row.attempts) for row in (under_way, *waiting)} == {(Status.SENT, 1)}
    assert set(hanging.entries.values()) == {1}
    assert (dispatcher.counts[EMAIL][TAKEN_OVER], dispatcher.counts[EMAIL][LEASE_LOST]) == (0, 0)


async def _ran_out(store: Store) -> bool:
    due_at = await store.next_due(EMAIL)
    return due_at is not None and due_at < wall_clock()


async def _claimed(backend: Backend, count: int) -> bool:
    found = backend.database.rows("SELECT count(*) FROM notification_channels WHERE claim_token IS NOT NULL")
    return found == [(count,)]


class WithoutRenewal:
    """A store whose leases run out."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def renew(self, held: Sequence[ClaimedChannel], lease: Micros) -> set[str]:
        raise DatabaseUnavailable("away")


async def test_a_row_that_kills_its_workers_is_given_up(backend: Backend) -> None:
    for crash in range(3):
        async with engine(backend, attempt_limit=3) as running:
            if crash == 0:
                sent = await running.send(EMAIL)
            # Claimed and never heard of again, under a lease that is over.
            assert len(await running.store.claim(EMAIL, 10, 0)) == 1
    provider = Provider()
    async with engine(backend, attempt_limit=3) as running:
        running.dispatcher({EMAIL: [provider]})
        found = await running.settled(sent.id)

    assert (found.status, found.channels[0].attempts) == (Status.FAILED, 3)
    assert found.channels[0].response is not None
    assert found.channels[0].response["reason"] == "ATTEMPTS_EXHAUSTED"
    assert provider.log == []


async def test_two_channels_that_finish_at_the_same_moment_leave_the_right_status(backend: Backend) -> None:
    async with engine(backend) as running:
        for outcomes, expected in (
            ((Status.FAILED, Status.FAILED), Status.FAILED),
            ((Status.SENT, Status.FAILED), Status.SENT),
            ((Status.FAILED, Status.SENT), Status.SENT),
            ((Status.SENT, Status.SENT), Status.SENT),
        ):
            sent = await running.send(EMAIL, SMS)
            claims = [claim for channel in (EMAIL, SMS) for claim in await running.store.claim(channel, 1, micros(60))]
            results = [
                ChannelResult(claim.id, claim.notification_id, claim.token, status, 1, None, None)
                for claim, status in zip(claims, outcomes, strict=True)
            ]
            # Submitted together, so that one transaction writes both.
            assert await asyncio.gather(*(running.store.record([result]) for result in results)) == [[True], [True]]
            assert (await running.store.get(sent.id)).status == expected


async def test_what_expires_before_its_turn_is_not_sent(backend: Backend) -> None:
    provider = Provider(lambda _: TRANSIENT)
    settings = replace(QUICK, retry=replace(QUICK.retry, base=30.0, cap=30.0))
    async with engine(backend, settings=settings) as running:
        running.dispatcher({EMAIL: [provider]})
        sent = await running.send(EMAIL, expires_at=wall_clock() + micros(3.0))  # long enough for a first attempt
        found = await running.settled(sent.id)

    assert len(provider.log) == 1
    assert found.status == Status.FAILED
    assert found.channels[0].response is not None
    assert found.channels[0].response["reason"] == "EXPIRED"
    assert found.channels[0].response["history"][0]["outcome"] == "transient"


async def test_what_is_scheduled_is_sent_when_its_time_comes(backend: Backend) -> None:
    provider = Provider()
    async with engine(backend) as running:
        running.dispatcher({EMAIL: [provider]})
        at = wall_clock() + micros(0.4)
        sent = await running.send(EMAIL, send_at=at)
        assert sent.channels[0].next_attempt_at == at
        found = await running.settled(sent.id)

    assert found.status == Status.SENT
    assert found.channels[0].response is not None
    assert wall_clock() >= at


# -- Cancel and Retry ----------------------------------------------------------------------------


async def test_cancelling_fails_what_is_pending_and_nothing_of_it_is_sent(backend: Backend) -> None:
    provider = Provider()
    async with engine(backend) as running:
        sent = await running.send(EMAIL, SMS, WEBSOCKET)
        cancelled = await running.store.cancel(sent.id)
        running.dispatcher({EMAIL: [provider], SMS: [provider]}, lease_at_insert=False)
        marker = await running.send(EMAIL)
        await running.settled(marker.id)
        with pytest.raises(AlreadySettled):
            await running.store.cancel(sent.id)

    assert cancelled.status == Status.FAILED
    assert [row.response["reason"] for row in cancelled.channels if row.response] == ["CANCELLED"] * 3
    assert [row_id for row_id, _ in provider.log] == [marker.channels[0].id]


async def test_cancelling_what_is_being_sent_lets_an_acceptance_count_but_no_retry_follow(backend: Backend) -> None:
    for outcome, expected in ((ACCEPTED, Status.SENT), (TRANSIENT, Status.FAILED)):
        gate = threading.Event()

        def wait_at(_: ClaimedChannel, gate: threading.Event = gate, outcome: Outcome = outcome) -> Outcome:
            assert gate.wait(60)
            return outcome

        provider = Provider(wait_at)
        async with engine(backend) as running:
            running.dispatcher({EMAIL: [provider]})
            sent = await running.send(EMAIL)
            eventually(lambda: provider.log)  # noqa: B023 - called at once
            during = await running.store.cancel(sent.id)
            gate.set()
            found = await running.settled(sent.id)

        assert during.channels[0].status == Status.PENDING
        assert (found.status, found.channels[0].status, len(provider.log)) == (expected, expected, 1)


async def test_cancelling_what_waits_in_a_lane_keeps_it_from_being_sent(backend: Backend) -> None:
    provider = Provider(lambda _: None)
    async with engine(backend, settings=replace(QUICK, concurrency=1)) as running:
        running.dispatcher({EMAIL: [provider]})
        running_one = await running.send(EMAIL)
        eventually(provider.hanging.is_set)
        waiting = await running.send(EMAIL)  # leased to the lane, behind the one that hangs
        await running.store.cancel(waiting.id)
        provider.release()
        found = await running.settled(waiting.id)
        await running.settled(running_one.id)

    assert found.status == Status.FAILED
    assert [row_id for row_id, _ in provider.log] == [running_one.channels[0].id]


async def test_retrying_revives_what_failed_with_a_new_budget_while_attempts_keep_counting(backend: Backend) -> None:
    working = threading.Event()
    provider = Provider(lambda _: ACCEPTED if working.is_set() else TRANSIENT)
    async with engine(backend, attempt_limit=2) as running:
        running.dispatcher({EMAIL: [provider]})
        sent = await running.send(EMAIL)
        assert (await running.settled(sent.id)).channels[0].attempts == 2
        revived = await running.store.retry(sent.id, [], {})
        assert (revived.status, revived.channels[0].status) == (Status.PENDING, Status.PENDING)
        assert (await running.settled(sent.id)).channels[0].attempts == 4
        working.set()
        await running.store.retry(sent.id, [EMAIL], {})
        found = await running.settled(sent.id)
        with pytest.raises(NotRetryable):
            await running.store.retry(sent.id, [], {})

    assert (found.status, found.channels[0].attempts) == (Status.SENT, 5)
    assert set(provider.entries.values()) == {1}


async def test_retrying_names_what_has_not_failed_and_changes_nothing(backend: Backend) -> None:
    async with engine(backend) as running:
        running.dispatcher({EMAIL: [Provider(lambda _: PERMANENT)]})
        sent = await running.send(EMAIL, SMS)

        async def email_failed() -> bool:
            return (await running.store.get(sent.id)).channels[0].status == Status.FAILED

        await eventually_async(email_failed)
        with pytest.raises(NotRetryable) as refusal:
            await running.store.retry(sent.id, [EMAIL, SMS, TELEGRAM], {})
        unchanged = await running.store.get(sent.id)

    assert refusal.value.metadata["channels"] == "sms,telegram"
    assert unchanged.channels[0].status == Status.FAILED


async def test_retrying_after_expiry_is_refused(backend: Backend) -> None:
    async with engine(backend) as running:
        running.dispatcher({EMAIL: [Provider(lambda _: TRANSIENT)]})
        sent = await running.send(EMAIL, expires_at=wall_clock() + micros(0.2))
        await running.settled(sent.id)
        await eventually_async(lambda: _expired(sent.expires_at))
        with pytest.raises(Expired):
            await running.store.retry(sent.id, [], {})


async def _expired(at: int | None) -> bool:
    return at is not None and wall_clock() >= at


async def test_a_revived_websocket_row_enters_the_feed_again_and_waits_for_a_subscriber(backend: Backend) -> None:
    async with engine(backend) as running:
        sent = await running.send(WEBSOCKET)
        recipient = sent.recipient
        before = await running.store.feed_state(recipient)
        await running.store.settle_feeds({recipient: before.head}, {})
        other = await running.send(WEBSOCKET)
        await running.store.cancel(other.id)
        after_cancel = await running.store.feed_state(recipient)
        revived = await running.store.retry(other.id, [WEBSOCKET], {})
        waiting = await running.store.feed_waiting(recipient, 0, 10)

    assert after_cancel.unread_count == 2  # cancelling does not take it out of the feed
    assert [found.id for found in waiting.notifications] == [other.id]
    assert revived.sequence == waiting.state.sequence == after_cancel.sequence + 1
    assert waiting.state.unread_count == 2


class Flaky:
    """A store that refuses the first results, as one does whose disk is full or whose queue is."""

    def __init__(self, store: Store, refusals: Sequence[Exception]) -> None:
        self._store = store
        self._refusals = list(refusals)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def record(self, results: Sequence[ChannelResult]) -> Sequence[bool | TocsinError]:
        if self._refusals:
            raise self._refusals.pop(0)
        return await self._store.record(results)


async def test_a_result_that_the_database_does_not_take_is_kept_until_it_does(backend: Backend) -> None:
    provider = Provider()
    async with engine(backend) as running:
        flaky = Flaky(running.store, [DatabaseUnavailable("away"), QueueFull(1), DatabaseUnavailable("away")])
        running.dispatcher_on(flaky, {EMAIL: [provider]}, lease_at_insert=False)
        [row] = (await running.settled((await running.send(EMAIL)).id)).channels

    assert (row.status, row.attempts) == (Status.SENT, 1)
    assert provider.log == [(row.id, 1)]


class Fussy:
    """A store that does not take the results of a certain row until ``content``."""

    def __init__(self, store: Store) -> None:
        self.disliked: str | None = None
        self.refusals = 0
        self.content = False
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def record(self, results: Sequence[ChannelResult]) -> Sequence[bool | TocsinError]:
        if self.disliked is None:
            self.disliked = results[0].channel_id
        liked = [result for result in results if self.content or result.channel_id != self.disliked]
        self.refusals += len(results) - len(liked)
        answers = iter(await self._store.record(liked) if liked else ())
        return [next(answers) if result in liked else DatabaseUnavailable("not this one") for result in results]


async def test_a_result_that_the_database_does_not_take_holds_up_no_other(backend: Backend) -> None:
    provider = Provider()
    async with engine(backend) as running:
        fussy = Fussy(running.store)
        running.dispatcher_on(fussy, {EMAIL: [provider]})
        first = await running.send(EMAIL)
        eventually(lambda: fussy.refusals >= 1)
        others = [await running.send(EMAIL) for _ in range(10)]
        rows = [(await running.settled(other.id)).channels[0] for other in others]
        [held] = (await running.store.get(first.id)).channels
        fussy.content = True
        rows += (await running.settled(first.id)).channels

    assert held.status == Status.PENDING
    assert {(row.status, row.attempts) for row in rows} == {(Status.SENT, 1)}
    assert Counter(provider.log) == Counter((row.id, 1) for row in rows)


async def test_answers_that_the_database_refuses_fail_their_rows_and_close_no_channel(backend: Backend) -> None:
    def answer(claim: ClaimedChannel) -> Outcome:
        if claim.message == "fine":
            return ACCEPTED
        kind = OutcomeKind.ACCEPTED if claim.message == "taken" else OutcomeKind.TRANSIENT
        outcome = Outcome(kind, "451")
        object.__setattr__(outcome, "detail", "half a \ud83d")  # past its bounds, as by a fault in them
        return outcome

    places = QUICK.concurrency * PLACES_PER_SENDER
    async with engine(backend) as running:
        running.dispatcher({EMAIL: [Provider(answer)]})
        bad = [await running.send(EMAIL, message=text) for text in ("taken", "put off") for _ in range(places)]
        fine = await running.settled((await running.send(EMAIL, message="fine")).id)
        ends = Counter([(await running.settled(sent.id)).status for sent in bad])
        [taken] = (await running.store.get(bad[0].id)).channels
        [put_off] = (await running.store.get(bad[-1].id)).channels

    assert fine.status == Status.SENT
    assert ends == {Status.SENT: places, Status.FAILED: places}
    assert (taken.response or {})["detail"] == "the answer could not be stored"
    assert (put_off.response or {})["reason"] == REFUSED


# -- Stopping ------------------------------------------------------------------------------------


async def test_a_stop_finishes_what_is_being_sent_and_gives_back_the_rest(backend: Backend) -> None:
    provider = Provider(lambda _: None)
    async with engine(backend, settings=replace(QUICK, concurrency=2)) as running:
        dispatcher = running.dispatcher({EMAIL: [provider]})
        sent = [await running.send(EMAIL) for _ in range(6)]
        eventually(lambda: len(provider.log) == 2)
        stopping = asyncio.create_task(dispatcher.stop(30.0))

        async def rest_was_given_back() -> bool:
            rows = [(await running.store.get(found.id)).channels[0] for found in sent]
            return Counter(row.next_attempt_at is not None for row in rows) == {True: 4, False: 2}

        await eventually_async(rest_was_given_back)
        provider.release()
        await stopping
        rows = [(await running.store.get(found.id)).channels[0] for found in sent]

    assert Counter((row.status, row.attempts) for row in rows) == {("sent", 1): 2, ("pending", 0): 4}
    assert provider.closed == 1


async def test_stopping_twice_and_stopping_what_never_started_do_no_harm(backend: Backend) -> None:
    async with engine(backend) as running:
        dispatcher = running.dispatcher({EMAIL: [Provider()]})
        await dispatcher.stop(1.0)
        await dispatcher.stop(1.0)
        await running.store.close()
        await running.store.close()
        with pytest.raises(ShuttingDown):
            await running.send(EMAIL)


async def test_no_message_body_enters_a_response(backend: Backend) -> None:
    secret = "the body that must stay where it is"
    outcomes = {1: UNKNOWN, 2: TRANSIENT, 3: Outcome(OutcomeKind.PERMANENT, "550", "refused")}
    async with engine(backend) as running:
        running.dispatcher({EMAIL: [Provider(lambda claim: outcomes[claim.attempts + 1])]})
        found = await running.settled((await running.send(EMAIL, message=secret)).id)

    assert secret not in str(found.channels[0].response)
