"""A process whose database is taken away ends by itself, and says why."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from helpers.calls import Api, refused, request
from helpers.process import serving


@pytest.mark.parametrize("suffix", ["", "-wal", ".lock"])
def test_a_server_whose_file_is_deleted_ends_and_acknowledges_nothing_more(tmp_path: Path, suffix: str) -> None:
    with serving(tmp_path, "--dev") as server, Api(server.address) as api:
        api.send(request())
        file = tmp_path / f"tocsin.db{suffix}"
        file.unlink()
        if suffix != ".lock":
            refusal = refused(lambda: api.send(request()))
            assert refusal.code == grpc.StatusCode.UNAVAILABLE
        assert server.wait() == 1
        lines = [line for line in server.errors.splitlines() if "was deleted or replaced while it was served" in line]
        assert str(file.name) in lines[0]
        assert lines[-1].startswith("tocsin: ")
        assert "Traceback" not in server.errors
