"""Every example in every --help is typed into a shell, as it stands there, and does what it says.

Only what cannot be the same twice is put in its place: the id of a notification, ports, and the path of a database.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from helpers.process import PATIENCE, ServerProcess, environment, serving
from tocsin_client import Client
from tocsin_server.cli.app import app
from tocsin_server.storage.databases import sqlite_file

EXAMPLE_ID = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"
ROOT = Path(__file__).parents[2]
CANCELLED = "tocsin: cancelled; what was still to come is not sent\n"
NOTHING_FREE = "tocsin: nothing is free to be decided; what is leased or put off shows: tocsin list --unrouted\n"
ADDRESSES = {"email": "ann@example.org", "sms": "+442079460000"}
SOMEBODY = "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"


def examples() -> Iterator[tuple[str, str]]:
    """Yield each example with the command that shows it; one that goes over several lines is one."""
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group
    for name, command in commands.items():
        _, _, text = (command.help or "").partition("Example")
        lines = [line.strip() for line in text.partition("\n")[2].replace("\\\n", " ").splitlines()]
        for line in filter(None, lines):
            yield name, re.sub(r"\s+", " ", line)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which a shell finds the command ``tocsin``."""
    folder = tmp_path_factory.mktemp("shell")
    program = folder / "bin" / "tocsin"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tocsin_server "$@"\n')
    program.chmod(0o755)
    shutil.copy(ROOT / "server/deploy/rules-shop.toml", folder / "rules.toml")
    sqlite_file.prepare(folder / "tocsin.db")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("server"), "--dev") as running:
        yield running


def typed(shell: Path, server: ServerProcess, line: str) -> subprocess.Popen[str]:
    """Type a line into a shell."""
    settings = {
        "TOCSIN_SERVER": server.address,
        "TOCSIN_JWT_SECRET": "a secret that is long enough for HS256",
        "TOCSIN_LISTEN": "127.0.0.1:0",
        "TOCSIN_BRIDGE_LISTEN": "127.0.0.1:0",
    }
    # A shell ends with the status of its last command; with pipefail, of any.
    return subprocess.Popen(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=shell,
        env={**environment(settings), "PATH": f"{shell / 'bin'}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def the_one_that_it_needs(client: Client, command: str) -> str:
    """Return the id of a notification with which a command can do something."""
    if command == "route":
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        waiting = client.send(("user", SOMEBODY), "T", "M", addresses=ADDRESSES, deferred=True, route_by=tomorrow)
        return waiting.notification.id
    later = datetime.now(UTC) + timedelta(hours=1)
    accepted = client.send(
        ("user", SOMEBODY), "T", "M", channels=["websocket", ("email", "ann@example.org")], send_at=later
    )
    found = accepted.notification.id
    if command == "retry":
        client.cancel(found)
    return found


@pytest.mark.parametrize(
    ("command", "line"),
    [
        pytest.param(*found, id=found[1][:60])
        for found in examples()
        if found[0] not in {"serve", "bridge", "watch", "mcp"} and "--watch" not in found[1]
    ],
)
def test_an_example_does_what_it_says(shell: Path, server: ServerProcess, command: str, line: str) -> None:
    with Client(server.address) as client:
        line = line.replace(EXAMPLE_ID, the_one_that_it_needs(client, command))
    process = typed(shell, server, line.replace("/tmp/tocsin.db", f"{shell}/tocsin.db"))  # noqa: S108 - what help says
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert errors in {"", "tocsin: nothing matches\n", NOTHING_FREE, CANCELLED}
    assert output or errors or "--json" in line


@pytest.mark.parametrize("line", [line for command, line in examples() if command == "watch"])
def test_an_example_of_watching_shows_what_arrives(shell: Path, server: ServerProcess, line: str) -> None:
    process = typed(shell, server, f"exec {line}")
    assert process.stderr is not None
    assert process.stdout is not None
    if "--json" in line:
        assert '"subscribed"' in process.stdout.readline()
    else:
        assert process.stderr.readline().startswith("tocsin: following the feed")
    with Client(server.address) as client:
        sent = client.send(("user", SOMEBODY), "T", "M", channels=["websocket"]).notification
    # What waited for a first subscriber may come before.
    assert any(sent.id in shown for shown in iter(process.stdout.readline, ""))
    if "--count" not in line:
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


@pytest.mark.parametrize("line", [line for command, line in examples() if command == "mcp" and "--http" not in line])
def test_an_example_for_an_agent_program_ends_with_its_standard_input(
    shell: Path, server: ServerProcess, line: str
) -> None:
    process = typed(shell, server, line)
    assert (*process.communicate(timeout=PATIENCE), process.returncode) == ("", "", 0)


@pytest.mark.parametrize(
    "line", [line for command, line in examples() if command in {"serve", "bridge"} or "mcp --http" in line]
)
def test_an_example_of_serving_serves_until_it_is_stopped(
    shell: Path, server: ServerProcess, line: str, tmp_path: Path
) -> None:
    line = re.sub(r"--listen \S+", "--listen 127.0.0.1:0", line.replace("/tmp/tocsin.db", f"{tmp_path}/t.db"))  # noqa: S108
    line = re.sub(r"--server \S+", f"--server {server.address}", line)
    line = re.sub(r"--http \S+", "--http 127.0.0.1:0", line)
    process = typed(shell, server, f"exec {line}")
    assert process.stdout is not None
    assert re.match(r"Tocsin(| serves gRPC| serves agents|'s bridge listens) on ", process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors


def test_every_command_for_people_has_an_example() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group
    assert {name for name, _ in examples()} == set(commands) - {"worker"}
