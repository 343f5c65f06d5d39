"""``serve --workers N``: several serving processes on one port.

One process runs Python on one processor at a time. So this process serves nobody; it prepares the database, keeps the
port, and looks after processes that listen on it together (SO_REUSEPORT): the system gives each new connection to one
of them. They know each other's changes through the bus, and share deliveries through leases, as replicas on several
machines do.

Start: refuse what cannot be, prepare the database once, reserve the port, start the workers, start the one bridge.
Stop: end the bridge, end the workers, free the port. `process.child` tells how a worker is kept running, and why
none outlives this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from tocsin_server.application.serving import Running, prepare
from tocsin_server.bridge.child import start_beside, with_bridge_token
from tocsin_server.config.network import MEMORY_BUS, ListenAddress, is_postgresql
from tocsin_server.config.settings import Settings
from tocsin_server.config.sources import with_settings
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.process.child import PROGRAM, Child, read_announcement
from tocsin_server.process.lifecycle import SLACK, Failures, Lifecycle, StopTimes, end_within
from tocsin_server.process.port import reserved
from tocsin_server.process.signals import call_on_hangup, stop_on_signals

log = logging.getLogger(__name__)

WORKER: Final = "worker"
"""What the events of a worker begin with."""


def refuse_unfit(settings: Settings, count: int) -> None:
    """Refuse settings with which several processes cannot serve as one.

    Raises:
        ConfigurationError: Says why, and what would be right.
    """
    if not is_postgresql(settings.database_url.get_secret_value()):
        raise ConfigurationError(
            f"--workers {count}: one process serves a SQLite file; several need PostgreSQL "
            "(TOCSIN_DATABASE_URL=postgresql://user:password@host/database)"
        )
    if settings.bus == MEMORY_BUS:
        raise ConfigurationError(
            f"--workers {count}: with TOCSIN_BUS_URL={MEMORY_BUS} the workers would not hear of each other's changes; "
            "leave it out, or name servers of NATS (nats://host:4222)"
        )


def make_worker(
    number: int,
    listen: ListenAddress,
    options: Sequence[str],
    *,
    grace: float,
    environment: Mapping[str, str] | None = None,
    program: Sequence[str] = PROGRAM,
) -> Child[ListenAddress]:
    """Describe a worker; nothing is started yet.

    Args:
        number: From 1; tells workers apart in the log.
        listen: Where all of them listen, never on port 0.
        options: Of the command.
        grace: Seconds that it has to end.
        environment: In place of this process's.
        program: In place of this one.
    """
    command = (*program, "worker", "--number", str(number), "--listen", str(listen), *options)
    return Child(
        f"worker {number}",
        WORKER,
        lambda _: command,
        read_announcement,
        grace=grace,
        environment=environment,
        fields={"worker": number},
    )


@contextlib.asynccontextmanager
async def running_workers(children: Sequence[Child[ListenAddress]]) -> AsyncIterator[None]:
    """Keep workers running while the context is open, from when all of them serve.

    Raises:
        StartupError: One of them does not start; the others have ended.
    """
    # Starting is work for a processor; more at a time would only make each take longer than it may.
    turns = asyncio.Semaphore(os.cpu_count() or 1)

    async def start(child: Child[ListenAddress]) -> None:
        async with turns:
            await child.start()

    try:
        try:
            async with asyncio.TaskGroup() as starts:
                for child in children:
                    starts.create_task(start(child))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        yield
    finally:
        await asyncio.gather(*(child.stop() for child in children))


async def serve(
    settings: Settings,
    count: int,
    *,
    dev: bool,
    insecure: bool,
    migrate: bool,
    bridge: bool,
    environment: Mapping[str, str],
    announce: Callable[[Running], None],
) -> None:
    """Serve with several processes until SIGTERM or SIGINT; a second signal ends all of them at once.

    Args:
        settings: What is set.
        count: How many processes.
        dev: See `serving.server`, as for the next three.
        insecure: See there.
        migrate: See there.
        bridge: See there.
        environment: The workers', with the same settings in it.
        announce: Is told when all of them serve.

    Raises:
        StartupError: With the one line that the operator needs.
    """
    refuse_unfit(settings, count)
    if bridge:
        settings = with_bridge_token(settings)
        if settings.bridge_token is not None:
            environment = with_settings(environment, bridge_token=settings.bridge_token.get_secret_value())
    children: list[Child[ListenAddress]] = []

    def kill() -> None:
        for child in children:
            child.kill()

    stop = stop_on_signals(kill)
    call_on_hangup(lambda: _hang_up(children), stop)
    failures = Failures(stop)

    async def run() -> None:
        async with Lifecycle(failures.add) as life:
            configured = prepare(settings, dev=dev, insecure=insecure, migrate=migrate)
            listen = life.enter_context(reserved(settings.listen))
            options = [name for name, wanted in (("--dev", dev), ("--insecure", insecure)) if wanted]
            children.extend(_describe_workers(count, listen, options, settings, environment))
            await life.enter_async_context(running_workers(tuple(children)))
            for child in children:
                life.watch("what keeps a worker running", child.run())
            pids = tuple(child.pid for child in children if child.pid is not None)
            beside = await start_beside(life, settings, listen, insecure=insecure, dev=dev) if bridge else None
            if beside is not None:
                children.append(beside)
            bridge_at = beside.announced if beside else None
            announce(Running(listen, configured, bridge_at, pids, settings.metrics_listen))
            await asyncio.Event().wait()

    await _until(stop, run(), lambda: end_within(settings.shutdown_grace))
    failures.raise_first()


def _describe_workers(
    count: int, listen: ListenAddress, options: Sequence[str], settings: Settings, environment: Mapping[str, str]
) -> list[Child[ListenAddress]]:
    grace = StopTimes.of(settings.shutdown_grace).server + SLACK
    return [
        make_worker(number, listen, options, grace=grace, environment=environment) for number in range(1, count + 1)
    ]


def _hang_up(children: Sequence[Child[ListenAddress]]) -> None:
    """Have all of them read again what may change."""
    for child in children:
        child.hang_up()


async def _until(
    stop: asyncio.Event, run: Coroutine[Any, Any, None], stopping: Callable[[], None] = lambda: None
) -> None:
    """Run until the event is set, also if that is in the middle of starting; returns when all is cleaned up.

    ``stopping`` is called when that begins.
    """
    running, waiting = asyncio.create_task(run), asyncio.create_task(stop.wait())
    await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    stopping()
    if running.cancel():
        log.info("stopping", extra={"event": "stopping"})
    with contextlib.suppress(asyncio.CancelledError):
        await running
