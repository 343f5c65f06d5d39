"""Group commit: what is shared, what is not, and who hears of it when."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from helpers.drafts import EMAIL, NOON, SMS, claim, notification, user
from helpers.store import PATIENCE, in_loops
from helpers.waiting import eventually
from tocsin_server.errors import DatabaseUnavailable, NotificationNotFound, QueueFull, ShuttingDown, TocsinError
from tocsin_server.model import ChannelType, ClaimedChannel, FeedEvent
from tocsin_server.storage import writer as writer_module
from tocsin_server.storage.writer import (
    MAX_ROUND,
    MAX_WAITING,
    REPETITIONS,
    SIDE_BY_SIDE,
    Away,
    InTheWay,
    Transaction,
    Writer,
)


class Database:
    """Rows that count once they are committed, and everything that happens, in order."""

    def __init__(self) -> None:
        self.rounds: list[list[Any]] = []
        self.log: list[str] = []
        self.refuses_commits = False
        self.faults: list[Exception] = []
        """What the next transactions end with instead of a commit."""

    @property
    def rows(self) -> list[Any]:
        """Everything committed."""
        return [row for rows in self.rounds for row in rows]

    @contextlib.contextmanager
    def transaction(self) -> Iterator[list[Any]]:
        """Open a transaction; its cursor is the list of its rows."""
        rows: list[Any] = []
        yield rows
        if self.refuses_commits:
            raise OSError("disk full")
        if self.faults:
            raise self.faults.pop(0)
        self.log.append("committed")
        self.rounds.append(rows)


class Listener:
    """Two free places for e-mail, and what was told."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.places = 2
        self.told: list[tuple[Sequence[FeedEvent], Sequence[ClaimedChannel], Sequence[str]]] = []

    def reserve(self, channel: ChannelType) -> bool:
        if channel != EMAIL or not self.places:
            return False
        self.places -= 1
        return True

    def cancel_reservations(self, channels: Sequence[ChannelType]) -> None:
        self.places += len(channels)

    def committed(
        self, events: Sequence[FeedEvent], claims: Sequence[ClaimedChannel], cancelled: Sequence[str]
    ) -> None:
        self.log.append("told")
        self.told.append((events, claims, cancelled))


class Bench:
    """A writer, with a handler that can hold it up."""

    def __init__(self, *, threads: int = 1, mixed: bool = True) -> None:
        self.database = Database()
        self.listener = Listener(self.database.log)
        self.now = NOON
        self.writer = Writer(self._transaction, self.listener, threads=threads, mixed=mixed)
        self._held = threading.Event()
        self._go_on = threading.Event()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[tuple[Any, int]]:
        with self.database.transaction() as rows:
            self.now += 1
            yield rows, self.now

    def _hold(self, _: Transaction, payloads: Sequence[None]) -> list[TocsinError | None]:
        self._held.set()
        assert self._go_on.wait(PATIENCE)
        return [None for _ in payloads]

    def store_or_hold(self, transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
        """Store payloads, and hold the writer up at a None."""
        if None in payloads:
            self._hold(transaction, [])
        return store(transaction, payloads)

    @contextlib.asynccontextmanager
    async def held(self, handler: Callable[[Transaction, Sequence[Any]], list[Any]] | None = None) -> Any:
        """Keep the writer busy with a round of its own, so that what is submitted meanwhile gathers."""
        self._held.clear()
        self._go_on.clear()
        busy = self.writer.submit(handler or self._hold, None)
        await asyncio.to_thread(self._held.wait, PATIENCE)
        try:
            yield
        finally:
            self._go_on.set()
            await busy

    def release(self) -> None:
        """Let a writer that is held go on."""
        self._go_on.set()


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A writer on an empty database."""
    bench = Bench()
    yield bench
    bench.release()
    bench.writer.close()


def store(transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
    """Store payloads and answer with them; an exception among them is raised."""
    for payload in payloads:
        if isinstance(payload, Exception):
            raise payload
        transaction.cursor.append(payload)
    return list(payloads)


def other(transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
    """Do the same as another kind of write."""
    return store(transaction, payloads)


# -- rounds --------------------------------------------------------------------------------------


def test_a_write_is_answered_after_its_commit(bench: Bench) -> None:
    async def scenario() -> None:
        answer = await bench.writer.submit(store, "a")
        assert (answer, bench.database.rounds) == ("a", [["a"]])

    asyncio.run(scenario())


def test_what_gathers_while_the_writer_is_busy_shares_one_transaction(bench: Bench) -> None:
    async def scenario() -> list[Any]:
        async with bench.held():
            writes = [bench.writer.submit(store, number) for number in range(10)]
        return await asyncio.gather(*writes)

    assert asyncio.run(scenario()) == list(range(10))
    assert bench.database.rounds == [[], list(range(10))]


def test_payloads_of_one_kind_go_to_its_handler_together_in_their_order(bench: Bench) -> None:
    calls: list[tuple[str, list[Any]]] = []

    def noting(name: str) -> Callable[[Transaction, Sequence[Any]], list[Any]]:
        def handle(transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
            calls.append((name, list(payloads)))
            return store(transaction, payloads)

        return handle

    first, second = noting("first"), noting("second")

    async def scenario() -> list[Any]:
        async with bench.held():
            writes = [bench.writer.submit(second if number % 3 else first, number) for number in range(7)]
        return await asyncio.gather(*writes)

    assert asyncio.run(scenario()) == list(range(7))
    assert calls == [("first", [0, 3, 6]), ("second", [1, 2, 4, 5])]


def test_a_round_is_bounded_by_weight(bench: Bench) -> None:
    async def scenario() -> None:
        async with bench.held():
            writes = [bench.writer.submit(store, number, weight=MAX_ROUND // 2) for number in range(5)]
            writes.append(bench.writer.submit(store, "heavy", weight=3 * MAX_ROUND))
            writes.append(bench.writer.submit(store, "last"))
        await asyncio.gather(*writes)

    asyncio.run(scenario())
    assert bench.database.rounds[1:] == [[0, 1], [2, 3], [4, "heavy"], ["last"]]


def test_a_round_has_one_time_and_the_next_a_later_one(bench: Bench) -> None:
    def now(transaction: Transaction, payloads: Sequence[None]) -> list[int | TocsinError]:
        return [transaction.now for _ in payloads]

    async def scenario() -> tuple[list[int], int]:
        async with bench.held():
            writes = [bench.writer.submit(now, None) for _ in range(3)]
        return await asyncio.gather(*writes), await bench.writer.submit(now, None)

    together, later = asyncio.run(scenario())
    assert len(set(together)) == 1
    assert later > together[0]


# -- several threads -----------------------------------------------------------------------------


@pytest.fixture
def side_by_side() -> Iterator[Bench]:
    """A writer of three threads that keeps what several handlers do apart."""
    bench = Bench(threads=3, mixed=False)
    yield bench
    bench.release()
    bench.writer.close()


def test_writes_of_a_kind_gather_while_one_of_them_is_under_way(side_by_side: Bench) -> None:
    async def scenario() -> None:
        async with side_by_side.held(side_by_side.store_or_hold):
            writes = [side_by_side.writer.submit(side_by_side.store_or_hold, number) for number in range(10)]
        await asyncio.gather(*writes)

    asyncio.run(scenario())
    assert side_by_side.database.rounds == [[None], list(range(10))]


def test_writes_of_other_kinds_do_not_wait_for_one_another(side_by_side: Bench) -> None:
    async def scenario() -> None:
        async with side_by_side.held():
            assert await side_by_side.writer.submit(store, "a") == "a"
            assert await side_by_side.writer.submit(other, "b") == "b"

    asyncio.run(scenario())
    assert side_by_side.database.rounds == [["a"], ["b"], []]


def test_much_of_a_kind_is_written_beside_what_is_under_way(side_by_side: Bench) -> None:
    async def scenario() -> None:
        async with side_by_side.held(side_by_side.store_or_hold):
            light = side_by_side.writer.submit(side_by_side.store_or_hold, "light", weight=SIDE_BY_SIDE - 1)
            heavy = side_by_side.writer.submit(side_by_side.store_or_hold, "heavy")
            assert (await light, await heavy) == ("light", "heavy")

    asyncio.run(scenario())
    assert side_by_side.database.rounds == [["light", "heavy"], [None]]


def test_what_waits_for_its_kind_is_written_before_the_threads_end(side_by_side: Bench) -> None:
    async def scenario() -> list[Any]:
        async with side_by_side.held(side_by_side.store_or_hold):
            writes = [side_by_side.writer.submit(side_by_side.store_or_hold, number) for number in range(3)]
            closing = asyncio.create_task(asyncio.to_thread(side_by_side.writer.close))
            await asyncio.to_thread(eventually, lambda: side_by_side.writer._closing)
        await closing
        return await asyncio.gather(*writes)

    assert asyncio.run(scenario()) == [0, 1, 2]


# -- failures ------------------------------------------------------------------------------------


def test_a_failing_write_does_not_take_its_neighbours_down(bench: Bench) -> None:
    fault = ValueError("a bad row")

    async def scenario() -> list[Any]:
        async with bench.held():
            writes = [
                bench.writer.submit(store, "a"),
                bench.writer.submit(other, "b"),
                bench.writer.submit(store, fault),
                bench.writer.submit(store, "c"),
            ]
        return await asyncio.gather(*writes, return_exceptions=True)

    first, second, failed, last = asyncio.run(scenario())
    assert (first, second, last) == ("a", "b", "c")
    assert isinstance(failed, DatabaseUnavailable)
    assert failed.__cause__ is fault
    assert bench.database.rounds == [[], ["a"], ["b"], ["c"]]


def test_an_error_of_ours_reaches_its_caller_as_it_is(bench: Bench) -> None:
    refusal = NotificationNotFound("x")

    def refuse_odd(transaction: Transaction, payloads: Sequence[int]) -> list[int | TocsinError]:
        return [refusal if payload % 2 else payload for payload in store(transaction, payloads)]

    async def scenario() -> list[Any]:
        async with bench.held():
            writes = [bench.writer.submit(refuse_odd, number) for number in range(3)]
        answers = await asyncio.gather(*writes, return_exceptions=True)
        raised = await asyncio.gather(bench.writer.submit(store, refusal), return_exceptions=True)
        return [*answers, *raised]

    assert asyncio.run(scenario()) == [0, refusal, 2, refusal]
    assert bench.database.rounds[1] == [0, 1, 2]  # a refusal of one is no failure of the round


def test_a_commit_that_fails_is_told_to_all_whose_writes_it_held(bench: Bench) -> None:
    def refuse_commits(transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
        bench.database.refuses_commits = True
        return store(transaction, payloads)

    async def scenario() -> list[Any]:
        async with bench.held():
            writes = [bench.writer.submit(refuse_commits, number) for number in range(3)]
        failed = await asyncio.gather(*writes, return_exceptions=True)
        bench.database.refuses_commits = False
        return [*failed, await bench.writer.submit(store, "after")]

    *failed, after = asyncio.run(scenario())
    assert [type(error) for error in failed] == [DatabaseUnavailable] * 3
    assert after == "after"
    assert bench.database.rows == ["after"]


def test_a_handler_that_answers_too_little_fails_rather_than_leave_callers_waiting(bench: Bench) -> None:
    async def scenario() -> None:
        with pytest.raises(DatabaseUnavailable):
            await bench.writer.submit(lambda _transaction, _payloads: [], "a")
        assert await bench.writer.submit(store, "b") == "b"

    asyncio.run(scenario())


# -- callers -------------------------------------------------------------------------------------


def test_a_caller_that_gives_up_undoes_nothing_and_disturbs_nobody(bench: Bench) -> None:
    async def scenario() -> list[Any]:
        async with bench.held():
            given_up = bench.writer.submit(store, "given up")
            kept = bench.writer.submit(store, "kept")
            given_up.cancel()
        return [await kept, given_up.cancelled()]

    assert asyncio.run(scenario()) == ["kept", True]
    assert bench.database.rows == ["given up", "kept"]


def test_results_reach_the_loops_that_asked(bench: Bench) -> None:
    async def ask(name: str) -> list[str]:
        loop = asyncio.get_running_loop()
        writes = [bench.writer.submit(store, f"{name} {number}") for number in range(50)]
        assert all(write.get_loop() is loop for write in writes)
        return list(await asyncio.gather(*writes))

    names = ["one", "two", "three"]
    assert in_loops(ask, names) == [[f"{name} {number}" for number in range(50)] for name in names]
    assert len(bench.database.rows) == 150


def test_a_loop_that_is_closed_meanwhile_holds_up_nobody(bench: Bench) -> None:
    async def leave() -> None:
        bench.writer.submit(bench._hold, None)
        bench.writer.submit(store, "unheard")
        await asyncio.to_thread(bench._held.wait, PATIENCE)

    asyncio.run(leave())
    bench.release()
    assert asyncio.run(_submit(bench, "heard")) == "heard"
    assert bench.database.rows == ["unheard", "heard"]


async def _submit(bench: Bench, payload: object) -> object:
    return await bench.writer.submit(store, payload)


# -- limits and the end --------------------------------------------------------------------------


def test_more_than_the_limit_does_not_wait(bench: Bench) -> None:
    async def scenario() -> list[Any]:
        async with bench.held():  # weighs 1
            full = bench.writer.submit(store, "fits", weight=MAX_WAITING - 1)
            with pytest.raises(QueueFull) as refused:
                bench.writer.submit(store, "too much")
            assert refused.value.metadata == {"limit": str(MAX_WAITING)}
        await full
        return [await bench.writer.submit(store, "again", weight=MAX_WAITING)]

    assert asyncio.run(scenario()) == ["again"]
    assert bench.database.rows == ["fits", "again"]


def test_a_write_heavier_than_the_limit_is_taken_when_nothing_waits(bench: Bench) -> None:
    async def scenario() -> Any:
        return await bench.writer.submit(store, "heavy", weight=MAX_WAITING + 1)

    assert asyncio.run(scenario()) == "heavy"


def test_what_failed_weighs_no_more(bench: Bench) -> None:
    async def scenario() -> Any:
        with pytest.raises(DatabaseUnavailable):
            await bench.writer.submit(store, ValueError("a bad row"), weight=MAX_WAITING)
        return await bench.writer.submit(store, "after", weight=MAX_WAITING)

    assert asyncio.run(scenario()) == "after"


def test_closing_writes_what_waits_and_ends_the_thread(bench: Bench) -> None:
    async def scenario() -> list[Any]:
        async with bench.held():
            writes = [bench.writer.submit(store, number, weight=MAX_ROUND) for number in range(3)]
            closing = asyncio.create_task(asyncio.to_thread(bench.writer.close))
            await asyncio.to_thread(eventually, lambda: bench.writer._closing)
            with pytest.raises(ShuttingDown):
                bench.writer.submit(store, "late")
        answers = await asyncio.gather(*writes)
        await closing
        return answers

    assert asyncio.run(scenario()) == [0, 1, 2]
    assert bench.database.rows == [0, 1, 2]
    assert not any(thread.is_alive() for thread in bench.writer._threads)


def test_closing_twice_does_nothing_and_nothing_is_taken_after(bench: Bench) -> None:
    bench.writer.close()
    bench.writer.close()
    with pytest.raises(ShuttingDown):
        asyncio.run(_submit(bench, "late"))


# -- who is told ---------------------------------------------------------------------------------

EVENT = FeedEvent(user(), epoch=1, first=1, last=1, unread_count=1, notification=notification())


def test_the_listener_is_told_after_the_commit_and_before_the_callers(bench: Bench) -> None:
    def tell(transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
        transaction.events += payloads
        transaction.claims.append(claim())
        transaction.cancelled.append("x")
        return [None for _ in payloads]

    async def scenario() -> None:
        await bench.writer.submit(tell, EVENT)
        bench.database.log.append("answered")

    asyncio.run(scenario())
    assert bench.database.log == ["committed", "told", "answered"]
    assert bench.listener.told == [([EVENT], [claim()], ["x"])]


def test_the_listener_hears_nothing_when_there_is_nothing_to_tell(bench: Bench) -> None:
    asyncio.run(_submit(bench, "a"))
    assert bench.listener.told == []


def test_the_listener_hears_nothing_of_what_was_rolled_back(bench: Bench) -> None:
    def tell(transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
        transaction.events.append(EVENT)
        return store(transaction, payloads)

    async def scenario() -> list[Any]:
        async with bench.held():
            writes = [bench.writer.submit(tell, payload) for payload in ("a", ValueError("a bad row"))]
        return await asyncio.gather(*writes, return_exceptions=True)

    answers = asyncio.run(scenario())
    assert answers[0] == "a"
    assert len(bench.listener.told) == 1


def test_places_that_a_failed_transaction_took_are_given_back(bench: Bench) -> None:
    def take(transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
        taken = [transaction.reserve(EMAIL) for _ in payloads]
        store(transaction, payloads)
        return taken

    async def scenario() -> list[Any]:
        async with bench.held():
            writes = [bench.writer.submit(take, payload) for payload in ("a", ValueError("a bad row"), "b", "c")]
        return await asyncio.gather(*writes, return_exceptions=True)

    first, failed, second, third = asyncio.run(scenario())
    assert (first, second, third) == (True, True, False)
    assert isinstance(failed, DatabaseUnavailable)
    assert bench.listener.places == 0


def test_a_place_is_taken_only_where_one_is_free(bench: Bench) -> None:
    def take(transaction: Transaction, payloads: Sequence[ChannelType]) -> list[Any]:
        return [(transaction.reserve(payload), list(transaction.reserved)) for payload in payloads]

    async def scenario() -> list[Any]:
        return [await bench.writer.submit(take, channel) for channel in (SMS, EMAIL, EMAIL, EMAIL)]

    assert asyncio.run(scenario()) == [(False, []), (True, [EMAIL]), (True, [EMAIL]), (False, [])]


# -- transactions side by side ---------------------------------------------------------------------


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat at once."""
    monkeypatch.setattr(writer_module, "LONGEST_PAUSE", 0.0)


def reserve(transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
    """Store payloads, each with a place in a lane."""
    for _ in payloads:
        assert transaction.reserve(EMAIL)
    return store(transaction, payloads)


def test_what_another_transaction_was_in_the_way_of_is_run_again_whole(bench: Bench, no_pauses: None) -> None:
    bench.database.faults = [InTheWay(), InTheWay()]

    async def scenario() -> list[Any]:
        async with bench.held():
            calls = [bench.writer.submit(reserve, name) for name in ("a", "b")]
        return await asyncio.gather(*calls)

    assert asyncio.run(scenario()) == ["a", "b"]
    # The one that kept the writer busy was the first to be repeated.
    assert bench.database.rounds == [[], ["a", "b"]]
    assert bench.listener.places == 0


def test_repeating_ends(bench: Bench, no_pauses: None) -> None:
    bench.database.faults = [InTheWay() for _ in range(REPETITIONS)]

    async def scenario() -> None:
        with pytest.raises(DatabaseUnavailable):
            await bench.writer.submit(reserve, "never")
        assert await bench.writer.submit(reserve, "next") == "next"

    asyncio.run(scenario())
    assert bench.database.rows == ["next"]
    assert bench.listener.places == 1


def test_what_may_have_been_committed_is_not_run_again(bench: Bench) -> None:
    async def scenario() -> list[Any]:
        async with bench.held():
            calls = [bench.writer.submit(reserve, name) for name in ("a", "b")]
            bench.database.faults = [Away("the commit was not answered")]
            bench.database.faults.insert(0, Away("nor was that of what held the writer up"))
        return await asyncio.gather(*calls, return_exceptions=True)

    with pytest.raises(DatabaseUnavailable):
        asyncio.run(scenario())
    assert bench.database.faults == []
    assert bench.database.rows == []
    assert bench.listener.places == 2
    assert bench.listener.told == []


@pytest.mark.parametrize("mixed", [True, False])
def test_handlers_share_a_transaction_only_where_one_runs_at_a_time(mixed: bool) -> None:
    bench = Bench(mixed=mixed)

    async def scenario() -> None:
        async with bench.held():
            calls = [
                bench.writer.submit(handler, name) for handler, name in zip((store, reserve) * 2, "abab", strict=True)
            ]
            calls += [bench.writer.submit(store, "alone", alone=True) for _ in range(2)]
        await asyncio.gather(*calls)

    asyncio.run(scenario())
    bench.writer.close()
    together = [["a", "a", "alone", "alone", "b", "b"]]
    assert bench.database.rounds[1:] == (together if mixed else [["a", "a"], ["b", "b"], ["alone"], ["alone"]])


def test_one_thread_that_is_held_up_does_not_hold_up_the_others() -> None:
    bench = Bench(threads=3, mixed=False)

    async def scenario() -> None:
        async with bench.held():
            assert await bench.writer.submit(store, "meanwhile") == "meanwhile"

    asyncio.run(scenario())
    bench.writer.close()
    assert bench.database.rows == ["meanwhile"]
    assert not any(thread.is_alive() for thread in bench.writer._threads)
