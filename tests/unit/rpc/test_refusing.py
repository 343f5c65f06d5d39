"""Refusals to strangers are told at a pace; all others at once."""

from __future__ import annotations

import asyncio

import pytest

from helpers.feeds import turns
from tocsin_server.domain.errors import (
    InvalidArgument,
    MalformedRequest,
    RequestTooLarge,
    TocsinError,
    TokenExpired,
    Unauthenticated,
    Violation,
)
from tocsin_server.rpc.limits import STREAMS
from tocsin_server.rpc.refusing import AT_ONCE, EACH, LONGEST, RATE, Refusals

STRANGERS = [Unauthenticated(), MalformedRequest("M"), RequestTooLarge("M", 2, 1)]


class Clock:
    """Seconds in the test's hands."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def waits(
    refusals: Refusals, count: int, refusal: TocsinError = STRANGERS[0], size: int = 0, *, known: bool = False
) -> list[float]:
    return [refusals.wait_of(refusal, size, known=known) for _ in range(count)]


@pytest.mark.parametrize("refusal", STRANGERS, ids=lambda one: one.reason)
def test_so_many_are_told_at_once_and_the_rest_one_after_the_other(refusal: TocsinError) -> None:
    refusals = Refusals(Clock())
    assert max(waits(refusals, AT_ONCE, refusal)) <= 1e-6
    assert waits(refusals, 3, refusal) == pytest.approx([1 / RATE, 2 / RATE, 3 / RATE])


@pytest.mark.parametrize(
    "refusal", [InvalidArgument([Violation("title", "must not be empty")]), TokenExpired("2026-01-01")]
)
def test_what_honest_callers_are_refused_neither_waits_nor_counts(refusal: TocsinError) -> None:
    refusals = Refusals(Clock())
    waits(refusals, AT_ONCE)
    assert waits(refusals, 1_000, refusal) == [0.0] * 1_000
    assert waits(refusals, 1) == pytest.approx([1 / RATE])


def test_strangers_do_not_hold_up_what_tells_a_known_caller_of_a_mistake() -> None:
    refusals = Refusals(Clock())
    waits(refusals, 10_000)
    assert max(waits(refusals, AT_ONCE, STRANGERS[2], known=True)) <= 1e-6
    assert waits(refusals, 1, STRANGERS[2], known=True) == pytest.approx([1 / RATE])


def test_those_who_wait_leave_room_for_others_on_the_connection_of_a_proxy() -> None:
    refusals = Refusals(Clock())
    assert len([wait for wait in waits(refusals, 10_000) if wait > 1e-6]) < STREAMS


def test_large_requests_count_as_several() -> None:
    refusals = Refusals(Clock())
    waits(refusals, AT_ONCE)
    assert waits(refusals, 1, size=10 * EACH) == pytest.approx([11 / RATE])


def test_no_more_wait_than_are_told_within_the_longest_wait() -> None:
    refusals = Refusals(clock := Clock())
    found = waits(refusals, 10_000)
    assert max(found) <= LONGEST
    assert len([wait for wait in found if wait > 1e-6]) <= LONGEST * RATE
    assert found[-1] == 0.0, "what finds no room is told at once"
    clock.now += 1.0
    assert waits(refusals, 1) == pytest.approx([LONGEST - 1.0 + 1 / RATE], abs=1 / RATE)


def test_after_a_while_without_any_they_are_told_at_once_again() -> None:
    refusals = Refusals(clock := Clock())
    waits(refusals, 10_000)
    clock.now += LONGEST + AT_ONCE / RATE
    assert max(waits(refusals, AT_ONCE - 1)) <= 1e-6


async def test_who_waits_is_told_when_the_server_stops_and_who_comes_then_at_once() -> None:
    refusals = Refusals(Clock())
    waits(refusals, int(LONGEST * RATE / 2))
    waiting = [asyncio.ensure_future(refusals.turn(STRANGERS[0], 0, known=False)) for _ in range(3)]
    await turns()
    waiting[0].cancel()
    assert not any(one.done() for one in waiting[1:])
    refusals.close()
    refusals.close()
    waiting.append(asyncio.ensure_future(refusals.turn(STRANGERS[0], 0, known=False)))
    await turns()
    assert all(one.done() for one in waiting), "not when its time has come"
    assert [one.cancelled() for one in waiting] == [True, False, False, False]
