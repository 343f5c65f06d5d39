"""The measured processes: a bare server to drive, and what the system says of a process's memory."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.processes import TESTS
from helpers.process import environment


class Memory(NamedTuple):
    """Bytes of a process: all that is resident, and what is its own alone (which a library on disk is not)."""

    resident: int
    own: int


def memory(pid: int) -> Memory:
    """Return the memory of a process."""
    sizes = {"Rss": 0, "Private_Clean": 0, "Private_Dirty": 0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        if name in sizes:
            sizes[name] = int(rest.split()[0]) * 1024
    return Memory(sizes["Rss"], sizes["Private_Clean"] + sizes["Private_Dirty"])


class BareServer:
    """A bare server in a process of its own: ``module`` of this folder, with the ready message in ``file``."""

    def __init__(self, module: str, file: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"bench.peers.{module}", str(file), *arguments],
            env=environment({"PYTHONPATH": str(TESTS)}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline() or "0")
        assert self.port, f"{module} does not start"

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def push(self, group: str, count: int) -> None:
        """Let it write its message ``count`` times to each stream of ``group``."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{group} {count}\n")

    def close(self) -> None:
        """Kill it. Idempotent."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


@contextlib.contextmanager
def bare_server(module: str, file: Path, *arguments: str) -> Iterator[BareServer]:
    """Start a bare server, and end it in the end."""
    server = BareServer(module, file, *arguments)
    try:
        yield server
    finally:
        server.close()
