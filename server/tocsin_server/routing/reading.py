"""From what a file says to rules and policies, or to everything that is wrong with it, named at once. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from tocsin_server.config.durations import parse_duration
from tocsin_server.domain.clock import zone_by
from tocsin_server.domain.model import MICROS_PER_SECOND, PARALLEL, ChannelType, Goal, Micros, Strategy, StrategyKind
from tocsin_server.routing.book import BUILT_IN, Rule, RuleBook
from tocsin_server.routing.cel_conditions import CelCondition, compiled, share_metadata
from tocsin_server.routing.hours import MINUTES, Window
from tocsin_server.routing.policies import Each, Limit, Policy
from tocsin_server.routing.wording import nearest

MOST_RULES: Final = 200
MOST_POLICIES: Final = 200
LONGEST_NAME: Final = 100
MOST_MISTAKES: Final = 50
LONGEST_PATIENCE: Final = 366 * 86_400
LONGEST_WINDOW: Final = 366 * 86_400
MOST_COUNTED: Final = 1_000_000_000
_RULE_KEYS: Final = ("name", "when", "channels", "strategy", "escalate_after", "goal")
_POLICY_KEYS: Final = ("name", "when", "channels", "deny", "limit", "hours", "countries")
_EFFECTS: Final = ("deny", "limit", "hours", "countries")
_EXAMPLE: Final = '["sms", "email"]'
_DISTURBING: Final = tuple(channel for channel in ChannelType if channel != ChannelType.WEBSOCKET)
"""Channels that somebody is disturbed by; a feed waits until it is looked at."""


class Mistake(NamedTuple):
    """What is wrong: ``place`` is such as ``rule "login codes", when, column 7``, and ``said`` what would be right."""

    place: str
    said: str

    def __str__(self) -> str:
        return f"{self.place}: {self.said}" if self.place else self.said


class BadRules(Exception):
    """Rules and policies that cannot be used; names every mistake."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = mistakes


def read_text(text: str) -> RuleBook:
    """Read TOML; raises `BadRules`."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise BadRules([Mistake("", f"is not TOML: {str(error)[:200] or 'it is nested too deeply'}")]) from None
    return read_table(table)


def read_table(table: Mapping[str, Any]) -> RuleBook:
    """Read what a file holds; raises `BadRules`."""
    reader = _Reader()
    for key in table:
        if key not in ("rules", "policies"):
            reader.add("", f"there is no {key[:100]!r}; {nearest(key, ('rules', 'policies'))}")
    rules = reader.all_of(table, "rules", "rule", MOST_RULES, reader.rule)
    policies = reader.all_of(table, "policies", "policy", MOST_POLICIES, reader.policy)
    if reader.mistakes:
        raise BadRules(reader.mistakes[:MOST_MISTAKES])
    for together in (rules, policies):
        share_metadata(one.when for one in together if one.when is not None)
    return RuleBook(rules, policies)


class _Reader:
    """Reads entries, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self._entry = ""

    def add(self, field: str, said: str) -> None:
        place = ", ".join(part for part in (self._entry, field) if part)
        self.mistakes.append(Mistake(place, said))

    def all_of(
        self, table: Mapping[str, Any], key: str, word: str, most: int, read: Callable[[Mapping[str, Any]], Any]
    ) -> list[Any]:
        """Read all entries of a kind."""
        entries = table.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self.add("", f"{key} must be tables, each beginning with [[{key}]]")
            return []
        if len(entries) > most:
            self.add("", f"there must be at most {most} {key}, there are {len(entries)}")
            return []
        found = []
        numbers: dict[str, int] = {}
        for number, entry in enumerate(entries, 1):
            name = entry.get("name")
            named = isinstance(name, str) and name.strip()
            self._entry = f"{word} {name[:LONGEST_NAME]!r}" if named else f"{word} {number}"
            if named and numbers.setdefault(name, number) != number:
                self._entry = f"{word} {number}"
                self.add("name", f"{name[:LONGEST_NAME]!r} is that of {word} {numbers[name]} already; names differ")
            found.append(read(entry))
        self._entry = ""
        return found

    # -- entries

    def rule(self, entry: Mapping[str, Any]) -> Rule:
        self._known_keys(entry, _RULE_KEYS)
        name = self._name(entry)
        if name == BUILT_IN:
            self.add("name", f"{BUILT_IN!r} is that of the last rule, which is always there")
        channels = self._channels(entry, "channels") or ()
        if "channels" not in entry:
            self.add("channels", f"must be given, such as {_EXAMPLE}")
        return Rule(name, self._when(entry), channels, self._strategy(entry, channels))

    def policy(self, entry: Mapping[str, Any]) -> Policy:
        self._known_keys(entry, _POLICY_KEYS)
        name, when = self._name(entry), self._when(entry)
        given = [effect for effect in _EFFECTS if effect in entry]
        if not given:
            self.add("", f"must say what it forbids or limits, by one of {', '.join(_EFFECTS)}")
        named = self._channels(entry, "channels")
        if "channels" in entry and given == ["deny"]:
            self.add("channels", "says nothing beside deny, which names the channels itself")
        hours = self._hours(entry)
        country = self._countries(entry)
        if hours is not None and named is not None and ChannelType.WEBSOCKET in named:
            self.add("channels", f"must be of {', '.join(_DISTURBING)} with hours: a feed waits until it is looked at")
        if "countries" in entry and named is not None and ChannelType.SMS not in named:
            self.add("channels", "must name sms with countries, since it is phone numbers that have one")
        default = _DISTURBING if "hours" in entry else tuple(ChannelType)
        if "countries" in entry and "hours" not in entry and "limit" not in entry:
            default = (ChannelType.SMS,)
        channels = frozenset(named or default) if {"limit", "hours", "countries"} & set(given) else frozenset()
        denied = frozenset(self._channels(entry, "deny") or ())
        return Policy(name, when, channels, denied, self._limit(entry), hours, country)

    # -- fields

    def _known_keys(self, entry: Mapping[str, Any], known: tuple[str, ...], within: str = "") -> None:
        for key in entry:
            if key not in known:
                self.add(within, f"there is no {key[:100]!r}; {nearest(key, known)}")

    def _name(self, entry: Mapping[str, Any]) -> str:
        name = entry.get("name")
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            self.add("name", f"must be a text of 1 to {LONGEST_NAME} characters on one line")
            return ""
        return name

    def _when(self, entry: Mapping[str, Any]) -> CelCondition | None:
        if "when" not in entry:
            return None
        source = entry["when"]
        if not isinstance(source, str):
            self.add("when", "must be a condition in quotes, such as 'category == \"auth.code\"'")
            return None
        found = compiled(source)
        if isinstance(found, CelCondition):
            return found
        for flaw in found:
            self.add(f"when, {flaw.where}" if flaw.where else "when", flaw.said)
        return None

    def _channels(self, entry: Mapping[str, Any], key: str) -> tuple[ChannelType, ...] | None:
        if key not in entry:
            return None
        words = entry[key]
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            self.add(key, f"must be a list of channels, such as {_EXAMPLE}")
            return None
        found: list[ChannelType] = []
        for word in words:
            if word not in tuple(ChannelType):
                self.add(key, f"there is no channel {word[:100]!r}; {nearest(word, tuple(ChannelType))}")
            elif word in found:
                self.add(key, f"names {word} a second time")
            else:
                found.append(ChannelType(word))
        return tuple(found)

    def _strategy(self, entry: Mapping[str, Any], channels: tuple[ChannelType, ...]) -> Strategy:
        kind = self._word(entry, "strategy", tuple(StrategyKind), StrategyKind.PARALLEL)
        patience = self._duration(entry, "escalate_after", LONGEST_PATIENCE)
        goal = Goal(self._word(entry, "goal", tuple(Goal), Goal.READ))
        if kind == StrategyKind.FALLBACK:
            if ChannelType.WEBSOCKET in channels and "escalate_after" not in entry:
                self.add("escalate_after", "must be given, since websocket waits for its subscriber instead of failing")
            return Strategy(StrategyKind.FALLBACK, patience, goal)
        for key in ("escalate_after", "goal"):
            if key in entry and entry.get("strategy", "parallel") == "parallel":
                self.add(key, 'must come with strategy = "fallback"')
        return PARALLEL

    def _limit(self, entry: Mapping[str, Any]) -> Limit | None:
        if (table := self._table(entry, "limit", ("count", "per", "each"))) is None:
            return None
        count, each = table.get("count"), self._word(table, "each", tuple(Each), Each.RECIPIENT, within="limit")
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST_COUNTED:
            self.add("limit.count", f"must be a whole number from 1 to {MOST_COUNTED}")
            count = 1
        if "per" not in table:
            self.add("limit.per", 'must be given, such as "1d"')
        per = self._duration(table, "per", LONGEST_WINDOW, within="limit")
        return Limit(count, per or MICROS_PER_SECOND, Each(each))

    def _hours(self, entry: Mapping[str, Any]) -> Window | None:
        if (table := self._table(entry, "hours", ("from", "to", "time_zone", "otherwise"))) is None:
            return None
        begin, end = (self._minute(table, key) for key in ("from", "to"))
        if begin is not None and end is not None and begin % MINUTES == end % MINUTES:
            self.add("hours", "has no time in it, since from and to are the same; leave hours out for the whole day")
        named = table.get("time_zone", "recipient")
        of_recipient = named == "recipient"
        key = "otherwise" if of_recipient else "time_zone"
        if not of_recipient and "otherwise" in table:
            self.add("hours.otherwise", 'must come with time_zone = "recipient"')
        name = table.get(key, "UTC")
        zone = zone_by(name) if isinstance(name, str) and name else None
        if zone is None:
            said = f"{name[:100]!r} is no time zone" if isinstance(name, str) else "is no time zone"
            also = "" if of_recipient else ', or "recipient"'
            self.add(f"hours.{key}", f"{said}; give one of the IANA's, such as Asia/Tokyo{also}")
        if begin is None or end is None or zone is None:
            return None
        return Window(begin, end % MINUTES, zone, of_recipient)

    def _minute(self, table: Mapping[str, Any], key: str) -> int | None:
        text = table.get(key)
        hour, colon, minute = text.partition(":") if isinstance(text, str) else ("", "", "")
        if colon and hour.isdecimal() and minute.isdecimal() and len(hour) == len(minute) == 2:
            found = int(hour) * 60 + int(minute)
            if int(minute) < 60 and found < MINUTES + (key == "to"):
                return found
        self.add(f"hours.{key}", 'must be a time of day in quotes, such as "08:00"')
        return None

    def _countries(self, entry: Mapping[str, Any]) -> Callable[[str], str | None] | None:
        if "countries" not in entry:
            return None
        from tocsin_server.routing import countries  # noqa: PLC0415 - its library is large, and few need it

        codes = entry["countries"]
        if not isinstance(codes, list) or not codes or not all(isinstance(code, str) for code in codes):
            self.add("countries", 'must be a list of country codes, such as ["GB", "IE"]')
            return None
        for code in codes:
            if code not in countries.KNOWN:
                meant = "GB" if code.upper() == "UK" else code.upper() if code.upper() in countries.KNOWN else ""
                also = f"did you mean {meant!r}?" if meant else "give two capital letters, such as GB"
                self.add("countries", f"{code[:100]!r} is no country code of ISO 3166; {also}")
        return countries.among(tuple(codes))

    # -- forms

    def _table(self, entry: Mapping[str, Any], key: str, known: tuple[str, ...]) -> Mapping[str, Any] | None:
        if key not in entry:
            return None
        if not isinstance(table := entry[key], dict):
            self.add(key, f"must be a table with {', '.join(known)}")
            return None
        self._known_keys(table, known, key)
        return table

    def _word(
        self, table: Mapping[str, Any], key: str, known: tuple[str, ...], default: str, *, within: str = ""
    ) -> str:
        word = table.get(key, default)
        if isinstance(word, str) and word in known:
            return word
        said = f"there is no {str(word)[:100]!r}; {nearest(str(word)[:100], known)}"
        self.add(f"{within}.{key}" if within else key, said)
        return default

    def _duration(self, table: Mapping[str, Any], key: str, longest: int, *, within: str = "") -> Micros | None:
        """Return microseconds."""
        if key not in table:
            return None
        field = f"{within}.{key}" if within else key
        try:
            seconds = parse_duration(table[key])
        except ValueError as error:
            self.add(field, str(error))
            return None
        if not isinstance(seconds, int | float) or not 1 <= seconds <= longest:
            self.add(field, f'must be a duration from 1s to {longest // 86_400}d, such as "30s"')
            return None
        return int(seconds * MICROS_PER_SECOND)
