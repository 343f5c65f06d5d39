"""An upgrade under load: replicas of the release before are replaced one by one, and nobody's call fails of it.

The release before is taken from the history: the newest tag, or else what there was before the first service that has
no release yet. It runs in an environment of its own, with what it depends on itself, and on the schema of this one from
the moment at which the first new replica has started.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import threading
import uuid
import venv
from pathlib import Path
from typing import NamedTuple, Self

import pytest

from helpers.postgresql import free_port, temporary_database
from helpers.process import ServerProcess, is_open
from helpers.waiting import eventually
from tocsin_client import Client, NotificationEvent
from tocsin_server.config.network import ListenAddress

ROOT = Path(__file__).parents[2]
FIRST_UNRELEASED = "protos/tocsin/v1/decision_service.proto"
SOURCES = ("server", "clients/python", "generated/python")
REQUIREMENTS = "requirements.txt"
UNKNOWN_TO_IT = ("TOCSIN_METRICS_LISTEN", "TOCSIN_BRIDGE_METRICS_LISTEN")
ENVIRONMENTS = ROOT / ".build" / "releases"
"""Outlives the run: making one takes a minute."""

SENDERS, EACH_A_SECOND = 8, 40
PATIENCE = 120.0

pytestmark = pytest.mark.timeout(900)  # the first run installs an environment


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=True).stdout


def release_before() -> str | None:
    """Return the commit of it, None without a history that reaches back so far."""
    try:
        if tag := git("tag", "--merged", "HEAD", "--sort=-creatordate").decode().split():
            return tag[0]
        [added] = git("log", "--diff-filter=A", "--format=%H", "--", FIRST_UNRELEASED).decode().split()
        return git("rev-parse", "--verify", f"{added}^").decode().strip()
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


class Release(NamedTuple):
    """Where its sources are, and the interpreter that has what they import."""

    sources: Path
    python: Path


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Return the release before."""
    commit = release_before()
    if commit is None:
        pytest.skip("no history of git that has the release before")
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit, REQUIREMENTS, *SOURCES))) as archive:
        archive.extractall(folder, filter="data")
    return Release(folder, environment_for(folder / REQUIREMENTS))


def environment_for(requirements: Path) -> Path:
    """Return an interpreter of this version with these requirements, made where there is none yet."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = ENVIRONMENTS / f"{version}-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        venv.create(folder, clear=True, with_pip=True)
        options = ("--quiet", "--disable-pip-version-check", "--require-hashes")
        subprocess.run([python, "-m", "pip", "install", *options, "-r", requirements], check=True)
        complete.touch()
    return python


class Load:
    """Sends to several recipients at a steady pace, whichever replica answers, and follows their feeds."""

    def __init__(self, target: str) -> None:
        self.recipients = [("user", str(uuid.uuid4())) for _ in range(SENDERS)]
        self.sent: list[list[str]] = [[] for _ in self.recipients]
        self.seen: list[list[str]] = [[] for _ in self.recipients]
        self.failed: list[str] = []
        self._target = target
        self._over = threading.Event()
        self._following = [threading.Event() for _ in self.recipients]
        self._senders = [threading.Thread(target=self._send, args=(place,)) for place in range(SENDERS)]
        self._followers = [
            threading.Thread(target=self._follow, args=(place,), daemon=True) for place in range(SENDERS)
        ]

    def __enter__(self) -> Self:
        for follower in self._followers:
            follower.start()
        for following in self._following:
            assert following.wait(PATIENCE)
        for sender in self._senders:
            sender.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more; what was sent is still followed."""
        self._over.set()
        for sender in self._senders:
            sender.join()

    def go_on(self) -> None:
        """Wait until each has sent for about a second more."""
        before = [len(several) for several in self.sent]
        eventually(
            lambda: all(len(now) >= then + EACH_A_SECOND for now, then in zip(self.sent, before, strict=True)), PATIENCE
        )

    def _send(self, place: int) -> None:
        with Client(self._target) as client:
            while not self._over.wait(1 / EACH_A_SECOND):
                try:
                    answer = client.send(self.recipients[place], "T", "M", channels=["websocket"], deadline=PATIENCE)
                except Exception as error:  # noqa: BLE001 - shown by the test
                    self.failed.append(repr(error))
                else:
                    self.sent[place].append(answer.notification.id)

    def _follow(self, place: int) -> None:
        with Client(self._target) as client, client.subscribe(self.recipients[place]) as events:
            for event in events:
                self._following[place].set()
                if isinstance(event, NotificationEvent) and event.notification.id not in self.seen[place]:
                    self.seen[place].append(event.notification.id)


def replica(folder: Path, listen: str, release: Release | None, **settings: str) -> ServerProcess:
    """Start a replica of this release, or of another one."""
    if release is None:
        return ServerProcess(folder, "--listen", listen, **settings)
    settings["PYTHONPATH"] = os.pathsep.join(str(release.sources / source) for source in SOURCES)
    python = str(release.python)
    return ServerProcess(folder, "--listen", listen, python=python, without=UNKNOWN_TO_IT, **settings)


def restarted(old: ServerProcess, folder: Path, listen: str, **settings: str) -> ServerProcess:
    """Stop a replica of the release before, and start one of this release in its place."""
    old.terminate()
    assert old.wait() == 0
    host, _, port = listen.rpartition(":")
    assert not is_open(ListenAddress(host, int(port)))
    new = replica(folder, listen, None, **settings)
    assert new.address
    return new


@pytest.fixture
def listen() -> list[str]:
    return [f"127.0.0.1:{free_port()}" for _ in range(2)]


def test_replicas_are_upgraded_one_by_one_without_a_failed_send_or_a_gap_in_a_feed(
    tmp_path: Path, before: Release, listen: list[str]
) -> None:
    processes: list[ServerProcess] = []
    with temporary_database() as database:
        settings = {"TOCSIN_DATABASE_URL": database, "TOCSIN_SHUTDOWN_GRACE": "5s"}
        try:
            for place in listen:
                processes.append(replica(tmp_path, place, before, **settings))
                assert processes[-1].address
            with Load(f"ipv4:{','.join(listen)}") as load:
                load.go_on()
                for number, place in enumerate(listen):
                    processes.append(restarted(processes[number], tmp_path, place, **settings))
                    load.go_on()  # also with one of each, on the new schema
                load.stop()
                assert load.failed == []
                for sent, seen in zip(load.sent, load.seen, strict=True):
                    eventually(lambda sent=sent, seen=seen: len(seen) >= len(sent), PATIENCE)  # type: ignore[misc]
                    assert seen == sent
        finally:
            for process in processes:
                process.close()


def test_the_release_before_does_not_start_on_the_new_schema_and_says_why(tmp_path: Path, before: Release) -> None:
    with temporary_database() as database:
        new = replica(tmp_path, "127.0.0.1:0", None, TOCSIN_DATABASE_URL=database)
        assert new.address
        new.close()
        old = replica(tmp_path, "127.0.0.1:0", before, TOCSIN_DATABASE_URL=database)
        try:
            assert old.wait() == 1
            assert "was migrated by a newer version of Tocsin" in old.errors
        finally:
            old.close()
