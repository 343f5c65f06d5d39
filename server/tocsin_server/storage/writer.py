"""Group commit: threads that write what has gathered in one transaction.

A commit costs an fsync, however much it holds. Callers on any event loop put their writes on one queue; a writer thread
takes what is waiting, runs it in one transaction, commits, and only then lets the callers go on. Under load a commit is
shared by many; alone, a write waits for nobody (`gathering`). SQLite takes one writer at a time; PostgreSQL has
several, so that what is accepted, claimed and recorded need not wait for one another. Writes of one kind do wait for
those under way, and thereby for each other: three threads that shared them took turns at rounds of 3 to 9 notifications
where one made rounds of 20 to 45, at half of the processor time for each notification, ours and the database's
(measured).

The steps of one round are

1. take what waits (bounded),
2. run the handlers, each over all items that were submitted to it,
3. commit,
4. tell the feed and the sender lanes what was committed (`CommitListener`),
5. resolve the callers' futures, one wake-up per event loop.

When that fails, the round is rolled back. What becomes of it depends on the failure:

- Another transaction was in the way (`InTheWay`): it is run again, and whoever has waited too long is told so.
- The database cannot do it now, for anybody (`Away`): the whole round fails.
- Anything else is about what was to be written, and would be refused again. The round is halved until what is refused
  stands alone. That fails with `DatabaseRefusal`; its neighbours are written.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias, TypeVar

from tocsin_server.domain.errors import DatabaseRefusal, DatabaseUnavailable, QueueFull, ShuttingDown, TocsinError
from tocsin_server.domain.model import ChannelType, ClaimedChannel, Decision, FeedEvent, Micros
from tocsin_server.domain.ports import CommitListener
from tocsin_server.process.ends import WatchedThread, first_end
from tocsin_server.storage.gathering import pause
from tocsin_server.storage.waiting import MAX_ROUND, StandsBack, Waiting, Write
from tocsin_server.telemetry.observer import UNOBSERVED, CommitDone, DecisionsMade, Observer, decisions_made
from tocsin_server.telemetry.outage import Outage

log = logging.getLogger(__name__)

P = TypeVar("P")
R = TypeVar("R")

MAX_WAITING = 20_000
"""Weight that may wait before further writes are refused with RESOURCE_EXHAUSTED."""

PATIENCE = 5.0
"""Seconds that a write waits while others are in the way. Callers wait for 10 by default, and are to have an answer."""

LONGEST_PAUSE = 0.1
"""Seconds before a transaction is run again, at most; a random part of it, so that the two do not meet again."""


class Away(Exception):
    """Raised by a transaction whose database cannot do it now, or was lost before it was known to have committed.

    ``told`` says that the log has a line of it already.
    """

    def __init__(self, *arguments: object, told: bool = False) -> None:
        super().__init__(*arguments)
        self.told = told


class InTheWay(Exception):
    """Raised by a transaction that was rolled back because of another one and can be run again."""


class Refused(Exception):
    """Raised by a transaction that the database refuses for what is in it; the text tells what it is about.

    Not in the database's words, which may quote the row.
    """


class Transaction:
    """One open write transaction, and what is to be told when it is committed.

    ``cursor`` is the driver's own; ``now`` is the time of the transaction, by the database's clock.
    """

    __slots__ = (
        "_listener",
        "by_callers",
        "cancelled",
        "claims",
        "cursor",
        "deadlines",
        "decided",
        "events",
        "next_step_at",
        "now",
        "reserved",
    )

    def __init__(self, cursor: Any, now: Micros, listener: CommitListener) -> None:
        self.cursor = cursor
        self.now = now
        self.events: list[FeedEvent] = []
        self.claims: list[ClaimedChannel] = []
        self.cancelled: list[str] = []
        """Ids of cancelled notifications of which something is being sent, or about to be."""
        self.deadlines: list[Micros] = []
        """When rules decide about what became undecided."""
        self.next_step_at: Micros | None = None
        """When the first of the lists of steps is due that were stored or changed."""
        self.reserved: list[ChannelType] = []
        self.decided: list[Decision] = []
        """Decisions that are kept; of those that callers of Send made, most are not, and counted in ``by_callers``."""
        self.by_callers: int = 0
        self._listener = listener

    def reserve(self, channel: ChannelType) -> bool:
        """Ask for a free place in a lane of this process; given back when the transaction fails."""
        if self._listener.reserve(channel):
            self.reserved.append(channel)
            return True
        return False


Handler: TypeAlias = Callable[[Transaction, Sequence[P]], Sequence[R | TocsinError]]
"""Writes all items of one kind in a transaction; one result for each, an error where only that one fails."""


def one_by_one(
    function: Callable[[Any, Transaction, P], R],
) -> Callable[[Any, Transaction, Sequence[P]], list[R | TocsinError]]:
    """Make a handler of a method that writes one item; an error of ours that it raises is that item's result.

    It may raise one only before it writes anything.
    """

    @functools.wraps(function)
    def handle(self: Any, transaction: Transaction, items: Sequence[P]) -> list[R | TocsinError]:
        results: list[R | TocsinError] = []
        for item in items:
            try:
                results.append(function(self, transaction, item))
            except TocsinError as refusal:
                results.append(refusal.with_traceback(None))  # its frames lead back to this list
        return results

    return handle


class Writer:
    """The threads that write.

    Args:
        transaction: Opens a write transaction and gives its cursor and its time; commits when left normally, else
            rolls back. May raise `Away`, `InTheWay` and `Refused`.
        listener: Is told what was committed.
        threads: How many; one is busy with what a handler does, unless a lot waits for that handler.
        mixed: Whether one transaction may hold what several handlers do. Where transactions run side by side, each
            handler takes its row locks in the same order as all others, and a mixture would not.
        observer: Is told of commits.
    """

    def __init__(
        self,
        transaction: Callable[[], AbstractContextManager[tuple[Any, Micros]]],
        listener: CommitListener,
        *,
        threads: int = 1,
        mixed: bool = True,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._transaction = transaction
        self._listener = listener
        self._observer = observer
        self._mixed = mixed
        self._away = Outage("database_away", "the database is away", "database_back", "the database is back")
        # Guards what follows; threads without work wait for it.
        self._ready = threading.Condition(threading.Lock())
        self._waiting = Waiting()
        self._closing = False
        self._threads = [WatchedThread(f"tocsin-writer-{number}", self._main, self._died) for number in range(threads)]
        for thread in self._threads:
            thread.start()

    def submit_all(
        self,
        handler: Handler[P, R],
        items: Sequence[P],
        weight: int | None = None,
        *,
        alone: bool = False,
        stands_back: bool = False,
    ) -> asyncio.Future[Sequence[R | TocsinError]]:
        """Queue items to be written together, and return a future of the running loop, done after the commit.

        Its result has one for each item, an error where only that one failed. Cancelling the future does not undo the
        write, which others may share.

        Args:
            handler: Writes them, with others of their kind.
            items: What it is given.
            weight: See `waiting.MAX_ROUND`; by default, how many there are.
            alone: What it locks is known only while it runs, so that two in one transaction would not lock in order;
                where transactions run side by side it gets one for itself.
            stands_back: Nobody waits for it, so that it lets others go before it for a while, and shares no
                transaction with them: they would be answered later.

        Raises:
            QueueFull: More is waiting than the writer takes on.
            ShuttingDown: The writer is closed.
        """
        future: asyncio.Future[Sequence[R | TocsinError]] = asyncio.get_running_loop().create_future()
        kind = self._kind(handler, alone=alone)
        if stands_back:
            kind = StandsBack(kind)
        self._add(Write(handler, items, len(items) if weight is None else weight, kind, future))
        return future

    def submit(self, handler: Handler[P, R], item: P, weight: int = 1, *, alone: bool = False) -> asyncio.Future[R]:
        """Queue one item, see `submit_all`; its error is raised."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._add(Write(handler, (item,), weight, self._kind(handler, alone=alone), future, single=True))
        return future

    def _kind(self, handler: Handler[Any, Any], *, alone: bool) -> Any:
        if self._mixed:
            return None
        return object() if alone else handler

    def _add(self, write: Write) -> None:
        with self._ready:
            if self._closing:
                raise ShuttingDown
            if self._waiting.weight and self._waiting.weight + write.weight > MAX_WAITING:
                raise QueueFull(MAX_WAITING)
            if self._waiting.add(write):
                self._ready.notify()

    def close(self) -> None:
        """Write what is waiting, then end the threads. Idempotent; blocks until done."""
        with self._ready:
            self._closing = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join()

    @property
    def away(self) -> bool:
        """Whether the database did not take what was written last."""
        return self._away.on

    async def run(self) -> None:
        """Wait until a thread ends; raises what ended it."""
        await first_end(*(thread.end() for thread in self._threads))

    # -- a thread --------------------------------------------------------------------------------

    def _main(self) -> None:
        in_the_way = Outage("writes_held_up", "writes wait for another transaction", "writes_go_on", "writes go on")
        while round_ := self._take():
            try:
                self._write(round_, in_the_way)
                with self._ready:
                    self._waiting.done(round_)
            except BaseException:
                _give_up(round_)
                raise
            _resolve(round_)
            if len(self._threads) == 1:
                self._gather(len(round_))

    def _died(self, _error: BaseException) -> None:
        """Let nobody wait for a thread that is no more."""
        with self._ready:
            self._closing = True
            waiting = list(self._waiting.overdue(float("inf")))
        _give_up(waiting)

    def _take(self) -> list[Write]:
        """Wait for something to write and take what makes one transaction; nothing once all is written and closed."""
        with self._ready:
            while True:
                if round_ := self._waiting.take():
                    if self._waiting.ready:
                        self._ready.notify()
                    return round_
                if self._closing and not self._waiting:
                    self._ready.notify_all()
                    return []
                self._ready.wait()

    def _gather(self, written: int) -> None:
        """Let more come before the next transaction, while that pays."""
        seen, waited = 0, 0.0
        while not self._closing and self._waiting.weight < MAX_ROUND:
            waiting = self._waiting.weight
            seconds = pause(written, waiting - seen, waited)
            if not seconds:
                return
            time.sleep(seconds)
            seen, waited = waiting, waited + seconds

    def _write(self, round_: Sequence[Write], in_the_way: Outage) -> None:
        """Write a round in as many transactions as it needs, and give each write its results."""
        refusals = _Refusals()
        parts = deque([round_])
        while parts:
            part = parts.popleft()
            begun = time.monotonic()
            try:
                self._commit(part)
            except InTheWay as error:
                log.debug("a transaction is run again", extra={"event": "transaction_repeated"}, exc_info=error)
                in_the_way.met(_cause(error))
                if left := self._dismiss(part):
                    parts.appendleft(left)
                    time.sleep(random.uniform(0, LONGEST_PAUSE))  # noqa: S311 - guards nothing
            except Away as error:
                if not error.told:
                    self._away.met(_cause(error))
                for write in part:
                    write.fail(_caused(DatabaseUnavailable("the database does not answer now"), error))
            except Exception as error:  # noqa: BLE001 - whatever it was, nobody may be left waiting
                if halves := _halves(part):
                    parts.extendleft(reversed(halves))
                else:
                    part[0].answer([refusals.of(error)])
            else:
                in_the_way.over(begun)
                self._away.over(begun)
        refusals.report()

    def _dismiss(self, part: Sequence[Write]) -> list[Write]:
        """Answer whoever has waited too long, here and in all queues, and return what is left of a part."""
        before = time.monotonic() - PATIENCE
        late = [write for write in part if write.at < before]
        with self._ready:
            late += self._waiting.overdue(before)
        for write in late:
            write.fail(DatabaseUnavailable("other transactions keep being in the way"))
        _resolve(late)
        return [write for write in part if write.at >= before]

    def _commit(self, part: Sequence[Write]) -> None:
        """Write in one transaction, all or nothing."""
        by_handler: dict[Handler[Any, Any], list[Write]] = {}
        for write in part:
            by_handler.setdefault(write.handler, []).append(write)
        transaction: Transaction | None = None
        begun = time.monotonic()
        try:
            with self._transaction() as (cursor, now):
                transaction = Transaction(cursor, now, self._listener)
                answers = [(writes, _run(transaction, handler, writes)) for handler, writes in by_handler.items()]
        except BaseException:
            if transaction is not None:
                self._listener.cancel_reservations(transaction.reserved)
            raise
        for writes, results in answers:
            start = 0
            for write in writes:
                stop = start + len(write.items)
                write.answer(results[start:stop])
                start = stop
        if self._observer.wants(CommitDone):
            items = sum(len(write.items) for write in part)
            self._observer.report(CommitDone(items, time.monotonic() - begun))
        self._tell(transaction)

    def _tell(self, transaction: Transaction) -> None:
        """Tell what was committed."""
        if (transaction.decided or transaction.by_callers) and self._observer.wants(DecisionsMade):
            self._observer.report(decisions_made(transaction.decided, transaction.by_callers))
        if transaction.events or transaction.claims or transaction.cancelled:
            self._listener.committed(transaction.events, transaction.claims, transaction.cancelled)
        if transaction.deadlines:
            self._listener.undecided(min(transaction.deadlines))
        if transaction.next_step_at is not None:
            self._listener.step_due(transaction.next_step_at)


def _run(transaction: Transaction, handler: Handler[Any, Any], writes: Sequence[Write]) -> Sequence[Any]:
    """Let a handler write the items of all its writes together."""
    items = writes[0].items if len(writes) == 1 else [item for write in writes for item in write.items]
    results = handler(transaction, items)
    if len(results) != len(items):
        raise TypeError(f"{handler} gave {len(results)} results for {len(items)} items")
    return results


def _halves(part: Sequence[Write]) -> list[Sequence[Write]]:
    """Split what cannot be written together; nothing if it is a single item."""
    if len(part) > 1:
        middle = len(part) // 2
        return [part[:middle], part[middle:]]
    [write] = part
    return [[half] for half in write.halves()] if len(write.items) > 1 else []


def _give_up(writes: Sequence[Write]) -> None:
    """Answer writes of which nobody will know any more whether they were made."""
    for write in writes:
        write.fail(DatabaseUnavailable("the server cannot go on, and does not know whether this was written"))
    _resolve(writes)


def _resolve(writes: Sequence[Write]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[Write]] = {}
    for write in writes:
        by_loop.setdefault(write.future.get_loop(), []).append(write)
    for loop, resolved in by_loop.items():
        try:
            loop.call_soon_threadsafe(_tell, resolved)
        except RuntimeError:  # the loop was closed while its write was under way
            log.debug("nobody is left to hear of a write", extra={"event": "write_unheard"})


def _tell(writes: Sequence[Write]) -> None:
    for write in writes:
        write.resolve()


class _Refusals:
    """What of a round is refused, told in one line."""

    def __init__(self) -> None:
        self._incident = ""
        self._first: Exception | None = None
        self._count = 0

    def of(self, error: Exception) -> TocsinError:
        """Return what the caller is told of an error."""
        if isinstance(error, TocsinError):
            return error
        if self._first is None:
            self._first, self._incident = error, secrets.token_hex(4)
        self._count += 1
        return _caused(DatabaseRefusal(self._incident), error)

    def report(self) -> None:
        """Log them, if there are any."""
        if self._first is None:
            return
        foreseen = isinstance(self._first, Refused)
        log.error(
            "the database refuses what was to be written, incident %s",
            self._incident,
            exc_info=None if foreseen else self._first,
            extra={
                "event": "write_refused",
                "incident": self._incident,
                "count": self._count,
                "cause": str(self._first) if foreseen else type(self._first).__name__,
            },
        )


def _caused(error: TocsinError, cause: Exception) -> TocsinError:
    error.__cause__ = cause
    return error


def _cause(error: Exception) -> str:
    return " ".join(str(error.__cause__ or error).split())
