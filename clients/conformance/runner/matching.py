"""Whether a value is what a scenario expects.

An object is expected in part: members that are not named may have any value, so {} is whatever is there or is not. A
list is expected whole. None, "" and [] are all the same, absent; so is a member that is not there, and an empty object.
Texts that are times are compared as instants. An object with one member whose name begins with ``$`` says something
else; the functions of `MATCHERS` tell what.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

_ABSENT: Final[tuple[Any, ...]] = (None, "", [], {})


def mismatch(expected: Any, actual: Any, path: str = "answer") -> str | None:
    """Return how ``actual`` differs from what is expected, as a sentence; None if it does not."""
    if expected == {}:
        return None
    if isinstance(expected, dict):
        [only, *others] = expected
        if not others and str(only).startswith("$"):
            return MATCHERS[only](expected[only], actual, path)
    if _is_absent(expected):
        return None if _is_absent(actual) else f"{path} is {actual!r}, not absent"
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return f"{path} is {actual!r}, not an object"
        differences = (mismatch(value, actual.get(name), f"{path}.{name}") for name, value in expected.items())
        return next(filter(None, differences), None)
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return f"{path} is {actual!r}, not a list of {len(expected)}"
        pairs = enumerate(zip(expected, actual, strict=True))
        differences = (mismatch(*pair, f"{path}[{index}]") for index, pair in pairs)
        return next(filter(None, differences), None)
    same = _instant(expected) == _instant(actual) and isinstance(expected, bool) == isinstance(actual, bool)
    return None if same else f"{path} is {actual!r}, not {expected!r}"


def _is_absent(value: Any) -> bool:
    return not isinstance(value, int | float) and value in _ABSENT


def _instant(value: Any) -> Any:
    if isinstance(value, str) and _TIME.fullmatch(value):
        return datetime.fromisoformat(value)
    return value


def _any(_: Any, actual: Any, path: str) -> str | None:
    """Anything that is there."""
    return f"{path} is absent" if _is_absent(actual) else None


def _match(pattern: str, actual: Any, path: str) -> str | None:
    """Text that is of this pattern, as a whole."""
    fits = isinstance(actual, str) and re.fullmatch(pattern, actual, re.DOTALL)
    return None if fits else f"{path} is {actual!r}, not of the form {pattern}"


def _length(count: int, actual: Any, path: str) -> str | None:
    """A text or a list of so many."""
    length = len(actual or ())
    return None if length == count else f"{path} has the length {length}, not {count}"


def _has(expected: list[Any], actual: Any, path: str) -> str | None:
    """A list that has, in any order, something for each that is expected; more does not matter."""
    for one in expected:
        if all(mismatch(one, item, path) for item in actual or ()):
            return f"{path} is {actual!r}, and has no {one!r}"
    return None


def _least(bound: float, actual: Any, path: str) -> str | None:
    """A number that is not less."""
    return None if isinstance(actual, int | float) and actual >= bound else f"{path} is {actual!r}, less than {bound}"


def _most(bound: float, actual: Any, path: str) -> str | None:
    """A number that is not more; what is absent is none."""
    fits = isinstance(actual or 0, int | float) and (actual or 0) <= bound
    return None if fits else f"{path} is {actual!r}, more than {bound}"


def _not(expected: Any, actual: Any, path: str) -> str | None:
    """Anything else."""
    return None if mismatch(expected, actual, path) else f"{path} is {actual!r}, as it must not be"


def _exactly(expected: Any, actual: Any, path: str) -> str | None:
    """The same JSON, member by member: null is not absent, and nothing is left out."""
    return None if actual == expected else f"{path} is {actual!r}, not exactly {expected!r}"


def _flat(slack: float, actual: Any, path: str) -> str | None:
    """Two sets of counts, ``before`` and ``after``, none of which has grown by more than so much."""
    if not isinstance(actual, dict) or not actual.get("before"):
        return f"{path} is {actual!r}, no counts of before and after"
    grown = {name: (count, actual["after"][name]) for name, count in actual["before"].items()}
    too_much = {name: counts for name, counts in grown.items() if counts[1] > counts[0] + slack}
    return f"{path} has grown: {too_much}" if too_much else None


MATCHERS: Final[dict[str, Callable[[Any, Any, str], str | None]]] = {
    "$any": _any,
    "$match": _match,
    "$length": _length,
    "$has": _has,
    "$least": _least,
    "$most": _most,
    "$not": _not,
    "$exactly": _exactly,
    "$flat": _flat,
}
