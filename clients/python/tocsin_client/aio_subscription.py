"""The asynchronous subscription: `tocsin_client.subscription` for asyncio."""

from __future__ import annotations

import asyncio
import weakref
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

    def __init__(
        self,
        open_stream: OpenStream,
        resumption: resume.Resumption,
        silence: float,
        on_interruption: OnInterruption | None,
    ) -> None:
        self._open = open_stream
        self._resumption = resumption
        self._silence = silence
        self._on_interruption = on_interruption
        self._closed = asyncio.Event()
        self._stream = _Stream()
        # Unlike the synchronous calls of gRPC, these are not cancelled when nobody holds them any more.
        weakref.finalize(self, self._stream.abandon).atexit = False

    @property
    def cursor(self) -> str:
        """The position from which the next stream would resume."""
        return self._resumption.cursor

    async def __anext__(self) -> Event:
        while not self._closed.is_set():
            try:
                message = await self._receive()
            except TimeoutError:
                error = resume.fell_silent(self._silence)
            except grpc.RpcError as problem:
                error = error_from_rpc(problem)
            except asyncio.CancelledError:
                # gRPC raises this also in a task that nobody cancelled, when its stream was: by aclose().
                self._stream.end()
                task = asyncio.current_task()
                if self._closed.is_set() and task is not None and not task.cancelling():
                    break
                raise
            else:
                if message is grpc.aio.EOF:
                    error = resume.ended()
                else:
                    event = self._resumption.received(message)
                    if event is not None:
                        return event
                    continue
            if self._closed.is_set():
                break
            await self._wait_after(error)
        raise StopAsyncIteration

    async def _receive(self) -> Any:
        if self._stream.call is None:
            self._stream.begin(self._open(self._resumption.request()))
        async with asyncio.timeout(self._silence):
            return await self._stream.call.read()

    async def _wait_after(self, error: TocsinError) -> None:
        self._stream.end()
        try:
            delay = self._resumption.interrupted(error)
            if self._on_interruption is not None:
                self._on_interruption(error, delay)
        except BaseException:
            await self.aclose()
            raise
        try:
            async with asyncio.timeout(delay):
                await self._closed.wait()
        except TimeoutError:
            return

    async def aclose(self) -> None:
        """End the stream and the iteration. May be called repeatedly, and by any task of the loop."""
        self._closed.set()
        self._stream.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class _Stream:
    """The stream of a subscription, apart from it, so that it can be ended when the subscription is no more."""

    def __init__(self) -> None:
        self.call: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, call: Any) -> None:
        """Take over a call that was made in the running loop."""
        self.call = call
        self._loop = asyncio.get_running_loop()

    def end(self) -> None:
        """Cancel the call. A read that was cancelled has cancelled it already."""
        call, self.call = self.call, None
        if call is not None:
            call.cancel()

    def abandon(self) -> None:
        """Cancel the call from wherever the garbage collector happens to run, in its own loop."""
        if self.call is not None and self._loop is not None:
            # A loop that is closed has ended the call already.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.end)
