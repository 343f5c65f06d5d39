"""Processes that take part: our server as users run it, baselines and sinks as children that announce themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers.process import ServerProcess, serving

PATIENCE = 60.0
"""Seconds after which a child that says nothing has failed."""

TESTS = Path(__file__).resolve().parent.parent


@contextmanager
def tocsin(folder: Path, *arguments: str, **settings: str) -> Iterator[ServerProcess]:
    """Run ``tocsin serve`` on a SQLite file in ``folder`` with settings ``TOCSIN_…``; wait until it serves."""
    with serving(folder, *arguments, **settings) as process:
        yield process


class Child:
    """A module of ours in a process of its own.

    It first writes one line of JSON, in which ``address`` may say where it listens, and then answers each line of
    JSON that it reads with one.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            # The gRPC library is as silent as in ours: what it prints of bad frames would be measured, too.
            env={**os.environ, "PYTHONPATH": str(TESTS), "PYTHONUNBUFFERED": "1", "GRPC_VERBOSITY": "NONE"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.hello = self._read()
        self.address: str = self.hello.get("address", "")

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def ask(self, **question: Any) -> dict[str, Any]:
        """Send a question and return the answer; waits for as long as it takes."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a child ended with status {self._process.wait(PATIENCE)} instead of answering")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it. Idempotent."""
        self._process.kill()
        self._process.wait(PATIENCE)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


@contextmanager
def child(module: str, *arguments: str) -> Iterator[Child]:
    """Run a module in a process of its own while the context is open."""
    started = Child(module, *arguments)
    try:
        yield started
    finally:
        started.close()


def say(**answer: Any) -> None:
    """In a child: write a line to the parent."""
    print(json.dumps(answer), flush=True)  # noqa: T201


def questions() -> Iterator[dict[str, Any]]:
    """In a child: yield what the parent asks, until it is gone."""
    for line in sys.stdin:
        yield json.loads(line)


def end_with_parent() -> None:
    """In a child that serves and is asked nothing: end when the parent does, however it ended."""

    def watch() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
