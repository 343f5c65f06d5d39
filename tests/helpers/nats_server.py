"""A real NATS server for tests, from the wheel that carries its binary.

`shared_server_url` is one for the whole test run; a test that stops its server, or needs one with other options,
starts a `NatsServer` for itself. ``TOCSIN_TEST_NATS_URL`` names an existing server to use as the shared one instead.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from helpers.postgresql import free_port
from helpers.waiting import eventually

NATS_SERVER = Path(sys.executable).with_name("nats-server")

PATIENCE = 60
"""Seconds after which a stop has failed."""


class NatsServer:
    """A server of one's own on a port of loopback; it keeps nothing.

    Args:
        options: Further ones of its command line, such as ``"--user", "ann"``.
    """

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._log = Path(tempfile.mkdtemp(prefix="tocsin-nats-")) / "log"
        atexit.register(self.remove)
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.remove()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [NATS_SERVER, "-a", "127.0.0.1", "-p", str(self.port), *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        eventually(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None
        log = self._log.read_text(encoding="utf-8", errors="replace")
        assert self._process.poll() is None, f"NATS does not start:\n{log}"
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self) -> None:
        """Stop it in order. Idempotent."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Let it crash. Idempotent."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Keep it from answering; its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        # On a busy machine it answers for a while after the signal: its threads stop one by one.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and remove its log. Idempotent."""
        self.kill()
        self._log.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self._log.parent.rmdir()

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE)
            self._process = None


@functools.cache
def shared_server_url() -> str:
    """Return where the server of this test run is; starts it when first asked for."""
    existing = os.environ.get("TOCSIN_TEST_NATS_URL")
    return existing or NatsServer().url
