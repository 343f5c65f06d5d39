"""Each part of the real process is killed: the process says so in one line, and ends for its supervisor."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from helpers.calls import EMAIL, WEBSOCKET, Api, request
from helpers.nats_server import NatsServer
from helpers.postgresql import temporary_database
from helpers.process import ServerProcess, serving
from helpers.waiting import eventually

SABOTEUR = "helpers.saboteur"
TESTS = str(Path(__file__).parents[1])
SETTINGS = {"PYTHONPATH": os.pathsep.join((TESTS, os.environ.get("PYTHONPATH", ""))).strip(os.pathsep)}


@pytest.fixture
def database() -> Iterator[str]:
    with temporary_database() as url:
        yield url


def killed(server: ServerProcess, part: str) -> None:
    """Kill the part that the server was told of, and look at what comes of it."""
    with Api(server.address) as api:
        assert api.send(request(None, WEBSOCKET, (EMAIL, "ann@example.org"))).id
        server.signal(signal.SIGUSR1)

        def ended() -> bool:
            # A thread that waits for work notices only with the next.
            with contextlib.suppress(grpc.RpcError):
                api.stub.Send(request(None, WEBSOCKET, (EMAIL, "ann@example.org")), timeout=1.0)
            return not server.running

        assert eventually(ended)
    assert server.wait() == 1
    [line] = [line for line in server.errors.splitlines() if "event=part_ended" in line]
    assert re.search(rf" CRITICAL .*\[event=part_ended part={part} error=(Ended|CancelledError)", line), line
    assert server.errors.splitlines()[-1].startswith(f"tocsin: {part} ended unexpectedly")
    assert "Traceback" not in server.errors


@pytest.mark.parametrize(
    ("what", "part"),
    [
        ("thread:tocsin-writer-0", "the store"),
        ("thread:tocsin-email", "deliveries"),
        ("task:feed-settlement", "settlement"),
        ("task:feed_entry", "feed entry"),
        ("task:rpc-server", "the gRPC server"),
    ],
)
def test_the_end_of_a_part_ends_the_process(tmp_path: Path, what: str, part: str) -> None:
    with serving(tmp_path, "--dev", program=SABOTEUR, SABOTAGE=what, TOCSIN_SHUTDOWN_GRACE="2s", **SETTINGS) as server:
        killed(server, part)


@pytest.mark.parametrize("what", ["thread:tocsin-bus", "thread:tocsin-writer-0"])
def test_so_does_that_of_a_thread_over_postgresql(tmp_path: Path, database: str, what: str) -> None:
    part = "the bus" if what.endswith("bus") else "the store"
    settings = {"TOCSIN_DATABASE_URL": database, "TOCSIN_SHUTDOWN_GRACE": "2s", "SABOTAGE": what, **SETTINGS}
    with serving(tmp_path, "--dev", program=SABOTEUR, **settings) as server:
        killed(server, part)


def test_so_does_that_of_the_bus_over_nats(tmp_path: Path, database: str) -> None:
    with NatsServer() as nats:
        settings = {
            "TOCSIN_DATABASE_URL": database,
            "TOCSIN_BUS_URL": nats.url,
            "TOCSIN_SHUTDOWN_GRACE": "2s",
            "SABOTAGE": "task:feed-bus",
            **SETTINGS,
        }
        with serving(tmp_path, "--dev", program=SABOTEUR, **settings) as server:
            killed(server, "the bus")


def test_a_parent_whose_keeper_of_the_bridge_ends_does_too(tmp_path: Path) -> None:
    settings = {"TOCSIN_SHUTDOWN_GRACE": "2s", "SABOTAGE": "task:keeper of the bridge", **SETTINGS}
    arguments = ("--dev", "--bridge")
    with serving(tmp_path, *arguments, program=SABOTEUR, TOCSIN_BRIDGE_LISTEN="127.0.0.1:0", **settings) as server:
        killed(server, "what keeps the bridge running")
