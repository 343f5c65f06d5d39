"""Conditions in the Common Expression Language, by the library of that name. Pure.

The library wants a dozen microseconds to make values its own, and one to judge a condition of five terms with values
that it has. So values are made ready only if a condition uses them, and kept while they are the same: the conditions of
one notification share them. And a condition keeps its answers, since many notifications are of one category, and have
the same state or count in their metadata: a policy about a number of items takes 0.4 us in place of 6.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final

import cel

from tocsin_server.domain.model import ChannelType, Recipient, RecipientType
from tocsin_server.routing.cel_checks import KINDS, Checked, Flaw, check
from tocsin_server.routing.cel_tokens import where
from tocsin_server.routing.conditions import ConditionFailed
from tocsin_server.routing.facts import Facts
from tocsin_server.routing.hours import local_time

MOST_VALUES: Final = 1_000
"""Of the part of the metadata that a condition looks at, with those inside one another."""

DEEPEST_VALUE: Final = 16
"""The library recurses."""

LONGEST_IN_LOOPS: Final = 4_096
"""Characters of that part, where a condition does something for each of several values."""

MOST_REMEMBERED: Final = 256
"""Answers that a condition keeps, each for the values that it looks at."""

LONGEST_REMEMBERED: Final = 64
"""Characters of a text in the metadata for which an answer is kept: a state, a country, a kind of order."""

_OF_CONTACTS: Final = frozenset({"addresses", "contact_locale", "contact_time_zone", "local_hour", "weekday"})
_NO_METADATA: Final[Mapping[str, Any]] = {}
_SINGLE: Final = frozenset({bool, int, float, type(None)})
"""Kinds of JSON values that hold no other, and no text."""
_MISSING: Final = object()
_COUNTABLE: Final = frozenset({bool, int, type(None), object})
"""Kinds of values for which an answer is kept, ``object`` for a key that is missing. No other numbers: 0.0 is equal to
-0.0, which a condition can tell from it, and they seldom come again."""
_ENDINGS: Final = (KeyboardInterrupt, SystemExit, GeneratorExit)


class _Scene(threading.local):
    """The values that the library has, on each thread: what they were made of, by name."""

    def __init__(self) -> None:
        self.context = cel.Context()
        self.values: dict[str, object] = {}
        self.facts: object = None
        self.ready: set[str] = set()
        self.metadata: tuple[object, object] = (None, None)
        self.characters = 0

    def turn_to(self, facts: Facts) -> None:
        """Begin with another notification, if it is one: of the same, values need not even be looked at again."""
        if self.facts is not facts:
            self.facts = facts
            self.ready.clear()

    def show(self, name: str, value: object) -> None:
        """Have a value ready, unless it is already."""
        if name not in self.values or self.values[name] != value:
            # Should it fail, nothing may be taken for what is ready.
            self.values.pop(name, None)
            self.context.add_variable(name, value)
            self.values[name] = value
        self.ready.add(name)

    def show_metadata(
        self, metadata: Mapping[str, Any], keys: tuple[str, ...] | None, shared: tuple[str, ...] | None
    ) -> None:
        """Have a part of the metadata ready: ``shared``, or ``keys`` alone where that would be too much to look at.

        Raises `ConditionFailed` if those are too much.
        """
        # The very same object: 1 and true are equal to Python, and nothing else here is.
        if self.metadata[0] is metadata and self.metadata[1] in (shared, keys):
            return
        for wanted in (shared, keys):
            part = metadata if wanted is None else {key: metadata[key] for key in wanted if key in metadata}
            values, characters = _weighed(part, MOST_VALUES)
            if values <= MOST_VALUES:
                keys = wanted
                break
        else:
            raise ConditionFailed(f"the metadata it looks at holds more than {MOST_VALUES} values")
        self.metadata = (None, None)
        self.context.add_variable("metadata", part)
        self.metadata, self.characters = (metadata, keys), characters


_SCENE: Final = _Scene()


class CelCondition:
    """A condition that was looked at (`cel_checks.check`) and compiled. May be used from any thread.

    Raises:
        ValueError: The library does not compile it.
    """

    def __init__(self, checked: Checked) -> None:
        self._program = _guarded(lambda: cel.compile(checked.source))
        self._names = tuple(name for name in checked.names if name != "metadata")
        self._metadata = "metadata" in checked.names
        self._keys = self._shared = checked.keys
        self._longest = LONGEST_IN_LOOPS if checked.loops else None
        of_kinds = KINDS.issuperset(self._names) and checked.keys is not None
        self._remembered: dict[tuple[object, ...], bool] | None = {} if of_kinds else None
        # Most rules are about a category: for notifications of others, nothing else of them is looked at.
        self._gate = CelCondition(checked.gate) if checked.gate is not None else None
        self.needs_contact = not _OF_CONTACTS.isdisjoint(checked.names)

    def holds(self, facts: Facts) -> bool:
        """Judge; raises `ConditionFailed`."""
        if self._gate is not None and self._gate.rules_out(facts):
            return False
        remembered = self._remembered
        if remembered is None:
            return self._judged(facts)
        kind: tuple[object, ...] = ()
        if self._names:
            recipient = facts.recipient
            kind = (facts.category, recipient.type, recipient.id is None)
        if self._metadata:
            metadata = facts.metadata or _NO_METADATA
            for key in self._keys or ():
                value = metadata.get(key, _MISSING)
                # With its class, since 1 and true are equal to Python.
                of = value.__class__
                if of not in _COUNTABLE and (of is not str or len(value) > LONGEST_REMEMBERED):
                    return self._judged(facts)
                kind += (of, value)
        answer = remembered.get(kind)
        if answer is None:
            answer = self._judged(facts)
            if len(remembered) >= MOST_REMEMBERED:
                remembered.clear()
            remembered[kind] = answer
        return answer

    def rules_out(self, facts: Facts) -> bool:
        """Whether it is sure not to hold; not if it cannot be judged."""
        try:
            return not self.holds(facts)
        except ConditionFailed:
            return False

    def _judged(self, facts: Facts) -> bool:
        try:
            answer = self._executed(facts, _SCENE)
        except ConditionFailed:
            raise
        except KeyError as error:
            raise ConditionFailed(f"there is no key {error.args[0]}") from None
        except Exception as error:  # noqa: BLE001 - whatever the library finds, it cannot judge
            raise ConditionFailed(_first_sentence(str(error))) from None
        except _ENDINGS:
            raise
        except BaseException as panic:
            raise ConditionFailed("the library gave up on it") from panic
        if not isinstance(answer, bool):
            raise ConditionFailed(f"it gives {_kind(answer)}, not true or false")
        return answer

    def _executed(self, facts: Facts, scene: _Scene) -> object:
        scene.turn_to(facts)
        for name in self._names:
            if name not in scene.ready:
                scene.show(name, _VALUES[name](facts))
        if self._metadata:
            scene.show_metadata(facts.metadata or _NO_METADATA, self._keys, self._shared)
            if self._longest is not None and scene.characters > self._longest:
                raise ConditionFailed(f"the metadata it looks at holds more than {self._longest} characters")
        return self._program.execute(scene.context)

    @property
    def shareable(self) -> tuple[str, ...]:
        """The keys of the metadata that it looks at, if others may look at more. With loops, the size counts."""
        return self._keys if self._keys is not None and self._longest is None else ()

    def share(self, keys: tuple[str, ...]) -> None:
        """Look at the part with these keys, its own among them, where that is not too much."""
        self._shared = keys


def share_metadata(conditions: Iterable[CelCondition]) -> None:
    """Let conditions that are judged together look at one part of the metadata, which is made ready once."""
    sharing = [condition for condition in conditions if condition.shareable]
    keys = tuple(sorted({key for condition in sharing for key in condition.shareable}))
    for condition in sharing:
        condition.share(keys)


def compiled(source: str) -> CelCondition | list[Flaw]:
    """Compile a condition, or say what is wrong with it."""
    checked = check(source)
    if checked.flaws:
        return checked.flaws
    try:
        _guarded(lambda: cel.compile(source))  # the places that it names are those of what was written
        condition = CelCondition(checked)
    except ValueError as error:
        return [_syntax_flaw(source, str(error))]
    try:
        condition.holds(_NOBODY)
    except ConditionFailed as failed:
        # Without metadata nothing of it depends on the notification but its values: its kinds never fit.
        said = str(failed)
        if said.startswith("it gives ") or "regex" in said or ("metadata" not in checked.names and _never(said)):
            return [Flaw("", said)]
    return condition


_VALUES: Final[Mapping[str, Any]] = {
    "category": lambda facts: facts.category,
    "title": lambda facts: facts.title,
    "recipient_type": lambda facts: str(facts.recipient.type),
    "recipient_id": lambda facts: facts.recipient.id or "",
    "recipient_registered": lambda facts: facts.recipient.registered,
    "addresses": lambda facts: [str(channel) for channel in ChannelType if facts.addresses.get(channel)],
    "contact_locale": lambda facts: facts.contact.locale if facts.contact else "",
    "contact_time_zone": lambda facts: facts.contact.time_zone if facts.contact else "",
    "local_hour": lambda facts: local_time(facts).hour,
    "weekday": lambda facts: local_time(facts).isoweekday(),
}


def _guarded(run: Any) -> Any:
    """Call the library. Should it panic, which is no `Exception` to it, that is an error as any other."""
    try:
        return run()
    except Exception:
        raise
    except _ENDINGS:
        raise
    except BaseException as panic:
        raise RuntimeError("the library gave up on it") from panic


def _weighed(value: object, most: int) -> tuple[int, int]:
    """Count values and characters; stops when there are more than ``most`` values, or they are too deep."""
    values = characters = 0
    level: list[object] = [value]
    for _ in range(DEEPEST_VALUE):
        below: list[object] = []
        for each in level:
            if each.__class__ in _SINGLE:
                continue
            if isinstance(each, str):
                characters += len(each)
            elif isinstance(each, Mapping):
                characters += sum(map(len, each))
                below.extend(each.values())
            elif isinstance(each, list | tuple):
                below.extend(each)
        values += len(below)
        if not below or values > most:
            return values, characters
        level = below
    return most + 1, characters


def _syntax_flaw(source: str, said: str) -> Flaw:
    """Make one sentence of what the library says, which begins with the condition and draws it."""
    _, _, first = said.partition("ERROR: <input>:")
    line, _, rest = first.partition(":")
    column, _, sentence = rest.partition(":")
    sentence = sentence.strip().split("\n")[0].removeprefix("Syntax error: ")
    if not (line.isdigit() and column.isdigit()):
        return Flaw("", "is not a condition in CEL")
    lines = source.split("\n")
    place = sum(len(before) + 1 for before in lines[: int(line) - 1]) + int(column) - 1
    if "'<EOF>' expecting" in sentence:
        sentence = "the condition ends where something must follow"
    return Flaw(where(source, place), sentence.partition(" expecting {")[0])


_OF_TYPES: Final = "it puts values side by side whose types do not go together, such as a text and a number"


def _never(said: str) -> bool:
    return said == _OF_TYPES


def _first_sentence(said: str) -> str:
    """Return the first sentence of what the library says, without what it knows of the values."""
    if said.startswith(("No such overload", "Unsupported operation")):
        return _OF_TYPES
    return " ".join(said.split())[:200].split(". ")[0]


def _kind(answer: object) -> str:
    return {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}.get(
        type(answer), "something"
    )


_NOBODY: Final = Facts(
    Recipient(RecipientType.GUEST, None), "a.category", "A title", {}, dict.fromkeys(ChannelType, "a"), None, 0
)
"""Of whom a condition is judged once, to find those that cannot be."""
