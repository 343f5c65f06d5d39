"""The bridge as a process: from the settings to SIGTERM."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Final

from tocsin_client import Tls
from tocsin_server.bridge import demo
from tocsin_server.bridge.files import SPARE, raise_open_files, sockets_for
from tocsin_server.bridge.server import BridgeServer, Limits
from tocsin_server.bridge.site import site
from tocsin_server.bridge.upstream import Upstream
from tocsin_server.config import ListenAddress, Settings
from tocsin_server.errors import ConfigurationError
from tocsin_server.garbage import collect_rarely
from tocsin_server.processes import stop_with_parent
from tocsin_server.signals import stop_on_signals

log = logging.getLogger(__name__)

_EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a server may listen on
"""Addresses to listen on that are none to connect to, and what to connect to instead."""


@dataclass(frozen=True, slots=True)
class RunningBridge:
    """A bridge that listens, and the server that it asks."""

    listen: ListenAddress
    server: str


@contextlib.asynccontextmanager
async def bridge(settings: Settings, *, insecure: bool = False, dev: bool = False) -> AsyncIterator[RunningBridge]:
    """Run a bridge while the context is open.

    Args:
        settings: What is set.
        insecure: Allow listening beyond this machine, and tokens in the clear to another one.
        dev: Show development mode's page, to this machine only.

    Raises:
        StartupError: With the one line that the operator needs.
    """
    if not insecure and not settings.bridge_listen.is_loopback:
        raise ConfigurationError(
            f"TOCSIN_BRIDGE_LISTEN: {settings.bridge_listen} can be reached from other machines, and the bridge itself "
            "does not speak TLS; listen on 127.0.0.1 behind a proxy that does, or allow it with --insecure"
        )
    server = server_address(settings)
    upstream = Upstream(server, tls=_tls(settings), insecure=insecure)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(upstream.close)
        dev = dev and settings.bridge_listen.is_loopback
        listening = BridgeServer(
            upstream,
            allowed_origins=settings.bridge_origins,
            limits=_limits(),
            pages=site(dev=dev),
            sockets={demo.PATH: demo.dev_socket(upstream.client, settings.outbox)} if dev else {},
        )
        stack.push_async_callback(listening.stop, settings.shutdown_grace / 2)
        yield RunningBridge(await listening.start(settings.bridge_listen), server)


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
        ends_with_stdin: Stop also when standard input ends, see `processes`.

    Raises:
        StartupError: See `bridge`.
    """
    stop = stop_on_signals()
    async with bridge(settings, insecure=insecure, dev=dev) as running:
        if ends_with_stdin:
            await stop_with_parent(stop)
        collect_rarely()
        announce(running)
        await stop.wait()


def _limits() -> Limits:
    """Return the limits, with as many sockets as there can be open files."""
    usual = Limits()
    open_files = raise_open_files(usual.sockets + usual.handshakes + SPARE)
    sockets = sockets_for(open_files, usual.sockets, usual.handshakes)
    if sockets < usual.sockets:
        log.warning(
            "the system's limit of open files (ulimit -Hn) leaves room for few sockets",
            extra={"event": "bridge_few_files", "open_files": open_files, "sockets": sockets},
        )
    return replace(usual, sockets=sockets)


def server_address(settings: Settings) -> str:
    """Return where the server is: as set, or as it listens by the same settings."""
    if settings.bridge_server is not None:
        return settings.bridge_server
    host, port = settings.listen
    return str(ListenAddress(_EVERY_ADDRESS.get(host, host), port))


def _tls(settings: Settings) -> Tls | None:
    """Return how the line to the server is protected.

    By default the server is the one that these settings are of as well. If it speaks TLS, its certificate is at hand:
    exactly that one is trusted, by whatever address it is reached. A server that asks its clients for a certificate is
    shown its own.
    """
    try:
        own = (settings.tls_cert, settings.tls_key) if settings.tls_client_ca is not None else (None, None)
        if settings.bridge_server_ca is not None:
            return Tls.from_files(settings.bridge_server_ca, *own)
        if settings.tls_cert is not None:
            return Tls.from_files(settings.tls_cert, *own, server_name=_name_in(settings.tls_cert.read_bytes()))
    except OSError as error:
        raise ConfigurationError(f"the way to TOCSIN_BRIDGE_SERVER: cannot read {error.filename}: {error}") from error
    except ValueError as error:
        raise ConfigurationError(f"the way to TOCSIN_BRIDGE_SERVER: TOCSIN_TLS_CERT: {error}") from error
    return None


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
