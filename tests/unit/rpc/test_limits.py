"""The options of the gRPC library: that it knows them, and how many connections there may be."""

from __future__ import annotations

from pathlib import Path

import pytest
from grpc._cython import cygrpc

from tocsin_server.rpc.limits import CONNECTIONS, SPARE, connections_within, options


def test_the_library_knows_each_option() -> None:
    library = Path(cygrpc.__file__).read_bytes()
    names = {name for name, _ in options(shared_port=True)}
    assert {name for name in names if name.encode() + b"\0" not in library} == set()


def test_an_option_is_given_once() -> None:
    names = [name for name, _ in options(shared_port=True)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("open_files", "connections"),
    [(1_000_000, CONNECTIONS), (CONNECTIONS + SPARE, CONNECTIONS), (4_096, 3_846), (1_024, 774), (256, 192), (1, 1)],
)
def test_connections_leave_files_for_everything_else(open_files: int, connections: int) -> None:
    assert connections_within(open_files) == connections
