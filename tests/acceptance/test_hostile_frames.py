"""A stranger at the port of the real process: nobody else's calls fail, and nobody's stream ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from helpers.calls import Api, request, user
from helpers.hostile_requests import HOSTILE, NOT_UTF8
from helpers.http2_frames import Wire, header_block
from helpers.postgresql import temporary_database
from helpers.process import serving

FRAMES = 100
STREAMS = 4


@pytest.fixture
def database() -> Iterator[str]:
    with temporary_database() as url:
        yield url


def attack(address: str) -> None:
    """Open a connection for each hostile request, so that each worker gets some."""
    blocks = [header_block(NOT_UTF8, "x")] * FRAMES + list(HOSTILE.values())
    for block in blocks:
        with Wire(address) as wire:
            wire.request(block, b"")


def bystanders_notice_nothing(address: str) -> None:
    to = user()
    with ExitStack() as stack:
        apis = [stack.enter_context(Api(address)) for _ in range(STREAMS)]
        streams = [stack.enter_context(api.subscribe(to)) for api in apis]
        for stream in streams:
            stream.subscribed()
        sent = []
        for _ in range(3):
            attack(address)
            sent += [api.send(request(to)).id for api in apis]
        for stream in streams:
            assert sorted(stream.ids(len(sent))) == sorted(sent)
    with Api(address) as newcomer:
        assert newcomer.unread(to) == len(sent)


def test_a_process_survives_what_strangers_say(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        bystanders_notice_nothing(server.address)
        assert "rpc_server_ended" not in server.errors
        server.terminate()
        assert server.wait() == 0


def test_workers_survive_what_strangers_say(tmp_path: Path, database: str) -> None:
    with serving(tmp_path, "--workers", "2", TOCSIN_DATABASE_URL=database) as server:
        before = server.workers
        bystanders_notice_nothing(server.address)
        assert "_died" not in server.errors
        assert server.workers == before
