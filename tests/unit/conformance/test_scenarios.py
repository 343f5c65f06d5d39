import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.playing import _Play
from runner.scenarios import filled, load
from runner.worlds import KINDS


def test_a_variable_alone_keeps_its_type_and_one_within_text_becomes_words() -> None:
    given = {"a": "${n}", "b": ["x-${n}"], "c": 1}
    assert filled(given, {"n": 7}) == {"a": 7, "b": ["x-7"], "c": 1}


def test_an_unknown_variable_is_an_error() -> None:
    with pytest.raises(KeyError, match="nobody"):
        filled("${nobody}", {})


def test_times_are_relative_to_now() -> None:
    at = datetime.fromisoformat(filled("${now+60}", {}))
    assert timedelta(seconds=50) < at - datetime.now(UTC) <= timedelta(seconds=60)


def test_every_scenario_has_a_world_and_steps_of_known_kinds() -> None:
    scenarios = load()
    assert scenarios
    for scenario in scenarios:
        assert scenario.world in KINDS, scenario.name
        for step in scenario.steps:
            assert len(step.keys() & _Play.KINDS) == 1, (scenario.name, step)


def test_a_name_stands_for_one_scenario(tmp_path: Path) -> None:
    one = {"name": "twice", "world": "silent", "steps": []}
    (tmp_path / "a.json").write_text(json.dumps([one, one]))
    with pytest.raises(ValueError, match="twice"):
        load(tmp_path)
