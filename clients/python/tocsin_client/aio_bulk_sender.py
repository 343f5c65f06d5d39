"""The asynchronous sender in bulk; `tocsin_client.bulk` decides."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeAlias, Unpack

import grpc

from tocsin_client import bulk, calls
from tocsin_client.bulk import Attempts, BulkOptions, Gathering, Item
from tocsin_client.model import Accepted, Draft, RecipientLike, SendOptions
from tocsin_client.transport import error_from_rpc

Start = Callable[[calls.Call[Any], float], Awaitable[Any]]
"""Makes a call with a timeout in seconds, and gives its answer."""

_Item: TypeAlias = Item[asyncio.Future[Accepted]]


class AsyncBulkSender:
    """Sends many notifications; see `tocsin_client.bulk_sender.BulkSender`. Made by `AsyncClient.bulk_sender`."""

    def __init__(self, start: Start, options: BulkOptions) -> None:
        self._start = start
        self._options = options
        self._gathering: Gathering[asyncio.Future[Accepted]] = Gathering(options)
        self._unresolved: set[asyncio.Future[Accepted]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._closed = False

    async def send(
        self, recipient: RecipientLike, title: str, message: str, **options: Unpack[SendOptions]
    ) -> asyncio.Future[Accepted]:
        """Hand over a notification, and return a future of its result: ``accepted = await (await sender.send(…))``.

        What is awaited first is room, while as much is unresolved as may be. A future that is cancelled before its
        batch leaves is not sent.

        Raises:
            ValueError, TypeError: For arguments that cannot be sent; nothing is handed over then.
            RuntimeError: The sender is closed.
        """
        loop = asyncio.get_running_loop()
        request = calls.send_request(Draft(recipient, title, message, **options))
        item: _Item = Item(request, loop.create_future(), 0.0)
        while not self._closed and not self._gathering.has_room(item.size):
            self._room.clear()
            await self._room.wait()
        if self._closed:
            raise RuntimeError("the sender is closed")
        now = loop.time()
        item.deadline = now + self._options.delivery_timeout
        self._unresolved.add(item.future)
        if self._gathering.add(item, now):
            self._begin()
            self._work.set()
            # Whoever sends in a loop would otherwise let no batch leave before there is no room left.
            await asyncio.sleep(0)
        return item.future

    async def flush(self) -> None:
        """Send what waits, and return when everything that was handed over has its result, whatever it is."""
        await self._wait(None)

    async def close(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as of the synchronous one
        """Take nothing more, `flush`, and end the tasks; see `BulkSender.close`. May be called repeatedly."""
        self._closed = True
        self._work.set()
        self._room.set()
        try:
            await self._wait(timeout)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for future in tuple(self._unresolved):
                if not future.done():
                    future.set_exception(bulk.closed())
            self._unresolved.clear()

    async def _wait(self, timeout: float | None) -> None:  # noqa: ASYNC109 - as above
        self._gathering.hurry()
        self._work.set()
        unresolved = tuple(self._unresolved)
        if unresolved:
            await asyncio.wait(unresolved, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # -- the tasks ---------------------------------------------------------------------------------

    def _begin(self) -> None:
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._run(), name=f"tocsin-bulk-{number}")
                for number in range(self._options.in_flight)
            ]

    async def _run(self) -> None:
        while batch := await self._take():
            self._resolve([bulk.Settled(item, bulk.closed()) for item in batch if item.future.done()])
            await self._deliver(Attempts([item for item in batch if not item.future.done()], self._options))

    async def _take(self) -> list[_Item]:
        time = asyncio.get_running_loop().time
        while (wait := self._gathering.wait(time())) != 0:
            if self._closed and wait is None:
                return []
            self._work.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._work.wait()
        batch = self._gathering.take(time())
        if self._gathering.wait(0.0) is not None:
            self._work.set()  # for what is left, which nobody else may be waiting for
        return batch

    async def _deliver(self, attempts: Attempts[asyncio.Future[Accepted]]) -> None:
        time = asyncio.get_running_loop().time
        while attempts.left:
            call = calls.send_requests([item.request for item in attempts.left])
            try:
                answer = call.read(await self._start(call, attempts.timeout(time())))
            except grpc.RpcError as problem:
                settled = attempts.failed(error_from_rpc(problem), time())
            except Exception as error:  # noqa: BLE001 - such as the caller's own function of tokens: who waits must know
                settled = attempts.failed(error, time())
            else:
                settled = attempts.answered(answer, time())
            self._resolve(settled)
            if attempts.left:
                await asyncio.sleep(attempts.delay)

    def _resolve(self, settled: list[bulk.Settled[asyncio.Future[Accepted]]]) -> None:
        for item, result in settled:
            self._unresolved.discard(item.future)
            if item.future.done():
                continue
            if isinstance(result, Exception):
                item.future.set_exception(result)
            else:
                item.future.set_result(result)
        if settled:
            self._gathering.resolved([one.item for one in settled])
            self._room.set()
