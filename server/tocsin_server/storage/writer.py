"""Group commit: threads that write what has gathered in one transaction.

A commit costs an fsync, however much it holds. Callers on any event loop put their writes on one queue; a writer
thread takes what is waiting, runs it in one transaction, commits, and only then lets the callers go on. Under load a
commit is shared by many; alone, a write waits for nobody. SQLite takes one writer at a time; PostgreSQL has several,
so that what is accepted, claimed and recorded need not wait for one another. Writes of one kind do wait for those under
way, and thereby for each other: three threads that shared them took turns at rounds of 3 to 9 notifications where one
made rounds of 20 to 45, at half of the processor time for each notification, ours and the database's (measured).

The steps of one round are

1. take what waits (bounded),
2. run the handlers, each over all payloads that were submitted to it,
3. commit,
4. tell the feed and the sender lanes what was committed (`CommitListener`),
5. resolve the callers' futures, one wake-up per event loop.

When a handler fails, the round is rolled back. What another transaction was in the way of is run again as it is, and
what the database is not there for fails as a whole; otherwise every write is run again alone, so that one bad write
does not take its neighbours down.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from tocsin_server.errors import DatabaseUnavailable, QueueFull, ShuttingDown, TocsinError
from tocsin_server.model import ChannelType, ClaimedChannel, FeedEvent, Micros

log = logging.getLogger(__name__)

P = TypeVar("P")
R = TypeVar("R")

MAX_ROUND = 1_000
"""Weight (about: notifications) of one transaction. Larger ones hold up readers of the result without saving much."""

SIDE_BY_SIDE = 250
"""Weight from which on waiting writes of a kind are worth a transaction beside another of that kind, if a thread is
free: the database then works on one large batch while the next is prepared."""

BUSY = 5
"""Writes in a transaction that show that more are coming."""

GATHER_STEP = 0.002
"""Seconds that a lone writer waits before the next transaction when it is busy, again as long as that brings more."""

GATHER_STEPS = 4
"""How often at most. Under load, a Send costs a tenth less processor time and a quarter more are accepted in a second
(paired runs, 256 calls in flight); a writer with little to do waits for nobody."""

MAX_WAITING = 20_000
"""Weight that may wait before further writes are refused with RESOURCE_EXHAUSTED."""

REPETITIONS = 10
"""Times that a transaction is run again because another was in the way."""

LONGEST_PAUSE = 0.1
"""Seconds before a transaction is run again, at most; a random part of it, so that the two do not meet again."""


class Away(Exception):
    """Raised by a transaction whose database cannot be reached, or was lost before it was known to have committed."""


class InTheWay(Exception):
    """Raised by a transaction that was rolled back because of another one and can be run again."""


class Transaction:
    """One open write transaction, and what is to be told when it is committed.

    ``cursor`` is the driver's own; ``now`` is the time of the transaction, by the database's clock.
    """

    __slots__ = ("_listener", "cancelled", "claims", "cursor", "events", "now", "reserved")

    def __init__(self, cursor: Any, now: Micros, listener: CommitListener) -> None:
        self.cursor = cursor
        self.now = now
        self.events: list[FeedEvent] = []
        self.claims: list[ClaimedChannel] = []
        self.cancelled: list[str] = []
        """Ids of cancelled notifications of which something is being sent, or about to be."""
        self.reserved: list[ChannelType] = []
        self._listener = listener

    def reserve(self, channel: ChannelType) -> bool:
        """Ask for a free place in a lane of this process; given back when the transaction fails."""
        if self._listener.reserve(channel):
            self.reserved.append(channel)
            return True
        return False


Handler: TypeAlias = Callable[[Transaction, Sequence[P]], Sequence[R | TocsinError]]
"""Runs all payloads of one kind in a transaction; one result per payload, an error where only that one fails."""


class CommitListener(Protocol):
    """Who is told, on a writer's thread, what was committed. Must neither block nor raise."""

    def reserve(self, channel: ChannelType) -> bool:
        """Take a place for a row to be inserted under a lease and handed over after the commit."""

    def cancel_reservations(self, channels: Sequence[ChannelType]) -> None:
        """Give back places whose transaction was rolled back."""

    def committed(
        self, events: Sequence[FeedEvent], claims: Sequence[ClaimedChannel], cancelled: Sequence[str]
    ) -> None:
        """Take committed feed events in the order of their sequences, leased rows, and ids of what was cancelled.

        Of transactions that ran side by side, the one that was committed later may be told of first: whoever follows
        a feed has to look for gaps anyway.
        """


@dataclass(slots=True)
class _Write:
    handler: Handler[Any, Any]
    payload: Any
    weight: int
    kind: Any
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = field(default=None)


class _Line:
    """Writes that may share a transaction, in their order."""

    __slots__ = ("under_way", "weight", "writes")

    def __init__(self) -> None:
        self.writes: deque[_Write] = deque()
        self.weight = 0
        self.under_way = 0
        """Transactions of this line that threads are working on."""

    def add(self, write: _Write) -> None:
        """Put a write at the end."""
        self.writes.append(write)
        self.weight += write.weight

    @property
    def ready(self) -> bool:
        """Whether a thread may take something of it."""
        return bool(self.writes) and (not self.under_way or self.weight >= SIDE_BY_SIDE)

    def take(self) -> list[_Write]:
        """Take what makes one transaction."""
        taken: list[_Write] = []
        weight = 0
        while self.writes and weight < MAX_ROUND:
            write = self.writes.popleft()
            weight += write.weight
            taken.append(write)
        self.weight -= weight
        self.under_way += 1
        return taken


class Writer:
    """The threads that write.

    Args:
        transaction: Opens a write transaction and gives its cursor and its time; commits when left normally, else
            rolls back. May raise `Away` and `InTheWay`.
        listener: Is told what was committed.
        threads: How many; one is busy with what a handler does, unless a lot waits for that handler.
        mixed: Whether one transaction may hold what several handlers do. Where transactions run side by side, each
            handler takes its row locks in the same order as all others, and a mixture would not.
    """

    def __init__(
        self,
        transaction: Callable[[], AbstractContextManager[tuple[Any, Micros]]],
        listener: CommitListener,
        *,
        threads: int = 1,
        mixed: bool = True,
    ) -> None:
        self._transaction = transaction
        self._listener = listener
        self._mixed = mixed
        # One for each handler, and for each write that is to be alone; or a single one.
        self._lines: dict[Any, _Line] = {}
        # Guards everything here; threads without work wait for it.
        self._ready = threading.Condition(threading.Lock())
        self._waiting = 0
        self._closing = False
        self._threads = [
            threading.Thread(target=self._main, name=f"tocsin-writer-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, handler: Handler[P, R], payload: P, weight: int = 1, *, alone: bool = False) -> asyncio.Future[R]:
        """Queue a write and return a future of the running loop, done after the commit.

        Cancelling the future does not undo the write, which others may share.

        Args:
            handler: Runs it, with others of its kind.
            payload: What it is given.
            weight: See `MAX_ROUND`.
            alone: What it locks is known only while it runs, so that two in one transaction would not lock in order;
                where transactions run side by side it gets one for itself.

        Raises:
            QueueFull: More is waiting than the writer takes on.
            ShuttingDown: The writer is closed.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        kind = None if self._mixed else object() if alone else handler
        with self._ready:
            if self._closing:
                raise ShuttingDown
            if self._waiting + weight > MAX_WAITING and self._waiting:
                raise QueueFull(MAX_WAITING)
            self._waiting += weight
            line = self._lines.get(kind)
            if line is None:
                line = self._lines[kind] = _Line()
            line.add(_Write(handler, payload, weight, kind, loop, future))
            if line.ready:
                self._ready.notify()
        return future

    def close(self) -> None:
        """Write what is waiting, then end the threads. Idempotent; blocks until done."""
        with self._ready:
            self._closing = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join()

    def _main(self) -> None:
        while round_ := self._take():
            self._write(round_)
            self._finish(round_)
            self._resolve(round_)
            if len(round_) >= BUSY and len(self._threads) == 1:
                self._gather()

    def _gather(self) -> None:
        """Wait a little while more keeps coming."""
        for _ in range(GATHER_STEPS):
            waiting = self._waiting
            time.sleep(GATHER_STEP)
            if self._waiting == waiting or self._waiting >= MAX_ROUND or self._closing:
                return

    def _take(self) -> list[_Write]:
        """Wait for something to write and take what makes one transaction; nothing once all is written and closed."""
        with self._ready:
            while True:
                found = next(((kind, line) for kind, line in self._lines.items() if line.ready), None)
                if found is not None:
                    kind, line = found
                    # What is left of this line comes after the others.
                    self._lines[kind] = self._lines.pop(kind)
                    round_ = line.take()
                    if any(line.ready for line in self._lines.values()):
                        self._ready.notify()
                    return round_
                if self._closing and not any(line.writes for line in self._lines.values()):
                    self._ready.notify_all()
                    return []
                self._ready.wait()

    def _finish(self, round_: list[_Write]) -> None:
        """Let the next of their kind be written."""
        kind = round_[0].kind
        with self._ready:
            self._waiting -= sum(write.weight for write in round_)
            line = self._lines[kind]
            line.under_way -= 1
            if not line.under_way and not line.writes:
                del self._lines[kind]

    def _write(self, round_: list[_Write]) -> None:
        for _ in range(REPETITIONS):
            try:
                self._commit(round_)
            except InTheWay as error:
                log.info("a transaction is run again", extra={"event": "transaction_repeated"}, exc_info=error)
                time.sleep(random.uniform(0, LONGEST_PAUSE))  # noqa: S311 - guards nothing
            except Away as error:
                log.warning("the database is away", extra={"event": "database_away", "cause": _cause(error)})
                for write in round_:
                    write.result = _unavailable("the database does not answer now", error)
                return
            except Exception as error:  # whatever it was, nobody may be left waiting
                if len(round_) == 1:
                    round_[0].result = _as_ours(error)
                    return
                log.warning(
                    "round of writes failed, writing each alone", extra={"event": "round_split"}, exc_info=error
                )
                for write in round_:
                    self._write([write])
                return
            else:
                return
        for write in round_:
            write.result = DatabaseUnavailable("other transactions keep being in the way")

    def _commit(self, round_: list[_Write]) -> None:
        by_handler: dict[Handler[Any, Any], list[_Write]] = {}
        for write in round_:
            by_handler.setdefault(write.handler, []).append(write)
        transaction: Transaction | None = None
        try:
            with self._transaction() as (cursor, now):
                transaction = Transaction(cursor, now, self._listener)
                for handler, writes in by_handler.items():
                    results = handler(transaction, [write.payload for write in writes])
                    for write, result in zip(writes, results, strict=True):
                        write.result = result
        except BaseException:
            if transaction is not None:
                self._listener.cancel_reservations(transaction.reserved)
            raise
        if transaction.events or transaction.claims or transaction.cancelled:
            self._listener.committed(transaction.events, transaction.claims, transaction.cancelled)

    def _resolve(self, round_: list[_Write]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[_Write]] = {}
        for write in round_:
            by_loop.setdefault(write.loop, []).append(write)
        for loop, writes in by_loop.items():
            try:
                loop.call_soon_threadsafe(_set_results, writes)
            except RuntimeError:  # the loop was closed while its write was under way
                log.debug("nobody is left to hear of a write", extra={"event": "write_unheard"})


def _set_results(writes: list[_Write]) -> None:
    for write in writes:
        if write.future.done():  # the caller gave up
            continue
        if isinstance(write.result, Exception):
            write.future.set_exception(write.result)
        else:
            write.future.set_result(write.result)


def _cause(error: Exception) -> str:
    return " ".join(str(error.__cause__ or error).split())


def _as_ours(error: Exception) -> Exception:
    if isinstance(error, TocsinError):
        return error
    log.error("write failed", extra={"event": "write_failed"}, exc_info=error)
    return _unavailable("the database does not take writes now", error)


def _unavailable(message: str, cause: Exception) -> DatabaseUnavailable:
    error = DatabaseUnavailable(message)
    error.__cause__ = cause
    return error
