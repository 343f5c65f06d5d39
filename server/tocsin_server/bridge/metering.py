"""The port at which a bridge shows its figures."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, cast

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tocsin_server.bridge.admission import Admission
from tocsin_server.process.scraping import Answer, Scraping
from tocsin_server.telemetry.metrics import Metrics


class _Sockets:
    """Reads what the admission counts."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def collect(self) -> Iterable[Metric]:
        """Return the figures as of now."""
        admission = self._admission
        unconfirmed = admission.unconfirmed.taken
        sockets = GaugeMetricFamily("tocsin_bridge_sockets", "WebSockets that are open.", labels=["state"])
        sockets.add_metric(["confirmed"], admission.sockets.taken - unconfirmed)
        sockets.add_metric(["unconfirmed"], unconfirmed)
        closed = CounterMetricFamily(
            "tocsin_bridge_sockets_closed", "WebSockets that the bridge closed, by close code.", labels=["code"]
        )
        for code, count in sorted(admission.closed.items()):
            closed.add_metric([str(int(code))], count)
        turned_out = CounterMetricFamily(
            "tocsin_bridge_strangers_turned_out", "Silent connections that gave way to newer ones."
        )
        turned_out.add_metric([], admission.turned_out)
        return sockets, closed, turned_out


def figures_of(admission: Admission, version: str) -> Metrics:
    """Return the figures of a bridge."""
    metrics = Metrics(version, "bridge")
    metrics.registry.register(cast("Any", _Sockets(admission)))  # whatever has a method of that name
    return metrics


def scraping_of(admission: Admission, version: str) -> Scraping:
    """Return a port that shows them; nothing listens yet."""
    metrics = figures_of(admission, version)

    async def show() -> Answer:
        return Answer(HTTPStatus.OK, metrics.text(), metrics.content_type)

    return Scraping({"/metrics": show})
