"""What is read again, and when: all of it on SIGHUP, and by itself what has changed and then stayed the same."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from helpers.waiting import eventually_async
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.process.reloading import Part, Reloading


def part(files: Callable[[], Iterable[Path]], replace: Callable[[], Mapping[str, object]]) -> Part:
    return Part("part", "it was read again", "it stays as it was", files, replace)


class Files:
    """Two parts of a file each, and what was read of them."""

    def __init__(self, folder: Path) -> None:
        self.one, self.two = folder / "one", folder / "two"
        self.read: list[str] = []
        self.write(self.one, "first")
        self.write(self.two, "first")
        self.reloading = Reloading([self._part(self.one), self._part(self.two)])

    def _part(self, path: Path) -> Part:
        def replace() -> Mapping[str, object]:
            self.read.append(f"{path.name}: {path.read_text() if path.exists() else 'gone'}")
            return {}

        return part(lambda: [path], replace)

    def write(self, path: Path, content: str) -> None:
        """Put a new file in the place of one, as tools that renew certificates do."""
        beside = path.with_suffix(".new")
        beside.write_text(content)
        beside.replace(path)

    def looked(self, times: int) -> list[str]:
        """Look so often, and return what was read meanwhile."""
        self.read.clear()
        for _ in range(times):
            self.reloading.changed()
        return list(self.read)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_nothing_is_read_while_nothing_changes(files: Files) -> None:
    assert files.looked(5) == []


def test_what_has_changed_is_read_once_it_stays_the_same_and_once_only(files: Files) -> None:
    files.write(files.two, "second")
    assert files.looked(1) == []
    files.write(files.two, "a third one")
    assert files.looked(1) == []
    assert files.looked(1) == ["two: a third one"]
    assert files.looked(5) == []


def test_a_file_that_goes_and_comes_is_a_change(files: Files) -> None:
    files.one.unlink()
    assert files.looked(3) == ["one: gone"]
    files.write(files.one, "first")
    assert files.looked(3) == ["one: first"]


def test_what_is_swapped_below_a_symbolic_link_is_a_change(files: Files, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    link = tmp_path / "data"
    link.symlink_to("a")
    read: list[str] = []
    path = link / "file"

    def replace() -> Mapping[str, object]:
        read.append(path.read_text())
        return {}

    reloading = Reloading([part(lambda: [path], replace)])
    (tmp_path / "next").symlink_to("b")
    os.replace(tmp_path / "next", link)
    reloading.changed()
    reloading.changed()
    assert read == ["b"]


def test_a_file_that_becomes_readable_is_a_change(files: Files) -> None:
    files.one.chmod(0)
    files.looked(3)
    files.one.chmod(0o600)
    assert files.looked(3) == ["one: first"]


async def test_a_part_that_fails_keeps_neither_the_others_nor_itself_from_being_read_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read: list[str] = []

    def fail_once() -> Mapping[str, object]:
        read.append("failing")
        if len(read) == 1:
            raise LookupError
        return {}

    def other() -> Mapping[str, object]:
        read.append("other")
        return {}

    reloading = Reloading([part(lambda: [tmp_path / "one"], fail_once), part(list, other)])
    reloading.everything()
    assert read == ["failing", "other"]
    assert [record.__dict__["event"] for record in caplog.records] == ["reload_failed"]
    reloading.everything()
    assert read == ["failing", "other"] * 2


def test_one_line_says_what_was_read_or_why_it_is_refused_and_from_which_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Mapping[str, object] | ConfigurationError] = [{"rules": 2}, ConfigurationError("one: is wrong")]

    def replace() -> Mapping[str, object]:
        answer = answers.pop(0)
        if isinstance(answer, ConfigurationError):
            raise answer
        return answer

    reloading = Reloading([part(lambda: [tmp_path / "one", tmp_path / "two"], replace)])
    with caplog.at_level(logging.INFO):
        reloading.everything()
        reloading.everything()
    done, refused = caplog.records
    assert (done.levelname, done.message) == ("INFO", "it was read again")
    assert (done.__dict__["event"], done.__dict__["rules"]) == ("part_reloaded", 2)
    assert (refused.levelname, refused.message) == ("ERROR", "it stays as it was: one: is wrong")
    assert refused.__dict__["event"] == "part_refused"
    assert refused.__dict__["files"] == f"{tmp_path / 'one'}, {tmp_path / 'two'}"
    assert refused.exc_info is None


def test_everything_is_read_whether_it_has_changed_or_not_and_not_again_by_itself(files: Files) -> None:
    files.write(files.one, "second")
    files.reloading.everything()
    assert files.read == ["one: second", "two: first"]
    assert files.looked(5) == []


async def test_it_goes_on_by_itself_and_when_it_is_told(files: Files) -> None:
    hangup = asyncio.Event()
    running = asyncio.create_task(files.reloading.run(hangup, look=0.01))

    async def read(expected: list[str]) -> bool:
        return files.read == expected

    files.write(files.one, "second")
    await eventually_async(lambda: read(["one: second"]))
    hangup.set()
    await eventually_async(lambda: read(["one: second", "one: second", "two: first"]))
    running.cancel()
