"""What is wrong with several settings is told at once."""

from __future__ import annotations

import pytest

from tocsin_server.config.problems import Problems
from tocsin_server.domain.errors import ConfigurationError


def refuse(text: str) -> None:
    raise ConfigurationError(text)


def test_each_problem_is_told_once_in_the_order_of_the_checks() -> None:
    problems = Problems()
    for text in ("A: is wrong", "B: is wrong", "A: is wrong"):
        assert problems.tried(lambda text=text: refuse(text)) is None  # type: ignore[misc]
    assert problems
    with pytest.raises(ConfigurationError, match=r"^A: is wrong; B: is wrong$"):
        problems.raise_any()


def test_where_nothing_is_wrong_what_was_made_is_returned() -> None:
    problems = Problems()
    assert problems.tried(lambda: 7) == 7
    assert not problems
    problems.raise_any()
