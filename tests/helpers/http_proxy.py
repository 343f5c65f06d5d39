"""An HTTP proxy in a thread, for tunnels (CONNECT) and for plain requests, which may ask for a password, or hang."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from typing import Self
from urllib.parse import urlsplit


class HttpProxy:
    """Listens on a port of its own on 127.0.0.1 while the context is open.

    ``credentials`` makes Proxy-Authorization necessary.
    """

    def __init__(self, credentials: tuple[str, str] | None = None) -> None:
        self.credentials = credentials
        self.port = 0
        self.asked: list[str] = []
        """The first line of each request that was let through."""
        self.refused: list[str] = []
        self.hangs = False
        """Whether requests are read and not answered."""
        self.hanging = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="http-proxy")

    @property
    def url(self) -> str:
        """The proxy as a setting, with its credentials."""
        user = ":".join(self.credentials) + "@" if self.credentials else ""
        return f"http://{user}127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(timeout=60)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._serve_one(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, _, rest = head.partition("\r\n")
            if not self._may(rest):
                self.refused.append(first)
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            self.asked.append(first)
            if self.hangs:
                self.hanging.set()
                await self._stopping.wait()
            await self._pass_on(first, rest, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # one side has left
        finally:
            writer.close()

    def _may(self, headers: str) -> bool:
        if self.credentials is None:
            return True
        expected = base64.b64encode(":".join(self.credentials).encode()).decode()
        return f"proxy-authorization: basic {expected}".lower() in headers.lower()

    async def _pass_on(
        self, first: str, headers: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        method, target, version = first.split(" ")
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                back.write(f"{method} {parts.path} {version}\r\n{headers}".encode("latin-1"))
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            back.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
