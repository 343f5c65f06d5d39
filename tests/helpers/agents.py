"""Agents under test: the protocol's own client at a server for agents, in this process or as a program of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from helpers.process import PATIENCE, command, environment
from tocsin_client import AsyncClient
from tocsin_server.agents.callers import Callers
from tocsin_server.agents.server import AgentServer


class Agent:
    """A language model's side of it: calls tools, and reads what they answer."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def ask(self, tool: str, /, **arguments: Any) -> CallToolResult:
        """Call a tool."""
        return await self.client.call_tool(tool, arguments)

    async def do(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """Call a tool that has to succeed; the text and the structure that it answers have to be the same."""
        answer = await self.ask(tool, **arguments)
        assert not answer.is_error, text_of(answer)
        found: dict[str, Any] = json.loads(text_of(answer))
        assert found == answer.structured_content
        return found

    async def refusal(self, tool: str, /, **arguments: Any) -> str:
        """Call a tool that has to fail; returns the sentence."""
        answer = await self.ask(tool, **arguments)
        assert answer.is_error, text_of(answer)
        return text_of(answer)

    async def tools(self) -> list[str]:
        """Return the names of the tools that it is shown."""
        return [tool.name for tool in (await self.client.list_tools()).tools]


def text_of(answer: CallToolResult) -> str:
    [content] = answer.content
    assert isinstance(content, TextContent)
    return content.text


@contextlib.asynccontextmanager
async def agent_at(
    address: str, token: str | None = None, deadline: float = 10.0, **options: Any
) -> AsyncIterator[Agent]:
    """Yield an agent at a server for agents in this process; ``options`` are those of `AgentServer`."""
    async with (
        AsyncClient(address, token=token, deadline=deadline) as behind,
        Client(AgentServer(Callers(behind), **options)) as client,
    ):
        yield Agent(client)


@contextlib.asynccontextmanager
async def agent_over_stdio(folder: Path, address: str, *arguments: str, **settings: str) -> AsyncIterator[Agent]:
    """Yield an agent that has started ``tocsin mcp``, as agent programs do."""
    program, *words = command("mcp", *arguments)
    started = StdioServerParameters(
        command=program, args=words, env=environment({"TOCSIN_SERVER": address, **settings}), cwd=str(folder)
    )
    async with Client(started) as client:
        yield Agent(client)


@contextlib.asynccontextmanager
async def agent_over_http(
    url: str,
    token: str | None = None,
    mode: str = "auto",
    on_request: Callable[[httpx2.Request], Awaitable[None]] | None = None,
) -> AsyncIterator[Agent]:
    """Yield an agent that connects over HTTP, with its own token; ``mode`` "legacy" is how older ones do."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    hooks = {"request": [on_request] if on_request is not None else []}
    async with (
        httpx2.AsyncClient(headers=headers, event_hooks=hooks) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield Agent(client)


@contextlib.contextmanager
def serving_agents(folder: Path, address: str, *arguments: str, **settings: str) -> Iterator[str]:
    """Run ``tocsin mcp --http`` at any free port, and yield its URL."""
    process = subprocess.Popen(
        command("mcp", "--http", "127.0.0.1:0", *arguments),
        cwd=folder,
        env=environment({"TOCSIN_SERVER": address, **settings}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("Tocsin serves agents on http://"), first
        yield first.split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
