"""The table of all settings, made of the settings themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import SecretStr

from tocsin_server.config.settings import GROUPS
from tocsin_server.config.variables import PREFIX

BEGIN, END = "<!-- settings:begin -->", "<!-- settings:end -->"
_REGION = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)


def rewritten(text: str) -> str:
    """Return a document with the table between its markers; as it is if it has none."""
    return _REGION.sub(lambda _: f"{BEGIN}\n\n{table()}\n\n{END}", text)


def table() -> str:
    """Return a table for each group of settings."""
    return "\n\n".join("\n".join(_lines_of(group)) for group in GROUPS)


def _lines_of(group: Any) -> Iterable[str]:
    yield f"**{(group.__doc__ or '').strip().removesuffix('.')}**"
    yield ""
    yield "| setting | default | |"
    yield "| --- | --- | --- |"
    for name, field in group.model_fields.items():
        default = shown(field.default)
        text = re.sub(r"\s+", " ", field.description or "").replace("|", "\\|")
        yield f"| `{PREFIX}{name.upper()}` | {f'`{default}`' if default else ''} | {text} |"


def shown(value: Any) -> str:
    """Return a default as one would write it; an empty text for none."""
    if value is None or value == ():
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, float):  # every one of them is a duration
        seconds, unit = next((found for found in _UNITS if value % found[0] == 0), (0.001, "ms"))
        return f"{value / seconds:g}{unit}"
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return ", ".join(map(str, value))
    return str(value)


_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "m"), (1.0, "s"))
