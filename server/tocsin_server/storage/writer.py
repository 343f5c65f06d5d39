"""Group commit: one thread that writes what has gathered in one transaction.

A commit costs an fsync, however much it holds. Callers on any event loop put their writes on one queue; the writer
takes what is waiting, runs it in one transaction, commits, and only then lets the callers go on. Under load a commit
is shared by many; alone, a write waits for nobody.

The steps of one round are

1. take what waits (bounded),
2. run the handlers, each over all payloads that were submitted to it,
3. commit,
4. tell the feed and the sender lanes what was committed (`CommitListener`),
5. resolve the callers' futures, one wake-up per event loop.

When a handler fails, the round is rolled back and every write of it is run again alone, so that one bad write does
not take its neighbours down.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
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


class Transaction:
    """One open write transaction, and what is to be told when it is committed.

    ``cursor`` is the driver's own; ``now`` is the time of the transaction.
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
    """Who is told, on the writer's thread, what was committed. Must neither block nor raise."""

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
    """The one thread that writes.

    Args:
        transaction: Opens a write transaction and gives its cursor; commits when left normally, else rolls back.
        now: Gives the transaction's time.
        listener: Is told what was committed.
    """

    def __init__(
        self,
        transaction: Callable[[], AbstractContextManager[Any]],
        now: Callable[[], Micros],
        listener: CommitListener,
    ) -> None:
        self._transaction = transaction
        self._now = now
        self._listener = listener
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._closing = False
        self._thread = threading.Thread(target=self._main, name="tocsin-writer", daemon=True)
        self._thread.start()

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
        """Write what is waiting, then end the thread. Idempotent; blocks until done."""
        with self._lock:
            if not self._closing:
                self._closing = True
                self._queue.put(None)
        self._thread.join()

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
            if round_:
                self._write(round_)
                with self._lock:
                    self._waiting -= weight
                self._resolve(round_)

    def _write(self, round_: list[_Write]) -> None:
        try:
            self._commit(round_)
        except Exception as error:  # whatever it was, nobody may be left waiting
            if len(round_) == 1:
                round_[0].result = _as_ours(error)
                return
            log.warning("round of writes failed, writing each alone", extra={"event": "round_split"}, exc_info=error)
            for write in round_:
                self._write([write])

    def _commit(self, round_: list[_Write]) -> None:
        by_handler: dict[Handler[Any, Any], list[_Write]] = {}
        for write in round_:
            by_handler.setdefault(write.handler, []).append(write)
        transaction: Transaction | None = None
        try:
            with self._transaction() as cursor:
                transaction = Transaction(cursor, self._now(), self._listener)
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


def _as_ours(error: Exception) -> Exception:
    if isinstance(error, TocsinError):
        return error
    unavailable = DatabaseUnavailable("the database does not take writes now")
    unavailable.__cause__ = error
    log.error("write failed", extra={"event": "write_failed"}, exc_info=error)
    return unavailable
