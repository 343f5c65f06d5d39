import sys
from dataclasses import replace

import pytest

from bench.cases import bulk
from runner.drivers import Language, languages


def test_every_language_of_the_suite_has_a_goal() -> None:
    assert {language.name for language in languages()} - bulk.GOALS.keys() == {"python-asyncio"}


def test_a_language_without_tools_or_driver_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Language("python", (sys.executable, "clients/python/conformance/driver.py"))
    entries = [
        there,
        replace(there, name="go", needs=("no-such-tool",)),
        replace(there, name="java", command=("java", "-cp", "no/such/classes:clients/python/*", "Driver")),
    ]
    monkeypatch.setattr(bulk, "languages", lambda: entries)
    assert bulk.measured() == [there]
