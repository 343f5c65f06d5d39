"""What a reader types from the documents: every console snippet is typed into a shell, or there is a reason."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.process import PATIENCE, ServerProcess, environment, serving

ROOT = Path(__file__).parents[2]

NOT_TYPED = {
    "make": "what the whole of CI runs",
    "python3 -m venv": "needs the network",
    "pip install": "needs the network",
    "mvn": "the same; the Java client has tests of what it builds",
    "npm": "the same",
    "/opt/tocsin": "the same",
    "psql": "creates a role on the reader's server",
    "export": "of that server",
    "systemctl": "of that machine",
    "tocsin backup": "of that server; help has an example that is run",
    "tocsin migrate": "of that server; help has an example that is run",
    "TOCSIN_RULES=": "serves; test_agent_session has the same",
    "OPENAI_BASE_URL=": "goes on until it is stopped; test_model_decider runs it",
    "claude mcp": "a program that nobody needs for the tests; test_agent_session starts what it is told",
    "tocsin serve --workers": "of that server; tests/acceptance has many",
    "grpcurl": "a program that nobody needs for the tests",
    "TOCSIN=": "typed by the test of clients/go/README.md in clients/go/examples",
    "mkdir": "the same",
    "go ": "the same",
}
"""How lines begin that are not typed, and why."""


def commands() -> Iterator[tuple[str, str]]:
    """Yield each command of each console snippet with the document that has it."""
    for path in (
        ROOT / "README.md",
        *ROOT.glob("*/README.md"),
        *ROOT.glob("*/*/README.md"),
        *ROOT.glob("server/*/*/README.md"),
    ):
        for found in re.finditer(r"^```console\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            text = found[1].replace("\\\n", " ")
            for line in text.splitlines():
                if line.startswith("$ "):
                    yield str(path.relative_to(ROOT)), re.sub(r"\s+", " ", line[2:])


TYPED = [found for found in commands() if not found[1].startswith(tuple(NOT_TYPED))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("server"), "--dev") as running:
        yield running


@pytest.mark.parametrize("line", [pytest.param(line, id=f"{document}: {line[:50]}") for document, line in TYPED])
def test_a_command_in_a_document_does_what_it_says(server: ServerProcess, tmp_path: Path, line: str) -> None:
    program = tmp_path / "bin" / "tocsin"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tocsin_server "$@"\n')
    program.chmod(0o755)
    settings = {"TOCSIN_SERVER": server.address, "TOCSIN_JWT_SECRET": "a secret that is long enough for HS256"}
    line = line.replace(".venv/bin/tocsin", "tocsin").replace(".venv/bin/python", sys.executable)
    ended = subprocess.run(
        ["bash", "-c", re.sub(r"\b(server/deploy|clients/python)/", rf"{ROOT}/\1/", line)],
        cwd=tmp_path,
        env={**environment(settings), "PATH": f"{program.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_what_is_not_typed_is_in_a_document() -> None:
    lines = [line for _, line in commands()]
    for beginning in NOT_TYPED:
        assert any(line.startswith(beginning) for line in lines), f"{beginning} is in no document any more"
    assert TYPED
