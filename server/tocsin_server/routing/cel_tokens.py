"""The words of a condition, so that it can be judged before a library of another language sees it. Pure.

CEL's own grammar: https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax. What is no word of it is left
for the library to refuse.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_WORD: Final = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<raw>[bB]?[rR](?:\"\"\".*?\"\"\"|'''.*?'''|"[^"\n]*"|'[^'\n]*'))
  | (?P<text>[bB]?(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
  | (?P<number>0x[0-9a-fA-F]+u?|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?u?|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign>&&|\|\||==|!=|<=|>=|.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """A word: its kind (``text``, ``number``, ``name``, ``sign``), what is written, and where, counted from 0."""

    kind: str
    text: str
    place: int


END: Final = Token("end", "", 0)


def tokens_of(source: str) -> list[Token]:
    """Return the words of a condition, without white space and comments."""
    return [
        Token("text" if match.lastgroup == "raw" else match.lastgroup or "", match.group(), match.start())
        for match in _WORD.finditer(source)
        if match.lastgroup != "space"
    ]


def where(source: str, place: int) -> str:
    """Name a place for people: its column, and its line if there are several; both count from 1."""
    line = source.count("\n", 0, place) + 1
    column = place - (source.rfind("\n", 0, place) + 1) + 1
    return f"line {line}, column {column}" if "\n" in source else f"column {column}"


def plain(text: Token) -> str | None:
    """Return what a text says if it is written without prefix and escapes; None for other words."""
    written = text.text
    if text.kind != "text" or written[0] not in "\"'" or "\\" in written:
        return None
    return written[3:-3] if len(written) >= 6 and written[:3] == written[0] * 3 else written[1:-1]
