"""What a lane holds, and for how long it may begin to send it."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.drafts import NOON, claim
from helpers.queue import FakeQueue
from tocsin_server.delivery import leases as leases_module
from tocsin_server.delivery.leases import Leases
from tocsin_server.domain.clock import micros

LEASE = 60.0


class Times:
    """Both clocks."""

    def __init__(self) -> None:
        self.wall = NOON
        self.monotonic = 1000.0

    def pass_(self, seconds: float) -> None:
        """Let time go by."""
        self.wall += micros(seconds)
        self.monotonic += seconds


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Times:
    times = Times()
    monkeypatch.setattr(f"{leases_module.__name__}.time.monotonic", lambda: times.monotonic)
    return times


def leases(queue: Any, times: Times) -> Leases:
    return Leases(queue, LEASE, lambda: times.wall)


def test_a_row_may_be_sent_until_its_lease_is_over(times: Times) -> None:
    held, row = leases(FakeQueue(), times), claim()
    assert not held
    assert not held.may_send(row)
    times.pass_(5)  # so long ago was it leased
    held.begin([row])
    assert held
    assert held.ids == [row.id]
    times.pass_(54)
    assert held.may_send(row)
    times.pass_(1)
    assert not held.may_send(row)
    assert held.held(row) is not None
    held.end(row.id)
    held.end(row.id)
    assert held.held(row) is None


@pytest.mark.parametrize("seconds", [3600.0, -3600.0], ids=["forward", "back"])
def test_a_clock_that_is_set_lengthens_no_lease(times: Times, seconds: float) -> None:
    held, early, late = leases(FakeQueue(), times), claim(id="early"), claim(id="late")
    held.begin([early])
    times.wall += micros(seconds)
    held.begin([late])
    assert held.may_send(early)
    times.pass_(LEASE)
    assert not held.may_send(early)
    assert not held.may_send(late)


def test_what_is_cancelled_is_not_sent(times: Times) -> None:
    held = leases(FakeQueue(), times)
    rows = [claim(id="a"), claim(id="b", notification_id="other"), claim(id="c", cancelled=True)]
    held.begin(rows)
    held.cancel({rows[0].notification_id})
    assert [held.may_send(row) for row in rows] == [False, True, False]


async def test_renewing_extends_what_is_still_held_from_the_time_it_was_asked_for(times: Times) -> None:
    queue = FakeQueue()
    held = leases(queue, times)
    assert await held.renew_in_time() == LEASE / 2
    assert queue.renewed == []
    kept, lost = claim(id="kept"), claim(id="lost")
    held.begin([kept, lost])
    queue.lost = {lost.id}
    times.pass_(30)
    await held.renew()
    assert queue.renewed == [[kept.id, lost.id]]
    times.pass_(45)
    assert held.may_send(kept)
    assert not held.may_send(lost)


async def test_what_turns_out_not_to_be_held_any_more_is_not_sent(times: Times) -> None:
    queue = FakeQueue()
    held = leases(queue, times)
    kept, gone = claim(id="kept"), claim(id="gone")
    held.begin([kept, gone])
    queue.lost = {"gone"}
    await held.renew()
    assert [held.may_send(row) for row in (kept, gone)] == [True, False]
    assert held.held(gone) is None
    assert held.ids == ["kept", "gone"]  # until its place is given back, so that it is not claimed meanwhile


async def test_what_ends_while_leases_are_renewed_is_held_no_more(times: Times) -> None:
    class Slow(FakeQueue):
        async def renew(self, held: Any, lease: int) -> set[str]:
            holder.end(row.id)
            return await super().renew(held, lease)

    row = claim()
    holder = leases(Slow(), times)
    holder.begin([row])
    await holder.renew()
    assert not holder
