"""The synchronous subscription: an iterator of events that outlives its streams."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import grpc

from tocsin_client import resume
from tocsin_client.errors import TocsinError
from tocsin_client.model import Event
from tocsin_client.transport import error_from_rpc

OpenStream = Callable[[Any], Any]
"""Starts a stream with a SubscribeRequest and returns the gRPC call."""

OnInterruption = Callable[[TocsinError, float], None]
"""Learns why a stream ended and how many seconds pass until the next one; what it raises ends the iteration."""


class Subscription(Iterator[Event]):
    """A recipient's live feed; iterate over it for events, close it when done.

    It resumes by itself, without a gap, whenever a stream ends: `tocsin_client.resume` says when. At the start
    and after each resumption comes a `Subscribed`; if that has ``recovered=False``, list the feed again.

    One thread iterates; `close` may be called by any other, and makes the iteration stop. An iterator that is
    dropped without being closed ends its stream too.

    Attributes:
        cursor: The position after the last event that was handed out, heartbeats after it included. To carry on
            after a restart of your program without losing what it had not finished, keep the ``cursor`` of the
            last event that you have dealt with instead.

    Raises:
        TocsinError: From the iteration, once, for what no further stream can cure, such as `InvalidArgument`,
            `Unauthenticated` or `PermissionDenied`. The iteration is over then.
    """

    def __init__(
        self,
        open_stream: OpenStream,
        resumption: resume.Resumption,
        silence: float,
        on_interruption: OnInterruption | None,
    ) -> None:
        self._open = open_stream
        self._resumption = resumption
        self._on_interruption = on_interruption
        self._closed = threading.Event()
        self._lock = threading.Lock()  # between close() and the opening of a stream
        self._stream: Any = None
        self.watchdog = _Watchdog(silence)
        weakref.finalize(self, self.watchdog.stop)

    @property
    def cursor(self) -> str:
        """The position from which the next stream would resume."""
        return self._resumption.cursor

    def __next__(self) -> Event:
        while not self._closed.is_set():
            try:
                message = self._receive()
            except StopIteration:
                error = resume.ended()
            except grpc.RpcError as problem:
                error = error_from_rpc(problem)
            else:
                event = self._resumption.received(message)
                if event is not None:
                    return event
                continue
            if self._closed.is_set():
                break
            self._wait_after(error)
        raise StopIteration

    def _receive(self) -> Any:
        with self._lock:
            if self._closed.is_set():
                raise StopIteration
            self.watchdog.start()
            if self._stream is None:
                self._stream = self._open(self._resumption.request())
        with self.watchdog.watching(self._stream):
            return next(self._stream)

    def _wait_after(self, error: TocsinError) -> None:
        if self.watchdog.has_bitten(self._stream):
            error = resume.fell_silent(self.watchdog.silence)
        self._stream = None
        try:
            delay = self._resumption.interrupted(error)
            if self._on_interruption is not None:
                self._on_interruption(error, delay)
            else:
                self._resumption.tell(error)
        except BaseException:
            self.close()
            raise
        self._closed.wait(delay)

    def close(self) -> None:
        """End the stream and the iteration. May be called repeatedly, and from any thread."""
        with self._lock:
            self._closed.set()
            stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()
        self.watchdog.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Subscriptions:
    """Those of a client that nobody has dropped, and the watchdogs of those that somebody has."""

    def __init__(self) -> None:
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()
        # The watchdog of a dropped subscription is told to end, but nobody waited for it. Its thread keeps it here.
        self._watchdogs: weakref.WeakSet[_Watchdog] = weakref.WeakSet()

    def add(self, subscription: Subscription) -> None:
        """Add one, to be closed with the others unless it is dropped before."""
        self._subscriptions.add(subscription)
        self._watchdogs.add(subscription.watchdog)

    def close(self) -> None:
        """Close them, and return when all their threads have ended. May be called repeatedly."""
        for subscription in tuple(self._subscriptions):
            subscription.close()
        for watchdog in tuple(self._watchdogs):
            watchdog.end()


class _Watchdog:
    """Cancels a stream on which nothing comes for ``silence`` seconds while somebody waits for it.

    A blocking read of gRPC takes no time limit, so a thread of its own looks after it. It counts only while the
    reader waits: a consumer that takes minutes over an event must not lose its stream for that.
    """

    def __init__(self, silence: float) -> None:
        self.silence = silence
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        # One attribute for both, so that the thread never sees the stream of one and the deadline of another.
        self._watched: tuple[Any, float] | None = None  # stream, monotonic seconds
        self._bitten: Any = None

    def start(self) -> None:
        """Start the thread, once. Not at the same time as `end`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tocsin-watchdog", daemon=True)
            self._thread.start()

    @contextmanager
    def watching(self, stream: Any) -> Iterator[None]:
        """Cancel the stream if the context lasts too long."""
        self._watched = (stream, time.monotonic() + self.silence)
        try:
            yield
        finally:
            self._watched = None

    def has_bitten(self, stream: Any) -> bool:
        """Tell whether this stream was cancelled for its silence."""
        return stream is not None and self._bitten is stream

    def stop(self) -> None:
        """Tell the thread to end, without waiting for it."""
        self._stop.set()

    def end(self) -> None:
        """End the thread, and return when it has ended."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        wait = self.silence
        while not self._stop.wait(wait):
            # Whoever starts to wait while this thread sleeps has a deadline after its waking: it never sleeps
            # longer than the silence that is allowed.
            wait = self.silence
            if (watched := self._watched) is None:
                continue
            stream, deadline = watched
            wait = deadline - time.monotonic()
            if wait <= 0:
                # A message that arrives right now is lost with the stream but not to the subscription, whose
                # position has not moved past it.
                self._bitten, self._watched, wait = stream, None, self.silence
                stream.cancel()
