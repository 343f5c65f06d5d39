"""Checks that each module has a test module by name, or a line in `tested_elsewhere.txt` that says where it is tested,
and that neither modules nor functions grow long.

A module such as ``tocsin_server/feed/cursor.py`` has its test in ``tests/unit/feed/test_cursor.py``, or in a folder
below. Where the name alone says little, its folder's stands before it: ``channels/email/mail.py``,
``test_email_mail.py``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
ELSEWHERE = TESTS / "tested_elsewhere.txt"
PACKAGES = {ROOT / "server" / "tocsin_server": None, ROOT / "clients" / "python" / "tocsin_client": "client"}
"""Packages, and the folder of their tests where it is not the first of the module's path."""

LONGEST_FUNCTION = 60
"""Lines, from ``def`` to the last."""

LONGEST_MODULE = 500
"""Lines, of what is not a test: a suite has as many cases as there are."""

LONGER: dict[str, str] = {
    "clients/python/tocsin_client/convert.py": "the one module of the client that looks into messages",
    "tests/unit/client/test_surface.py:test_the_package_offers_exactly_these_names": "a list of names, a line each",
}
"""What may be longer, and why: ``FILE`` or ``FILE:FUNCTION``."""


def modules() -> dict[str, set[Path]]:
    """Return every module, by its path from its source root, and the tests that bear its name."""
    found: dict[str, set[Path]] = {}
    for package, folder in PACKAGES.items():
        for file in sorted(package.rglob("*.py")):
            place = file.relative_to(package)
            # Migrations are run in order by the suites of the storage, never alone.
            if file.name == "__init__.py" or "migrations" in place.parts:
                continue
            room = TESTS / "unit" / (folder or (place.parts[0] if len(place.parts) > 1 else ""))
            names = (f"test_{file.stem}.py", f"test_{place.parent.name}_{file.stem}.py")
            found[file.relative_to(package.parent).as_posix()] = {test for name in names for test in room.rglob(name)}
    return found


def elsewhere() -> dict[str, list[str]]:
    """Return what the list says: the tests that it names, by module, or by folder, which ends with a slash."""
    lines = (line.partition("#")[0].strip() for line in ELSEWHERE.read_text(encoding="utf-8").splitlines())
    entries = (line.partition(": ") for line in lines if line)
    return {module: tests.split() for module, _, tests in entries}


def complaints() -> list[str]:
    """Return what is wrong, a sentence each."""
    listed = elsewhere()
    untested = {module for module, tests in modules().items() if not tests}
    covered = {name: {module for module in untested if _covers(name, module)} for name in listed}
    wrong = [
        f"{module} has no test module: write one, or say in {ELSEWHERE.name} where it is tested"
        for module in sorted(untested.difference(*covered.values()))
    ]
    for name, tests in listed.items():
        if not covered[name]:
            wrong.append(f"{ELSEWHERE.name} names {name}, which does not exist, or has a test module of its own")
        if not tests:
            wrong.append(f"{ELSEWHERE.name} does not say where {name} is tested")
        wrong += [
            f"{ELSEWHERE.name} says that {name} is tested in {test}, which does not exist"
            for test in tests
            if not (TESTS / test).exists()
        ]
    return wrong


def lengths() -> Iterator[tuple[str, int, int]]:
    """Give the name of every function and module, its lines, and how many it may have."""
    for file in sorted(file for room in (*PACKAGES, TESTS) for file in room.rglob("*.py")):
        name, text = file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")
        if not file.is_relative_to(TESTS):
            yield name, text.count("\n"), LONGEST_MODULE
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1, LONGEST_FUNCTION


def too_long() -> list[str]:
    """Return what is too long, and what is excused without need, a sentence each."""
    long = {name: (lines, most) for name, lines, most in lengths() if lines > most}
    wrong = [
        f"{name} has {lines} lines, more than {most}: divide it, or say in LONGER of {Path(__file__).name} why not"
        for name, (lines, most) in long.items()
        if name not in LONGER
    ]
    return wrong + [f"LONGER names {name}, which is not long" for name in LONGER if name not in long]


def _covers(name: str, module: str) -> bool:
    return module.startswith(name) if name.endswith("/") else module == name


if __name__ == "__main__":
    problems = complaints() + too_long()
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201 - what it is for
    sys.exit(bool(problems))
