"""The rules in force: from one file or the other, replaced as a whole, kept when the new ones are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin_server.config.rule_file import path_of
from tocsin_server.config.settings import Settings
from tocsin_server.config.sources import load as load_settings
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.intake.rule_loading import load, reload
from tocsin_server.routing.book import CurrentRules

ONE = '[[rules]]\nname = "one"\nchannels = ["email"]\n'
TWO = ONE + '[[rules]]\nname = "two"\nchannels = ["sms"]\n[[policies]]\nname = "none"\ndeny = ["sms"]\n'
WRONG = '[[rules]]\nname = "one"\nwhen = "categry == 1"\nchannels = ["pager"]\n'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    return tmp_path / "rules.toml"


def names(settings: Settings) -> list[str]:
    return [rule.name for rule in load(settings).rules]


def test_there_are_none_unless_a_file_is_named(path: Path) -> None:
    assert names(Settings()) == []
    assert path_of(Settings()) is None
    path.write_text(ONE)
    assert path_of(Settings(rules=path)) == path
    assert names(Settings(rules=path)) == ["one"]


def test_they_may_stand_beside_settings(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("max_attempts = 3\n" + TWO)
    monkeypatch.setenv("TOCSIN_CONFIG", str(path))
    settings = load_settings()
    assert settings.max_attempts == 3
    assert names(settings) == ["one", "two"]
    assert path_of(settings) == path
    with pytest.raises(ConfigurationError, match="policies and rules, too; keep them in one of the files"):
        load(Settings(rules=path))


def test_the_file_of_settings_may_name_that_of_rules(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(ONE)
    beside = path.with_name("tocsin.toml")
    beside.write_text(f'rules = "{path}"\n')
    monkeypatch.setenv("TOCSIN_CONFIG", str(beside))
    assert names(load_settings()) == ["one"]
    assert path_of(load_settings()) == path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("[[rules", "cannot read"),
        ("a" * (1 << 20) + "b", "more than"),
        (WRONG, "rule 'one', when, column 1: there is no variable 'categry'; did you mean 'category'?"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(path: Path, content: str | None, said: str) -> None:
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError) as refused:
        load(Settings(rules=path))
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


def test_good_ones_take_the_place_of_those_in_force(path: Path) -> None:
    path.write_text(ONE)
    settings = Settings(rules=path)
    rules = CurrentRules(load(settings))
    path.write_text(TWO)
    assert reload(settings, rules) == {"rules": 2, "policies": 1}
    assert [rule.name for rule in rules.book.rules] == ["one", "two"]


def test_wrong_ones_leave_them_and_one_error_names_every_mistake(path: Path) -> None:
    path.write_text(ONE)
    settings = Settings(rules=path)
    rules = CurrentRules(load(settings))
    before = rules.book
    path.write_text(WRONG)
    with pytest.raises(ConfigurationError, match="'pager'") as refused:
        reload(settings, rules)
    assert rules.book is before
    assert "'categry'" in str(refused.value)
