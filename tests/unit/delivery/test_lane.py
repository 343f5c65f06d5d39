"""A lane on a queue without a database: what it claims, when it looks again, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from helpers.drafts import EMAIL, FAILED, PENDING, SENT, claim
from helpers.queue import FakeQueue
from helpers.senders import ACCEPTED, BROKEN, Provider
from helpers.waiting import eventually
from tocsin_server.channels.bounds import LONGEST_WAIT
from tocsin_server.delivery import breaker
from tocsin_server.delivery.breaker import FAILURES_TO_OPEN
from tocsin_server.delivery.lane import PLACES_PER_SENDER, Lane, LaneSettings
from tocsin_server.domain.clock import micros, wall_clock
from tocsin_server.domain.errors import DatabaseUnavailable
from tocsin_server.domain.model import ChannelType, ClaimedChannel, Denial, Micros
from tocsin_server.telemetry.observer import ClockSet, Observer, TakenOver
from tocsin_server.timing.backoff import Backoff

ONE = LaneSettings(concurrency=1)


def lines(caplog: pytest.LogCaptureFixture) -> list[Any]:
    """Return our own records: what other tests left behind may be told of at any time."""
    return [record for record in caplog.records if record.name.startswith(("tocsin_server", "test."))]


def rows(count: int) -> list[ClaimedChannel]:
    """Return rows that were leased just now."""
    return [claim(id=f"row-{number}", lease_until=wall_clock() + micros(60)) for number in range(count)]


@contextlib.contextmanager
def running(
    queue: Any, provider: Provider, settings: LaneSettings = ONE, observer: Observer | None = None, **options: Any
) -> Iterator[Lane]:
    lane = Lane(
        EMAIL,
        [provider],
        queue,
        settings,
        options.get("clock", wall_clock),
        observer or Observer(),
        options.get("policies"),
    )
    lane.start()
    try:
        yield lane
    finally:
        provider.release()
        lane.stop(5.0)


def test_a_lane_claims_as_much_as_it_has_places_for_and_names_what_it_holds() -> None:
    places = 2 * PLACES_PER_SENDER
    queue = FakeQueue(*rows(places + 5))
    provider = Provider(lambda row: None if row.id == "row-0" else ACCEPTED)
    with running(queue, provider, LaneSettings(concurrency=2)):
        eventually(lambda: len(queue.recorded) == places + 4)
        assert queue.asked[0] == (places, [])
        assert all("row-0" in held for _, held in queue.asked[1:])
        assert all(len(held) + limit <= places for limit, held in queue.asked)
        provider.release()
        eventually(lambda: len(queue.recorded) == places + 5)
    assert {one.status for one in queue.recorded} == {SENT}


def test_new_rows_have_places_until_more_is_due_than_there_are() -> None:
    queue, provider = FakeQueue(), Provider(lambda _: None)
    with running(queue, provider) as lane:
        assert lane.places.reserve()
        lane.hand_over(rows(1))
        eventually(provider.hanging.is_set)
        queue.due += rows(PLACES_PER_SENDER + 5)[1:]
        eventually(lambda: lane.places.backlog)
        assert not lane.places.reserve()


def test_a_lane_that_is_paused_finishes_what_is_being_sent_and_gives_back_what_waits_for_its_turn() -> None:
    queue, provider = FakeQueue(*rows(5)), Provider(lambda row: None if row.id == "row-0" else ACCEPTED)
    with running(queue, provider) as lane:
        eventually(provider.hanging.is_set)
        eventually(lambda: queue.asked)
        lane.pause(paused=True)
        eventually(lambda: {row.id for row in queue.released} == {"row-1", "row-2", "row-3", "row-4"})
        assert not lane.places.reserve()
        provider.release()
        eventually(lambda: [one.channel_id for one in queue.recorded] == ["row-0"])
        queue.due += queue.released
        lane.pause(paused=True)
        asked = len(queue.asked)
        lane.pause(paused=False)
        eventually(lambda: len(queue.recorded) == 5)
        assert len(queue.asked) > asked
    assert provider.entries == {(f"row-{number}", 1): 1 for number in range(5)}


def test_a_lane_that_starts_paused_claims_nothing_until_it_goes_on() -> None:
    queue, provider = FakeQueue(*rows(2)), Provider()
    lane = Lane(EMAIL, [provider], queue, ONE, wall_clock)
    lane.pause(paused=True)
    lane.start()
    try:
        lane.hand_over([claim(id="late", lease_until=wall_clock() + micros(60))])
        eventually(lambda: [row.id for row in queue.released] == ["late"])
        assert (queue.asked, queue.recorded) == ([], [])
        lane.pause(paused=False)
        eventually(lambda: len(queue.recorded) == 2)
    finally:
        lane.stop(5.0)


def test_a_row_that_was_taken_over_is_told_of() -> None:
    taken: list[TakenOver] = []
    observer = Observer()
    observer.listen(TakenOver, taken.append)
    queue = FakeQueue(claim(id="a", taken_over=True, attempts=1, lease_until=wall_clock() + micros(60)), *rows(1))
    with running(queue, Provider(), observer=observer):
        eventually(lambda: len(queue.recorded) == 2)
    assert taken == [TakenOver(EMAIL, "a")]


def test_an_outage_ends_no_lane(caplog: pytest.LogCaptureFixture) -> None:
    queue = FakeQueue()
    queue.fault = DatabaseUnavailable("away")
    with running(queue, Provider()) as lane:
        eventually(lambda: "claim_failed" in [getattr(one, "event", "") for one in lines(caplog)])
        queue.fault = fault = RuntimeError("a fault of ours")
        eventually(lambda: fault in [one.exc_info[1] for one in lines(caplog) if one.exc_info])
        queue.due += rows(1)
        queue.fault = None
        eventually(lambda: queue.recorded)
        assert not lane.ended.done()


def test_while_every_provider_is_kept_out_one_row_at_a_time_may_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "PAUSES", Backoff(first=0.01, longest=0.01, healthy=0.0))
    queue, provider = FakeQueue(*rows(FAILURES_TO_OPEN)), Provider(lambda _: BROKEN)
    with running(queue, provider):
        eventually(lambda: len(queue.recorded) == FAILURES_TO_OPEN)
        queue.due += rows(20)
        eventually(lambda: len(queue.recorded) >= FAILURES_TO_OPEN + 5)
    probes = queue.asked[1:]
    assert {limit for limit, _ in probes} == {1}
    assert {one.status for one in queue.recorded} == {PENDING}


def test_when_the_clock_is_set_back_leases_are_renewed_and_waiting_rows_brought_forward() -> None:
    queue, provider, ahead = FakeQueue(*rows(1)), Provider(lambda _: None), [0]
    jumps: list[ClockSet] = []
    observer = Observer()
    observer.listen(ClockSet, jumps.append)

    def clock() -> Micros:
        return wall_clock() + ahead[0]

    with running(queue, provider, observer=observer, clock=clock):
        eventually(provider.hanging.is_set)
        # At the start, what waits for longer than anything can.
        [(later_than, _)] = queue.hastened
        assert later_than - wall_clock() > micros(LONGEST_WAIT - 60)
        queue.renewed.clear()
        ahead[0] = micros(-3600)
        eventually(lambda: len(queue.hastened) == 2)
        assert queue.renewed == [["row-0"]]
        ahead[0] = micros(3600)
        eventually(lambda: len(queue.renewed) == 2)
    assert [round(jump.seconds) for jump in jumps] == [-3600, 7200]
    assert len(queue.hastened) == 2
    assert abs(queue.hastened[1][1] - micros(3600)) < micros(5)


def test_a_part_that_ends_unasked_ends_the_lane_with_its_error() -> None:
    class Mortal(FakeQueue):
        async def record(self, results: Sequence[Any]) -> Sequence[bool]:
            raise asyncio.CancelledError  # as nothing but a fault would

    queue = Mortal(*rows(1))
    with running(queue, Provider()) as lane:
        eventually(lane.ended.done)
        assert lane.ended.exception() is not None
        assert not lane.places.reserve()


def test_a_lane_that_was_told_to_stop_ends_without_an_error() -> None:
    with running(FakeQueue(), Provider()) as lane:
        pass
    assert lane.ended.exception() is None


def test_a_provider_that_cannot_be_made_keeps_its_lane_from_starting() -> None:
    def fail() -> Any:
        raise RuntimeError("no such provider")

    lane = Lane(ChannelType.SMS, [fail], FakeQueue(), ONE, wall_clock)
    with pytest.raises(RuntimeError, match="no such provider"):
        lane.start()
    assert not lane.places.reserve()


def test_rows_for_a_lane_that_has_ended_are_left_to_their_leases(caplog: pytest.LogCaptureFixture) -> None:
    with running(FakeQueue(), Provider()) as lane:
        pass
    lane.hand_over(rows(1))
    lane.cancel(["x"])
    lane.stop(1.0)
    assert [getattr(one, "event", "") for one in lines(caplog)] == ["lease_orphaned"]


class Policies:
    """What is said of rows by their ids; an error is raised. ``any`` is whether there is anything to ask."""

    def __init__(self, **said: Denial | Micros | Exception) -> None:
        self.any = True
        self._said = said
        self.asked: list[str] = []

    async def ruling(self, row: ClaimedChannel, _now: Micros) -> Denial | Micros | None:
        self.asked.append(row.id)
        ruling = self._said.get(row.id.replace("-", "_"))
        if isinstance(ruling, Exception):
            raise ruling
        return ruling


def test_policies_are_asked_just_before_a_row_is_sent_and_what_they_keep_reaches_no_provider() -> None:
    later, denial = wall_clock() + micros(3_600), Denial(EMAIL, "no letters", "denied")
    policies = Policies(row_0=denial, row_1=later, row_2=DatabaseUnavailable("away"))
    queue, sent = FakeQueue(*rows(4)), list[str]()

    def answer(row: ClaimedChannel) -> Any:
        sent.append(row.id)
        return ACCEPTED

    with running(queue, Provider(answer), policies=policies):
        eventually(lambda: len(queue.recorded) == 4)
    results = {one.channel_id: one for one in queue.recorded}
    assert sent == ["row-3"]
    assert policies.asked == ["row-0", "row-1", "row-2", "row-3"]
    assert [results[f"row-{number}"].status for number in range(4)] == [FAILED, PENDING, PENDING, SENT]
    assert results["row-0"].denial == denial
    assert results["row-1"].due_at == later
    asked_again = results["row-2"].due_at
    assert asked_again is not None
    assert asked_again < later
    assert [results[f"row-{number}"].attempts for number in range(3)] == [0, 0, 0]


def test_without_policies_nobody_is_asked() -> None:
    policies = Policies(row_0=Denial(EMAIL, "no letters", "denied"))
    policies.any = False
    queue = FakeQueue(*rows(1))
    with running(queue, Provider(), policies=policies):
        eventually(lambda: queue.recorded)
    assert policies.asked == []
    assert queue.recorded[0].status == SENT
