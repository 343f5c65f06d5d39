"""The port at which a server shows its figures and answers probes."""

from __future__ import annotations

from http import HTTPStatus
from importlib import metadata
from typing import TYPE_CHECKING

from tocsin_server.application.parts import Core
from tocsin_server.config.network import ListenAddress
from tocsin_server.config.settings import Settings
from tocsin_server.process.lifecycle import Lifecycle
from tocsin_server.process.scraping import Answer, Scraping, probe
from tocsin_server.telemetry.observer import DatabaseAnswers

if TYPE_CHECKING:
    from tocsin_server.telemetry.metrics import Metrics


class _Probes:
    """What the paths show."""

    def __init__(self, metrics: Metrics, core: Core) -> None:
        self._metrics = metrics
        self._ready = True
        core.observer.listen(DatabaseAnswers, self._database)

    def _database(self, report: DatabaseAnswers) -> None:
        self._ready = report.well

    async def metrics(self) -> Answer:
        """Show all figures."""
        return Answer(HTTPStatus.OK, self._metrics.text(), self._metrics.content_type)

    async def lives(self) -> Answer:
        """Say that the process lives, as the answer proves."""
        return probe(well=True)

    async def ready(self) -> Answer:
        """Say whether the database answers."""
        return probe(well=self._ready, otherwise="the database does not answer")


async def start_metrics(life: Lifecycle, settings: Settings, core: Core, worker: int) -> ListenAddress | None:
    """Count from now on, and show the figures; returns where, None for nowhere.

    Args:
        life: Stops it.
        settings: Say where.
        core: What is counted.
        worker: The number of this process among several on one port, from 1; 0 if it is the only one.

    Raises:
        ListenError: The address that was asked for is in use; the default one is done without.
    """
    if settings.metrics_listen is None:
        return None
    from tocsin_server.telemetry.metrics import Metrics  # noqa: PLC0415 - what is off costs neither time nor memory

    metrics = Metrics(metadata.version("tocsin"), "worker" if worker else "server")
    metrics.listen(core.observer)
    metrics.gauge("tocsin_subscribers", "Streams of subscribers that are open.", lambda: core.hub.open)
    probes = _Probes(metrics, core)
    listening = Scraping({"/metrics": probes.metrics, "/healthz": probes.lives, "/readyz": probes.ready})
    life.stops("metrics", listening.stop, 1.0)
    listen = address_of(settings.metrics_listen, worker)
    asked = "metrics_listen" in settings.model_fields_set
    return await listening.start_or_warn(listen, "TOCSIN_METRICS_LISTEN", asked=asked)


def address_of(listen: ListenAddress, worker: int) -> ListenAddress:
    """Return where a worker listens: each has a port of its own, the first one the port that is set."""
    return ListenAddress(listen.host, listen.port and listen.port + max(0, worker - 1))
