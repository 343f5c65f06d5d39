"""For the tests of settings: an environment without any of ours, and a configuration file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the tests' settings apart from those of whoever runs them."""
    for name in list(os.environ):
        if name.startswith("TOCSIN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def toml(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the configuration file is."""
    path = tmp_path / "tocsin.toml"
    path.touch()
    monkeypatch.setenv("TOCSIN_CONFIG", str(path))
    return path
