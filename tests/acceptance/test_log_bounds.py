"""The log of the real process: whatever strangers say and whatever fails, it stays small, and every line is ours."""

from __future__ import annotations

import re
import resource
from collections import Counter
from pathlib import Path

import grpc

from helpers.calls import DEADLINE, Api, request, user
from helpers.hostile_requests import COUNT_UNREAD, HOSTILE
from helpers.http2_frames import GOAWAY, Wire, frame, grpc_frame, header_block
from helpers.process import ServerProcess, serving
from tocsin_server.telemetry.bound import LINES

_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARNING|ERROR|CRITICAL) ")
MANY = 1_000
FORGED = b"\n2026-01-01T00:00:00.000Z ERROR forged by a stranger"


def check_log(server: ServerProcess, kinds: int) -> None:
    """Look at what a server wrote: at most so many kinds of lines, each bounded."""
    lines = server.errors.splitlines()
    assert all(_LINE.match(line) for line in lines), lines[:3]
    assert len(lines) <= kinds * LINES
    assert "forged" not in server.errors
    assert "s3cret" not in server.errors


def test_the_text_of_a_goaway_is_not_written(tmp_path: Path) -> None:
    farewell = frame(GOAWAY, 0, 0, (0).to_bytes(4, "big") + (2).to_bytes(4, "big") + FORGED + b"x" * 16_000)
    with serving(tmp_path) as server, Wire(server.address) as wire, Api(server.address) as api:
        for _ in range(MANY):
            wire.send(farewell)
        assert wire.heard()
        assert api.unread(user()) == 0
        server.terminate()
        assert server.wait() == 0
        check_log(server, kinds=1)


def test_headers_that_are_no_text_do_not_flood_the_log_nor_stand_in_it(tmp_path: Path) -> None:
    block = header_block(COUNT_UNREAD, "x", [("authorization", b"Bearer s3cret\xfd" + FORGED.replace(b"\n", b" "))])
    with serving(tmp_path) as server, Wire(server.address) as wire, Api(server.address) as api:
        for _ in range(MANY):
            wire.answer(wire.request(block, grpc_frame(b"")))
        assert api.unread(user()) == 0
        server.terminate()
        assert server.wait() == 0
        check_log(server, kinds=2)
        assert re.search(r"[1-9]\d* more like this", server.errors)


def test_requests_that_are_wrong_in_every_way_leave_a_few_lines(tmp_path: Path) -> None:
    with serving(tmp_path) as server, Api(server.address) as api:
        for _ in range(20):
            for block in HOSTILE.values():
                with Wire(server.address) as wire:
                    wire.request(block, b"")
        assert api.unread(user()) == 0
        check_log(server, kinds=3)


def test_a_full_disk_is_told_in_a_few_lines_and_what_comes_after_it_is_kept(tmp_path: Path) -> None:
    with serving(tmp_path) as server, Api(server.address) as api:
        assert api.send(request()).id
        size = max(file.stat().st_size for file in tmp_path.iterdir())
        unlimited = resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        answers: Counter[grpc.StatusCode] = Counter()
        for _ in range(MANY):
            try:
                api.stub.Send(request(), timeout=DEADLINE)
            except grpc.RpcError as error:
                answers[error.code()] += 1
        assert answers.keys() == {grpc.StatusCode.UNAVAILABLE}
        assert answers.total() > MANY / 2
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
        assert api.send(request()).id
        check_log(server, kinds=5)
