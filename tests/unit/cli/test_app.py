"""The command line as a whole: its overview, its version, and help that fits."""

from __future__ import annotations

from importlib import metadata

import pytest
import typer
from typer.testing import CliRunner

from tocsin_server.cli.app import app

COMMANDS = [
    "serve",
    "migrate",
    "backup",
    "bridge",
    "check",
    "token",
    "send",
    "get",
    "list",
    "read",
    "watch",
    "cancel",
    "retry",
    "undecided",
    "route",
    "explain",
    "simulate",
    "backtest",
    "queue",
    "pause",
    "resume",
    "export",
    "erase",
    "mcp",
]


def test_the_version_is_that_of_the_distribution() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"tocsin {metadata.version('tocsin')}\n")


def test_every_command_is_tested_here_but_the_one_that_is_not_for_people() -> None:
    command = typer.main.get_command(app)
    assert set(command.commands) == {*COMMANDS, "contact", "worker"}  # type: ignore[attr-defined]  # it is a group


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_the_overview_names_every_command_with_a_whole_sentence(option: str) -> None:
    result = CliRunner().invoke(app, [option])
    assert result.exit_code == 0
    for command in COMMANDS:
        (line,) = [line for line in result.output.splitlines() if line.startswith(f"  {command} ")]
        assert line.endswith("."), f"{line!r} is cut short"
        assert not line.endswith("...")
    assert "worker" not in result.output


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_the_terminal_and_keeps_the_lines_of_its_examples(command: str, width: int) -> None:
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": str(width)})
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert [line for line in lines if len(line) > width and "tocsin " not in line and "--" not in line] == []
    (begin,) = [number for number, line in enumerate(lines) if line.strip() in {"Example:", "Examples:"}]
    assert lines[begin + 1].startswith(f"    tocsin {command}")
    assert not [line for line in lines if "<str>" in line and "--" in line], "an option does not say what it takes"


def test_a_command_that_is_misspelt_is_refused_with_what_was_meant() -> None:
    result = CliRunner().invoke(app, ["serv"])
    assert result.exit_code == 2
    assert "Did you mean 'serve'?" in result.output
