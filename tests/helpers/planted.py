"""What no process may write: secrets of its settings, and what is in messages.

All that is said by servers and bridges which `helpers.process` and `helpers.browser_socket` start, at the level DEBUG,
is searched at their end.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from tocsin_server.config.settings import Settings, split_list
from tocsin_server.config.variables import PREFIX

IN_MESSAGES: Final = (
    "Order shipped",
    "It arrives on Friday",
    "The vault code is 4711",
    "ann@example.org",
    "ann@example.com",
    "bob@example.org",
)
"""Titles, bodies and addresses that the tests send."""

SHORTEST: Final = 6
"""Characters of a secret that is looked for: a shorter one may stand anywhere."""

_SECRETS: Final = tuple(name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation))


def secrets_in(settings: Mapping[str, str]) -> Iterator[str]:
    """Return what is secret in the settings of a process, in each form in which it may be written."""
    for name in _SECRETS:
        variable = f"{PREFIX}{name.upper()}"
        value = settings.get(variable, "")
        if path := settings.get(f"{variable}_FILE"):
            value = Path(path).read_text() if Path(path).exists() else ""
        for secret in _parts(name, value.strip()):
            if len(secret) >= SHORTEST:
                yield secret
                yield base64.b64encode(secret.encode()).decode().rstrip("=")


def _parts(name: str, value: str) -> Iterator[str]:
    if name == "telegram_bot_token":
        yield value
        yield value.partition(":")[2]
    elif name == "jwt_keys":
        yield from (key["k"] for key in json.loads(value or '{"keys": []}')["keys"] if "k" in key)
    elif name.endswith(("_url", "_proxy")):
        for url in split_list(value):
            password = urlsplit(url).password if "://" in url else None
            if password:
                yield password
                yield unquote(password)
    else:
        yield value


def planted(text: str, settings: Mapping[str, str]) -> list[str]:
    """Return what of all that stands in a text."""
    return _found(text, [*secrets_in(settings), *IN_MESSAGES])


def check(log: str, output: str, settings: Mapping[str, str]) -> None:
    """Fail if something stands in a log; in the first lines, which show how to send, if it is a secret."""
    for text, looked_for in ((log, [*secrets_in(settings), *IN_MESSAGES]), (output, [*secrets_in(settings)])):
        found = _found(text, looked_for)
        assert not found, f"a process has written {found}:\n" + "\n".join(
            line for line in text.splitlines() if any(one in line for one in found)
        )


def _found(text: str, looked_for: Iterable[str]) -> list[str]:
    return sorted({one for one in looked_for if one in text})
