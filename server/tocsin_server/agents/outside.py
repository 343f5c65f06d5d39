"""Texts that come from outside, made fit to be shown to a language model: as much as there is room for, nothing hidden.

A model reads what no person sees: characters without a width, and those that turn the direction of text. Instructions
have been hidden in them, so that nobody who looks at the notification would find any. They are shown as one mark.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

HIDDEN: Final = "\ufffd"
"""Stands for characters that nobody would see."""

_JOINERS: Final = frozenset("\u200c\u200d")
"""Format characters that words of some languages, and emoji, are written with."""

_RUNS: Final = re.compile(r"\ufffd{2,}")
_STYLES: Final = frozenset(map(chr, range(0xFE00, 0xFE10)))
"""Variation selectors that emoji are written with: one after the letter that it is about."""

_KEYS: Final = frozenset("0123456789#*")
"""Letters of ASCII that become emoji by a selector."""

_BLANK: Final = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x3164, 0xFFA0, *range(0xE0100, 0xE01F0)))
)
"""Letters and marks by name that nothing is drawn for: Default_Ignorable_Code_Point in Unicode's data."""

_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})

DEEPEST: Final = 8
"""Levels of metadata that are shown."""


def seen(text: str) -> str:
    """Return a text with everything in it that cannot be seen replaced by a mark."""
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    before = ""
    for letter in text:
        before = letter if _is_seen(letter, before) else HIDDEN
        shown.append(before)
    return _RUNS.sub(HIDDEN, "".join(shown))


def _is_seen(letter: str, before: str) -> bool:
    """Tell whether a letter is seen, or changes how the one before it looks."""
    if letter in "\n\t":
        return True
    # Several of them in a row, or behind letters that they mean nothing to, would spell out words of their own.
    if letter in _JOINERS:
        return not before.isascii() and before not in _JOINERS and before != HIDDEN
    if letter in _STYLES:
        return (before in _KEYS or not before.isascii()) and before not in _JOINERS | _STYLES and before != HIDDEN
    return unicodedata.category(letter) not in _UNSEEN and letter not in _BLANK


def beginning(text: str, limit: int) -> tuple[str, bool]:
    """Return as much of a text as takes ``limit`` bytes of UTF-8, and whether there is more."""
    octets = text[:limit].encode(errors="replace")
    if len(octets) > limit:
        shown = octets[:limit].decode(errors="ignore")
        return seen(shown), True
    return seen(text[:limit]), len(text) > limit


def part_of(metadata: Mapping[str, Any], limit: int) -> tuple[dict[str, Any], bool]:
    """Return the first members of metadata that take ``limit`` bytes as JSON, and whether there are more."""
    shown: dict[str, Any] = {}
    left, hidden = limit, False
    for key, value in metadata.items():
        name, member = seen(key), _plain(value, DEEPEST)
        if name in shown:  # of several whose names look the same
            hidden = True
            continue
        left -= len(json.dumps({name: member}, ensure_ascii=False).encode(errors="replace"))
        if left < 0:
            return shown, True
        shown[name] = member
    return shown, hidden


def _plain(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return seen(value)
    if isinstance(value, Mapping | list | tuple) and levels == 0:
        return "…"
    if isinstance(value, Mapping):
        return {seen(str(key)): _plain(member, levels - 1) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member, levels - 1) for member in value]
    return value
