"""The scenarios, and the variables in them.

A file of scenarios is a JSON list. ``${name}`` stands for a variable: alone in a text for its value, whatever that is;
within a text for its words. ``${now+60}`` is a time so many seconds ahead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from runner.tables import TABLES

FOLDER: Final = Path(__file__).resolve().parent.parent / "scenarios"

_VARIABLE: Final = re.compile(r"\$\{([^}]+)\}")
_NOW: Final = re.compile(r"now([+-]\d+)")


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    Attributes:
        name: A sentence.
        world: What kind of server it is about, see `worlds`.
        steps: What happens, see `playing`.
        client: Options of the client ``main``, which is opened before the first step; None opens none.
        table: Sets of variables with each of which the steps are played, or the name of a table in `tables`.
        own: Whether the server is to be used for nothing else.
    """

    name: str
    world: str
    steps: list[dict[str, Any]]
    client: dict[str, Any] | None = field(default_factory=dict)
    table: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    own: bool = False


def load(folder: Path = FOLDER) -> list[Scenario]:
    """Read all files of a folder, in the order of their names; raises ValueError for a name that is used twice."""
    files = sorted(folder.glob("*.json"))
    found = [_scenario(one) for file in files for one in json.loads(file.read_text(encoding="utf-8"))]
    names = [scenario.name for scenario in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two scenarios have the name {twice.pop()!r}")
    return found


def _scenario(given: dict[str, Any]) -> Scenario:
    name = given.get("table")
    return Scenario(**given) if not isinstance(name, str) else Scenario(**{**given, "table": TABLES[name]()})


def filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return the value with variables in their places; raises KeyError for one that there is not."""
    if isinstance(value, dict):
        return {name: filled(member, variables) for name, member in value.items()}
    if isinstance(value, list):
        return [filled(item, variables) for item in value]
    if not isinstance(value, str):
        return value
    whole = _VARIABLE.fullmatch(value)
    if whole:
        return _variable(whole[1], variables)
    return _VARIABLE.sub(lambda found: str(_variable(found[1], variables)), value)


def _variable(name: str, variables: Mapping[str, Any]) -> Any:
    ahead = _NOW.fullmatch(name)
    if ahead:
        at = datetime.now(UTC) + timedelta(seconds=int(ahead[1]))
        return at.isoformat().replace("+00:00", "Z")
    return variables[name]
