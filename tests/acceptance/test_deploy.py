"""What is offered for running it: that tools take the files, and that what they set can be set."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers.process import PATIENCE, command
from tocsin_server.config.settings import Settings
from tocsin_server.config.variables import PREFIX

FOLDER = Path(__file__).parents[2] / "server" / "deploy"
SETTINGS = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
OTHERS = {"TOCSIN_DB_PASSWORD", "TOCSIN_PORT"}
"""The compose file's own, and what Kubernetes would set."""


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit_and_finds_little_that_it_exposes(tmp_path: Path) -> None:
    unit = tmp_path / "tocsin.service"
    unit.write_text((FOLDER / unit.name).read_text().replace("/opt/tocsin/bin/tocsin", command()[0]))
    for check in (["verify"], ["security", "--offline=true", "--threshold=25"]):
        done = subprocess.run(
            ["systemd-analyze", *check, unit], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "tocsin.service" not in done.stderr


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_every_variable_of_ours_that_is_named_is_a_setting(path: Path) -> None:
    named = set(re.findall(r"\bTOCSIN_[A-Z_]*[A-Z]\b", path.read_text()))
    assert named <= SETTINGS | OTHERS


def test_the_time_to_stop_is_longer_than_a_stop_takes() -> None:
    grace = Settings.model_fields["shutdown_grace"].default
    for name, form in {
        "tocsin.service": r"TimeoutStopSec=(\d+)",
        "compose.yml": r"stop_grace_period: (\d+)s",
        "kubernetes.yml": r"terminationGracePeriodSeconds: (\d+)",
    }.items():
        found = re.findall(form, (FOLDER / name).read_text())
        assert found
        assert all(int(seconds) > grace + 10 for seconds in found)


def test_every_path_that_the_container_file_copies_is_there() -> None:
    root = FOLDER.parents[1]
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", (FOLDER / "Containerfile").read_text(), re.MULTILINE)
    assert lines
    assert [path for line in lines for path in line.split() if not (root / path).exists()] == []
