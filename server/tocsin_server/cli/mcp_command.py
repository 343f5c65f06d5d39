"""``tocsin mcp``: the server of the Model Context Protocol, for agents that decide."""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin_server.cli.arguments import UsageError
from tocsin_server.cli.connection import Session, connected_command
from tocsin_server.cli.serve_command import refuse

if TYPE_CHECKING:
    from tocsin_server.agents.serving import Running
    from tocsin_server.config.network import ListenAddress

Http = Annotated[
    str,
    typer.Option(
        "--http",
        metavar="HOST:PORT",
        help="Serve over HTTP at /mcp there, and not over stdio; port 0 takes any. Each caller brings a token of the "
        "server's as bearer token, and has its rights.",
        show_default=False,
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME[:PORT]",
        help="With --http: a name by which it is reached, beside this machine's own; repeatable.",
        show_default=False,
    ),
]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Offer only the tools that change nothing.")]
AllowSend = Annotated[
    bool,
    typer.Option("--allow-send", help="Offer send and put_contact, too, to tokens that may (scopes send, contacts)."),
]
CallsPerMinute = Annotated[
    int,
    typer.Option(
        "--calls-per-minute",
        metavar="N",
        min=4,
        max=6_000,
        help="How often each agent may call, a quarter of it at once.",
    ),
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="With --http: allow listening beyond this machine, without TLS.")
]

EXTRA = frozenset({"mcp", "mcp_types", "starlette", "uvicorn"})
"""Packages that only this command needs."""

MISSING = (
    "this command needs the extra `mcp`, which is not installed: pip install '.[server,mcp]' in the folder with "
    "Tocsin's source"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(mcp)


@connected_command
def mcp(
    session: Session,
    *,
    http: Http = "",
    allow_host: AllowHost = None,
    read_only: ReadOnly = False,
    allow_send: AllowSend = False,
    calls_per_minute: CallsPerMinute = 120,
    insecure: Insecure = False,
) -> None:
    """Let AI agents decide what was deferred.

    A server of the Model Context Protocol. Agent programs start it themselves and speak with it over stdio; with
    --http it serves any number of them. server/tocsin_server/agents/README.md has their configuration.

    An agent may do what its token allows, and no more: the scope route decides, read looks on. Policies bind it.

    \b
    Examples:
      tocsin mcp
      tocsin mcp --read-only
      tocsin mcp --http 127.0.0.1:8765 --allow-host agents.example.org
    """
    from tocsin_server.domain.errors import StartupError  # noqa: PLC0415 - keeps `tocsin --help` fast, here and below
    from tocsin_server.telemetry import logs  # noqa: PLC0415

    _require_the_extra()
    listen = _checked(session, http, allow_host, insecure=insecure)
    session.client().close()  # says what is wrong with the options
    try:
        with logs.configured("warning"):
            asyncio.run(
                _serve(
                    session,
                    listen,
                    tuple(allow_host or ()),
                    read_only=read_only,
                    allow_send=allow_send,
                    calls_per_minute=calls_per_minute,
                    insecure=insecure,
                )
            )
    except StartupError as error:
        refuse(error)


def _require_the_extra() -> None:
    """Raise UsageError if what the command needs is not installed."""
    try:
        importlib.import_module("tocsin_server.agents.serving")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        raise UsageError(MISSING) from None


def _checked(session: Session, http: str, allow_host: list[str] | None, *, insecure: bool) -> ListenAddress | None:
    """Return where to serve HTTP, None for stdio; raises UsageError for options that do not fit together."""
    from tocsin_server.config.network import parse_listen  # noqa: PLC0415 - keeps `tocsin --help` fast

    if not http:
        if allow_host or insecure:
            raise UsageError("--allow-host and --insecure belong to --http: over stdio nobody else connects")
        if sys.stdin.isatty():
            raise UsageError(
                "agent programs start this and speak with it over stdio, and this is a terminal; to serve over HTTP "
                "give --http 127.0.0.1:8765"
            )
        return None
    if session.token is not None:
        raise UsageError(
            "over HTTP each agent brings a token of its own, and has its rights: leave out --token, and unset "
            "TOCSIN_TOKEN"
        )
    try:
        return parse_listen(http)
    except ValueError as error:
        raise UsageError(f"--http: {error}") from None


async def _serve(
    session: Session,
    listen: ListenAddress | None,
    allowed_hosts: tuple[str, ...],
    *,
    read_only: bool,
    allow_send: bool,
    calls_per_minute: int,
    insecure: bool,
) -> None:
    from importlib import metadata  # noqa: PLC0415 - as above

    from tocsin_server.agents import serving  # noqa: PLC0415

    def announce(running: Running) -> None:
        typer.echo("\n".join(banner(running, session.server)))
        sys.stdout.flush()

    offer = serving.Offer(read_only, allow_send, calls_per_minute)
    version = metadata.version("tocsin")
    async with session.async_client() as client:
        if listen is None:
            await serving.serve_stdio(client, offer, version)
        else:
            await serving.serve_http(
                client,
                offer,
                version,
                listen=listen,
                allowed_hosts=allowed_hosts,
                insecure=insecure,
                announce=announce,
            )


def banner(running: Running, server: str) -> list[str]:
    """Return the lines that say where it serves, and whom."""
    access = (
        "each caller brings a bearer token, and has its rights"
        if running.tokens
        else f"whoever reaches the port may do everything, as at {server}"
    )
    return [
        f"Tocsin serves agents on {running.url}",
        f"  server    {server}",
        f"  access    {access}",
        f"  hosts     {', '.join(running.hosts)}",
    ]
