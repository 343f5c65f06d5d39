"""Providers under the benchmark's control: an SMTP sink that takes everything, and one that never says a word."""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.processes import Child, child
from bench.tally import Tally

SINK = "SMTP sink"
SENDER = "Shop <noreply@shop.example>"


class Sink(NamedTuple):
    """A running sink: its process, and what it has counted."""

    process: Child
    tally: Tally

    @property
    def settings(self) -> dict[str, str]:
        """Settings of a server that sends through it."""
        return mail_through(self.process.address)


def mail_through(address: str) -> dict[str, str]:
    """Return the settings of a server that sends e-mail through the relay at ``address``."""
    return {"TOCSIN_SMTP_URL": f"smtp://{address}", "TOCSIN_EMAIL_FROM": SENDER}


@contextmanager
def smtp_sink(folder: Path, places: int = 0) -> Iterator[Sink]:
    """Run a sink that keeps the times of messages numbered below ``places``."""
    path = folder / "mail.tally"
    tally = Tally(path, places)
    with child("bench.peers.smtp_sink", str(path)) as process:
        yield Sink(process, tally)


@contextmanager
def silent_listener() -> Iterator[str]:
    """Listen without ever accepting: the system completes connections, and nobody says anything. Yields the address."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=4096)) as listener:
        host, port = listener.getsockname()
        yield f"{host}:{port}"


def wait_until_sent(database: Path, patience: float) -> None:
    """Wait until no e-mail is pending; to be called when the sink has them all.

    Raises:
        TimeoutError: Some are after ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
        while pending := _pending(connection):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{pending} e-mails are still pending")
            time.sleep(0.005)


def _pending(connection: sqlite3.Connection) -> int:
    query = "SELECT count(*) FROM notification_channels WHERE status = 'pending' AND channel = 'email'"
    pending: int = connection.execute(query).fetchone()[0]
    return pending
