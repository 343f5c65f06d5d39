"""Group commit: what is shared, what is not, and who hears of it when."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from helpers import store as benches
from helpers.drafts import EMAIL, NOON, SMS, claim, notification, user
from helpers.store import in_loops
from helpers.waiting import eventually
from tocsin_server.domain.errors import (
    DatabaseRefusal,
    DatabaseUnavailable,
    NotificationNotFound,
    QueueFull,
    ShuttingDown,
    TocsinError,
)
from tocsin_server.domain.model import ChannelType, ClaimedChannel, Entered, FeedEvent, Micros
from tocsin_server.storage import waiting as waiting_module
from tocsin_server.storage import writer as writer_module
from tocsin_server.storage.waiting import MAX_ROUND, SIDE_BY_SIDE
from tocsin_server.storage.writer import MAX_WAITING, PATIENCE, Away, InTheWay, Refused, Transaction, Writer
from tocsin_server.telemetry.observer import UNOBSERVED, CommitDone, Observer


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
            raise Away("disk full")
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

    def undecided(self, route_by: Micros) -> None:
        """See `CommitListener.undecided`."""

    def step_due(self, at: Micros) -> None:
        pass


class Bench:
    """A writer, with a handler that can hold it up."""

    def __init__(self, *, threads: int = 1, mixed: bool = True, observer: Observer = UNOBSERVED) -> None:
        self.database = Database()
        self.listener = Listener(self.database.log)
        self.now = NOON
        self.writer = Writer(self._transaction, self.listener, threads=threads, mixed=mixed, observer=observer)
        self._held = threading.Event()
        self._go_on = threading.Event()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[tuple[Any, int]]:
        with self.database.transaction() as rows:
            self.now += 1
            yield rows, self.now

    def _hold(self, _: Transaction, payloads: Sequence[None]) -> list[TocsinError | None]:
        self._held.set()
        assert self._go_on.wait(benches.PATIENCE)
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
        await asyncio.to_thread(self._held.wait, benches.PATIENCE)
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


async def test_a_write_is_answered_after_its_commit(bench: Bench) -> None:
    answer = await bench.writer.submit(store, "a")
    assert (answer, bench.database.rounds) == ("a", [["a"]])


async def test_what_gathers_while_the_writer_is_busy_shares_one_transaction(bench: Bench) -> None:
    async with bench.held():
        writes = [bench.writer.submit(store, number) for number in range(10)]
    assert await asyncio.gather(*writes) == list(range(10))
    assert bench.database.rounds == [[], list(range(10))]


async def test_payloads_of_one_kind_go_to_its_handler_together_in_their_order(bench: Bench) -> None:
    calls: list[tuple[str, list[Any]]] = []

    def noting(name: str) -> Callable[[Transaction, Sequence[Any]], list[Any]]:
        def handle(transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
            calls.append((name, list(payloads)))
            return store(transaction, payloads)

        return handle

    first, second = noting("first"), noting("second")

    async with bench.held():
        writes = [bench.writer.submit(second if number % 3 else first, number) for number in range(7)]
    assert await asyncio.gather(*writes) == list(range(7))
    assert calls == [("first", [0, 3, 6]), ("second", [1, 2, 4, 5])]


async def test_a_round_is_bounded_by_weight(bench: Bench) -> None:
    async with bench.held():
        writes = [bench.writer.submit(store, number, weight=MAX_ROUND // 2) for number in range(5)]
        writes.append(bench.writer.submit(store, "heavy", weight=3 * MAX_ROUND))
        writes.append(bench.writer.submit(store, "last"))
    await asyncio.gather(*writes)
    assert bench.database.rounds[1:] == [[0, 1], [2, 3], [4, "heavy"], ["last"]]


async def test_a_round_has_one_time_and_the_next_a_later_one(bench: Bench) -> None:
    def now(transaction: Transaction, payloads: Sequence[None]) -> list[int | TocsinError]:
        return [transaction.now for _ in payloads]

    async with bench.held():
        writes = [bench.writer.submit(now, None) for _ in range(3)]
    together, later = (await asyncio.gather(*writes), await bench.writer.submit(now, None))
    assert len(set(together)) == 1
    assert later > together[0]


# -- what nobody waits for -----------------------------------------------------------------------


async def test_what_nobody_waits_for_lets_others_go_first_and_shares_no_transaction_with_them(bench: Bench) -> None:
    async with bench.held():
        first = bench.writer.submit_all(store, ["first"])
        patient = bench.writer.submit_all(other, ["patient"], stands_back=True)
        last = bench.writer.submit_all(store, ["last"])
    await asyncio.gather(first, patient, last)
    assert bench.database.rounds[1:] == [["first", "last"], ["patient"]]


async def test_what_has_stood_back_for_long_has_its_turn(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_module, "LONGEST_STANDING_BACK", -1.0)  # it is over as soon as it begins
    async with bench.held():
        first = bench.writer.submit_all(store, ["first"])
        patient = bench.writer.submit_all(other, ["patient"], stands_back=True)
    await asyncio.gather(first, patient)
    assert bench.database.rounds[1:] == [["patient"], ["first"]]


async def test_what_stands_back_is_written_before_the_thread_ends(bench: Bench) -> None:
    async with bench.held():
        patient = bench.writer.submit_all(store, ["patient"], stands_back=True)
        closing = asyncio.create_task(asyncio.to_thread(bench.writer.close))
        await asyncio.to_thread(eventually, lambda: bench.writer._closing)
    await closing
    assert await patient == ["patient"]


# -- several threads -----------------------------------------------------------------------------


@pytest.fixture
def side_by_side() -> Iterator[Bench]:
    """A writer of three threads that keeps what several handlers do apart."""
    bench = Bench(threads=3, mixed=False)
    yield bench
    bench.release()
    bench.writer.close()


async def test_writes_of_a_kind_gather_while_one_of_them_is_under_way(side_by_side: Bench) -> None:
    async with side_by_side.held(side_by_side.store_or_hold):
        writes = [side_by_side.writer.submit(side_by_side.store_or_hold, number) for number in range(10)]
    await asyncio.gather(*writes)
    assert side_by_side.database.rounds == [[None], list(range(10))]


async def test_writes_of_other_kinds_do_not_wait_for_one_another(side_by_side: Bench) -> None:
    async with side_by_side.held():
        assert await side_by_side.writer.submit(store, "a") == "a"
        assert await side_by_side.writer.submit(other, "b") == "b"
    assert side_by_side.database.rounds == [["a"], ["b"], []]


async def test_much_of_a_kind_is_written_beside_what_is_under_way(side_by_side: Bench) -> None:
    async with side_by_side.held(side_by_side.store_or_hold):
        light = side_by_side.writer.submit(side_by_side.store_or_hold, "light", weight=SIDE_BY_SIDE - 1)
        heavy = side_by_side.writer.submit(side_by_side.store_or_hold, "heavy")
        assert (await light, await heavy) == ("light", "heavy")
    assert side_by_side.database.rounds == [["light", "heavy"], [None]]


async def test_what_waits_for_its_kind_is_written_before_the_threads_end(side_by_side: Bench) -> None:
    async with side_by_side.held(side_by_side.store_or_hold):
        writes = [side_by_side.writer.submit(side_by_side.store_or_hold, number) for number in range(3)]
        closing = asyncio.create_task(asyncio.to_thread(side_by_side.writer.close))
        await asyncio.to_thread(eventually, lambda: side_by_side.writer._closing)
    await closing
    assert await asyncio.gather(*writes) == [0, 1, 2]


# -- failures ------------------------------------------------------------------------------------


async def test_a_failing_write_does_not_take_its_neighbours_down(bench: Bench) -> None:
    fault = ValueError("a bad row")

    async with bench.held():
        writes = [
            bench.writer.submit(store, "a"),
            bench.writer.submit(other, "b"),
            bench.writer.submit(store, fault),
            bench.writer.submit(store, "c"),
        ]
    first, second, failed, last = await asyncio.gather(*writes, return_exceptions=True)
    assert (first, second, last) == ("a", "b", "c")
    assert isinstance(failed, DatabaseRefusal)
    assert failed.__cause__ is fault
    assert bench.database.rounds == [[], ["a", "b"], ["c"]]


async def test_an_error_of_ours_reaches_its_caller_as_it_is(bench: Bench) -> None:
    refusal = NotificationNotFound("x")

    def refuse_odd(transaction: Transaction, payloads: Sequence[int]) -> list[int | TocsinError]:
        return [refusal if payload % 2 else payload for payload in store(transaction, payloads)]

    async with bench.held():
        writes = [bench.writer.submit(refuse_odd, number) for number in range(3)]
    answers = await asyncio.gather(*writes, return_exceptions=True)
    raised = await asyncio.gather(bench.writer.submit(store, refusal), return_exceptions=True)
    assert [*answers, *raised] == [0, refusal, 2, refusal]
    assert bench.database.rounds[1] == [0, 1, 2]  # a refusal of one is no failure of the round


async def test_a_commit_that_fails_is_told_to_all_whose_writes_it_held(bench: Bench) -> None:
    def refuse_commits(transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
        bench.database.refuses_commits = True
        return store(transaction, payloads)

    async with bench.held():
        writes = [bench.writer.submit(refuse_commits, number) for number in range(3)]
    failed = await asyncio.gather(*writes, return_exceptions=True)
    bench.database.refuses_commits = False
    *failed, after = [*failed, await bench.writer.submit(store, "after")]
    assert [type(error) for error in failed] == [DatabaseUnavailable] * 3
    assert after == "after"
    assert bench.database.rows == ["after"]


async def test_a_handler_that_answers_too_little_fails_rather_than_leave_callers_waiting(bench: Bench) -> None:
    with pytest.raises(DatabaseRefusal):
        await bench.writer.submit(lambda _transaction, _payloads: [], "a")
    assert await bench.writer.submit(store, "b") == "b"


# -- callers -------------------------------------------------------------------------------------


async def test_a_caller_that_gives_up_undoes_nothing_and_disturbs_nobody(bench: Bench) -> None:
    async with bench.held():
        given_up = bench.writer.submit(store, "given up")
        kept = bench.writer.submit(store, "kept")
        given_up.cancel()
    assert [await kept, given_up.cancelled()] == ["kept", True]
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
        await asyncio.to_thread(bench._held.wait, benches.PATIENCE)

    asyncio.run(leave())
    bench.release()
    assert asyncio.run(_submit(bench, "heard")) == "heard"
    assert bench.database.rows == ["unheard", "heard"]


async def _submit(bench: Bench, payload: object) -> object:
    return await bench.writer.submit(store, payload)


# -- limits and the end --------------------------------------------------------------------------


async def test_more_than_the_limit_does_not_wait(bench: Bench) -> None:
    async with bench.held():  # weighs 1
        full = bench.writer.submit(store, "fits", weight=MAX_WAITING - 1)
        with pytest.raises(QueueFull) as refused:
            bench.writer.submit(store, "too much")
        assert refused.value.metadata == {"limit": str(MAX_WAITING)}
    await full
    assert [await bench.writer.submit(store, "again", weight=MAX_WAITING)] == ["again"]
    assert bench.database.rows == ["fits", "again"]


async def test_a_write_heavier_than_the_limit_is_taken_when_nothing_waits(bench: Bench) -> None:
    assert await bench.writer.submit(store, "heavy", weight=MAX_WAITING + 1) == "heavy"


async def test_what_failed_weighs_no_more(bench: Bench) -> None:
    with pytest.raises(DatabaseRefusal):
        await bench.writer.submit(store, ValueError("a bad row"), weight=MAX_WAITING)
    assert await bench.writer.submit(store, "after", weight=MAX_WAITING) == "after"


async def test_closing_writes_what_waits_and_ends_the_thread(bench: Bench) -> None:
    async with bench.held():
        writes = [bench.writer.submit(store, number, weight=MAX_ROUND) for number in range(3)]
        closing = asyncio.create_task(asyncio.to_thread(bench.writer.close))
        await asyncio.to_thread(eventually, lambda: bench.writer._closing)
        with pytest.raises(ShuttingDown):
            bench.writer.submit(store, "late")
    answers = await asyncio.gather(*writes)
    await closing
    assert answers == [0, 1, 2]
    assert bench.database.rows == [0, 1, 2]
    assert not any(thread.is_alive() for thread in bench.writer._threads)


def test_closing_twice_does_nothing_and_nothing_is_taken_after(bench: Bench) -> None:
    bench.writer.close()
    bench.writer.close()
    with pytest.raises(ShuttingDown):
        asyncio.run(_submit(bench, "late"))


# -- who is told ---------------------------------------------------------------------------------

EVENT = Entered(user(), epoch=1, first=1, last=1, unread_count=1, notification=notification())


async def test_the_listener_is_told_after_the_commit_and_before_the_callers(bench: Bench) -> None:
    def tell(transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
        transaction.events += payloads
        transaction.claims.append(claim())
        transaction.cancelled.append("x")
        return [None for _ in payloads]

    await bench.writer.submit(tell, EVENT)
    bench.database.log.append("answered")
    assert bench.database.log == ["committed", "told", "answered"]
    assert bench.listener.told == [([EVENT], [claim()], ["x"])]


def test_the_listener_hears_nothing_when_there_is_nothing_to_tell(bench: Bench) -> None:
    asyncio.run(_submit(bench, "a"))
    assert bench.listener.told == []


async def test_the_listener_hears_nothing_of_what_was_rolled_back(bench: Bench) -> None:
    def tell(transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
        transaction.events.append(EVENT)
        return store(transaction, payloads)

    async with bench.held():
        writes = [bench.writer.submit(tell, payload) for payload in ("a", ValueError("a bad row"))]
    answers = await asyncio.gather(*writes, return_exceptions=True)
    assert answers[0] == "a"
    assert len(bench.listener.told) == 1


async def test_places_that_a_failed_transaction_took_are_given_back(bench: Bench) -> None:
    def take(transaction: Transaction, payloads: Sequence[Any]) -> list[Any]:
        taken = [transaction.reserve(EMAIL) for _ in payloads]
        store(transaction, payloads)
        return taken

    async with bench.held():
        writes = [bench.writer.submit(take, payload) for payload in ("a", ValueError("a bad row"), "b", "c")]
    first, failed, second, third = await asyncio.gather(*writes, return_exceptions=True)
    assert (first, second, third) == (True, True, False)
    assert isinstance(failed, DatabaseRefusal)
    assert bench.listener.places == 0


async def test_a_place_is_taken_only_where_one_is_free(bench: Bench) -> None:
    def take(transaction: Transaction, payloads: Sequence[ChannelType]) -> list[Any]:
        return [(transaction.reserve(payload), list(transaction.reserved)) for payload in payloads]

    assert [await bench.writer.submit(take, channel) for channel in (SMS, EMAIL, EMAIL, EMAIL)] == [
        (False, []),
        (True, [EMAIL]),
        (True, [EMAIL]),
        (False, []),
    ]


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


async def test_what_another_transaction_was_in_the_way_of_is_run_again_whole(bench: Bench, no_pauses: None) -> None:
    bench.database.faults = [InTheWay(), InTheWay()]

    async with bench.held():
        calls = [bench.writer.submit(reserve, name) for name in ("a", "b")]
    assert await asyncio.gather(*calls) == ["a", "b"]
    # The one that kept the writer busy was the first to be repeated.
    assert bench.database.rounds == [[], ["a", "b"]]
    assert bench.listener.places == 0


async def test_repeating_ends_when_the_write_has_waited_long_enough(
    bench: Bench, no_pauses: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "PATIENCE", 0.0)
    bench.database.faults = [InTheWay()]
    with pytest.raises(DatabaseUnavailable):
        await bench.writer.submit(reserve, "never")
    assert await bench.writer.submit(reserve, "next") == "next"
    assert bench.database.rows == ["next"]
    assert bench.listener.places == 1


async def test_who_has_waited_too_long_is_told_so_in_turn_while_later_writes_go_on_waiting(
    bench: Bench, no_pauses: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    blocked, freed = threading.Event(), threading.Event()

    def block(transaction: Transaction, items: Sequence[Any]) -> list[Any]:
        if not freed.is_set():
            blocked.set()
            raise InTheWay
        return store(transaction, items)

    async def write(number: int) -> None:
        with contextlib.suppress(DatabaseUnavailable):
            await bench.writer.submit(block, number)
        told.append(number)

    early = [asyncio.create_task(write(number)) for number in range(4)]
    await asyncio.to_thread(blocked.wait, benches.PATIENCE)
    monkeypatch.setattr(writer_module, "PATIENCE", 0.0)
    await asyncio.gather(*early)
    monkeypatch.setattr(writer_module, "PATIENCE", PATIENCE)
    late = asyncio.create_task(write(4))
    await asyncio.sleep(0)
    freed.set()
    await late
    assert told == [0, 1, 2, 3, 4]
    assert bench.database.rows == [4]


async def test_an_outage_is_told_once_when_it_begins_and_once_when_it_ends(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tocsin_server")
    for _ in range(2):
        bench.database.faults = [Away("disk full") for _ in range(5)]
        for _ in range(5):
            with pytest.raises(DatabaseUnavailable):
                await bench.writer.submit(store, "a")
        for _ in range(5):
            await bench.writer.submit(store, "b")
    events = [getattr(record, "event", None) for record in caplog.records]
    assert events == ["database_away", "database_back"] * 2


async def test_of_many_items_those_that_are_refused_fail_alone_and_in_one_line(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    refused = {number: Refused(f"number {number}") for number in (0, 7, 8, 300, 999)}
    answers = await bench.writer.submit_all(store, [refused.get(number, number) for number in range(1000)])
    for number, answer in enumerate(answers):
        if number in refused:
            assert isinstance(answer, DatabaseRefusal)
            assert answer.__cause__ is refused[number]
        else:
            assert answer == number
    assert bench.database.rows == [number for number in range(1000) if number not in refused]
    assert len(bench.database.rounds) < 60
    [line] = [record for record in caplog.records if getattr(record, "event", None) == "write_refused"]
    assert (line.levelname, vars(line)["count"], vars(line)["cause"]) == ("ERROR", 5, "number 0")


async def test_what_is_away_while_a_refusal_is_looked_for_leaves_the_rest_as_it_is(bench: Bench) -> None:
    bad = ValueError("a bad row")
    calm = bench.database.transaction

    @contextlib.contextmanager
    def lost_after_the_first() -> Iterator[list[Any]]:
        with calm() as rows:
            yield rows
            if bench.database.rounds:
                raise Away("lost")

    bench.database.transaction = lost_after_the_first  # type: ignore[method-assign]
    answers = await bench.writer.submit_all(store, ["a", "b", bad, "c"])
    assert list(answers[:2]) == ["a", "b"]
    assert isinstance(answers[2], DatabaseRefusal)
    assert isinstance(answers[3], DatabaseUnavailable)
    assert bench.database.rows == ["a", "b"]


async def test_items_refused_while_another_is_in_the_way_are_written_once(bench: Bench, no_pauses: None) -> None:
    bench.database.faults = [InTheWay(), ValueError("made up"), InTheWay(), InTheWay()]
    assert list(await bench.writer.submit_all(store, ["a", "b", "c"])) == ["a", "b", "c"]
    assert bench.database.rows == ["a", "b", "c"]


async def test_what_may_have_been_committed_is_not_run_again(bench: Bench) -> None:
    calls: list[asyncio.Future[Any]] = []
    with contextlib.suppress(DatabaseUnavailable):
        async with bench.held():
            calls = [bench.writer.submit(reserve, name) for name in ("a", "b")]
            bench.database.faults = [Away("nor was that of what held the writer up"), Away("it was not answered")]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 2
    assert bench.database.faults == []
    assert bench.database.rows == []
    assert bench.listener.places == 2
    assert bench.listener.told == []


@pytest.mark.parametrize("mixed", [True, False])
async def test_handlers_share_a_transaction_only_where_one_runs_at_a_time(mixed: bool) -> None:
    bench = Bench(mixed=mixed)

    async with bench.held():
        calls = [bench.writer.submit(handler, name) for handler, name in zip((store, reserve) * 2, "abab", strict=True)]
        calls += [bench.writer.submit(store, "alone", alone=True) for _ in range(2)]
    await asyncio.gather(*calls)
    bench.writer.close()
    together = [["a", "a", "alone", "alone", "b", "b"]]
    assert bench.database.rounds[1:] == (together if mixed else [["a", "a"], ["b", "b"], ["alone"], ["alone"]])


async def test_one_thread_that_is_held_up_does_not_hold_up_the_others() -> None:
    bench = Bench(threads=3, mixed=False)

    async with bench.held():
        assert await bench.writer.submit(store, "meanwhile") == "meanwhile"
    bench.writer.close()
    assert bench.database.rows == ["meanwhile"]
    assert not any(thread.is_alive() for thread in bench.writer._threads)


async def test_commits_are_told_to_whoever_watches() -> None:
    observer, commits = Observer(), list[CommitDone]()
    observer.listen(CommitDone, commits.append)
    watched = Bench(observer=observer)
    async with watched.held():
        writes = [watched.writer.submit_all(store, ["a", "b"]), watched.writer.submit_all(store, ["c"])]
    await asyncio.gather(*writes)
    await asyncio.to_thread(watched.writer.close)
    assert [done.items for done in commits] == [1, 3]
    assert all(done.seconds >= 0 for done in commits)
