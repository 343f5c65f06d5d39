import json
from pathlib import Path

from runner.playing import Outcome
from runner.report import table, write_json

OUTCOMES = {
    "it works": {"python": Outcome("PASS", "", 0.5), "go": Outcome("SKIPPED", "this machine has no go")},
    "it lasts": {"python": Outcome("FAIL", "step 2: it did not"), "go": Outcome("SKIPPED", "this machine has no go")},
}


def test_the_report_has_a_row_for_each_scenario_and_the_reasons_below() -> None:
    assert table(OUTCOMES, ["python", "go"]).splitlines() == [
        "scenario  python   go",
        "it works  PASS     SKIPPED",
        "it lasts  FAIL     SKIPPED",
        "",
        "SKIPPED go: it works: this machine has no go",
        "FAIL python: it lasts: step 2: it did not",
        "SKIPPED go: it lasts: this machine has no go",
        "",
        "1 passed, 1 failed, 2 skipped",
    ]


def test_the_report_for_machines_has_everything(tmp_path: Path) -> None:
    write_json(OUTCOMES, tmp_path / "new" / "report.json")
    read = json.loads((tmp_path / "new" / "report.json").read_text())
    assert read["it works"]["python"] == {"result": "PASS", "why": "", "seconds": 0.5}
