"""The lanes together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from helpers.drafts import EMAIL, SMS, TELEGRAM, claim
from helpers.queue import FakeQueue
from helpers.senders import Provider
from helpers.waiting import eventually
from tocsin_server.delivery.dispatcher import Dispatcher
from tocsin_server.delivery.lane import LaneSettings
from tocsin_server.domain.clock import micros, wall_clock


class Mortal(FakeQueue):
    """A queue whose lanes do not survive their first result."""

    async def record(self, results: Sequence[Any]) -> Sequence[bool]:
        raise asyncio.CancelledError


def leased(channel: Any, name: str) -> Any:
    return claim(id=name, channel=channel, lease_until=wall_clock() + micros(60))


async def test_rows_go_to_the_lane_of_their_channel() -> None:
    email, sms, queue = Provider(), Provider(), FakeQueue()
    dispatcher = Dispatcher({EMAIL: [email], SMS: [sms], TELEGRAM: []}, LaneSettings(), wall_clock)
    dispatcher.start(queue)
    assert [dispatcher.reserve(channel) for channel in (EMAIL, SMS, TELEGRAM)] == [True, True, False]
    dispatcher.hand_over([leased(EMAIL, "e"), leased(SMS, "s"), leased(EMAIL, "f")])
    eventually(lambda: len(queue.recorded) == 3)
    assert ([row for row, _ in email.log], [row for row, _ in sms.log]) == (["e", "f"], ["s"])
    ended = asyncio.create_task(dispatcher.run())
    await dispatcher.stop(5.0)
    await dispatcher.stop(5.0)
    await ended


async def test_places_that_are_given_back_can_be_reserved_again() -> None:
    dispatcher = Dispatcher({EMAIL: [Provider()]}, LaneSettings(concurrency=1), wall_clock)
    dispatcher.start(FakeQueue())
    taken = 0
    while dispatcher.reserve(EMAIL):
        taken += 1
    dispatcher.give_back([EMAIL] * taken)
    assert all(dispatcher.reserve(EMAIL) for _ in range(taken))
    await dispatcher.stop(5.0)


async def test_the_end_of_one_lane_is_noticed_at_once() -> None:
    queue = Mortal()
    dispatcher = Dispatcher({EMAIL: [Provider()], SMS: [Provider()]}, LaneSettings(), wall_clock)
    dispatcher.start(queue)
    noticed = asyncio.create_task(dispatcher.run())
    assert dispatcher.reserve(SMS)
    dispatcher.hand_over([leased(SMS, "s")])
    with pytest.raises((Exception, asyncio.CancelledError)):
        await asyncio.wait_for(noticed, 20)
    assert not dispatcher.reserve(SMS)
    assert dispatcher.reserve(EMAIL)
    await dispatcher.stop(5.0)


async def test_whoever_waits_for_the_end_may_give_up_without_harm() -> None:
    dispatcher = Dispatcher({EMAIL: [Provider()]}, LaneSettings(), wall_clock)
    dispatcher.start(FakeQueue())
    waiting = asyncio.create_task(dispatcher.run())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await dispatcher.stop(5.0)
    await dispatcher.run()


async def test_without_lanes_there_is_nothing_to_wait_for() -> None:
    dispatcher = Dispatcher({}, LaneSettings(), wall_clock)
    dispatcher.start(FakeQueue())
    await dispatcher.run()
    await dispatcher.stop(5.0)
