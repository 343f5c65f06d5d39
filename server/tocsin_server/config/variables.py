"""Variables of the environment that begin like ours and are no settings.

A misspelt setting would be a default in disguise, such as no authentication, so what looks like a slip is refused. But
not everything that begins with ``TOCSIN_`` is meant for us. Where a Service or a container is called ``tocsin``, the
platform sets variables of its own, which are left alone. Whatever is neither is ignored and told in the log: it may
belong to a newer version or to the operator's scripts.

Names are given without ``TOCSIN_`` where nothing else is said.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

PREFIX: Final = "TOCSIN_"

CONFIG: Final = "CONFIG"
"""Names the TOML file."""

_OF_CLIENTS: Final = frozenset({"SERVER", "TOKEN"})
"""Read by the commands of a client, not by the server."""

_PLATFORM: Final = re.compile(
    r"(?:[A-Z0-9_]+_)??"
    r"(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?"
    r"|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR|START|END|PORT_START|PORT_END))?"
    r"|ENV_.+)"
)
"""What Kubernetes sets for a Service called ``tocsin`` or ``tocsin-…``, and Docker for a link of that name.

https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
https://docs.docker.com/engine/network/links/#environment-variables
"""

_PLATFORM_VALUE: Final = {"PORT": re.compile(r"(?:tcp|udp|sctp)://\S+"), "NAME": re.compile(r"/\S+/\S+")}
"""Last words of further such names. They could be somebody's idea of a setting, so the value decides."""

_GUESSES: Final = {"PORT": "LISTEN", "HOST": "LISTEN", "BIND": "LISTEN", "ADDRESS": "LISTEN", "DB_URL": "DATABASE_URL"}
"""What other servers call a setting, and what it is called here."""


def slips(environment: Mapping[str, str], settings: Collection[str]) -> list[str]:
    """Return a sentence about each variable that looks like a setting and is none."""
    known = {name.upper() for name in settings} | {CONFIG}
    return [
        f"{variable}: {said}"
        for variable, value in sorted(environment.items())
        if (said := _slip_of_prefix(variable, known) or _slip_of_name(variable, value, known))
    ]


def doubled(environment: Mapping[str, str], settings: Collection[str]) -> list[str]:
    """Return a sentence about each setting that is given both as a value and as a file: one of the two is forgotten."""
    variables = sorted(f"{PREFIX}{name.upper()}" for name in settings)
    return [
        f"{variable}, {variable}_FILE: both are set, which is one too many"
        for variable in variables
        if variable in environment and f"{variable}_FILE" in environment
    ]


def ignored(environment: Mapping[str, str], settings: Collection[str]) -> list[str]:
    """Return the variables that begin like ours, are neither settings nor the platform's, and are no slips either."""
    known = {name.upper() for name in settings} | {CONFIG}
    return [
        variable
        for variable, value in sorted(environment.items())
        if _is_strange(variable, value, known) and not _slip_of_name(variable, value, known)
    ]


def no_such_setting(name: str, settings: Collection[str]) -> str:
    """Return the sentence about a name that is none of the settings, in their own case."""
    meant, similar = _candidates(name.upper(), {known.upper() for known in settings})
    return _sentence([word.lower() for word in meant], [word.lower() for word in similar])


def _is_strange(variable: str, value: str, known: AbstractSet[str]) -> bool:
    """Tell whether a variable begins like ours, and neither we nor the platform know it."""
    name = variable.removeprefix(PREFIX)
    if name == variable or name in known or name in _OF_CLIENTS or name.startswith("TEST_"):
        return False
    if name.endswith("_FILE") and name.removesuffix("_FILE") in known - {CONFIG}:
        return False
    form = _PLATFORM_VALUE.get(name.rpartition("_")[2])
    return not _PLATFORM.fullmatch(name) and not (form and form.fullmatch(value))


def _slip_of_name(variable: str, value: str, known: AbstractSet[str]) -> str:
    if not _is_strange(variable, value, known):
        return ""
    name, suffix = variable.removeprefix(PREFIX), ""
    stem, _, last = name.rpartition("_")
    if stem and distance(last, "FILE") <= 1:  # also FILES
        name, suffix = stem, "_FILE"
    meant, similar = _candidates(name, known)
    if not meant and not similar:
        return ""
    return _sentence([f"{PREFIX}{word}{suffix}" for word in meant], [f"{PREFIX}{word}" for word in similar])


def _slip_of_prefix(variable: str, known: AbstractSet[str]) -> str:
    """Find ``TOSCIN_LISTEN`` and ``tocsin_listen``; of other programs' variables only what is as near as that."""
    first, _, name = variable.upper().partition("_")
    if variable.startswith(PREFIX) or name.removesuffix("_FILE") not in known or distance(first + "_", PREFIX) > 1:
        return ""
    return _sentence([PREFIX + name], [])


def _sentence(meant: list[str], similar: list[str]) -> str:
    if meant:
        return f"there is no such setting; did you mean {' or '.join(meant)}?"
    return "there is no such setting" + (f"; similar are {', '.join(similar)}" if similar else "")


def _candidates(name: str, known: AbstractSet[str]) -> tuple[list[str], list[str]]:
    """Return which known names may have been meant, three at most, and which are of the same group, five at most."""
    nearest = sorted(known, key=lambda word: (distance(name, word), word))
    # What is much farther off than the nearest was hardly meant.
    farthest = distance(name, nearest[0]) + 1
    near = [word for word in nearest if distance(name, word) <= min(farthest, len(name) // 3, len(word) // 3)]
    words = set(name.split("_"))
    holding = [word for word in nearest if words <= set(word.split("_")) or _GUESSES.get(name) == word]
    group = name.partition("_")[0] + "_"
    return (near or holding)[:3], [word for word in nearest if word.startswith(group)][:5]


def distance(one: str, other: str) -> int:
    """Return how many letters must be added, left out, changed or swapped with a neighbour to make one the other."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        line = [row]
        for column, match in enumerate(other, 1):
            cost = min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != match))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == match:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, last = last, line
    return last[-1]
