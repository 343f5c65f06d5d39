"""Play the scenarios in all languages and show the report: ``make conformance``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from runner.drivers import LIST, Driver, DriverFailed, Language, languages
from runner.playing import Outcome, play
from runner.report import table, write_json
from runner.scenarios import Scenario, load
from runner.worlds import Worlds


class Interruption:
    """Ends a run early. Drivers that have to answer are killed, so that nobody waits for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drivers: list[Driver] = []
        self.has_come = False

    def watch(self, driver: Driver) -> Driver:
        """Kill this driver too, when the time comes."""
        with self._lock:
            self._drivers.append(driver)
            if self.has_come:
                driver.kill()
        return driver

    def come(self) -> None:
        """End the run: whoever plays then closes the servers."""
        with self._lock:
            self.has_come = True
            for driver in self._drivers:
                driver.kill()


def play_all(
    language: Language, scenarios: list[Scenario], folder: Path, interruption: Interruption
) -> dict[str, Outcome]:
    """Play scenarios in one language; a driver that fails is started again for the next one."""
    if missing := language.missing():
        # On the machine that decides, a gap must not go unseen.
        result = "FAIL" if os.environ.get("CI") == "true" else "SKIPPED"
        return {scenario.name: Outcome(result, f"this machine has no {missing}") for scenario in scenarios}
    outcomes: dict[str, Outcome] = {}
    worlds = Worlds(folder)
    log = folder / "driver.log"
    driver: Driver | None = None
    try:
        for scenario in scenarios:
            if interruption.has_come:
                break
            world, alone = worlds.get(scenario.world, own=scenario.own)
            try:
                driver = driver or interruption.watch(Driver(language, log))
                outcome = play(scenario, world, driver)
            except (DriverFailed, OSError) as error:
                outcome = Outcome("FAIL", f"{error}{_tail(log)}")
            if alone:
                world.close()
            if outcome.result == "FAIL":
                if driver is not None:
                    driver.close()
                driver = None
            outcomes[scenario.name] = outcome
            sys.stderr.write(f"{outcome.result:8}{language.name}: {scenario.name} ({outcome.seconds:.1f} s)\n")
    finally:
        worlds.close()
        status = driver.close() if driver is not None else 0
    if status != 0:
        outcomes[scenarios[-1].name] = Outcome("FAIL", f"the driver ended with status {status}{_tail(log)}")
    return outcomes


def _tail(log: Path) -> str:
    written = log.read_text(encoding="utf-8", errors="replace").strip() if log.exists() else ""
    return f" (the driver's last words: {written[-400:]})" if written else ""


def main() -> int:
    """Play; returns 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__)
    parser.add_argument("--only", help="languages, separated by commas")
    parser.add_argument("--scenario", default="", help="only scenarios whose name has this text")
    parser.add_argument("--json", type=Path, default=Path(".build/conformance/report.json"), metavar="FILE")
    parser.add_argument(
        "--targets", action="store_true", help="print the make targets of drivers that can be built here"
    )
    parser.add_argument("--drivers", type=Path, default=LIST, metavar="FILE", help="another list of drivers")
    arguments = parser.parse_args()
    everything = languages(arguments.drivers)
    wanted = arguments.only.split(",") if arguments.only else [language.name for language in everything]
    if unknown := set(wanted) - {language.name for language in everything}:
        parser.error(f"no language {', '.join(sorted(unknown))}; there are {', '.join(one.name for one in everything)}")
    chosen = [language for language in everything if language.name in wanted]
    if arguments.targets:
        print(*sorted({one.build for one in chosen if one.build and not one.missing()}))  # noqa: T201 - for make
        return 0
    scenarios = [scenario for scenario in load() if arguments.scenario in scenario.name]
    if not scenarios:
        parser.error("no scenario has this text in its name")
    begun = time.monotonic()
    found: dict[str, dict[str, Outcome]] = {}
    interruption = Interruption()
    # As for Ctrl-C, an exception in the main thread: servers would outlive the default.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="conformance-") as root:

        def work(language: Language) -> None:
            folder = Path(root) / language.name
            folder.mkdir()
            found[language.name] = play_all(language, scenarios, folder, interruption)

        # Not bare threads: a join that a signal interrupts takes its thread for ended, up to Python 3.12.
        with ThreadPoolExecutor(len(chosen)) as pool:
            played = [pool.submit(work, language) for language in chosen]
            try:
                wait(played)
            finally:
                interruption.come()
        for one in played:
            if (problem := one.exception()) is not None:
                traceback.print_exception(problem)
    outcomes: dict[str, dict[str, Outcome]] = defaultdict(dict)
    for scenario in scenarios:
        for language in chosen:
            broken = Outcome("FAIL", "the runner itself failed; see above")
            outcomes[scenario.name][language.name] = found.get(language.name, {}).get(scenario.name, broken)
    write_json(outcomes, arguments.json)
    print(table(outcomes, [language.name for language in chosen]))  # noqa: T201 - the report
    print(f"in {time.monotonic() - begun:.0f} s; the same as JSON in {arguments.json}")  # noqa: T201
    return int(any(one.result == "FAIL" for row in outcomes.values() for one in row.values()))


if __name__ == "__main__":
    sys.exit(main())
