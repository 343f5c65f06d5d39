"""The asynchronous subscription: `tocsin_client.subscription` for asyncio."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import grpc

from tocsin_client import resume
from tocsin_client.errors import TocsinError
from tocsin_client.model import Event
from tocsin_client.subscription import OnInterruption, OpenStream
from tocsin_client.transport import error_from_rpc


class AsyncSubscription(AsyncIterator[Event]):
    """A recipient's live feed; iterate over it for events, ``aclose`` it when done (or use it as a context).

    What it does and raises is `Subscription`'s. One task iterates; any task of the loop may close it, which makes
    the iteration stop. Cancelling the task that iterates loses nothing: iterate again to carry on.

    Attributes:
        cursor: The position after the last event that was handed out, heartbeats after it included.
    """

    __slots__ = ("__weakref__", "_closed", "_on_interruption", "_open_stream", "_pause", "_resumption", "_stream")

    def __init__(
        self,
        open_stream: OpenStream,
        resumption: resume.Resumption,
        watch: SilenceWatch,
        on_interruption: OnInterruption | None,
    ) -> None:
        self._open_stream = open_stream
        self._resumption = resumption
        self._stream = _Stream(watch)
        self._on_interruption = on_interruption
        self._closed = False
        self._pause: asyncio.Future[None] | None = None  # between two streams

    def __del__(self) -> None:
        # Unlike the synchronous calls of gRPC, these are not cancelled when nobody holds them any more.
        self._stream.abandon()

    @property
    def cursor(self) -> str:
        """The position from which the next stream would resume."""
        return self._resumption.cursor

    async def __anext__(self) -> Event:
        stream = self._stream
        while not self._closed:
            try:
                if stream.call is None:
                    stream.begin(self._open_stream(self._resumption.request()))
                stream.awaited_since = stream.now()
                message = await stream.call.read()
            except grpc.RpcError as problem:
                error = error_from_rpc(problem)
            except asyncio.CancelledError:
                if self._task_was_cancelled():
                    raise
                error = resume.fell_silent(stream.watch.silence)
            else:
                stream.awaited_since = math.inf
                if message is not grpc.aio.EOF:
                    event = self._resumption.received(message)
                    if event is not None:
                        return event
                    continue
                error = resume.ended()
            if self._closed:
                break
            await self._wait_after(error)
        raise StopAsyncIteration

    def _task_was_cancelled(self) -> bool:
        """End the stream of a cancelled read, and tell whether it was the task that somebody cancelled.

        gRPC raises CancelledError also in a task that nobody cancelled, when its stream was: by `aclose` or by the
        watch.
        """
        of_stream = self._closed or self._stream.fell_silent
        self._stream.end()
        task = asyncio.current_task()
        return not of_stream or task is None or task.cancelling() > 0

    async def _wait_after(self, error: TocsinError) -> None:
        self._stream.end()
        try:
            delay = self._resumption.interrupted(error)
            if self._on_interruption is not None:
                self._on_interruption(error, delay)
            else:
                self._resumption.tell(error)
        except BaseException:
            await self.aclose()
            raise
        self._pause = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(delay):
                await self._pause
        except TimeoutError:
            return
        finally:
            self._pause = None

    async def aclose(self) -> None:
        """End the stream and the iteration. May be called repeatedly, and by any task of the loop."""
        self._closed = True
        self._stream.end()
        if self._pause is not None and not self._pause.done():
            self._pause.set_result(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class SilenceWatch:
    """Cancels streams on which nothing comes for ``silence`` seconds while somebody waits for it.

    One timer looks at all of them ten times in that span, so that one may be silent for a tenth longer. A timer for
    each read of each stream would cost more than the read.
    """

    def __init__(self, silence: float) -> None:
        self.silence = silence
        self._streams: set[_Stream] = set()
        self._looks = False

    def add(self, stream: _Stream) -> None:
        """Watch a stream, in the running loop."""
        self._streams.add(stream)
        if not self._looks:
            self._look_later(asyncio.get_running_loop())

    def discard(self, stream: _Stream) -> None:
        """Watch it no more."""
        self._streams.discard(stream)

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looks = True
        loop.call_later(self.silence / 10, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looks = False
        if self._streams:
            self._look_later(loop)
        silent_since = loop.time() - self.silence
        for stream in self._streams:
            if stream.awaited_since <= silent_since:
                stream.fell_silent = True
                stream.call.cancel()


class _Stream:
    """The stream of a follower, apart from it, so that it can be ended when the follower is no more.

    Attributes:
        call: The gRPC call, while there is one.
        awaited_since: When the reading that goes on has begun, by the loop's clock; infinite while none does.
        fell_silent: The watch has cancelled the call.
    """

    __slots__ = ("_loop", "awaited_since", "call", "fell_silent", "now", "watch")

    def __init__(self, watch: SilenceWatch) -> None:
        self.watch = watch
        self.call: Any = None
        self.awaited_since = math.inf
        self.fell_silent = False

    def begin(self, call: Any) -> None:
        """Take over a call that was made in the running loop."""
        self.call = call
        self.fell_silent = False
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self.watch.add(self)

    def end(self) -> None:
        """Cancel the call. A read that was cancelled has cancelled it already."""
        call, self.call = self.call, None
        self.awaited_since = math.inf
        self.watch.discard(self)
        if call is not None:
            call.cancel()

    def abandon(self) -> None:
        """Cancel the call from wherever the garbage collector happens to run, in its own loop."""
        if self.call is not None:
            # A loop that is closed has ended the call already.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.end)
