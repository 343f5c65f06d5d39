"""What operators order and ask, on both databases."""

from __future__ import annotations

import pytest

from helpers.drafts import EMAIL, PENDING, SMS, TELEGRAM, WEBSOCKET, draft, user
from helpers.store import StoreBench
from tocsin_server.domain.attempt_log import attempted
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import ChannelType
from tocsin_server.domain.operating import OpenBreaker, Orders, Pause, UndecidedCounts
from tocsin_server.storage.new_ids import new_id

HOUR = micros(3600)


def pause(bench: StoreBench, channel: ChannelType, by: str, reason: str = "") -> Pause:
    return bench.run(bench.store.pause(Pause(channel, 0, by, reason)))


def test_a_pause_stands_until_it_ends_and_the_first_one_counts(bench: StoreBench) -> None:
    first = pause(bench, SMS, "ops", "asked to")
    assert abs(first.at - bench.clock()) < HOUR
    assert (first.channel, first.by, first.reason) == (SMS, "ops", "asked to")
    assert pause(bench, SMS, "somebody else") == first
    other = pause(bench, EMAIL, "ops")
    bench.reopen()
    assert bench.run(bench.store.orders()) == Orders([other, first], [])
    assert bench.run(bench.store.resume(SMS))
    assert not bench.run(bench.store.resume(SMS))
    assert bench.run(bench.store.orders()) == Orders([other], [])


def test_breakers_are_those_of_processes_that_live(bench: StoreBench) -> None:
    dead, alive, now = new_id(), new_id(), bench.clock()
    one, two = OpenBreaker(EMAIL, "smtp://a", "451", now), OpenBreaker(SMS, "twilio://b", "20503", now + 1)
    bench.run(bench.store.note_breakers(dead, [one], micros(60)))
    bench.run(bench.store.note_breakers(alive, [one, two], 2 * HOUR))
    assert bench.run(bench.store.queue_notes()).breakers == [one, one, two]
    bench.clock.advance(3600)
    assert bench.run(bench.store.queue_notes()).breakers == [one, two]
    bench.run(bench.store.note_breakers(alive, [two], micros(60)))
    assert bench.run(bench.store.queue_notes()).breakers == [two]
    assert bench.backend.database.counts()["open_breakers"] == 1
    bench.run(bench.store.note_breakers(alive, [], micros(60)))
    assert bench.backend.database.counts()["open_breakers"] == 0


def test_rows_that_wait_after_an_attempt_are_counted_by_the_provider_that_it_was_made_at(bench: StoreBench) -> None:
    bench.accept(*(draft(EMAIL, WEBSOCKET) for _ in range(4)))
    for row, provider in zip(bench.claim(EMAIL, limit=3), ("smtp://a", "smtp://b", "smtp://a"), strict=True):
        answer = attempted(None, outcome="transient", code="451", detail="", provider=provider, at=0)
        assert bench.record(row, PENDING, response=answer, due_at=bench.clock() + HOUR)
    assert bench.run(bench.store.queue_notes()).retrying == {
        WEBSOCKET: {}, EMAIL: {"smtp://a": 2, "smtp://b": 1}, TELEGRAM: {}, SMS: {}
    }  # fmt: skip


def test_what_is_undecided_is_late_after_half_of_its_time(bench: StoreBench) -> None:
    assert bench.run(bench.store.undecided_counts()) == UndecidedCounts(0, 0)
    now = bench.clock()
    bench.accept(
        *(draft(recipient=user())._replace(channels=(), route_by=now + hours * HOUR) for hours in (1, 3, 3))
    )  # fmt: skip
    assert bench.run(bench.store.undecided_counts()) == UndecidedCounts(3, 0)
    bench.clock.advance(3000)
    assert bench.run(bench.store.undecided_counts()) == UndecidedCounts(3, 1)
    assert bench.run(bench.store.queue_notes()).undecided == UndecidedCounts(3, 1)


@pytest.mark.parametrize("channel", [EMAIL, TELEGRAM, SMS])
def test_every_channel_can_be_paused(bench: StoreBench, channel: ChannelType) -> None:
    pause(bench, channel, "ops")
    assert [one.channel for one in bench.run(bench.store.orders()).pauses] == [channel]
