"""For the tests of commands: a scripted server, and a way to type commands at it."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator

import pytest

from helpers.commands import Tocsin, client_app, run
from helpers.scripted_server import CREATED, ScriptedServer
from tocsin_client import Backoff, resume
from tocsin_server.cli import output


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests' settings apart from those of whoever runs them."""
    for name in list(os.environ):
        if name.startswith("TOCSIN_"):
            monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def tocsin(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Tocsin:
    """Give a function that runs a command in this process, with the server as TOCSIN_SERVER and without waits."""
    monkeypatch.setattr(resume, "STREAM_BACKOFF", Backoff(initial=0))
    monkeypatch.setattr(output, "utc_now", lambda: CREATED)
    return functools.partial(run, client_app(), TOCSIN_SERVER=server.address)
