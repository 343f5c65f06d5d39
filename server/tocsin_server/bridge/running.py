"""The bridge as a process: from the settings to SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Final

from tocsin_client import Tls
from tocsin_server.bridge import demo
from tocsin_server.bridge.admission import Limits
from tocsin_server.bridge.server import BridgeServer
from tocsin_server.bridge.site import site
from tocsin_server.bridge.upstream import Upstream
from tocsin_server.config import named_files, sources
from tocsin_server.config.certificates import PemFile, problem_of_authority
from tocsin_server.config.network import ListenAddress
from tocsin_server.config.settings import Settings
from tocsin_server.domain.errors import ConfigurationError, StartupError
from tocsin_server.process.child import stop_with_parent
from tocsin_server.process.garbage import collect_rarely
from tocsin_server.process.lifecycle import Failures, Lifecycle, end_within
from tocsin_server.process.open_files import SPARE, raise_open_files
from tocsin_server.process.reloading import Part, Reloading
from tocsin_server.process.signals import call_on_hangup, stop_on_signals

log = logging.getLogger(__name__)

_EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a server may listen on
"""Addresses to listen on that are none to connect to, and what to connect to instead."""


@dataclass(frozen=True, slots=True)
class RunningBridge:
    """A bridge that listens, and the server that it asks."""

    listen: ListenAddress
    server: str
    reloading: Reloading = field(default_factory=lambda: Reloading(()))
    """Reads again what may change while it serves."""


@contextlib.asynccontextmanager
async def bridge(
    settings: Settings,
    *,
    insecure: bool = False,
    dev: bool = False,
    failed: Callable[[StartupError], None] = lambda _: None,
) -> AsyncIterator[RunningBridge]:
    """Run a bridge while the context is open.

    Args:
        settings: What is set.
        insecure: Allow listening beyond this machine, and tokens in the clear to another one.
        dev: Show development mode's page, to this machine only.
        failed: Is told that the bridge cannot go on, and why.

    Raises:
        StartupError: With the one line that the operator needs.
    """
    if not insecure and not settings.bridge_listen.is_loopback:
        raise ConfigurationError(
            f"TOCSIN_BRIDGE_LISTEN: {settings.bridge_listen} can be reached from other machines, and the bridge itself "
            "does not speak TLS; listen on 127.0.0.1 behind a proxy that does, or allow it with --insecure"
        )
    server = server_address(settings)
    token = settings.bridge_token.get_secret_value() if settings.bridge_token else None
    tls = _tls(settings)
    upstream = Upstream(server, tls=tls, insecure=insecure, token=token)
    grace = settings.shutdown_grace / 2  # the other half is for what closes last
    async with Lifecycle(failed) as life:
        life.stops("the way to the server", upstream.close, grace)
        dev = dev and settings.bridge_listen.is_loopback
        listening = BridgeServer(
            upstream,
            allowed_origins=settings.bridge_origins,
            trusted_proxies=settings.bridge_trusted_proxies,
            limits=_limits(),
            pages=site(dev=dev),
            sockets={demo.PATH: demo.dev_socket(upstream.client, settings.outbox)} if dev else {},
        )
        life.stops("browsers' sockets", lambda: listening.stop(grace), grace)
        listen = await listening.start(settings.bridge_listen)
        life.watch("the bridge's listener", listening.run())
        if settings.bridge_metrics_listen is not None:
            from tocsin_server.bridge.metering import scraping_of  # noqa: PLC0415 - what is off costs nothing

            scraping = scraping_of(listening.admission, metadata.version("tocsin"))
            life.stops("metrics", scraping.stop, 1.0)
            asked = "bridge_metrics_listen" in settings.model_fields_set
            await scraping.start_or_warn(settings.bridge_metrics_listen, "TOCSIN_BRIDGE_METRICS_LISTEN", asked=asked)
        upstream.health.begin()
        yield RunningBridge(listen, server, _reloading_of(upstream, settings, protected=tls is not None))


async def serve(
    settings: Settings,
    *,
    insecure: bool,
    announce: Callable[[RunningBridge], None],
    dev: bool = False,
    ends_with_stdin: bool = False,
) -> None:
    """Run a bridge until SIGTERM or SIGINT; a second signal ends the process at once.

    Args:
        settings: What is set.
        insecure: See `bridge`.
        dev: See `bridge`.
        announce: Is told when it listens.
        ends_with_stdin: Stop also when standard input ends, see `process.child`.

    Raises:
        StartupError: See `bridge`.
    """
    stop = stop_on_signals()
    hangup = asyncio.Event()
    call_on_hangup(hangup.set, None if ends_with_stdin else stop)
    failures = Failures(stop)
    async with bridge(settings, insecure=insecure, dev=dev, failed=failures.add) as running:
        if ends_with_stdin:
            await stop_with_parent(stop)
        collect_rarely()
        announce(running)
        reloading = asyncio.create_task(running.reloading.run(hangup), name="reloading")
        await stop.wait()
        reloading.cancel()
        end_within(settings.shutdown_grace)
    failures.raise_first()


def _limits() -> Limits:
    """Return the limits, with as many sockets as there can be open files."""
    usual = Limits()
    open_files = raise_open_files(usual.sockets + usual.strangers + SPARE)
    limits = usual.within(open_files - SPARE)
    if limits.sockets < usual.sockets:
        log.warning(
            "the system's limit of open files (ulimit -Hn) leaves room for few sockets",
            extra={"event": "bridge_few_files", "open_files": open_files, "sockets": limits.sockets},
        )
    return limits


def server_address(settings: Settings) -> str:
    """Return where the server is: as set, or as it listens by the same settings."""
    if settings.bridge_server is not None:
        return settings.bridge_server
    host, port = settings.listen
    return str(ListenAddress(_EVERY_ADDRESS.get(host, host), port))


def _tls(settings: Settings) -> Tls | None:
    """Return how the connection to the server is protected.

    By default the server is the one that these settings are of as well. If it speaks TLS, its certificate is at hand:
    exactly that one is trusted, by whatever address it is reached. A server that asks its clients for a certificate is
    shown its own.
    """
    if settings.bridge_server_ca is not None:
        problem = problem_of_authority(PemFile("TOCSIN_BRIDGE_SERVER_CA", settings.bridge_server_ca))
        if problem:
            raise ConfigurationError(problem)
    try:
        own = (settings.tls_cert, settings.tls_key) if settings.tls_client_ca is not None else (None, None)
        if settings.bridge_server_ca is not None:
            return Tls.from_files(settings.bridge_server_ca, *own)
        if settings.tls_cert is not None:
            return Tls.from_files(settings.tls_cert, *own, server_name=_name_in(named_files.read(settings.tls_cert)))
    except OSError as error:
        raise ConfigurationError(f"the way to TOCSIN_BRIDGE_SERVER: cannot read {error.filename}: {error}") from error
    except ValueError as error:
        raise ConfigurationError(f"the way to TOCSIN_BRIDGE_SERVER: TOCSIN_TLS_CERT: {error}") from error
    return None


_READ_AGAIN: Final = ("tls_cert", "tls_key", "tls_client_ca", "bridge_server_ca", "bridge_token")


def _reloading_of(upstream: Upstream, settings: Settings, *, protected: bool) -> Reloading:
    """Return what reads certificates and the bridge's token again. Made on the event loop that serves."""
    loop = asyncio.get_running_loop()

    def files() -> tuple[Path, ...]:
        paths = (settings.tls_cert, settings.tls_key, settings.tls_client_ca, settings.bridge_server_ca)
        return (*sources.files_of(_READ_AGAIN), *filter(None, paths))

    def replace() -> Mapping[str, object]:
        now = sources.load_some(Settings, _READ_AGAIN)
        tls = _tls(now)
        if (tls is not None) != protected:
            raise ConfigurationError("TLS to the server is turned on and off at a restart only")
        token = now.bridge_token.get_secret_value() if now.bridge_token else None
        loop.call_soon_threadsafe(upstream.renew, tls, token)
        return {}

    done, kept = "certificates and the bridge's token were read again", "the way to the server stays as it was"
    return Reloading([Part("bridge_access", done, kept, files, replace)])


def _name_in(pem: bytes) -> str | None:
    """Return a name that a certificate is good for; raises ValueError if it is no certificate."""
    from cryptography import x509  # noqa: PLC0415 - heavy, and seldom needed

    certificate = x509.load_pem_x509_certificate(pem)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    dns = names.get_values_for_type(x509.DNSName)
    addresses = names.get_values_for_type(x509.IPAddress)
    every = [*dns, *(str(address) for address in addresses)]
    return every[0].replace("*", "bridge", 1) if every else None
