"""The report: its table in a terminal and in the README, and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import machine, report
from bench.benchmark import Table
from bench.report import BEGIN, END, Report
from bench.rounds import Measure, Sample, summarise

SEND = Measure("B1", "Send", "an empty handler", "calls/s", "higher", 0.70)
CLAIM = Measure("B8", "claim | look", "a nearly empty database", "ms", "lower", 1.50)


def _report() -> Report:
    busy = {"load generator": 0.95}
    rows = [
        summarise(SEND, [Sample(2_700.4, 431.5)], [Sample(3_600, 250)], "a note"),
        summarise(CLAIM, [Sample(0.8125, shares=busy)], [Sample(0.5)]),
    ]
    tables = [Table("Memory", ("sent", "MB"), [("0", "80.1")])]
    return Report({"cpu": "some", "cores": "2"}, quick=False, rows=rows, failures={"B7": "gone"}, tables=tables)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.01234, "0.0123"), (12.345, "12.3"), (999.4, "999"), (1_234.5, "1,234")]
)
def test_figures_have_three_digits_or_separators(value: float, text: str) -> None:
    assert report.number(value) == text


def test_the_terminal_shows_every_figure_and_why_one_is_unusable() -> None:
    lines = report.text(_report()).splitlines()
    figures = "B1 Send 2,700 calls/s 3,600 calls/s 0.75 ≥ 0.70 yes one round 432 / 250 a note"
    assert " ".join(lines[1].split()) == figures
    assert "unusable" in lines[2]
    assert "the load generator used 95% of a core" in lines[2]
    assert "≤ 1.50" in lines[2]
    assert "B7 failed: gone" in lines
    assert lines[-1] == "cpu some, cores 2"


def test_more_rounds_than_one_have_quartiles() -> None:
    row = summarise(SEND, [Sample(8), Sample(12)], [Sample(10), Sample(10)])
    assert "0.90 to 1.10" in report.as_text(report.main_table([row]))


def test_columns_line_up() -> None:
    lines = report.as_text(Table("", ("a", "long head"), [("wide cell", "x")])).splitlines()
    assert lines == ["a          long head", "wide cell  x"]


def test_markdown_is_a_table_whose_cells_cannot_break_it() -> None:
    lines = report.markdown(_report()).splitlines()
    assert lines[1].count("---") == lines[0].count("|") - 1
    assert lines[2] == "| B1 | Send | an empty handler | 2,700 calls/s | 3,600 calls/s | 0.75 | ≥ 0.70 | yes |"
    assert r"claim \| look" in lines[3]
    assert lines[-1] == "full run: cpu some, cores 2"


def test_only_what_is_between_the_markers_is_rewritten() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = report.rewrite(document, "new")
    assert once == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert report.rewrite(once, "new") == once


@pytest.mark.parametrize("document", ["none", BEGIN, f"{END} {BEGIN}"])
def test_a_document_without_the_markers_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="must have the lines"):
        report.rewrite(document, "new")


def test_json_holds_what_the_table_rounds(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report.write_json(_report(), path)
    written = json.loads(path.read_text(encoding="utf-8"))
    send, claim = written["measures"]
    assert send["ours"] == 2_700.4
    assert send["met"] is True
    assert send["cpu_us_per_operation"] == {"ours": 431.5, "baseline": 250}
    assert claim["unusable"]
    assert claim["met"] is None
    assert written["machine"]["cores"] == "2"
    assert written["failures"] == {"B7": "gone"}
    assert written["tables"][0]["rows"] == [["0", "80.1"]]


def test_the_machine_is_described(tmp_path: Path) -> None:
    facts = machine.describe(tmp_path)
    assert all(facts.values())
    assert facts["grpcio"][0].isdigit()


def test_a_report_reads_back_from_json_as_it_was() -> None:
    written = json.loads(json.dumps(report.as_json(_report())))
    read = report.from_json(written)
    assert json.loads(json.dumps(report.as_json(read))) == written
    assert report.markdown(read) == report.markdown(_report())


def test_what_is_measured_again_takes_its_place_in_the_earlier_report() -> None:
    again = Report({"cpu": "some", "cores": "2", "date": "later"}, quick=False)
    again.rows.append(summarise(CLAIM, [Sample(0.6)], [Sample(0.5)]))
    merged = report.replaced(_report(), again)
    assert [row.measure.name for row in merged.rows] == ["B1", "B8"]
    assert merged.rows[0].ours == _report().rows[0].ours
    assert merged.rows[1].ours == 0.6
    assert merged.machine["date"] == "later"
    assert merged.failures == {"B7": "gone"}
    again.rows.append(summarise(CLAIM._replace(name="B99"), [Sample(0.6)], [Sample(0.5)]))
    assert [row.measure.name for row in report.replaced(_report(), again).rows] == ["B1", "B8", "B99"]
    assert merged.tables == _report().tables


@pytest.mark.parametrize("other", [{"quick": True}, {"machine": {"cpu": "another", "cores": "2"}}])
def test_reports_that_cannot_be_compared_are_kept_apart(other: dict[str, Any]) -> None:
    again = Report(**{"machine": {"cpu": "some", "cores": "2"}, "quick": False, **other})
    with pytest.raises(ValueError, match=r"another machine|nothing to do"):
        report.replaced(_report(), again)
