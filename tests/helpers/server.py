"""A real server inside the test's process: real port, real database file, an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import uvloop

from helpers.databases import Database, DatabaseFile, database_at, empty_database
from tocsin_server import application
from tocsin_server.channels.registry import address_problem
from tocsin_server.config.network import ListenAddress
from tocsin_server.config.settings import Settings
from tocsin_server.config.variables import PREFIX
from tocsin_server.domain.clock import wall_clock
from tocsin_server.domain.model import ChannelType, ClaimedChannel, FeedEvent, Micros
from tocsin_server.feed.hub import Hub
from tocsin_server.feed.settlement import Settler
from tocsin_server.feed.stream import FeedStreams, StreamTimes
from tocsin_server.intake.accepting import Intake
from tocsin_server.intake.intervening import Interventions
from tocsin_server.rpc.auth import Authenticator
from tocsin_server.rpc.recipient_tokens import TokenRules
from tocsin_server.rpc.server import RpcServer
from tocsin_server.rpc.services.notification_service import NotificationService
from tocsin_server.rpc.services.relay_service import RelayService
from tocsin_server.storage.databases import sqlite_file
from tocsin_server.storage.databases.sqlite import SqliteStore

PATIENCE = 60.0
"""Seconds after which a start or a stop has failed."""


class ServerThread:
    """Runs an asynchronous context on an event loop in a thread, from `start` to `stop`."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[ListenAddress]]) -> None:
        self._make = make
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._main, name="server-under-test", daemon=True)
        self.listen = ListenAddress("", 0)

    def start(self) -> None:
        """Return when the server listens; raise what kept it from that."""
        self._thread.start()
        assert self._started.wait(PATIENCE), "the server does not start"
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def begin_stop(self) -> None:
        """Tell the server to stop, without waiting for it."""
        if self._loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # it ended in between
                self._loop.call_soon_threadsafe(self._stop.set)

    def stop(self) -> None:
        """Stop the server and raise whatever went wrong in it. Idempotent."""
        self.begin_stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the server does not stop"
        if self._failure is not None:
            raise self._failure

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._run())
        except BaseException as error:  # noqa: BLE001 - raised where the test waits for it
            self._failure = error
        finally:
            self._started.set()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self._make() as self.listen:
            self._started.set()
            await self._stop.wait()


@dataclass(frozen=True)
class ServerUnderTest:
    """A server that serves."""

    thread: ServerThread
    database: Database

    @property
    def address(self) -> str:
        """Where it listens, as gRPC wants it."""
        return str(self.thread.listen)

    def begin_stop(self) -> None:
        """See `ServerThread.begin_stop`."""
        self.thread.begin_stop()

    def stop(self) -> None:
        """See `ServerThread.stop`."""
        self.thread.stop()


def make_settings(folder: Path, **overrides: object) -> Settings:
    """Return settings with a database in ``folder`` and any free port, whatever the environment says."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    values: dict[str, Any] = {
        "listen": "127.0.0.1:0",
        "database_url": f"sqlite:///{folder / 'tocsin.db'}",
        "outbox": folder / "outbox",
        "shutdown_grace": 8.0,
        "log_level": "warning",
        "metrics_listen": "off",
        "bridge_metrics_listen": "off",
    }
    with mock.patch.dict(os.environ, ours, clear=True):
        return Settings(**(values | overrides))


@contextmanager
def running_server(folder: Path, *, dev: bool = False, **overrides: object) -> Iterator[ServerUnderTest]:
    """Run the server as `tocsin serve` would, with `make_settings`."""
    settings = make_settings(folder, **overrides)

    @contextlib.asynccontextmanager
    async def make() -> AsyncIterator[ListenAddress]:
        async with application.server(settings, dev=dev) as running:
            yield running.listen

    with _started(make, database_at(settings.database_url.get_secret_value())) as server:
        yield server


@contextmanager
def server_on(kind: str, folder: Path) -> Iterator[ServerUnderTest]:
    """Run a server in development mode on an empty database of a kind, see `helpers.databases.KINDS`."""
    with empty_database(kind, folder) as url, running_server(folder, dev=True, database_url=url) as server:
        yield server


@contextmanager
def _started(
    make: Callable[[], AbstractAsyncContextManager[ListenAddress]], database: Database
) -> Iterator[ServerUnderTest]:
    thread = ServerThread(make)
    thread.start()
    try:
        yield ServerUnderTest(thread, database)
    finally:
        thread.stop()


class _FeedOnly:
    """Tells a hub what was committed, but for events that are lost, as they can be between replicas."""

    def __init__(self, hub: Hub, lost: Callable[[FeedEvent], bool]) -> None:
        self._hub = hub
        self._lost = lost

    def reserve(self, channel: ChannelType) -> bool:
        return False

    def cancel_reservations(self, channels: Sequence[ChannelType]) -> None:
        assert not channels, "nothing was reserved"

    def committed(
        self,
        events: Sequence[FeedEvent],
        claims: Sequence[ClaimedChannel],
        cancelled: Sequence[str],
    ) -> None:
        if arriving := [event for event in events if not self._lost(event)]:
            self._hub.publish(arriving)

    def undecided(self, route_by: Micros) -> None:
        """See `CommitListener.undecided`."""

    def step_due(self, at: Micros) -> None:
        """See `CommitListener.step_due`."""


@dataclass(frozen=True)
class FeedServer(ServerUnderTest):
    """A server of feeds alone, with its hub within reach."""

    hubs: list[Hub]
    relay_services: list[RelayService]

    @property
    def relays(self) -> int:
        """How many streams carry subscriptions."""
        return sum(len(service._streams) for service in self.relay_services)

    @property
    def open_subscriptions(self) -> int:
        """How many streams get live events."""
        return sum(hub.open for hub in self.hubs)


@contextmanager
def feed_server(
    folder: Path,
    *,
    times: StreamTimes | None = None,
    lost: Callable[[FeedEvent], bool] = lambda _: False,
    relay_options: Mapping[str, Any] | None = None,
    auth_tokens: Sequence[str] = (),
    bridge_token: str | None = None,
    **limits: Any,
) -> Iterator[FeedServer]:
    """Serve feeds with other times and limits than the application has (see `Hub`).

    ``relay_options`` are those of `RelayService`, ``auth_tokens`` and ``bridge_token`` those of `Authenticator`.

    ``lost`` says which live events do not arrive.
    """
    path = folder / "tocsin.db"
    hubs: list[Hub] = []
    relays: list[RelayService] = []

    @contextlib.asynccontextmanager
    async def make() -> AsyncIterator[ListenAddress]:
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(sqlite_file.exclusive(path))
            sqlite_file.prepare(path)
            hub = Hub(**limits)
            hubs.append(hub)
            store = SqliteStore(path, _FeedOnly(hub, lost), attempt_limit=1, lease=60.0)
            stack.push_async_callback(store.close)
            settler = Settler(store, wall_clock)
            stack.push_async_callback(settler.close)
            feeds = FeedStreams(store, hub, settler, times)
            intake = Intake(store, {}, {}, wall_clock)
            service = NotificationService(store, feeds, intake, Interventions(store, {}, {}), address_problem)
            authenticator = Authenticator(auth_tokens, TokenRules(), wall_clock, bridge_token)
            relay = RelayService(service.relayed, authenticator, **(relay_options or {}))
            relays.append(relay)
            rpc = RpcServer({"NotificationService": service, "RelayService": relay}, authenticator)
            stack.push_async_callback(rpc.stop, 2.0)
            stack.callback(relay.close)
            stack.callback(hub.close)
            yield ListenAddress("127.0.0.1", await rpc.start(ListenAddress("127.0.0.1", 0)))

    with _started(make, DatabaseFile(path)) as server:
        yield FeedServer(server.thread, server.database, hubs, relays)
