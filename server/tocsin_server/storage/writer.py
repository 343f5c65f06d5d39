"""Group commit: threads that write what has gathered in one transaction.

A commit costs an fsync, however much it holds. Callers on any event loop put their writes on one queue; a writer
thread takes what is waiting, runs it in one transaction, commits, and only then lets the callers go on. Under load a
commit is shared by many; alone, a write waits for nobody. SQLite takes one writer at a time; PostgreSQL has several,
so that one prepares a transaction while the database works on another.

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
import queue
import random
import threading
import time
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
        """Take committed feed events in the order of their sequences, leased rows, and ids of what was cancelled."""


@dataclass(slots=True)
class _Write:
    handler: Handler[Any, Any]
    payload: Any
    weight: int
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = field(default=None)


class Writer:
    """The threads that write.

    Args:
        transaction: Opens a write transaction and gives its cursor and its time; commits when left normally, else
            rolls back. May raise `Away` and `InTheWay`.
        listener: Is told what was committed.
        threads: How many.
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
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._closing = False
        self._threads = [
            threading.Thread(target=self._main, name=f"tocsin-writer-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, handler: Handler[P, R], payload: P, weight: int = 1) -> asyncio.Future[R]:
        """Queue a write and return a future of the running loop, done after the commit.

        Cancelling the future does not undo the write, which others may share.

        Raises:
            QueueFull: More is waiting than the writer takes on.
            ShuttingDown: The writer is closed.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        with self._lock:
            if self._closing:
                raise ShuttingDown
            if self._waiting + weight > MAX_WAITING and self._waiting:
                raise QueueFull(MAX_WAITING)
            self._waiting += weight
            self._queue.put(_Write(handler, payload, weight, loop, future))
        return future

    def close(self) -> None:
        """Write what is waiting, then end the threads. Idempotent; blocks until done."""
        with self._lock:
            if not self._closing:
                self._closing = True
                self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _main(self) -> None:
        open_ = True
        while open_:
            write = self._queue.get()
            round_: list[_Write] = []
            weight = 0
            while write is not None:
                round_.append(write)
                weight += write.weight
                if weight >= MAX_ROUND:
                    break
                try:
                    write = self._queue.get_nowait()
                except queue.Empty:
                    break
            else:
                open_ = False
                self._queue.put(None)  # for the next thread
            for together in self._transactions(round_):
                self._write(together)
                with self._lock:
                    self._waiting -= sum(write.weight for write in together)
                self._resolve(together)

    def _transactions(self, round_: list[_Write]) -> list[list[_Write]]:
        """Split a round into what is written together."""
        if self._mixed or not round_:
            return [round_] if round_ else []
        by_handler: dict[Handler[Any, Any], list[_Write]] = {}
        for write in round_:
            by_handler.setdefault(write.handler, []).append(write)
        return list(by_handler.values())

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
