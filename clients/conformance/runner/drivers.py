"""The program of a language: started, asked, and ended."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

ROOT: Final = Path(__file__).resolve().parents[3]
LIST: Final = Path(__file__).resolve().parent.parent / "drivers.toml"

PATIENCE: Final = 120.0
"""Seconds after which a driver that does not answer has failed."""


@dataclass(frozen=True)
class Language:
    """An entry of ``drivers.toml``: how its driver is started, made, and what that takes."""

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    build: str = ""
    digits: int = 6
    """Of the seconds, in the language's times."""

    def missing(self) -> str:
        """Return what this machine lacks for it; empty if nothing."""
        return ", ".join(tool for tool in self.needs if shutil.which(tool) is None)


def languages(path: Path = LIST) -> list[Language]:
    """Read the list."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        Language(
            name, tuple(entry["command"]), tuple(entry.get("needs", ())), entry.get("build", ""), entry.get("digits", 6)
        )
        for name, entry in entries.items()
    ]


class DriverFailed(Exception):
    """The driver ended, did not answer, or did not keep to the protocol."""


class Driver:
    """One process. What it writes to standard error is kept in ``log``."""

    def __init__(self, language: Language, log: Path) -> None:
        self.language = language
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            language.command,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
        )
        self._answers: queue.Queue[str] = queue.Queue()
        self._number = 0
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            self._answers.put(line)
        self._answers.put("")

    def begin(self, request: Mapping[str, Any]) -> None:
        """Put a question, whose answer `finish` returns; one at a time."""
        self._number += 1
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"call": self._number, **request}, ensure_ascii=False) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise DriverFailed(f"the driver takes no question: {error}") from None

    def finish(self, patience: float = PATIENCE) -> dict[str, Any]:
        """Return the answer, without its number."""
        try:
            line = self._answers.get(timeout=patience)
        except queue.Empty:
            raise DriverFailed(f"the driver did not answer for {patience:g} s") from None
        if not line:
            raise DriverFailed(f"the driver ended with status {self._process.wait(PATIENCE)}; see {self._log.name}")
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError:
            raise DriverFailed(f"this answer is no JSON: {line[:200]!r}") from None
        if answer.pop("call", None) != self._number:
            raise DriverFailed(f"the answer is to another question: {line[:200]!r}")
        return answer

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Put a question and return the answer: ``ok``, ``error`` or ``unsupported``."""
        self.begin(request)
        return self.finish()

    def kill(self) -> None:
        """Kill it; whoever waits for an answer learns that it has ended. It is still to be closed."""
        self._process.kill()

    def close(self) -> int:
        """Let it end by itself, or kill it; returns its status."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            status = self._process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            status = self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()
        return status
