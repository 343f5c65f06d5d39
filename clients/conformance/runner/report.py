"""The outcome, for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.playing import Outcome

Outcomes = Mapping[str, Mapping[str, Outcome]]
"""By scenario, then by language."""


def table(outcomes: Outcomes, languages: Sequence[str]) -> str:
    """Return a row for each scenario, a column for each language, and below it why what did not pass did not."""
    width = max(map(len, outcomes), default=0)
    columns = [max(len(language), len("SKIPPED")) for language in languages]
    head = [language.ljust(w) for language, w in zip(languages, columns, strict=True)]
    lines = ["  ".join(["scenario".ljust(width), *head]).rstrip()]
    reasons = []
    for name, row in outcomes.items():
        cells = [row[language].result.ljust(w) for language, w in zip(languages, columns, strict=True)]
        lines.append("  ".join([name.ljust(width), *cells]).rstrip())
        reasons += [
            f"{row[one].result} {one}: {name}: {row[one].why}" for one in languages if row[one].result != "PASS"
        ]
    results = [outcome.result for row in outcomes.values() for outcome in row.values()]
    passed, failed, skipped = map(results.count, ("PASS", "FAIL", "SKIPPED"))
    totals = f"{passed} passed, {failed} failed, {skipped} skipped"
    return "\n".join([*lines, "", *dict.fromkeys(reasons), *([""] if reasons else []), totals])


def write_json(outcomes: Outcomes, path: Path) -> None:
    """Write everything for machines."""
    rows = {name: {one: vars(outcome) for one, outcome in row.items()} for name, row in outcomes.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
