"""The conformance suite itself: it passes what is right, and tells what is not. `make conformance` plays it all."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from helpers.waiting import eventually
from runner.drivers import ROOT, Driver, DriverFailed, Language
from runner.playing import play
from runner.scenarios import Scenario, load
from runner.worlds import Worlds

PYTHON = (sys.executable, "clients/python/conformance/driver.py")


def played(tmp_path: Path, scenario: Scenario) -> tuple[str, str]:
    worlds = Worlds(tmp_path)
    driver = Driver(Language("python", PYTHON), tmp_path / "driver.log")
    try:
        world, _ = worlds.get(scenario.world, own=False)
        outcome = play(scenario, world, driver)
        assert driver.close() == 0
    finally:
        worlds.close()
    return outcome.result, outcome.why


def test_a_scenario_that_holds_passes(tmp_path: Path) -> None:
    [scenario] = [one for one in load() if one.name == "a repeated key gives the first result"]
    assert played(tmp_path, scenario) == ("PASS", "")


def test_a_scenario_that_does_not_hold_fails_with_its_step_and_place(tmp_path: Path) -> None:
    steps: list[dict[str, Any]] = [
        {"do": {"op": "count_unread", "recipient": {"type": "user", "id": "${user}"}}},
        {"do": {"op": "count_unread", "recipient": {"type": "user", "id": "${user}"}}, "ok": {"unread_count": 1}},
    ]
    result, why = played(tmp_path, Scenario("wrong", "development", steps))
    assert (result, why) == ("FAIL", "AssertionError: step 2: ok.unread_count is 0, not 1")


def test_an_error_that_was_not_expected_fails(tmp_path: Path) -> None:
    result, why = played(tmp_path, Scenario("wrong", "development", [{"do": {"op": "get", "id": "${missing}"}}]))
    assert result == "FAIL"
    assert "NOTIFICATION_NOT_FOUND" in why


def test_an_operation_that_a_driver_lacks_is_a_visible_gap(tmp_path: Path) -> None:
    result, why = played(tmp_path, Scenario("new", "development", [{"do": {"op": "of_tomorrow"}}]))
    assert (result, why) == ("SKIPPED", "no operation of_tomorrow")


@pytest.mark.parametrize("program", ["raise SystemExit(3)", "input(); print('no JSON', flush=True); input()"])
def test_a_driver_that_ends_or_babbles_is_told_from_one_that_answers(tmp_path: Path, program: str) -> None:
    driver = Driver(Language("broken", (sys.executable, "-c", program)), tmp_path / "driver.log")
    with contextlib.closing(driver), pytest.raises(DriverFailed):
        driver.ask({"op": "hello"})


@pytest.mark.parametrize(("ci", "result", "status"), [("false", "SKIPPED", 0), ("true", "FAIL", 1)])
def test_a_missing_toolchain_is_named_and_fails_where_it_counts(
    tmp_path: Path, ci: str, result: str, status: int
) -> None:
    drivers, report = tmp_path / "drivers.toml", tmp_path / "report.json"
    drivers.write_text('[cobol]\ncommand = ["driver"]\nneeds = ["cobc", "make"]\nbuild = "driver"\n')
    options = ["--drivers", str(drivers), "--scenario", "a repeated key", "--json", str(report)]
    done = subprocess.run(
        [sys.executable, "-m", "runner", *options],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "PYTHONPATH": "tests:clients/conformance", "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    told = json.loads(report.read_text())["a repeated key gives the first result"]["cobol"]
    assert told["result"] == result
    assert told["why"] == "this machine has no cobc, make"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_leaves_no_server_behind(tmp_path: Path, number: signal.Signals) -> None:
    drivers = tmp_path / "drivers.toml"
    program = json.dumps([sys.executable, "-c", "import sys; sys.stdin.read()"])
    drivers.write_text(f"[mute]\ncommand = {program}\n")
    options = ["--drivers", str(drivers), "--scenario", "a repeated key", "--json", str(tmp_path / "report.json")]
    with subprocess.Popen(
        [sys.executable, "-m", "runner", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "tests:clients/conformance"},
        stderr=subprocess.DEVNULL,
    ) as runner:
        watched = psutil.Process(runner.pid)
        children = eventually(lambda: found if len(found := watched.children()) == 2 else [])
        assert any("serve" in child.cmdline() for child in children)
        runner.send_signal(number)
        assert runner.wait(60) != 0
    assert [child for child in children if child.is_running()] == []
