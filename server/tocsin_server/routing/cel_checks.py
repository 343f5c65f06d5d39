"""What a condition may say: names that exist, and nothing that could run away. Pure.

The library runs without giving way, holds the interpreter's lock while it does, recurses for each link of a chain such
as ``a.b.c`` until the stack ends, which ends the process, copies a list for each element that ``map`` adds, and makes a
regular expression anew each time. Its own limits are far beyond what a notification may cost, and rules also come from
callers. So a condition is looked at before the library sees it: how long and how deep it is, and what it repeats.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from tocsin_server.domain.model import ChannelType, RecipientType
from tocsin_server.routing.cel_tokens import END, Token, plain, tokens_of, where
from tocsin_server.routing.wording import nearest

LONGEST: Final = 1_000
"""Characters."""

MOST_WORDS: Final = 200
"""The library needs stack for each, some 500 bytes."""

DEEPEST: Final = 16
"""Brackets in one another."""

MOST_LOOPS: Final = 2
"""``exists``, ``all`` and ``exists_one``, none in another."""

MOST_WORDS_IN_LOOPS: Final = 50
"""Each is done for each value."""

MOST_PATTERNS: Final = 2

LONGEST_PATTERN: Final = 100
"""Characters."""

MOST_CLASSES: Final = 4
r"""Of characters, in a pattern: ``\w`` is 700 ranges to the library."""

FIELDS: Final = {
    "recipient": ("type", "id", "registered"),
    "contact": ("locale", "time_zone"),
}
VARIABLES: Final = ("category", "title", "metadata", "recipient", "addresses", "contact", "local_hour", "weekday")
KINDS: Final = frozenset({"category", "recipient_type", "recipient_registered"})
"""What is the same for many notifications, by the names that they have in `Checked.source`."""
LOOPS: Final = ("exists", "all", "exists_one")
FUNCTIONS: Final = ("has", *LOOPS, "size", "contains", "startsWith", "endsWith", "matches", "string", "int", "double")
_WORDS: Final = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "AND": "&&",
    "OR": "||",
    "NOT": "!",
    "True": "true",
    "False": "false",
}
_LITERALS: Final = ("true", "false", "null", "in")
_OPENING: Final = "([{"
_CLOSING: Final = ")]}"
_ADDRESSED: Final = tuple(channel for channel in ChannelType if channel != ChannelType.WEBSOCKET)


class Flaw(NamedTuple):
    """What is wrong with a condition, and where: ``column 7``; empty if it is the whole."""

    where: str
    said: str


class Checked(NamedTuple):
    """A condition that may be compiled, or what is wrong with it.

    ``source`` has variables that are known by their parts, such as ``recipient.type``, as names of their own: a text is
    made ready for the library in a fraction of the time that a map takes. ``names`` are what it uses then. ``keys`` are
    those of the metadata that it looks at, None for all of them. ``loops`` says that it does something for each of
    several values. ``gate`` are the first of the terms that must all hold, where these are about `KINDS` alone and the
    others are not.
    """

    flaws: list[Flaw]
    source: str = ""
    names: tuple[str, ...] = ()
    keys: tuple[str, ...] | None = ()
    loops: bool = False
    gate: Checked | None = None


def check(source: str) -> Checked:
    """Look at a condition."""
    if len(source) > LONGEST:
        return Checked([Flaw("", f"must be at most {LONGEST} characters, is {len(source)}")])
    if not source.strip():
        return Checked([Flaw("", "must not be empty; leave it out for what holds always")])
    words = tokens_of(source)
    if len(words) > MOST_WORDS:
        return Checked([Flaw("", f"must have at most {MOST_WORDS} words and signs, has {len(words)}")])
    flaws = [Flaw(where(source, place), said) for place, said in _flaws(words)]
    if flaws:
        return Checked(flaws)
    checked = _prepared(source, words)
    if KINDS.issuperset(checked.names):
        return checked
    gates = [_prepared(source[: words[at].place], words[:at]) for at in _conjunctions(words)]
    return checked._replace(gate=next((gate for gate in reversed(gates) if KINDS.issuperset(gate.names)), None))


def _flaws(words: Sequence[Token]) -> Iterator[tuple[int, str]]:
    depth = patterns = 0
    bound = _bound(words)
    for at, word in enumerate(words):
        if word.text in _OPENING:
            depth += 1
            if depth == DEEPEST + 1:
                yield word.place, f"must have at most {DEEPEST} brackets in one another"
        elif word.text in _CLOSING:
            depth -= 1
        elif word.text == "=":
            yield word.place, "'=' compares nothing; write '=='"
        elif word.kind == "name":
            yield from _flaws_of_name(words, at, bound)
            if word.text == "matches" and _at(words, at + 1).text == "(":
                patterns += 1
                yield from _flaws_of_pattern(words, at)
                if patterns == MOST_PATTERNS + 1:
                    yield word.place, f"must use matches at most {MOST_PATTERNS} times"
        elif word.kind == "text":
            yield from _flaws_of_text(words, at)
    yield from _flaws_of_loops(words)


def _flaws_of_name(words: Sequence[Token], at: int, bound: Collection[str]) -> Iterator[tuple[int, str]]:
    word, before, after = words[at], _at(words, at - 1), _at(words, at + 1)
    if word.text in _WORDS and before.text != ".":
        yield word.place, f"there is no {word.text!r}; write '{_WORDS[word.text]}'"
    elif after.text == "(":
        if word.text in ("map", "filter"):
            yield word.place, f"{word.text} is not offered; use exists, all or exists_one"
        elif word.text not in FUNCTIONS:
            yield word.place, f"there is no function {word.text!r}; {nearest(word.text, FUNCTIONS)}"
    elif before.text == ".":
        of = _at(words, at - 2).text
        if of in FIELDS and _at(words, at - 3).text != "." and word.text not in FIELDS[of]:
            yield word.place, f"{of} has no {word.text!r}; {nearest(word.text, FIELDS[of])}"
    elif word.text in FIELDS and word.text not in bound:
        if after.text != ".":
            parts = ", ".join(f"{word.text}.{part}" for part in FIELDS[word.text])
            yield word.place, f"{word.text} alone says nothing; use {parts}"
    elif word.text not in (*VARIABLES, *_LITERALS) and word.text not in bound:
        yield word.place, f"there is no variable {word.text!r}; {nearest(word.text, VARIABLES)}"


def _flaws_of_text(words: Sequence[Token], at: int) -> Iterator[tuple[int, str]]:
    """Find words that are compared with what can never be them."""
    written = plain(words[at])
    if written is None:
        return
    if [_at(words, at + 1).text, _at(words, at + 2).text] == ["in", "addresses"] and written not in _ADDRESSED:
        yield words[at].place, f"no address is of a channel {written!r}; {nearest(written, _ADDRESSED)}"
    before = [_at(words, at - back).text for back in (4, 3, 2, 1)]
    after = [_at(words, at + ahead).text for ahead in (1, 2, 3, 4)]
    kind = ["recipient", ".", "type"]
    compared = (before[:3] == kind and before[3] in ("==", "!=")) or (after[1:] == kind and after[0] in ("==", "!="))
    if compared and written not in tuple(RecipientType):
        yield (
            words[at].place,
            f"there are no recipients of a type {written!r}; {nearest(written, tuple(RecipientType))}",
        )


def _flaws_of_pattern(words: Sequence[Token], at: int) -> Iterator[tuple[int, str]]:
    argument, after = _at(words, at + 2), _at(words, at + 3)
    if _at(words, at - 1).text != "." or argument.kind != "text" or after.text != ")":
        yield words[at].place, 'matches takes a pattern that is written out: title.matches("^[A-Z]+$")'
    elif len(argument.text) > LONGEST_PATTERN + 2:
        yield argument.place, f"a pattern must be at most {LONGEST_PATTERN} characters"
    elif "{" in argument.text:
        yield argument.place, "a pattern must not count, as {2,5} does; write what it repeats, or use + and *"
    elif sum(
        argument.text.count(mark) for mark in (r"\p", r"\P", r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", "[^", "[[")
    ) > (MOST_CLASSES):
        yield (
            argument.place,
            rf"a pattern must have at most {MOST_CLASSES} classes such as \w, \d and [^…]; write [0-9]",
        )


def _flaws_of_loops(words: Sequence[Token]) -> Iterator[tuple[int, str]]:
    loops = inside = 0
    end = -1
    for at, word in enumerate(words):
        if at <= end:
            inside += 1
            if inside == MOST_WORDS_IN_LOOPS + 1:
                yield word.place, f"exists, all and exists_one must hold at most {MOST_WORDS_IN_LOOPS} words together"
            if word.text == "matches":
                yield word.place, "matches must not stand in exists, all or exists_one"
        if word.text not in LOOPS or _at(words, at + 1).text != "(":
            continue
        loops += 1
        if at <= end:
            yield word.place, "exists, all and exists_one must not stand in one another"
        elif loops == MOST_LOOPS + 1:
            yield word.place, f"must use exists, all and exists_one at most {MOST_LOOPS} times"
        end = max(end, _closing(words, at + 1))


def _bound(words: Sequence[Token]) -> set[str]:
    """Return the names that loops give to values, as in ``metadata.tags.exists(tag, …)``."""
    return {
        words[at + 2].text
        for at in range(len(words) - 3)
        if words[at].text in LOOPS and words[at + 1].text == "(" and words[at + 3].text == ","
        if words[at + 2].kind == "name" and words[at + 2].text not in (*VARIABLES, *_LITERALS)
    }


def _closing(words: Sequence[Token], opening: int) -> int:
    """Return where the bracket that opens at a place closes, or the end."""
    depth = 0
    for at in range(opening, len(words)):
        depth += (words[at].text in _OPENING) - (words[at].text in _CLOSING)
        if depth == 0:
            return at
    return len(words)


def _prepared(source: str, words: Sequence[Token]) -> Checked:
    """Put names of their own in place of what is known by its parts, and see what is used."""
    parts: list[str] = []
    written = 0
    names: set[str] = set()
    keys: set[str] | None = set()
    bound = _bound(words)
    for at, word in enumerate(words):
        if word.kind != "name" or word.text not in VARIABLES or _at(words, at - 1).text == "." or word.text in bound:
            continue
        if word.text in FIELDS:
            part = words[at + 2]
            parts += [source[written : word.place], f"{word.text}_{part.text}"]
            written = part.place + len(part.text)
            names.add(f"{word.text}_{part.text}")
            continue
        names.add(word.text)
        if word.text == "metadata" and keys is not None:
            key = _key(words, at)
            keys = None if key is None else keys | {key}
    source = "".join([*parts, source[written:]])
    loops = any(word.text in LOOPS for word in words)
    return Checked([], source, tuple(sorted(names)), None if keys is None else tuple(sorted(keys)), loops)


def _conjunctions(words: Sequence[Token]) -> list[int]:
    """Return where the terms end of which all must hold, except the last one; nothing if it is not made of such."""
    depth = 0
    found = []
    for at, word in enumerate(words):
        if word.kind == "sign":
            depth += (word.text in _OPENING) - (word.text in _CLOSING)
            if depth == 0 and word.text in ("||", "?"):
                return []
            if depth == 0 and word.text == "&&":
                found.append(at)
    return found


def _key(words: Sequence[Token], at: int) -> str | None:
    """Return which key of the metadata is looked at, None if it may be any."""
    after = _at(words, at + 1)
    if after.text == "." and _at(words, at + 2).kind == "name" and _at(words, at + 3).text != "(":
        return words[at + 2].text
    if after.text == "[" and _at(words, at + 3).text == "]":
        return plain(_at(words, at + 2))
    if _at(words, at - 1).text == "in" and after.text not in (".", "[") and _at(words, at - 3).text != "+":
        return plain(_at(words, at - 2))
    return None


def _at(words: Sequence[Token], at: int) -> Token:
    return words[at] if 0 <= at < len(words) else END
