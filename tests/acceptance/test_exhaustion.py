"""Strangers who want to use up the real process: others are served meanwhile, and its memory stays bounded."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from helpers.calls import Api, request, user
from helpers.hostile_requests import COUNT_UNREAD
from helpers.http2_frames import DATA, END_HEADERS, HEADERS, RST_STREAM, Wire, frame, grpc_frame, header_block
from helpers.process import serving
from tocsin_server.config.network import ListenAddress

RESETS = 50_000
SILENT = 1_100
USUAL_LIMIT = 1_024


def rapid_resets(address: str) -> None:
    """Begin calls and reset each at once, as fast as the server reads."""
    block = header_block(COUNT_UNREAD, "x")
    give_up = (8).to_bytes(4, "big")
    with Wire(address) as wire:
        for start in range(1, 2 * RESETS, 400):
            octets = b"".join(
                frame(HEADERS, END_HEADERS, stream, block) + frame(RST_STREAM, 0, stream, give_up)
                for stream in range(start, start + 400, 2)
            )
            wire.send(octets)
        wire.heard()


def unfinished_bodies(address: str) -> None:
    """Begin as many bodies as one connection may, and end none."""
    with Wire(address) as wire:
        for _ in range(999):
            stream = wire.request(header_block(COUNT_UNREAD, "x"))
            wire.send(frame(DATA, 0, stream, b"\0" + (2**22).to_bytes(4, "big") + b"x" * 60))
        wire.heard()


def long_headers(address: str) -> None:
    """Send headers of a megabyte, each after the answer to those before."""
    block = header_block(COUNT_UNREAD, "x", [(f"x-{number}", "y" * 1_000) for number in range(1_000)])
    with Wire(address) as wire:
        wire.heard()
        for _ in range(30):
            wire.answer(wire.long_request(block, grpc_frame(b"")))


@pytest.mark.parametrize("attack", [rapid_resets, unfinished_bodies, long_headers])
def test_others_are_served_and_memory_is_bounded(tmp_path: Path, attack: Callable[[str], None]) -> None:
    with serving(tmp_path) as server, Api(server.address) as bystander, ThreadPoolExecutor(1) as attacker:
        to = user()
        assert bystander.send(request(to)).id
        process = psutil.Process(server.pid)
        before = largest = process.memory_info().rss
        attacking = attacker.submit(attack, server.address)
        while not attacking.done():
            assert bystander.unread(to) == 1
            largest = max(largest, process.memory_info().rss)
        attacking.result()
        assert largest - before < 300_000_000
        with Api(server.address) as newcomer:
            assert newcomer.unread(to) == 1
        server.terminate()
        assert server.wait() == 0


@contextmanager
def usual_limit_of_files() -> Iterator[None]:
    """Start processes with the usual soft limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (USUAL_LIMIT, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_silent_connections_beyond_the_usual_limit_of_files_keep_nobody_out(tmp_path: Path) -> None:
    with ExitStack() as stack:
        with usual_limit_of_files():
            server = stack.enter_context(serving(tmp_path))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert hard > 2 * SILENT, "this machine allows too few files for the test"
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * SILENT), hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        host, _, port = server.address.rpartition(":")
        for _ in range(SILENT):
            stack.enter_context(socket.create_connection(ListenAddress(host, int(port))))
        with Api(server.address) as newcomer:
            assert newcomer.send(request()).id
        assert "few_files" not in server.errors
