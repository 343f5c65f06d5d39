"""Files that operators name may be anything; none is waited for, and none is too large."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tocsin_server.config import named_files
from tocsin_server.config.certificates import PemFile, problem_of_authority, problem_of_pair
from tocsin_server.config.sources import toml_of
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.rpc.certificates import Certificates, TlsFiles


def test_what_a_file_holds_is_returned_also_through_links_and_devices(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xff content")
    (tmp_path / "link").symlink_to("file")
    assert named_files.read(tmp_path / "link") == b"\xff content"
    assert named_files.read(Path(os.devnull)) == b""


def test_the_largest_is_read_whole_and_a_larger_one_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * named_files.LARGEST)
    assert len(named_files.read(tmp_path / "file")) == named_files.LARGEST
    (tmp_path / "file").write_bytes(b"x" * (named_files.LARGEST + 1))
    with pytest.raises(OSError, match="more than 1048576 bytes"):
        named_files.read(tmp_path / "file")
    with pytest.raises(OSError, match="more than 1048576 bytes"):
        named_files.read(Path("/dev/zero"))


def test_a_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        named_files.read(tmp_path)


def test_nobody_waits_for_a_pipe_whatever_it_is_named_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="a pipe"):
        named_files.read(pipe)
    with pytest.raises(ConfigurationError, match="a pipe"):
        toml_of(pipe, "TOCSIN_CONFIG")
    assert "a pipe" in problem_of_pair(PemFile("CERT", pipe), PemFile("KEY", pipe))
    assert "a pipe" in problem_of_authority(PemFile("CA", pipe))
    with pytest.raises(ConfigurationError, match="a pipe"):
        Certificates(TlsFiles(pipe, pipe, None))
