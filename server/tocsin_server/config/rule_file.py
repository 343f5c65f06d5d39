"""The file that rules and policies stand in: one of their own, or that of the settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tocsin_server.config import sources
from tocsin_server.config.settings import Settings
from tocsin_server.domain.errors import ConfigurationError


class RuleFile(NamedTuple):
    """What is said about rules and policies, and in which file."""

    path: str
    table: Mapping[str, Any]


def path_of(settings: Settings) -> Path | None:
    """Return the file that rules and policies stand in, None if there are none; raises `ConfigurationError`."""
    if settings.rules is not None:
        return settings.rules
    table = sources.config_table()
    beside = any(sources.is_of_rules(name, value) for name, value in table.items())
    return Path(os.environ[sources.CONFIG]) if beside else None


def read(settings: Settings) -> RuleFile | None:
    """Read what rules and policies there are, None if there are none.

    Raises:
        ConfigurationError: A file cannot be read, or both have some.
    """
    beside = {name: value for name, value in sources.config_table().items() if sources.is_of_rules(name, value)}
    if settings.rules is None:
        return RuleFile(os.environ[sources.CONFIG], beside) if beside else None
    if beside:
        raise ConfigurationError(
            f"TOCSIN_RULES: {os.environ[sources.CONFIG]} has {' and '.join(sorted(beside))}, too; "
            "keep them in one of the files"
        )
    return read_path(settings.rules)


def read_path(path: Path, name: str = "TOCSIN_RULES") -> RuleFile:
    """Read a file; ``name`` is who names it, for the refusal.

    Raises:
        ConfigurationError: It cannot be read, is too large, or is not TOML.
    """
    return RuleFile(str(path), sources.toml_of(path, name))
