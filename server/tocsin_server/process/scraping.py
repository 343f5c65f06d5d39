"""The port that Prometheus reads: plain HTTP, a few paths, one answer a connection.

What it shows has nothing of callers in it, and it asks nobody who they are. So it is bounded in everything that a
stranger could use up, and belongs into a network of one's own all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.errors import ListenError

log = logging.getLogger(__name__)

LARGEST_HEAD: Final = 8 * 1024
"""Bytes of a request."""

LONGEST_REQUEST: Final = 5.0
"""Seconds that a request and its answer may take."""

CONNECTIONS: Final = 32
"""At a time; a further one is closed at once."""


class Answer(NamedTuple):
    """What a path shows."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


Path = Callable[[], Awaitable[Answer]]

NOTHING: Final = Answer(HTTPStatus.NOT_FOUND, b"nothing here; the metrics are at /metrics\n")
NOT_ALLOWED: Final = Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"only GET\n")
NO_REQUEST: Final = Answer(HTTPStatus.BAD_REQUEST, b"not a request\n")


def probe(*, well: bool, otherwise: str = "") -> Answer:
    """Return the answer of a probe."""
    if well:
        return Answer(HTTPStatus.OK, b"ok\n")
    return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{otherwise}\n".encode())


class Scraping:
    """Listens, on the event loop that starts it.

    Args:
        paths: What is shown, by path.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, listen: ListenAddress, setting: str) -> ListenAddress:
        """Listen; returns where, with the port that the system chose for port 0.

        Raises:
            ListenError: The address is in use, or not one of this machine; names the setting.
        """
        try:
            self._server = await asyncio.start_server(self._accepted, listen.host, listen.port, limit=LARGEST_HEAD)
        except OSError as error:
            # Of a taken port asyncio's sentence has the address once more.
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
            raise ListenError(f"cannot listen on {listen}: {why} ({setting})") from error
        return ListenAddress(listen.host, self._server.sockets[0].getsockname()[1])

    async def start_or_warn(self, listen: ListenAddress, setting: str, *, asked: bool) -> ListenAddress | None:
        """Do the same; but if nobody ``asked`` for it, go without and say so in the log, and return None."""
        try:
            return await self.start(listen, setting)
        except ListenError as error:
            if asked:
                raise
            log.warning("there are no metrics: %s", error.message, extra={"event": "metrics_off", "setting": setting})
            return None

    async def stop(self) -> None:
        """Close everything. Idempotent."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._open):
            task.cancel()
        if self._open:
            await asyncio.wait(tuple(self._open))

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= CONNECTIONS:
            writer.close()
            return
        task = asyncio.create_task(self._serve(reader, writer), name="scrape")
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(LONGEST_REQUEST):
                answer = await self._answer(reader)
                writer.write(_head(answer) + answer.body)
                await writer.drain()
        except (TimeoutError, OSError):
            pass  # a client that says nothing, or has gone
        except Exception:
            log.exception("a scrape failed", extra={"event": "scrape_failed"})
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            return NO_REQUEST
        if method != "GET":
            return NOT_ALLOWED
        path = self._paths.get(target.partition("?")[0])
        return NOTHING if path is None else await path()


def _head(answer: Answer) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        "Connection: close",
        *(["Allow: GET"] if answer.status is HTTPStatus.METHOD_NOT_ALLOWED else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()
