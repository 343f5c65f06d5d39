"""Deciders that die with what they hold, and a server that dies with what is undecided: all is decided, once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from helpers.process import ServerProcess, environment, serving
from helpers.waiting import eventually
from tocsin_client import Client, Notification

HOLDER = """
import sys
from tocsin_client import Client
with Client(sys.argv[1]) as client:
    held = client.lease_undecided(max_count=int(sys.argv[2]), lease=600, wait=30, deadline=60)
    print(len(held), flush=True)
    for one in held[: len(held) // 2]:
        client.route(one.notification.id, ["email"], lease_token=one.lease_token)
    print("holding", flush=True)
    sys.stdin.read()
"""
"""Takes some, decides half of them, and holds the rest until it is killed."""

COUNT, DECIDERS = 60, 3


def defer(client: Client, count: int, seconds: float) -> list[Notification]:
    """Send so many that wait for a decision for so long."""
    route_by = datetime.now(UTC) + timedelta(seconds=seconds)
    return [
        client.send(
            "guest", f"Order {number}", "Shipped.", addresses={"email": "ann@example.org"}, deferred=True,
            route_by=route_by,
        ).notification
        for number in range(count)
    ]  # fmt: skip


@contextmanager
def holders(server: ServerProcess, folder: Path, count: int) -> Iterator[None]:
    """Run deciders, and kill them while they hold what they have not decided."""
    deciders = [
        subprocess.Popen(
            [sys.executable, "-c", HOLDER, server.address, str(count)],
            cwd=folder, env=environment({}), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(DECIDERS)
    ]  # fmt: skip
    try:
        for decider in deciders:
            assert decider.stdout is not None
            assert int(decider.stdout.readline()) > 0
            assert decider.stdout.readline() == "holding\n"
        yield
    finally:
        for decider in deciders:
            decider.kill()
            decider.communicate()


def assert_decided_once(client: Client, sent: list[Notification]) -> set[str]:
    """Hold all against their decisions, and return who made them."""
    by: set[str] = set()
    for notification in sent:
        [decision] = client.explain(notification.id)
        by.add(decision.by)
        found = client.get(notification.id)
        assert [row.channel for row in found.channels] == ["email"]
        assert found.route_by is None
    return by


def test_what_killed_deciders_held_is_decided_at_its_deadline_and_nothing_twice(tmp_path: Path) -> None:
    with serving(tmp_path, "--dev") as server, Client(server.address) as client:
        sent = defer(client, COUNT, 8.0)
        with holders(server, tmp_path, COUNT // DECIDERS):
            pass
        eventually(lambda: not list(client.iterate(unrouted_only=True)), timeout=60)
        assert assert_decided_once(client, sent) == {"decider", "deadline"}


def test_what_is_undecided_survives_its_server_and_is_decided_by_the_next(tmp_path: Path) -> None:
    with serving(tmp_path, "--dev") as server, Client(server.address) as client:
        sent = defer(client, COUNT, 6.0)
        assert len(client.lease_undecided(max_count=20, lease=600)) == 20
        server.kill()
    with serving(tmp_path, "--dev") as server, Client(server.address) as client:
        eventually(lambda: not list(client.iterate(unrouted_only=True)), timeout=60)
        assert assert_decided_once(client, sent) == {"deadline"}
