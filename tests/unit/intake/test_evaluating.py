"""Turns in a thread: one at a time, in order, with a bound of those who wait, and an end."""

from __future__ import annotations

import asyncio
import functools
import threading

import pytest

from helpers.drafts import EMAIL, NOON, user
from tocsin_server.domain.errors import TooManyStreams
from tocsin_server.intake.evaluating import Evaluation, OutOfTime, TimeBudget, within_budget
from tocsin_server.routing.book import Rule, RuleBook
from tocsin_server.routing.facts import Facts
from tocsin_server.routing.policies import Policy

FACTS = Facts(user(), "", "Title", None, {}, None, NOON)


class Holding:
    """Work that goes on until it is told to end."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.begun = asyncio.Event()
        self.end = threading.Event()

    def __call__(self) -> None:
        self.loop.call_soon_threadsafe(self.begun.set)
        assert self.end.wait(60)


async def test_one_works_at_a_time_and_the_others_follow_in_their_order() -> None:
    evaluation, first, order = Evaluation(), Holding(), list[int]()
    calls = [asyncio.ensure_future(evaluation.run(first, TimeBudget(60)))]
    await first.begun.wait()
    for number in range(3):
        calls.append(asyncio.ensure_future(evaluation.run(functools.partial(order.append, number), TimeBudget(60))))
        await asyncio.sleep(0)
    assert order == []
    first.end.set()
    await asyncio.gather(*calls)
    assert order == [0, 1, 2]


async def test_not_more_than_so_many_wait() -> None:
    evaluation, first = Evaluation(most_waiting=1), Holding()
    calls = [asyncio.ensure_future(evaluation.run(first, TimeBudget(60)))]
    await first.begun.wait()
    calls.append(asyncio.ensure_future(evaluation.run(lambda: None, TimeBudget(60))))
    await asyncio.sleep(0)
    with pytest.raises(TooManyStreams):
        await evaluation.run(lambda: None, TimeBudget(60))
    first.end.set()
    await asyncio.gather(*calls)


async def test_who_waits_for_all_of_its_time_is_refused_and_who_had_a_turn_has_found_what_it_has() -> None:
    evaluation, first = Evaluation(), Holding()
    call = asyncio.ensure_future(evaluation.run(first, TimeBudget(60)))
    await first.begun.wait()
    with pytest.raises(TooManyStreams):
        await evaluation.run(lambda: None, TimeBudget(0))
    begun = TimeBudget(0)
    begun.begin()
    with pytest.raises(OutOfTime):
        await evaluation.run(lambda: None, begun)
    first.end.set()
    await call


async def test_what_goes_wrong_in_the_thread_ends_the_call_and_its_turn() -> None:
    evaluation = Evaluation()

    def fail() -> None:
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            await evaluation.run(fail, TimeBudget(60))


async def test_a_call_that_is_broken_off_keeps_its_turn_until_its_thread_ends() -> None:
    evaluation, first, budget = Evaluation(), Holding(), TimeBudget(60)
    call = asyncio.ensure_future(evaluation.run(first, budget))
    await first.begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    with pytest.raises(OutOfTime):
        budget.check()
    with pytest.raises(TooManyStreams):
        await evaluation.run(lambda: None, TimeBudget(0))
    first.end.set()
    await evaluation.run(lambda: None, TimeBudget(60))


class Always:
    """A condition that is true."""

    def __init__(self, *, needs_contact: bool) -> None:
        self.needs_contact = needs_contact

    def holds(self, _facts: Facts) -> bool:
        return True


@pytest.mark.parametrize("needs_contact", [False, True])
def test_rules_and_policies_with_a_pace_are_the_same_until_its_time_is_over(needs_contact: bool) -> None:
    condition = Always(needs_contact=needs_contact)
    few = frozenset({EMAIL})
    book = RuleBook([Rule("any", condition, ()), Rule("all", None, ())], [Policy("no", condition, few, few)])
    budget = TimeBudget(60)
    same = within_budget(book, budget)
    assert same.choose(FACTS, {}) == book.choose(FACTS, {})
    assert same.denied_now(FACTS, EMAIL, None) == book.denied_now(FACTS, EMAIL, None)
    assert same.policies_need_contact([EMAIL]) == needs_contact
    budget.stop()
    with pytest.raises(OutOfTime):
        same.choose(FACTS, {})
    with pytest.raises(OutOfTime):
        same.denied_now(FACTS, EMAIL, None)
