"""Serving agents: over stdio to the program that has started this one, over HTTP to whoever brings a token.

Over HTTP every request stands for itself, so that any of several processes answers it. The token that a caller brings
is the one with which the server behind is asked: this process has no rights of its own that anybody could be talked out
of. It speaks no TLS, listens on this machine unless told otherwise, and answers to the names of hosts that it was told,
so that no page in a browser reaches it by a name of its own (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

from tocsin_client import AsyncClient, Caller, Unauthenticated
from tocsin_server.agents.callers import Callers
from tocsin_server.agents.connection import BoundedConnection, WithoutStreams
from tocsin_server.agents.gone import EndsWithCaller
from tocsin_server.agents.server import AgentServer, allows
from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.errors import ConfigurationError, ListenError
from tocsin_server.process.signals import stop_on_signals

PATH: Final = "/mcp"

LARGEST_BODY: Final = 256 * 1024
"""Bytes of a request."""

MOST_CONNECTIONS: Final = 256
GRACE: Final = 5
"""Seconds for calls that run when it stops."""

START_DEADLINE: Final = 5.0
"""Seconds for the server behind to answer when this one starts."""

_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)(:[0-9]{1,5})?")


@dataclass(frozen=True)
class Offer:
    """What is offered to agents; see `AgentServer`."""

    read_only: bool = False
    allow_send: bool = False
    calls_per_minute: int = 120


@dataclass(frozen=True)
class Running:
    """What serves over HTTP: where, to which hosts' names, and whether callers bring tokens."""

    listen: ListenAddress
    hosts: tuple[str, ...]
    tokens: bool

    @property
    def url(self) -> str:
        """Where agents connect."""
        return f"http://{self.listen}{PATH}"


async def serve_stdio(client: AsyncClient, offer: Offer, version: str) -> None:
    """Serve who started this process, until its standard input ends; it may have gone before that.

    Raises:
        TocsinError: The server cannot be reached, or does not accept the token.
        ConfigurationError: The token allows none of the tools.
    """
    caller = await client.who_am_i(deadline=START_DEADLINE)
    server = _server(Callers(client), offer, version)
    _require_tools(server, caller)
    # A thread that waits for a line on standard input cannot be told to stop, and nothing here is to be saved.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        await server.run_stdio_async()
    except* BrokenPipeError:
        # Who started this has gone, and what is left to be said goes nowhere, at the interpreter's end too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def serve_http(
    client: AsyncClient,
    offer: Offer,
    version: str,
    *,
    listen: ListenAddress,
    allowed_hosts: Collection[str] = (),
    insecure: bool = False,
    announce: Callable[[Running], None],
) -> None:
    """Serve over HTTP until SIGTERM or SIGINT; a second signal ends the process at once.

    Raises:
        TocsinError: The server cannot be reached.
        ConfigurationError: It would be reached from other machines, without ``insecure``, or under no name.
        ListenError: The port cannot be had.
    """
    check_reach(listen, allowed_hosts, insecure=insecure)
    tokens = await _asks_for_tokens(client)
    if tokens:
        _require_safe_line(client)
    callers = Callers(client, bearer=tokens)
    server = _server(callers, offer, version, verifier=callers if tokens else None)
    hosts = tuple(dict.fromkeys([*(_LOOPBACK if listen.is_loopback else ()), *allowed_hosts]))
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=LARGEST_BODY,
        transport_security=security(hosts),
    )
    config = uvicorn.Config(
        WithoutStreams(EndsWithCaller(app), PATH),
        http=BoundedConnection,
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE,
    )
    stop = stop_on_signals()
    with _bound(listen) as bound:
        http = _Http(config)
        serving = asyncio.create_task(http.serve(sockets=[bound]))
        announce(Running(ListenAddress(listen.host, bound.getsockname()[1]), hosts, tokens))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        http.should_exit = True
        await serving


class _Http(uvicorn.Server):
    """The library's server, which would answer signals by itself, and end as if it had not."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def check_reach(listen: ListenAddress, allowed_hosts: Collection[str], *, insecure: bool) -> None:
    """Raise ConfigurationError unless it may be reached as it would be."""
    for name in allowed_hosts:
        if not _HOST.fullmatch(name):
            raise ConfigurationError(
                f"--allow-host: {name[:100]!r} is not the name of a host; give it as it stands in URLs, without "
                "http:// and path: agents.example.org or agents.example.org:8443"
            )
    if listen.is_loopback:
        return
    if not insecure:
        raise ConfigurationError(
            f"--http: {listen} can be reached from other machines, and this server does not speak TLS, so tokens would "
            "travel in the clear; listen on 127.0.0.1 behind a proxy that does, or allow it with --insecure"
        )
    if not allowed_hosts:
        raise ConfigurationError(
            f"--http: {listen} can be reached from other machines, by names that are not known here; give each with "
            "--allow-host, such as --allow-host agents.example.org"
        )


def security(hosts: Collection[str]) -> TransportSecuritySettings:
    """Return to which hosts' names it answers, at any port unless one is given, and to whose pages."""
    names = [form for host in hosts for form in ((host,) if _has_port(host) else (host, f"{host}:*"))]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=names,
        allowed_origins=[f"{scheme}://{name}" for name in names for scheme in ("http", "https")],
    )


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]


def _server(callers: Callers, offer: Offer, version: str, verifier: Callers | None = None) -> AgentServer:
    return AgentServer(
        callers,
        version=version,
        read_only=offer.read_only,
        allow_send=offer.allow_send,
        calls_per_minute=offer.calls_per_minute,
        verifier=verifier,
    )


def _require_tools(server: AgentServer, caller: Caller) -> None:
    """Raise ConfigurationError if a token is good for nothing here: an agent would find out only much later."""
    useful = {name for name in server.names if name != "whoami"}
    if not any(allows(caller.rpcs, name) for name in useful):
        scopes = ", ".join(caller.scopes)
        raise ConfigurationError(
            f"the token of {caller.name} allows none of the tools: it has the scope {scopes}; make one with "
            "`tocsin token --service NAME --scopes route` for an agent that decides, with read for one that looks on"
        )


def _require_safe_line(client: AsyncClient) -> None:
    """Raise ConfigurationError if callers' tokens would travel to the server in the clear."""
    try:
        client.with_token("any")
    except ValueError as error:
        reason, _, _ = str(error).partition(": pass tls")
        raise ConfigurationError(f"--server: {reason}; add --tls") from None


async def _asks_for_tokens(client: AsyncClient) -> bool:
    """Tell whether the server behind asks for credentials."""
    try:
        await client.who_am_i(deadline=START_DEADLINE)
    except Unauthenticated:
        return True
    return False


@contextlib.contextmanager
def _bound(listen: ListenAddress) -> Iterator[socket.socket]:
    with contextlib.ExitStack() as stack:
        try:
            found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, kind, protocol, _, address = found[0]
            bound = stack.enter_context(socket.socket(family, kind, protocol))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen(MOST_CONNECTIONS)
        except OSError as error:
            raise ListenError(f"cannot listen on {listen}: {error.strerror or error} (--http)") from error
        yield bound
