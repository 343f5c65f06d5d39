"""Files and folders for their owner only."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tocsin_server.process.private_files import close_to_others, make_private_folder, open_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids="{:03o}".format)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """Set the umask of the process."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_what_is_made_is_its_owners_whatever_the_umask(umask: None, tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    os.close(open_private(file))
    make_private_folder(folder)
    assert (mode(file), mode(folder)) == (0o600, 0o700)


def test_what_was_open_to_others_is_closed_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("kept")
    file.chmod(0o664)
    folder.mkdir()
    folder.chmod(0o755)
    for _ in range(2):
        close_to_others(file)
        os.close(open_private(file))
        make_private_folder(folder)
    assert (mode(file), mode(folder), file.read_text()) == (0o600, 0o700, "kept")
    assert [(record.message, vars(record)["mode"]) for record in caplog.records] == [
        ("file was open to others and is no longer", "0664"),
        ("folder was open to others and is no longer", "0755"),
    ]


def test_what_cannot_be_closed_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(0o644)

    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    for _ in range(2):
        close_to_others(file)
    assert [record.message for record in caplog.records] == ["others may read file, and that cannot be changed"]


def test_what_does_not_exist_is_no_matter(tmp_path: Path) -> None:
    close_to_others(tmp_path / "missing")


def test_a_file_in_the_place_of_a_folder_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    with pytest.raises(FileExistsError):
        make_private_folder(tmp_path / "folder")
