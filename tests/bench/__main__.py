"""Runs the benchmarks and prints one table.

::

    make bench                               everything, the better part of an hour; rewrites the README's table
    make bench-quick                         everything small, for a look
    make bench BENCH_ARGS="--only B1,B3"     some; the README's table, which has all, stays as it is
    make bench BENCH_ARGS="--only B1 --again"    measures some again, and puts them in the place they had in the table
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
import traceback
from pathlib import Path

# `python tests/bench` has put this folder on the path, `python -m bench` the one above.
TESTS = Path(__file__).resolve().parent.parent
if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))

from bench import machine, report  # noqa: E402
from bench.benchmark import Benchmark, Observation, Stage  # noqa: E402
from bench.catalogue import chosen  # noqa: E402
from bench.rounds import alternate, summarise  # noqa: E402

CHECKOUT = TESTS.parent


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Compare Tocsin with baselines on this machine.")
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: a look, not a measurement")
    parser.add_argument("--only", metavar="B1,B4", help="which benchmarks")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each benchmark")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON too")
    parser.add_argument("--again", action="store_true", help="replace what is measured in the report that --json names")
    parser.add_argument("--readme", type=Path, metavar="FILE", help="put the table between the markers of this file")
    parser.add_argument("--folder", type=Path, default=CHECKOUT / ".build" / "bench", help="where databases are put")
    parser.add_argument("--list", action="store_true", help="list the benchmarks")
    return parser.parse_args()


def _compare(benchmark: Benchmark, stage: Stage, rounds: int, outcome: report.Report) -> None:
    with benchmark.prepare(stage) as sides:
        ours, baseline = alternate(sides.ours, sides.baseline, rounds)
    for place, measure in enumerate(benchmark.measures):
        row = summarise(
            measure, [taken[place] for taken in ours], [taken[place] for taken in baseline], "; ".join(stage.notes)
        )
        outcome.rows.append(row)
        print("  " + " ".join(report.as_text(report.main_table([row])).splitlines()[1].split()), file=sys.stderr)  # noqa: T201


def _run(entry: Benchmark | Observation, stage: Stage, rounds: int | None, outcome: report.Report) -> None:
    print(entry.name, file=sys.stderr, flush=True)  # noqa: T201
    begun = time.monotonic()
    try:
        if isinstance(entry, Observation):
            entry.observe(stage)
        else:
            _compare(entry, stage, rounds or stage.size(full=entry.rounds, quick=entry.quick_rounds), outcome)
        outcome.tables += stage.tables
    except Exception as error:  # noqa: BLE001 - the others are still worth running
        traceback.print_exc()
        outcome.failures[entry.name] = f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(stage.root, ignore_errors=True)
    print(f"  {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    """Run what was asked for; the status says whether all came to an end, not whether the goals were met."""
    arguments = _arguments()
    try:
        entries = chosen(arguments.only)
    except KeyError as error:
        print(f"bench: {error.args[0]}", file=sys.stderr)  # noqa: T201
        return 2
    if arguments.list:
        print("\n".join(entry.name for entry in entries))  # noqa: T201
        return 0
    folder: Path = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if (kind := machine.file_system(folder)) in machine.MEMORY_FILE_SYSTEMS:
        print(f"bench: {folder} is on {kind}, where a durable commit costs nothing; use --folder", file=sys.stderr)  # noqa: T201
        return 2
    outcome = report.Report(machine.describe(folder), quick=arguments.quick)
    for entry in entries:
        stage = Stage(folder / "run" / entry.name, folder / "cache", quick=arguments.quick)
        shutil.rmtree(stage.root, ignore_errors=True)
        _run(entry, stage, arguments.rounds, outcome)
    print(report.text(outcome))  # noqa: T201
    if arguments.again:
        earlier = report.from_json(json.loads(arguments.json.read_text(encoding="utf-8")))
        outcome = report.replaced(earlier, outcome)
    if arguments.json:
        report.write_json(outcome, arguments.json)
    if arguments.readme and ((arguments.only and not arguments.again) or outcome.failures):
        print("bench: the README keeps its table, which has all of them", file=sys.stderr)  # noqa: T201
    elif arguments.readme:
        document = arguments.readme.read_text(encoding="utf-8")
        arguments.readme.write_text(report.rewrite(document, report.markdown(outcome)), encoding="utf-8")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
