"""A server from its start to its stop.

Start: lock the database, migrate, join the bus, recover leases, start the lanes, listen, report SERVING. Stop: report
NOT_SERVING, end streams with their cursor, let calls end, finish or release sends, write results, close.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from tocsin_server.application import parts
from tocsin_server.application.checking import check
from tocsin_server.application.metering import start_metrics
from tocsin_server.application.parts import Served
from tocsin_server.application.rotation import reloading_of
from tocsin_server.bridge.child import start_beside, with_bridge_token
from tocsin_server.config.network import ListenAddress
from tocsin_server.config.settings import Settings
from tocsin_server.domain.errors import StartupError
from tocsin_server.domain.model import ChannelType
from tocsin_server.maintenance.periodic import Job, Periodic
from tocsin_server.process.child import stop_with_parent
from tocsin_server.process.garbage import collect_rarely
from tocsin_server.process.lifecycle import Failures, Lifecycle, StopTimes, end_within
from tocsin_server.process.memory import keep_freed
from tocsin_server.process.open_files import raise_open_files
from tocsin_server.process.reloading import Reloading
from tocsin_server.process.signals import call_on_hangup, stop_on_signals
from tocsin_server.rpc import limits
from tocsin_server.rpc.server import RpcServer
from tocsin_server.storage import opening
from tocsin_server.telemetry.development import log_development
from tocsin_server.telemetry.observer import DatabaseAnswers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that serves: where it and its bridge listen, which channels it delivers.

    ``workers`` has the numbers of its processes, if it is more than the one.
    """

    listen: ListenAddress
    configured: tuple[ChannelType, ...]
    bridge: ListenAddress | None = None
    workers: tuple[int, ...] = ()
    metrics: ListenAddress | None = None
    reloading: Reloading = field(default_factory=lambda: Reloading(()))
    """Reads again what may change while it serves."""
    hang_up: Callable[[], None] = lambda: None
    """Has the bridge beside it do the same."""


@contextlib.asynccontextmanager
async def server(
    settings: Settings,
    *,
    dev: bool = False,
    insecure: bool = False,
    migrate: bool = True,
    bridge: bool = False,
    worker: int = 0,
    failed: Callable[[StartupError], None] = lambda _: None,
) -> AsyncIterator[Running]:
    """Run a server while the context is open.

    Args:
        settings: What is set.
        dev: Send what has no provider to the outbox.
        insecure: Allow listening beyond this machine without TLS or authentication.
        migrate: Bring the schema up to date first; else an outdated one is an error.
        bridge: Run a bridge beside the server, as a child process.
        worker: Its number, from 1, among servers that listen on one port; 0 if it has the port for itself.
        failed: Is told, on any thread, that the server cannot go on, and why.

    Raises:
        StartupError: With the one line that the operator needs.
    """
    if bridge:
        settings = with_bridge_token(settings)
    checked = check(settings, dev=dev, insecure=insecure)
    async with Lifecycle(failed) as life:
        life.enter_context(opening.prepared(settings.database_url.get_secret_value(), migrate=migrate))
        core = await parts.start_core(life, settings, checked)
        if dev:
            log_development(core.observer)
        metrics = await start_metrics(life, settings, core, worker)
        for job in parts.jobs(core, settings):
            _start_job(life, job, settings)
        served = parts.services(core, checked)
        rpc = RpcServer(
            served.by_name,
            checked.authenticator,
            checked.tls,
            shared_port=worker > 0,
            connections=_connections(),
            observer=core.observer,
        )
        core.observer.listen(DatabaseAnswers, lambda report: rpc.database(answers=report.well))
        listen = await _start_rpc(life, rpc, served, settings)
        beside = await start_beside(life, settings, listen, insecure=insecure, dev=dev) if bridge else None
        life.callback(rpc.announce_stop)
        yield Running(
            listen,
            checked.configured,
            beside.announced if beside else None,
            metrics=metrics,
            reloading=reloading_of(settings, checked, core.rules, core.hub, rpc),
            hang_up=beside.hang_up if beside else lambda: None,
        )
        log.info("stopping", extra={"event": "stopping"})


async def serve(
    settings: Settings,
    *,
    dev: bool,
    insecure: bool,
    migrate: bool,
    bridge: bool,
    announce: Callable[[Running], None],
    worker: int = 0,
) -> None:
    """Serve until SIGTERM or SIGINT; a second signal ends the process at once.

    A ``worker``, see `server`, stops also when its parent wants it to, or is no more.

    Raises:
        StartupError: What kept it from starting, or from going on.
    """
    stop = stop_on_signals()
    hangup = asyncio.Event()
    beside: list[Callable[[], None]] = []

    def on_hangup() -> None:
        hangup.set()
        for hang_up in beside:
            hang_up()

    call_on_hangup(on_hangup, None if worker else stop)
    failures = Failures(stop)
    if worker:
        await stop_with_parent(stop)
    async with server(
        settings, dev=dev, insecure=insecure, migrate=migrate, bridge=bridge, worker=worker, failed=failures.add
    ) as running:
        collect_rarely()
        keep_freed()
        if not stop.is_set():  # else nobody may be left to read it
            announce(running)
        beside.append(running.hang_up)
        reloading = asyncio.create_task(running.reloading.run(hangup), name="reloading")
        await stop.wait()
        reloading.cancel()
        end_within(settings.shutdown_grace)
    failures.raise_first()


def prepare(settings: Settings, *, dev: bool, insecure: bool, migrate: bool) -> tuple[ChannelType, ...]:
    """Do what is done once, before workers start: check the settings, prepare the database; see `server`.

    Returns the channels that are configured.

    Raises:
        StartupError: With the one line that the operator needs.
    """
    checked = check(settings, dev=dev, insecure=insecure)
    with opening.prepared(settings.database_url.get_secret_value(), migrate=migrate):
        return checked.configured


def _start_job(life: Lifecycle, job: Job, settings: Settings) -> None:
    part = job.name.replace("_", " ")
    periodic = Periodic(job)
    life.stops(part, periodic.stop, StopTimes.of(settings.shutdown_grace).records)
    periodic.start()
    life.watch(part, periodic.run())


async def _start_rpc(life: Lifecycle, rpc: RpcServer, served: Served, settings: Settings) -> ListenAddress:
    """Serve, and return where."""
    grace = StopTimes.of(settings.shutdown_grace).calls
    life.stops("the gRPC server", lambda: rpc.stop(grace), grace)
    for end in reversed(served.endings):
        life.callback(end)
    port = await rpc.start(settings.listen)
    life.watch("the gRPC server", rpc.run())
    return ListenAddress(settings.listen.host, port)


def _connections() -> int:
    """Return how many connections the process may have, with as many open files as the system lets it have."""
    open_files = raise_open_files(limits.CONNECTIONS + limits.SPARE)
    connections = limits.connections_within(open_files)
    if connections < limits.CONNECTIONS:
        log.warning(
            "the system's limit of open files (ulimit -Hn) leaves room for few connections",
            extra={"event": "few_files", "open_files": open_files, "connections": connections},
        )
    return connections
