"""Waiting for something to decide: who is woken, by what, how often the store is looked at, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from helpers.drafts import NOON
from helpers.waiting import eventually_async
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import ShuttingDown, TooManyStreams
from tocsin_server.domain.model import RecipientType
from tocsin_server.domain.undecided import UndecidedFilter, UndecidedKind, Waiting
from tocsin_server.intake.waiting import LOOK, Place, Waiters

PATIENCE = 60.0
USER = RecipientType.USER
ANY = UndecidedFilter()
PAID = UndecidedKind("order.paid", USER)
NEWS = UndecidedKind("news", RecipientType.GUEST)


class Shelf:
    """What is undecided; counts how often it is looked at."""

    def __init__(self) -> None:
        self.waiting = Waiting([], None)
        self.looks = 0

    async def waiting_undecided(self, limit: int) -> Waiting:
        assert limit == LOOK
        self.looks += 1
        return self.waiting


class Told:
    """Other processes, which note what they are told."""

    def __init__(self) -> None:
        self.joined = False
        self.told = 0

    async def join(self) -> None:
        self.joined = True

    def leave(self) -> None:
        self.joined = False

    def tell(self) -> None:
        self.told += 1


@contextlib.asynccontextmanager
async def running(shelf: Shelf, others: Told | None = None, **options: int) -> AsyncIterator[Waiters]:
    waiters = Waiters(shelf, lambda: NOON, others, **options)
    waiters.start()
    try:
        yield waiters
    finally:
        await waiters.stop()


async def seen(shelf: Shelf, looks: int) -> None:
    async def enough() -> bool:
        return shelf.looks >= looks

    await eventually_async(enough)


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        (ANY, (True, True)),
        (UndecidedFilter("order.*"), (True, False)),
        (UndecidedFilter("order"), (False, False)),
        (UndecidedFilter("news"), (False, True)),
        (UndecidedFilter("", [USER]), (True, False)),
        (UndecidedFilter("news", [USER]), (False, False)),
    ],
)
async def test_a_filter_lets_through_what_it_says(wanted: UndecidedFilter, takes: tuple[bool, bool]) -> None:
    place = Place(wanted, 10)
    assert (place.takes(PAID), place.takes(NEWS)) == takes


async def test_while_nobody_waits_the_store_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, others = Shelf(), Told()
    async with running(shelf, others) as waiters:
        for _ in range(10):
            waiters.arrived()
            await asyncio.sleep(0)
        assert (shelf.looks, others.told, others.joined) == (0, 10, False)


async def test_whoever_waits_is_woken_by_what_arrives_and_only_for_what_is_wanted() -> None:
    shelf, others = Shelf(), Told()
    async with (
        running(shelf, others) as waiters,
        waiters.place(UndecidedFilter("news"), 10, "a") as news,
        waiters.place(ANY, 1, "b") as anything,
    ):
        assert others.joined
        await seen(shelf, 1)
        shelf.waiting = Waiting([PAID], None)
        waiters.arrived()
        assert await anything.woken(PATIENCE)
        assert not await news.woken(0.0)
    assert not others.joined


async def test_one_look_wakes_as_many_as_it_takes_and_the_first_come_first() -> None:
    shelf = Shelf()
    async with running(shelf) as waiters, contextlib.AsyncExitStack() as stack:
        places = [await stack.enter_async_context(waiters.place(ANY, 2, None)) for _ in range(4)]
        await seen(shelf, 1)
        shelf.waiting = Waiting([PAID, NEWS, PAID], None)
        before = shelf.looks
        waiters.wake()
        await seen(shelf, before + 1)
        assert [await place.woken(0.0) for place in places] == [True, True, False, False]


async def test_the_end_of_a_lease_is_looked_for_when_it_comes() -> None:
    shelf = Shelf()
    shelf.waiting = Waiting([], NOON + micros(0.01))
    async with running(shelf) as waiters, waiters.place(ANY, 1, None) as place:
        await seen(shelf, 2)
        shelf.waiting = Waiting([PAID], None)
        assert await place.woken(PATIENCE)


async def test_when_a_look_does_not_see_all_everybody_tries() -> None:
    shelf = Shelf()
    shelf.waiting = Waiting([PAID] * LOOK, None)
    async with running(shelf) as waiters, waiters.place(UndecidedFilter("news"), 1, None) as place:
        assert await place.woken(PATIENCE)


@pytest.mark.parametrize(("holders", "scope"), [(["a", "a", "a"], "token"), (["a", "a", "b", "b", "c"], "server")])
async def test_no_more_wait_than_may_and_nobody_takes_all_places(holders: list[str], scope: str) -> None:
    async with running(Shelf(), limit=4) as waiters, contextlib.AsyncExitStack() as stack:
        for holder in holders[:-1]:
            await stack.enter_async_context(waiters.place(ANY, 1, holder))
        with pytest.raises(TooManyStreams) as refused:
            await stack.enter_async_context(waiters.place(ANY, 1, holders[-1]))
        assert refused.value.metadata["scope"] == scope
    assert waiters.count == 0


async def test_closing_wakes_all_and_lets_nobody_wait_any_more() -> None:
    async with running(Shelf()) as waiters:
        async with waiters.place(ANY, 1, None) as place:
            waiters.close()
            assert await place.woken(PATIENCE)
        assert waiters.closing
        with pytest.raises(ShuttingDown):
            await waiters.place(ANY, 1, None).__aenter__()


async def test_a_look_that_fails_is_followed_by_another() -> None:
    shelf = Shelf()
    real: Callable[[int], object] = shelf.waiting_undecided

    async def fails(limit: int) -> Waiting:
        shelf.waiting_undecided = real  # type: ignore[method-assign, assignment]
        raise ShuttingDown

    shelf.waiting_undecided = fails  # type: ignore[method-assign]
    async with running(shelf) as waiters, waiters.place(ANY, 1, None):
        await seen(shelf, 1)
