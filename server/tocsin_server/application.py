"""The only place that builds the real things, starts them in order, and stops them in the reverse order.

Start: lock the database, migrate, join the bus, recover leases, start the lanes, listen, report SERVING. Stop: report
NOT_SERVING, end streams with their cursor, let calls end, finish or release sends, write results, close.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from tocsin_server.bridge.child import bridge_child
from tocsin_server.bridge.running import server_address
from tocsin_server.channels.registry import REQUIRED_SETTING, build_senders
from tocsin_server.channels.sender import SenderFactory
from tocsin_server.clock import wall_clock
from tocsin_server.config import ListenAddress, Settings
from tocsin_server.delivery.dispatcher import Dispatcher
from tocsin_server.delivery.feed_entry import FeedEntry
from tocsin_server.delivery.lane import LaneSettings
from tocsin_server.delivery.retry import RetryPolicy
from tocsin_server.errors import ConfigurationError
from tocsin_server.feed.buses import make_bus
from tocsin_server.feed.hub import Hub
from tocsin_server.feed.settlement import Settler
from tocsin_server.feed.stream import FeedStreams
from tocsin_server.garbage import collect_rarely
from tocsin_server.model import ChannelType, ClaimedChannel, FeedEvent
from tocsin_server.processes import stop_with_parent
from tocsin_server.rpc.auth import Authenticator
from tocsin_server.rpc.notification_service import NotificationService
from tocsin_server.rpc.relay_service import RelayService
from tocsin_server.rpc.server import RpcServer, TlsFiles
from tocsin_server.signals import stop_on_signals
from tocsin_server.storage import opening

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


class _Commits:
    """Passes on what the writer committed: events to the feed, leased rows to the lanes."""

    def __init__(self, hub: Hub, dispatcher: Dispatcher) -> None:
        self._hub = hub
        self._dispatcher = dispatcher

    def reserve(self, channel: ChannelType) -> bool:
        """Take a place in a lane."""
        return self._dispatcher.reserve(channel)

    def cancel_reservations(self, channels: Sequence[ChannelType]) -> None:
        """Give places back."""
        self._dispatcher.give_back(channels)

    def committed(
        self, events: Sequence[FeedEvent], claims: Sequence[ClaimedChannel], cancelled: Sequence[str]
    ) -> None:
        """Pass on; all of it returns at once."""
        if events:
            self._hub.publish(events)
        if claims:
            self._dispatcher.hand_over(claims)
        if cancelled:
            self._dispatcher.cancel(cancelled)


@contextlib.asynccontextmanager
async def server(
    settings: Settings,
    *,
    dev: bool = False,
    insecure: bool = False,
    migrate: bool = True,
    bridge: bool = False,
    shared_port: bool = False,
) -> AsyncIterator[Running]:
    """Run a server while the context is open.

    Args:
        settings: What is set.
        dev: Send what has no provider to the outbox.
        insecure: Allow listening beyond this machine without TLS or authentication.
        migrate: Bring the schema up to date first; else an outdated one is an error.
        bridge: Run a bridge beside the server, as a child process.
        shared_port: Listen beside other servers that share their port.

    Raises:
        StartupError: With the one line that the operator needs.
    """
    authenticator, tls = _access(settings, insecure=insecure)
    senders = build_senders(settings, dev=dev)
    configured = _configured(senders)
    url = settings.database_url.get_secret_value()
    clock = opening.database_clock(url)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(opening.prepared(url, migrate=migrate))
        bus = make_bus(settings.bus)
        hub = Hub(bus)
        bus.start(hub)
        # Closed after the store: the last commits are told to the other replicas.
        stack.push_async_callback(bus.close)
        lane = LaneSettings(
            concurrency=settings.sender_concurrency,
            lease=settings.lease,
            send_timeout=settings.send_timeout,
            retry=RetryPolicy(settings.retry_base, settings.retry_cap),
        )
        dispatcher = Dispatcher(senders, lane, clock)
        store = await stack.enter_async_context(
            opening.open_store(
                url,
                _Commits(hub, dispatcher),
                attempt_limit=settings.max_attempts,
                lease=settings.lease,
                clock=clock,
            )
        )
        settler = Settler(store, clock)
        stack.push_async_callback(settler.close)
        stack.push_async_callback(dispatcher.stop, settings.shutdown_grace / 2)
        dispatcher.start(store)
        entry = FeedEntry(store, clock)
        stack.push_async_callback(entry.stop)
        service = NotificationService(
            store,
            FeedStreams(store, hub, settler),
            dict.fromkeys(configured, True),
            REQUIRED_SETTING,
            clock,
        )
        relay = RelayService(service.Subscribe, authenticator)
        services = {"NotificationService": service, "RelayService": relay}
        rpc = RpcServer(services, authenticator, tls, shared_port=shared_port)
        stack.push_async_callback(rpc.stop, settings.shutdown_grace / 4)
        stack.callback(relay.close)
        stack.callback(hub.close)
        listen = ListenAddress(settings.listen.host, await rpc.start(settings.listen))
        bridge_listen: ListenAddress | None = None
        if bridge:
            child = await stack.enter_async_context(
                bridge_child(
                    settings.bridge_listen,
                    server_address(settings.model_copy(update={"listen": listen})),
                    insecure=insecure,
                    dev=dev,
                    grace=settings.shutdown_grace / 4,
                )
            )
            bridge_listen = child.announced
        stack.push_async_callback(rpc.announce_stop)
        yield Running(listen, configured, bridge_listen)
        log.info("stopping", extra={"event": "stopping"})


async def serve(
    settings: Settings,
    *,
    dev: bool,
    insecure: bool,
    migrate: bool,
    bridge: bool,
    announce: Callable[[Running], None],
    worker: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT; a second signal ends the process at once.

    A ``worker`` shares its port, and stops also when its parent wants it to, or is no more.
    """
    stop = stop_on_signals()
    if worker:
        await stop_with_parent(stop)
    async with server(
        settings, dev=dev, insecure=insecure, migrate=migrate, bridge=bridge, shared_port=worker
    ) as running:
        collect_rarely()
        if not stop.is_set():  # else nobody may be left to read it
            announce(running)
        await stop.wait()


def prepare(settings: Settings, *, dev: bool, insecure: bool, migrate: bool) -> tuple[ChannelType, ...]:
    """Do what is done once, before workers start: check the settings, prepare the database; see `server`.

    Returns the channels that are configured.

    Raises:
        StartupError: With the one line that the operator needs.
    """
    _access(settings, insecure=insecure)
    configured = _configured(build_senders(settings, dev=dev))
    with opening.prepared(settings.database_url.get_secret_value(), migrate=migrate):
        return configured


def _configured(senders: Mapping[ChannelType, Sequence[SenderFactory]]) -> tuple[ChannelType, ...]:
    return tuple(channel for channel in ChannelType if senders.get(channel))


def _access(settings: Settings, *, insecure: bool) -> tuple[Authenticator, TlsFiles | None]:
    """Return who may call, and how the line is protected; refuse an address that this is too little for."""
    authenticator = Authenticator(
        settings.auth_tokens,
        settings.jwt_secret.get_secret_value() if settings.jwt_secret else None,
        settings.jwt_public_key,
        wall_clock,
    )
    tls = _tls_files(settings)
    if not (insecure or (tls is not None and authenticator.required)):
        refuse_exposure("TOCSIN_LISTEN", settings.listen)
    return authenticator, tls


def _tls_files(settings: Settings) -> TlsFiles | None:
    if settings.tls_cert is None and settings.tls_key is None:
        if settings.tls_client_ca is not None:
            raise ConfigurationError("TOCSIN_TLS_CLIENT_CA: needs TOCSIN_TLS_CERT and TOCSIN_TLS_KEY")
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        raise ConfigurationError("TOCSIN_TLS_CERT, TOCSIN_TLS_KEY: set both or neither")
    return TlsFiles(settings.tls_cert, settings.tls_key, settings.tls_client_ca)


def refuse_exposure(setting: str, listen: ListenAddress) -> None:
    """Refuse an address that other machines reach.

    Without authentication, everybody who reaches the port may read and send everything; without TLS, everybody on
    the way reads the credentials.

    Raises:
        ConfigurationError: Names the setting.
    """
    if listen.is_loopback:
        return
    raise ConfigurationError(
        f"{setting}: {listen} can be reached from other machines, which needs TLS (TOCSIN_TLS_CERT, TOCSIN_TLS_KEY) "
        "and authentication (TOCSIN_AUTH_TOKENS or a TOCSIN_JWT_ key), or --insecure"
    )
