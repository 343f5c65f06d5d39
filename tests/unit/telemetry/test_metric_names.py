"""Metrics have the same names in the code, the operators' document, the alerts and the dashboard."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tocsin_server.bridge.admission import Admission, Limits
from tocsin_server.bridge.metering import figures_of
from tocsin_server.telemetry.metrics import Metrics
from tocsin_server.telemetry.observer import Observer

ROOT = Path(__file__).parents[3]
README = ROOT / "server" / "README.md"
ALERTS = ROOT / "server" / "deploy" / "alerts.yml"
DASHBOARD = ROOT / "server" / "deploy" / "dashboard.json"
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "info": ("_info",), "gauge": ("",)}


def names() -> dict[str, set[str]]:
    """Return, by the name that the document gives a metric, those that Prometheus has of it."""
    server = Metrics("1.2.3", "server")
    server.listen(Observer())
    server.gauge("tocsin_subscribers", "Streams.", lambda: 0)
    bridge = figures_of(Admission(Limits()), "1.2.3")
    families = [family for metrics in (server, bridge) for family in metrics.registry.collect()]
    found: dict[str, set[str]] = {}
    for family in families:
        if family.name.startswith("tocsin_"):
            full = {f"{family.name}{suffix}" for suffix in SUFFIXES[family.type]}
            found[family.name if family.type == "histogram" else next(iter(full))] = full
    return found


def mentioned(text: str) -> set[str]:
    return set(re.findall(r"\btocsin_(?!server\b|client\b|connections\b|bridge\b(?!_))\w+", text))


def test_the_document_has_a_line_for_each_metric_and_no_other() -> None:
    lines = [line for line in README.read_text().splitlines() if line.startswith("| `tocsin_")]
    assert sorted(re.match(r"\| `(\w+)", line)[1] for line in lines) == sorted(names())  # type: ignore[index]


@pytest.mark.parametrize("path", [ALERTS, DASHBOARD], ids=lambda path: path.name)
def test_alerts_and_dashboard_ask_for_what_there_is(path: Path) -> None:
    there_is = set().union(*names().values())
    assert mentioned(path.read_text()) <= there_is


def test_the_dashboard_shows_every_metric() -> None:
    shown = mentioned(DASHBOARD.read_text())
    unseen = {name for name, full in names().items() if not full & shown}
    assert unseen == {
        "tocsin_attempt_duration_seconds",
        "tocsin_build_info",
        "tocsin_bridge_strangers_turned_out_total",
    }


def test_every_alert_has_a_paragraph_that_says_what_to_do() -> None:
    alerts = set(re.findall(r"- alert: (\w+)$", ALERTS.read_text(), re.MULTILINE))
    paragraphs = set(re.findall(r"^\*\*(Tocsin\w+)\.\*\* ", README.read_text(), re.MULTILINE))
    assert paragraphs == alerts != set()


def test_the_panels_of_the_dashboard_have_places_of_their_own() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
    assert all(target["expr"] for panel in panels for target in panel["targets"])
