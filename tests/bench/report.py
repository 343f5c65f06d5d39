"""The outcome as a table for people, in the README, and as JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.benchmark import Table
from bench.rounds import Measure, Row, Spread

WORTH_TELLING = 0.05
"""Part of a core from which a helper's use is told."""

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


@dataclass
class Report:
    """All that a run found out. ``failures`` are benchmarks that did not come to an end, with the reason."""

    machine: Mapping[str, str]
    quick: bool
    rows: list[Row] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)


def number(value: float) -> str:
    """Write a figure with three significant digits, or as an integer with separators if it is large."""
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def quantity(value: float, measure: Measure) -> str:
    """Write a figure with its unit."""
    return f"{number(value)} {measure.unit}"


def goal(measure: Measure) -> str:
    """Write what a ratio must reach."""
    if measure.goal is None:
        return ""
    return f"{'≥' if measure.better == 'higher' else '≤'} {measure.goal:.2f}"


def verdict(row: Row) -> str:
    """Write whether the goal was met."""
    if row.unusable:
        return "unusable"
    return {True: "yes", False: "no", None: ""}[row.met]


def _cpu(row: Row) -> str:
    def one(value: float | None) -> str:
        return "?" if value is None else number(value)

    return "" if row.cpu_ours is None and row.cpu_baseline is None else f"{one(row.cpu_ours)} / {one(row.cpu_baseline)}"


def _quartiles(row: Row) -> str:
    return "one round" if row.rounds == 1 else f"{row.ratio.low:.2f} to {row.ratio.high:.2f}"


def _notes(row: Row) -> str:
    shares = [
        f"{helper} {share:.0%} of a core" for helper, share in sorted(row.shares.items()) if share >= WORTH_TELLING
    ]
    return "; ".join(part for part in (*row.unusable, row.note, *shares) if part)


def main_table(rows: Sequence[Row]) -> Table:
    """Make the table of all measures."""
    return Table(
        "",
        ("", "work", "ours", "baseline", "ratio", "goal", "met", "quartiles", "CPU µs/op", "notes"),
        [
            (
                row.measure.name,
                row.measure.work,
                quantity(row.ours, row.measure),
                quantity(row.baseline, row.measure),
                f"{row.ratio.median:.2f}",
                goal(row.measure),
                verdict(row),
                _quartiles(row),
                _cpu(row),
                _notes(row),
            )
            for row in rows
        ],
    )


def as_text(table: Table) -> str:
    """Lay a table out for a terminal; the last column is not padded."""
    lines = [list(table.columns), *map(list, table.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.columns))]
    widths[-1] = 0
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*([table.title] if table.title else []), *text])


def as_markdown(table: Table) -> str:
    """Write a table in Markdown."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    head = [line(table.columns), "|" + " --- |" * len(table.columns)]
    title = [table.title, ""] if table.title else []
    return "\n".join([*title, *head, *map(line, table.rows)])


def text(report: Report) -> str:
    """Write the whole report for a terminal."""
    parts = [as_text(main_table(report.rows))] if report.rows else []
    parts += [as_text(table) for table in report.tables]
    parts += [f"{name} failed: {reason}" for name, reason in report.failures.items()]
    parts.append(", ".join(f"{name} {value}" for name, value in report.machine.items()))
    return "\n\n".join(parts)


def markdown(report: Report) -> str:
    """Write what stands in the README."""
    wide = main_table(report.rows)
    # The terminal's last column is for whoever ran it; the README says instead what each was compared with.
    narrow = Table(
        "",
        ("", "work", "compared with", "ours", "baseline", "ratio", "goal", "met"),
        [
            (cells[0], cells[1], row.measure.baseline, *cells[2:6], cells[6])
            for cells, row in zip(wide.rows, report.rows, strict=True)
        ],
    )
    parts = [as_markdown(narrow), *map(as_markdown, report.tables)]
    facts = {name: value for name, value in report.machine.items() if value != "not installed"}
    kind = "quick run" if report.quick else "full run"
    parts.append(f"{kind}: " + ", ".join(f"{name} {value}" for name, value in facts.items()))
    return "\n\n".join(parts)


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON's types."""
    return {
        "machine": dict(report.machine),
        "quick": report.quick,
        "measures": [
            {
                **row.measure._asdict(),
                "ours": row.ours,
                "baseline_value": row.baseline,
                "ratio": row.ratio.median,
                "ratio_quartiles": [row.ratio.low, row.ratio.high],
                "met": row.met,
                "unusable": row.unusable,
                "cpu_us_per_operation": {"ours": row.cpu_ours, "baseline": row.cpu_baseline},
                "cores_used": row.shares,
                "rounds": row.rounds,
                "note": row.note,
            }
            for row in report.rows
        ],
        "failures": report.failures,
        "tables": [table._asdict() for table in report.tables],
    }


def from_json(value: Mapping[str, Any]) -> Report:
    """Return the report that `as_json` wrote."""
    rows = []
    for measured in value["measures"]:
        low, high = measured["ratio_quartiles"]
        rows.append(
            Row(
                measure=Measure(**{name: measured[name] for name in Measure._fields}),
                ours=measured["ours"],
                baseline=measured["baseline_value"],
                ratio=Spread(low, measured["ratio"], high),
                cpu_ours=measured["cpu_us_per_operation"]["ours"],
                cpu_baseline=measured["cpu_us_per_operation"]["baseline"],
                shares=measured["cores_used"],
                rounds=measured["rounds"],
                unusable=measured["unusable"],
                note=measured["note"],
            )
        )
    tables = [Table(**{**table, "rows": [tuple(row) for row in table["rows"]]}) for table in value["tables"]]
    return Report(value["machine"], value["quick"], rows, dict(value["failures"]), tables)


def replaced(earlier: Report, later: Report) -> Report:
    """Return an earlier report with what was measured again, and what is new behind it; the machine is the later one's.

    Raises:
        ValueError: One of them is of a quick run and the other is not, or they are of different machines.
    """
    if earlier.quick != later.quick:
        raise ValueError("a quick run and a full one have nothing to do with each other")
    if (earlier.machine.get("cpu"), earlier.machine.get("cores")) != (
        later.machine.get("cpu"),
        later.machine.get("cores"),
    ):
        raise ValueError("the earlier report is of another machine")
    again = {row.measure.name: row for row in later.rows}
    tables = {table.title: table for table in later.tables}
    known = {row.measure.name for row in earlier.rows}
    rows = [again.get(row.measure.name, row) for row in earlier.rows]
    rows += [row for row in later.rows if row.measure.name not in known]
    failures = {name: reason for name, reason in earlier.failures.items() if name not in again} | later.failures
    merged = [tables.get(table.title, table) for table in earlier.tables]
    merged += [table for table in later.tables if table.title not in {one.title for one in earlier.tables}]
    return Report(later.machine, later.quick, rows, failures, merged)


def write_json(report: Report, path: Path) -> None:
    """Write the report as JSON."""
    path.write_text(json.dumps(as_json(report), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def rewrite(document: str, table: str) -> str:
    """Put ``table`` between the two markers of a document.

    Raises:
        ValueError: The markers are missing, or in the wrong order.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document must have the lines {BEGIN} and {END}, in this order")
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"
