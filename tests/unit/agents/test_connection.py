"""Connections that say nothing, too little or too slowly are ended, and those that are answered are not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any, get_args

import httpx2
import pytest
import uvicorn

from helpers.process import PATIENCE
from tocsin_server.agents.connection import WAITS_FOR_ANSWER, BoundedConnection, WithoutStreams
from tocsin_server.agents.deciding_tools import WaitSeconds

HEAD = b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"


class Impatient(BoundedConnection):
    waits_for_request = 0.5
    waits_for_answer = 0.5


class SlowToAnswer(BoundedConnection):
    waits_for_request = 0.5


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer when told to, never, or with more than a caller who does not read lets through."""
    while (message := await receive()).get("more_body"):
        pass
    if scope["path"] == "/never":
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    if scope["path"] == "/late":
        await asyncio.sleep(2 * SlowToAnswer.waits_for_request)  # what it does is to take longer
    body = b"x" * 50_000_000 if scope["path"] == "/large" else message.get("body", b"")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def serving(connection: type[BoundedConnection], **options: Any) -> AsyncIterator[int]:
    """Yield the port of a server whose connections are of that class."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        config = uvicorn.Config(
            WithoutStreams(app, "/mcp"), http=connection, log_config=None, ws="none", lifespan="off", **options
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server._serve(sockets=[bound]))
        yield bound.getsockname()[1]
        server.should_exit = True
        await running


async def ended(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the connection ends, by a cut or else."""
    read = b""
    with contextlib.suppress(ConnectionError):
        while more := await asyncio.wait_for(reader.read(65_536), PATIENCE):
            read += more
    return read


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"P",
        b"POST /mcp HTTP/1.1\r\nHost:",
        HEAD,
        HEAD + b"bod",
        HEAD + b"body" + HEAD + b"b",
        HEAD + b"bodyPOST",
        HEAD.replace(b"/mcp", b"/never") + b"body",
        HEAD.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"1\r\nb\r\n",
    ],
)
async def test_whoever_does_not_finish_a_request_is_cut_off(said: bytes) -> None:
    async with serving(Impatient, timeout_keep_alive=1_000) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        read = await ended(reader)
        assert read.count(b"200 OK") == said.count(b"body") - said.count(b"/never")
        writer.close()


async def test_a_byte_now_and_then_does_not_keep_a_connection() -> None:
    async with serving(Impatient) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def dribbled() -> None:
            with contextlib.suppress(ConnectionError):
                writer.write(b"POST /mcp HTTP/1.1\r\nX: ")
                while not reader.at_eof():
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(Impatient.waits_for_request / 10)  # that is the attack

        dribbling = asyncio.create_task(dribbled())
        assert await ended(reader) == b""
        writer.close()
        dribbling.cancel()


async def test_whoever_does_not_read_an_answer_is_cut_off() -> None:
    async with serving(Impatient) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(HEAD.replace(b"/mcp", b"/large") + b"body")
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while True:  # the kernel tells of a cut only to who writes
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0)
        assert len(await ended(reader)) < 50_000_000
        writer.close()


async def test_silent_connections_leave_room_for_others() -> None:
    async with serving(Impatient, limit_concurrency=16) as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(16)]
        async with httpx2.AsyncClient() as http:
            for reader, _ in silent:
                assert await ended(reader) == b""
            assert (await http.post(f"http://127.0.0.1:{port}/mcp")).status_code == 200
        for _, writer in silent:
            writer.close()


async def test_an_answer_may_take_longer_than_a_request() -> None:
    longest = next(one.le for one in get_args(WaitSeconds)[1].metadata if hasattr(one, "le"))
    assert longest + 20 < WAITS_FOR_ANSWER
    async with serving(SlowToAnswer) as port, httpx2.AsyncClient() as http:
        for _ in range(2):
            assert (await http.post(f"http://127.0.0.1:{port}/late", content=b"body")).text == "body"


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "PUT"])
async def test_no_stream_is_opened_for_anybody(method: str) -> None:
    async with serving(BoundedConnection) as port, httpx2.AsyncClient() as http:
        answer = await http.request(method, f"http://127.0.0.1:{port}/mcp", headers={"Accept": "text/event-stream"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert (await http.request(method, f"http://127.0.0.1:{port}/other")).status_code == 200
