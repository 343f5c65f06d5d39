"""Memory for what streams read: one budget, in turns, and nobody keeps a page for ever."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from helpers.drafts import notification
from helpers.feeds import turns
from helpers.waiting import eventually_async
from tocsin_server.domain.model import FeedPart, FeedState
from tocsin_server.feed.replay import PAGE_BYTES, Page, ReplayBudget

STATE = FeedState(7, 10, 0, 10)
LONG = 3600.0


def part(weight: int = PAGE_BYTES, count: int = 3) -> FeedPart:
    return FeedPart(STATE, [notification(sequence=number) for number in range(1, count + 1)], weight, more=True)


async def held(budget: ReplayBudget, weight: int = PAGE_BYTES) -> Page:
    await budget.reserve()
    return budget.hold(part(weight))


async def is_waiting(task: asyncio.Task[Page]) -> bool:
    await turns()
    return not task.done()


async def test_those_who_find_no_room_wait_in_turn() -> None:
    budget = ReplayBudget(2 * PAGE_BYTES, LONG)
    one, two = await held(budget), await held(budget)
    waiting = [asyncio.create_task(held(budget)) for _ in range(3)]
    assert await is_waiting(waiting[0])
    budget.drop(one)
    budget.drop(one)
    await turns()
    assert [task.done() for task in waiting] == [True, False, False]
    budget.drop(two)
    budget.drop(await waiting[0])
    await turns()
    assert [task.done() for task in waiting] == [True, True, True]
    for task in waiting[1:]:
        budget.drop(await task)
    assert budget._free == 2 * PAGE_BYTES


def test_a_page_is_taken_by_its_subscriber_and_not_by_being_taken_back() -> None:
    page, other = (Page(part(count=2), PAGE_BYTES, 0.0) for _ in range(2))
    assert not page.taken
    page.take()
    assert not page.taken
    page.take()
    assert page.taken
    other.take()
    other.revoke()
    assert not other.taken


async def test_small_pages_take_small_room() -> None:
    budget = ReplayBudget(2 * PAGE_BYTES, LONG)
    pages = [await held(budget, PAGE_BYTES // 10) for _ in range(10)]
    last = await held(budget)
    waiting = asyncio.create_task(held(budget))
    assert await is_waiting(waiting)
    for page in (*pages, last):
        budget.drop(page)
    budget.drop(await waiting)
    assert budget._free == 2 * PAGE_BYTES


async def test_an_empty_page_takes_no_room() -> None:
    budget = ReplayBudget(PAGE_BYTES, LONG)
    for _ in range(3):
        await budget.reserve()
        page = budget.hold(FeedPart(STATE, []))
        assert page.take() is None
    assert budget._free == PAGE_BYTES


async def test_a_page_that_is_kept_for_too_long_is_taken_back_when_others_wait() -> None:
    budget = ReplayBudget(PAGE_BYTES, 0.05)
    page = await held(budget)
    first = page.take()
    assert first is not None
    other = await held(budget)  # returns when the other one is taken back
    assert page.revoked
    assert page.take() is None
    budget.drop(page)
    assert budget._free == 0
    budget.drop(other)
    assert budget._free == PAGE_BYTES


async def test_nobody_waits_longer_than_that_behind_those_who_keep_theirs() -> None:
    budget = ReplayBudget(2 * PAGE_BYTES, 0.01)
    pages = [await held(budget) for _ in range(20)]
    assert [page.revoked for page in pages] == [True] * 18 + [False] * 2


async def test_a_page_is_kept_while_nobody_waits() -> None:
    budget = ReplayBudget(2 * PAGE_BYTES, 0.0)
    page = await held(budget)
    await held(budget)
    await turns()
    assert not page.revoked


@pytest.mark.parametrize("granted", [False, True])
async def test_whoever_gives_up_waiting_takes_no_room(granted: bool) -> None:
    budget = ReplayBudget(PAGE_BYTES, LONG)
    page = await held(budget)
    waiting = asyncio.create_task(budget.reserve())
    await turns()
    if granted:
        budget.drop(page)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    budget.drop(page)
    assert budget._free == (PAGE_BYTES if not waiting.done() or waiting.cancelled() else 0)
    assert not budget._waiting


async def test_a_read_that_fails_gives_its_room_back() -> None:
    budget = ReplayBudget(PAGE_BYTES, LONG)
    await budget.reserve()
    waiting = asyncio.create_task(held(budget))
    assert await is_waiting(waiting)
    budget.release()

    async def done() -> bool:
        return waiting.done()

    await eventually_async(done)
    budget.drop(await waiting)
    assert budget._free == PAGE_BYTES
