"""The client commands as they are typed: in the test's process, or in one of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import typer
from typer.testing import CliRunner, Result

from helpers.scripted_server import USER_ID, ScriptedServer
from tocsin_server.cli import client_commands

USER = f"user:{USER_ID}"

Tocsin = Callable[..., Result]
"""Runs a command with words, and with variables of the environment by keyword."""

# A shell that starts the tests in the background makes them, and what they start, ignore SIGINT.
SCRIPT = """
import signal
import typer
signal.signal(signal.SIGINT, signal.default_int_handler)
from tocsin_server.cli import client_commands
app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
client_commands.register(app)
app(prog_name="tocsin")
"""


def client_app() -> typer.Typer:
    """Return the client commands as an app of their own."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    client_commands.register(app)
    return app


def run(app: typer.Typer, *words: str, stdin: str | None = None, **environment: str) -> Result:
    """Run a command in this process."""
    result = CliRunner().invoke(app, words, input=stdin, env=environment)
    # SystemExit is how a command ends; anything else would be a traceback.
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def start(server: ScriptedServer, *words: str, **streams: Any) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    environment = {**os.environ, "TOCSIN_SERVER": server.address, "PYTHONWARNINGS": "error"}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *words],
        env=environment,
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
    )
