"""Play an agent: take what waits, preview, be denied, correct it, decide, and ask why. Without a language model.

It starts `tocsin mcp` as agent programs do, or connects to the URL that is its argument.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent

TOCSIN = str(Path(sys.executable).with_name("tocsin"))


async def call(agent: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool, and show what a model would write and read; returns nothing if it is refused."""
    answer = await agent.call_tool(tool, arguments)
    print(">", tool, json.dumps(arguments))
    said = "".join(part.text for part in answer.content if isinstance(part, TextContent))
    print("< error:" if answer.is_error else "<", said, flush=True)
    return {} if answer.is_error else json.loads(said)


async def main() -> None:
    program = StdioServerParameters(command=TOCSIN, args=["mcp"], env=dict(os.environ))
    async with Client(streamable_http_client(sys.argv[1]) if sys.argv[1:] else program) as agent:
        taken = await call(agent, "list_undecided", max_count=1)
        for one in taken["undecided"]:
            held = {"notification_id": one["notification_id"], "lease_token": one["lease_token"]}
            await call(agent, "preview_decision", **held, channels=["email", "sms"])
            await call(agent, "decide", **held, channels=["sms"], reason="Texts are seen", model="example-4")
            await call(agent, "decide", **held, channels=["email"], reason="It is no hurry", model="example-4")
            await call(agent, "explain", notification_id=one["notification_id"])


try:
    asyncio.run(main())
except BaseExceptionGroup as several:  # the library runs tasks within tasks
    error: BaseException = several
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, MCPError | httpx.HTTPError):
        raise
    sys.exit(f"agent_session.py: {' '.join(sys.argv[1:]) or 'tocsin mcp'} does not answer: {error}")
