"""An agent's whole session as the README shows it, over stdio and over HTTP: what one types, and what comes of it.

The server runs on its embedded database, with the sample of rules, without any account. What is recorded stands in
``agent_session.txt``, with ids and times that are the same each time.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client, StdioServerParameters

from helpers.agents import Agent, agent_over_http, serving_agents
from helpers.process import PATIENCE, ServerProcess, environment, run, serving

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
RECORDED: Final = HERE / "agent_session.txt"
PROGRAM: Final = ROOT / "clients/python/examples/agent_session.py"
README: Final = ROOT / "server/tocsin_server/agents/README.md"
ID: Final = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"
LEASE: Final = "01926f3e-8b2c-7d11-8e5f-1a2b3c4d5e6f"
RECIPIENT: Final = "user:0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"
TIMES: Final = {"lease_until": "2026-03-01T09:02:00Z", "decide_by": "2026-03-01T10:00:00Z",
                "created_at": "2026-03-01T09:00:00Z", "decided_at": "2026-03-01T09:00:05Z",
                "local_time": "2026-03-01T09:00:03+00:00"}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    rules = str(ROOT / "server/deploy/rules-shop.toml")
    with serving(tmp_path_factory.mktemp("server"), "--dev", TOCSIN_RULES=rules) as running:
        yield running


def sent_as_the_readme_says(folder: Path, server: ServerProcess, to: str) -> None:
    """Type the command of the README that sends something which waits."""
    [typed] = re.findall(r"^\$ \.venv/bin/tocsin (send .*?)\n```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    words = re.findall(r"'([^']*)'|(\S+)", typed.replace("\\\n", " "))
    arguments = [quoted or plain for quoted, plain in words]
    assert arguments[2] == "user:ext:4711"
    sent = run(folder, *arguments[:2], f"user:ext:{to}", *arguments[3:], TOCSIN_SERVER=server.address)
    assert sent.status == 0, sent.errors


def same_each_time(said: str) -> str:
    """Return what was said with ids and times that are the same each time, in lines that a page has room for."""
    known: dict[str, str] = {}
    for ids in re.findall(r'"notification_id":"([^"]*)","lease_token":"([^"]*)".*?"recipient":"([^"]*)"', said):
        known = dict(zip(ids, (ID, LEASE, RECIPIENT), strict=True))
    lines = []
    for line in said.splitlines():
        for real, shown in known.items():
            line = line.replace(real, shown)  # noqa: PLW2901 - step by step
        for field, shown in TIMES.items():
            line = re.sub(rf'"{field}":"[^"]*"', f'"{field}":"{shown}"', line)  # noqa: PLW2901 - as above
        spaced = re.sub(r'(?<=["\]}\d]),(?=["{\[])', ", ", line)
        lines.append(textwrap.fill(spaced, 110, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_the_recorded_session_is_what_an_agent_has(server: ServerProcess, tmp_path: Path, transport: str) -> None:
    sent_as_the_readme_says(tmp_path, server, transport)
    with serving_agents(tmp_path, server.address) if transport == "http" else contextlib.nullcontext() as url:
        played = subprocess.run(
            [sys.executable, PROGRAM, *([url] if url else [])],
            cwd=tmp_path,
            env=environment({"TOCSIN_SERVER": server.address, "PYTHONWARNINGS": "error"}),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert (played.returncode, played.stderr) == (0, "")
    found = same_each_time(played.stdout)
    (tmp_path / RECORDED.name).write_text(found, encoding="utf-8")  # to be put in its place when it is to change
    assert found == RECORDED.read_text(encoding="utf-8")


def configured(name: str) -> dict[str, Any]:
    """Return what a configuration of an agent program says about Tocsin."""
    text = (HERE / name).read_text("utf-8")
    found: dict[str, Any] = (
        json.loads(text)["mcpServers"] if name.endswith("json") else tomllib.loads(text)["mcp_servers"]
    )
    return dict(found["tocsin"])


async def test_the_configuration_of_programs_that_connect_reaches_it(server: ServerProcess, tmp_path: Path) -> None:
    said = configured("agent_programs_http.json")
    assert (said["type"], said["url"]) == ("http", "http://127.0.0.1:8765/mcp")
    with serving_agents(tmp_path, server.address) as url:
        token = said["headers"]["Authorization"].removeprefix("Bearer ")
        async with agent_over_http(url, token) as agent:
            assert (await agent.do("whoami"))["tools"][:2] == ["whoami", "list_undecided"]


@pytest.mark.parametrize("name", ["agent_programs.json", "agent_programs.toml"])
async def test_the_configuration_of_agent_programs_starts_it(server: ServerProcess, tmp_path: Path, name: str) -> None:
    said = configured(name)
    assert said["command"] == "/path/to/tocsin/.venv/bin/tocsin"
    settings = {**said["env"], "TOCSIN_SERVER": server.address}
    started = StdioServerParameters(
        command=str(Path(sys.executable).with_name("tocsin")),
        args=said["args"],
        env=environment(settings),
        cwd=str(tmp_path),
    )
    async with Client(started) as client:
        assert (await Agent(client).do("whoami"))["tools"][:2] == ["whoami", "list_undecided"]
