"""Ways to a port of this machine that can be cut, fall silent, or lead there below a prefix."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from tocsin_server.config.network import ListenAddress


class Line:
    """A way to another port that can be cut and restored, or fall silent."""

    def __init__(self, target: ListenAddress) -> None:
        self._target = target
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = True
        self._heard = True
        self.listen = ListenAddress("", 0)
        self.refused = 0

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[ListenAddress]:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        try:
            yield ListenAddress("127.0.0.1", server.sockets[0].getsockname()[1])
        finally:
            server.close()
            # First whoever is just being connected onwards: only then is everything known that is to be closed.
            while tasks := tuple(self._tasks):
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            writers = tuple(self._writers)
            self._abort()
            await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)
            await server.wait_closed()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self._start(self._accept(reader, writer))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            self.refused += 1
            self._writers.discard(writer)
            writer.transport.abort()
            return
        head = await self._head(reader, writer)
        if head is None:
            self._writers.discard(writer)
            writer.close()
            return
        onward_reader, onward_writer = await asyncio.open_connection(*self._target)
        onward_writer.write(head)
        self._writers.add(onward_writer)
        for source, target in ((reader, onward_writer), (onward_reader, writer)):
            self._start(self._pump(source, target))

    async def _head(self, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> bytes | None:
        """Return what goes on first, None if nothing does."""
        return b""

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if self._heard:
                    target.write(data)
                    await target.drain()
        target.transport.abort() if not self._open else target.close()
        self._writers.discard(target)

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def _do(self, change: Callable[[], None]) -> None:
        assert self._loop is not None

        async def act() -> None:
            change()

        asyncio.run_coroutine_threadsafe(act(), self._loop).result(60)

    def cut(self) -> None:
        """Break what is connected, and refuse whoever comes."""

        def change() -> None:
            self._open = False
            self._abort()

        self._do(change)

    def restore(self) -> None:
        """Let everything through again."""

        def change() -> None:
            self._open = self._heard = True

        self._do(change)

    def lead_to(self, target: ListenAddress) -> None:
        """Lead to another port from now on."""
        self._target = target

    def mute(self) -> None:
        """Swallow what is sent, and say nothing: the worst kind of cut."""

        def change() -> None:
            self._heard = False

        self._do(change)


class PrefixedLine(Line):
    """A reverse proxy: shows what is at the port below ``prefix``, such as ``/notify``, and nothing else.

    One request a connection, since the bridge closes after each; a WebSocket is the rest of one.
    """

    def __init__(self, target: ListenAddress, prefix: str) -> None:
        super().__init__(target)
        self._prefix = prefix.encode()
        self.paths: list[str] = []
        """What was asked for and is not below the prefix."""

    async def _head(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        try:
            method, path, rest = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)
        except (asyncio.IncompleteReadError, OSError):
            return None  # a connection that a browser makes in advance
        if path.startswith(self._prefix + b"/"):
            return b" ".join((method, path.removeprefix(self._prefix), rest))
        self.paths.append(path.decode())
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return None
