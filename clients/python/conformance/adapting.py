"""Gives the asynchronous client the form of the synchronous one, so that one driver drives both."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, Self

from tocsin_client import AsyncClient


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def call(self, work: Callable[[], object]) -> None:
        """Call a function there, some time."""
        self._loop.call_soon_threadsafe(work)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine there, and return its result here."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class _OnLoop:
    """Whatever has coroutine methods, with blocking ones."""

    def __init__(self, loop: Loop, inner: Any) -> None:
        self._loop, self._inner = loop, inner

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._inner, name)
        if not callable(member):
            return member

        def call(*arguments: Any, **options: Any) -> Any:
            async def carry_out() -> Any:
                given = member(*arguments, **options)
                if inspect.isasyncgen(given):
                    return [one async for one in given]
                return await given if inspect.isawaitable(given) else given

            return self._loop.run(carry_out())

        return call


class _Subscription(_OnLoop):
    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        async def following() -> Any:
            return await anext(self._inner, None)

        event = self._loop.run(following())
        if event is None:
            raise StopIteration
        return event

    def close(self) -> None:
        """End it."""
        self._loop.run(self._inner.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class _Sender(_OnLoop):
    def send(self, **draft: Any) -> Future[Any]:
        """Hand over, and return a future that other threads can wait for."""
        given = self._loop.run(self._inner.send(**draft))
        future: Future[Any] = Future()

        def settle(done: Any) -> None:
            if done.cancelled():
                future.cancel()
            elif done.exception() is not None:
                future.set_exception(done.exception())
            else:
                future.set_result(done.result())

        self._loop.call(lambda: given.add_done_callback(settle))
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class _Client(_OnLoop):
    def bulk_sender(self, options: Any) -> _Sender:
        """Open a sender."""

        async def begin() -> Any:
            return self._inner.bulk_sender(options)

        return _Sender(self._loop, self._loop.run(begin()))

    def subscribe(self, *arguments: Any, **options: Any) -> _Subscription:
        """Follow a feed."""

        async def begin() -> Any:
            return self._inner.subscribe(*arguments, **options)

        return _Subscription(self._loop, self._loop.run(begin()))


def open_async(loop: Loop, address: str, options: dict[str, Any]) -> _Client:
    """Open an asynchronous client."""

    async def begin() -> AsyncClient:
        return AsyncClient(address, **options)

    return _Client(loop, loop.run(begin()))
