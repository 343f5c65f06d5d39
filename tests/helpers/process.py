"""The real program in a process of its own: started, watched, signalled, killed, and always ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from helpers import planted
from helpers.databases import DatabaseFile
from helpers.waiting import eventually
from tocsin_server.config.network import ListenAddress

PATIENCE = 60.0
"""Seconds after which a start, a stop or a command has failed: never reached unless something hangs."""

_ANNOUNCEMENT = re.compile(r"Tocsin serves gRPC on (\S+)")
_WORKERS = re.compile(r"^  workers   \d+ \(processes ([\d, ]+)\)$", re.MULTILINE)
_INHERITED = ("PATH", "PYTHONPATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    output: str
    errors: str


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return an environment of the program's own: nothing of ours but what any program needs."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    # Those of several servers at once would be in each other's way.
    off = {"TOCSIN_METRICS_LISTEN": "off", "TOCSIN_BRIDGE_METRICS_LISTEN": "off"}
    return {**inherited, "PYTHONUNBUFFERED": "1", "COLUMNS": "100", **off, **settings}


def at_debug(settings: Mapping[str, str]) -> Mapping[str, str]:
    """Return the settings of a server whose log says all that it can, unless they say otherwise themselves."""
    return settings if "TOCSIN_CONFIG" in settings else {"TOCSIN_LOG_LEVEL": "debug", **settings}


def command(*arguments: str, program: str = "tocsin_server", python: str = sys.executable) -> list[str]:
    """Return the program with arguments, or another module that stands for it."""
    return [python, "-m", program, *arguments]


def run(folder: Path, *arguments: str, **settings: str) -> Ended:
    """Run a command in ``folder`` to its end."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def is_open(listen: ListenAddress) -> bool:
    """Tell whether something listens there."""
    try:
        socket.create_connection(listen, PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True


def is_alive(pid: int) -> bool:
    """Tell whether there is such a process, or one that nobody has waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class ServerProcess:
    """``tocsin serve`` in ``folder``, on any free port."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        program: str = "tocsin_server",
        python: str = sys.executable,
        without: Collection[str] = (),
        **settings: str,
    ) -> None:
        """``without`` are variables that the program does not know, ``python`` has what it imports."""
        self.database = DatabaseFile(folder / "tocsin.db")
        self._settings = at_debug(settings)
        self._output: list[str] = []
        self._errors: list[str] = []
        self._announced = threading.Event()
        self._address = ""
        self._process = subprocess.Popen(
            command("serve", "--listen", "127.0.0.1:0", *arguments, program=program, python=python),
            cwd=folder,
            env={name: value for name, value in environment(self._settings).items() if name not in without},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self._readers = [
            threading.Thread(target=self._collect, args=(stream, lines), daemon=True)
            for stream, lines in ((self._process.stdout, self._output), (self._process.stderr, self._errors))
        ]
        for reader in self._readers:
            reader.start()

    def _collect(self, stream: IO[str], lines: list[str]) -> None:
        for line in stream:
            lines.append(line)
            announcement = _ANNOUNCEMENT.match(line)
            if announcement:
                self._address = announcement[1]
                self._announced.set()
        self._announced.set()  # or it never will

    @property
    def address(self) -> str:
        """Where it listens; waits for the line that says so."""
        assert self._announced.wait(PATIENCE), "the server does not start"
        assert self._address, f"the server ended instead of starting:\n{self.errors}"
        return self._address

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """The numbers of its workers, as it said them when they served."""
        assert self.address
        found = eventually(lambda: _WORKERS.search(self.output))
        assert found is not None
        return [int(number) for number in found[1].split(",")]

    @property
    def output(self) -> str:
        """What it has written to standard output."""
        return "".join(self._output)

    @property
    def errors(self) -> str:
        """What it has written to standard error."""
        return "".join(self._errors)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to its process group, as the keys of a terminal do."""
        os.killpg(self._process.pid, number)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def terminate(self) -> None:
        """Ask it to stop."""
        self.signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it as `kill -9` does, and wait until it is gone."""
        self._process.kill()
        assert self.wait() == -signal.SIGKILL

    def wait(self) -> int:
        """Wait for its end and that of the processes that it started, and return the exit status."""
        status = self._process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
            assert not reader.is_alive(), "a process that it started goes on: its standard error has not ended"
        return status

    def close(self) -> None:
        """End it whatever state it is in. Idempotent."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        planted.check(self.errors, self.output, self._settings)


@contextmanager
def serving(folder: Path, *arguments: str, program: str = "tocsin_server", **settings: str) -> Iterator[ServerProcess]:
    """Start a server, wait until it serves, and end it in the end."""
    process = ServerProcess(folder, *arguments, program=program, **settings)
    try:
        assert process.address
        yield process
    finally:
        process.close()
