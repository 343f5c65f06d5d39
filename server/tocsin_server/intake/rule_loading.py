"""The rules in force: read at the start, and again when the operator says so, which nothing that runs notices."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin_server.config import rule_file
from tocsin_server.config.rule_file import RuleFile
from tocsin_server.config.settings import Settings
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.routing.book import CurrentRules, RuleBook
from tocsin_server.routing.reading import BadRules, read_table


def load(settings: Settings) -> RuleBook:
    """Read the rules and policies that are set; raises `ConfigurationError`, which names every mistake."""
    file = rule_file.read(settings)
    return RuleBook() if file is None else book_of(file)


def book_of(file: RuleFile) -> RuleBook:
    """Return the rules and policies of a file; raises `ConfigurationError`, which names every mistake."""
    book, mistakes = mistakes_of(file)
    if book is None:
        raise ConfigurationError("; ".join(mistakes))
    return book


def mistakes_of(file: RuleFile) -> tuple[RuleBook | None, list[str]]:
    """Return the rules and policies of a file, or a sentence about each mistake in it."""
    try:
        return read_table(file.table), []
    except BadRules as bad:
        return None, [f"{file.path}: {mistake}" for mistake in bad.mistakes]


def reload(settings: Settings, rules: CurrentRules) -> Mapping[str, int]:
    """Put what is set now in the place of the rules in force, and return how many there are.

    Raises:
        ConfigurationError: They are wrong, and those in force stay.
    """
    book = load(settings)
    rules.replace(book)
    return {"rules": len(book.rules), "policies": len(book.policies)}
