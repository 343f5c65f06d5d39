"""The synchronous sender in bulk; `tocsin_client.bulk` decides."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, wait
from types import TracebackType
from typing import Any, Final, Self, TypeAlias, Unpack

import grpc

from tocsin_client import bulk, calls
from tocsin_client.bulk import Attempts, BulkOptions, Gathering, Item
from tocsin_client.model import Accepted, Draft, RecipientLike, SendOptions
from tocsin_client.transport import error_from_rpc

Start = Callable[[calls.Call[Any], float], Any]
"""Starts a call with a timeout in seconds, and returns gRPC's future of its answer."""

_PATIENCE: Final = 1.0
"""Seconds in which the threads of a sender that is closed must end, or are left alone."""

_Item: TypeAlias = Item[Future[Accepted]]


class BulkSender:
    """Sends many notifications: each goes to `send`, and they travel together. Made by `Client.bulk_sender`.

    Safe for threads. Use it as a context, or close it: what has not left when the program ends is lost.

    Its futures give the `Accepted` of each (without message and metadata), or raise its `TocsinError`. A request that
    is refused does not spoil the others. What ends as UNAVAILABLE, RESOURCE_EXHAUSTED or without an answer is sent
    again, with the same key, until ``delivery_timeout``. Callbacks of futures run in the sender's threads, and must not
    wait for it: no `flush`, no `close`.
    """

    def __init__(self, start: Start, options: BulkOptions) -> None:
        self._start = start
        self._options = options
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._gathering: Gathering[Future[Accepted]] = Gathering(options)
        self._unresolved: set[Future[Accepted]] = set()
        self._threads: list[threading.Thread] = []
        self._on_the_way: set[Any] = set()
        self._closed = False
        self._abandoned = threading.Event()

    def send(
        self, recipient: RecipientLike, title: str, message: str, **options: Unpack[SendOptions]
    ) -> Future[Accepted]:
        """Hand over a notification, and return a future of its result; `Draft` describes the arguments.

        Waits while as much is unresolved as may be. A future that is cancelled before its batch leaves is not sent.

        Raises:
            ValueError, TypeError: For arguments that cannot be sent; nothing is handed over then.
            RuntimeError: The sender is closed.
        """
        request = calls.send_request(Draft(recipient, title, message, **options))
        future: Future[Accepted] = Future()
        with self._lock:
            item: _Item = Item(request, future, time.monotonic() + self._options.delivery_timeout)
            while not self._closed and not self._gathering.has_room(item.size):
                self._room.wait()
            if self._closed:
                raise RuntimeError("the sender is closed")
            now = time.monotonic()
            item.deadline = now + self._options.delivery_timeout
            self._unresolved.add(future)
            if self._gathering.add(item, now):
                self._begin()
                self._work.notify()
        return future

    def flush(self) -> None:
        """Send what waits, and return when everything that was handed over has its result, whatever it is."""
        self._wait(None)

    def close(self, timeout: float | None = None) -> None:
        """Take nothing more, `flush`, and end the threads. May be called repeatedly.

        Args:
            timeout: Seconds after which what has no result fails with `Cancelled`; None waits for all results.
        """
        with self._lock:
            self._closed = True
            self._work.notify_all()
            self._room.notify_all()
        self._wait(timeout)
        self._abandoned.set()
        with self._lock:
            on_the_way = tuple(self._on_the_way)
        for call in on_the_way:
            call.cancel()
        end = time.monotonic() + _PATIENCE
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0.0))
        # A thread that has not ended waits for the caller's own function of tokens.
        with self._lock:
            left = tuple(self._unresolved)
        for future in left:
            with contextlib.suppress(InvalidStateError):
                future.set_exception(bulk.closed())

    def _wait(self, timeout: float | None) -> None:
        with self._lock:
            self._gathering.hurry()
            self._work.notify_all()
            unresolved = tuple(self._unresolved)
        wait(unresolved, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- the threads -------------------------------------------------------------------------------

    def _begin(self) -> None:
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._run, name=f"tocsin-bulk-{number}", daemon=True)
                for number in range(self._options.in_flight)
            ]
            for thread in self._threads:
                thread.start()

    def _run(self) -> None:
        while batch := self._take():
            kept = [item for item in batch if item.future.set_running_or_notify_cancel()]
            self._resolve([bulk.Settled(item, bulk.closed()) for item in batch if item.future.cancelled()])
            self._deliver(Attempts(kept, self._options))

    def _take(self) -> list[_Item]:
        with self._lock:
            while (wait := self._gathering.wait(time.monotonic())) != 0:
                if self._closed and wait is None:
                    return []
                self._work.wait(wait)
            batch = self._gathering.take(time.monotonic())
            if self._gathering.wait(0.0) is not None:
                self._work.notify()  # for what is left, which nobody else may be waiting for
            return batch

    def _deliver(self, attempts: Attempts[Future[Accepted]]) -> None:
        while attempts.left:
            if self._abandoned.is_set():
                self._resolve([bulk.Settled(item, bulk.closed()) for item in attempts.left])
                return
            try:
                answer = self._call(attempts)
            except grpc.RpcError as problem:
                settled = attempts.failed(error_from_rpc(problem), time.monotonic())
            except grpc.FutureCancelledError:
                continue
            except Exception as error:  # noqa: BLE001 - such as the caller's own function of tokens: who waits must know
                settled = attempts.failed(error, time.monotonic())
            else:
                settled = attempts.answered(answer, time.monotonic())
            self._resolve(settled)
            if attempts.left:
                self._abandoned.wait(attempts.delay)

    def _call(self, attempts: Attempts[Future[Accepted]]) -> Any:
        call = calls.send_requests([item.request for item in attempts.left])
        started = self._start(call, attempts.timeout(time.monotonic()))
        with self._lock:
            self._on_the_way.add(started)
        try:
            if self._abandoned.is_set():  # between the look before and the adding
                started.cancel()
            return call.read(started.result())
        finally:
            with self._lock:
                self._on_the_way.discard(started)

    def _resolve(self, settled: list[bulk.Settled[Future[Accepted]]]) -> None:
        for item, result in settled:
            with contextlib.suppress(InvalidStateError):  # was cancelled, or given up by `close`
                if isinstance(result, Exception):
                    item.future.set_exception(result)
                else:
                    item.future.set_result(result)
        with self._lock:
            self._gathering.resolved([one.item for one in settled])
            self._unresolved.difference_update(one.item.future for one in settled)
            self._room.notify_all()
