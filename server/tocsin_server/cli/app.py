"""The command line: the server's commands here, those of a client in `client_commands`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin_server.cli import bridge_command, client_commands, token_command, worker_command

if TYPE_CHECKING:
    from tocsin_server.application import Running
    from tocsin_server.config import Settings

app = typer.Typer(
    name="tocsin",
    help="Self-hosted notifications: e-mail, SMS, Telegram and a live feed, behind one gRPC contract.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command()
def serve(
    listen: Annotated[
        str | None, typer.Option(help="Host and port of the gRPC server [TOCSIN_LISTEN, 127.0.0.1:50051].")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            help="Where to keep notifications: sqlite:///... or postgresql://... "
            "[TOCSIN_DATABASE_URL, sqlite:///tocsin.db]."
        ),
    ] = None,
    dev: Annotated[
        bool, typer.Option("--dev", help="Development mode: channels without a provider write to the outbox folder.")
    ] = False,
    bridge: Annotated[
        bool, typer.Option("--bridge", help="Run the WebSocket bridge for browsers beside the server.")
    ] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow listening beyond this machine without TLS and authentication.")
    ] = False,
    migrate: Annotated[
        bool, typer.Option("--migrate/--no-migrate", help="Bring the database's schema up to date first.")
    ] = True,
    workers: Annotated[
        int,
        typer.Option(min=1, max=64, help="Processes that serve the one port; more than 1 need PostgreSQL."),
    ] = 1,
) -> None:
    """Run the server: store, deliver and stream notifications.

    Settings come from TOCSIN_... variables or the TOML file named by TOCSIN_CONFIG; README.md lists them.

    With --workers, the system gives each connection to one of the processes: many or several connections of clients
    spread better than one. As many workers as processors is a good number. One that dies is started again.

    Ends on SIGTERM or Ctrl-C within TOCSIN_SHUTDOWN_GRACE; a second signal ends it at once.
    """
    import uvloop  # noqa: PLC0415

    from tocsin_server import application, config  # noqa: PLC0415 - keeps `tocsin --help` fast
    from tocsin_server import workers as several  # noqa: PLC0415
    from tocsin_server.errors import StartupError  # noqa: PLC0415
    from tocsin_server.telemetry import logs  # noqa: PLC0415

    def announce(running: Running) -> None:
        _announce(running, settings, dev=dev)

    try:
        settings = config.load(listen=listen, database_url=database)
        logs.configure(settings.log_level)
        options = {"dev": dev, "insecure": insecure, "migrate": migrate, "bridge": bridge}
        if workers == 1:
            serving = application.serve(settings, **options, announce=announce)
        else:
            environment = config.environment_with(database_url=database)
            serving = several.serve(settings, workers, **options, environment=environment, announce=announce)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serving)
    except StartupError as error:
        _fail(error)


@app.command()
def migrate(
    database: Annotated[
        str | None, typer.Option(help="Which database [TOCSIN_DATABASE_URL, sqlite:///tocsin.db].")
    ] = None,
) -> None:
    """Bring the database's schema up to date, and say what was done.

    `tocsin serve` does the same at its start, unless it is given --no-migrate.
    """
    from tocsin_server import config  # noqa: PLC0415
    from tocsin_server.errors import StartupError  # noqa: PLC0415
    from tocsin_server.storage import opening  # noqa: PLC0415

    try:
        url = config.load(database_url=database).database_url.get_secret_value()
        with opening.prepared(url) as applied:
            for name in applied:
                typer.echo(f"applied {name}")
    except StartupError as error:
        _fail(error)
    typer.echo(f"{opening.describe(url)} is up to date")


def _announce(running: Running, settings: Settings, *, dev: bool) -> None:
    """Say what is where, and in development mode what to try."""
    from tocsin_server.storage import opening  # noqa: PLC0415

    names = ["websocket", *(channel.value for channel in running.configured)]
    lines = [
        f"Tocsin serves gRPC on {running.listen}",
        f"  database  {opening.describe(settings.database_url.get_secret_value())}",
        f"  channels  {', '.join(names)}",
    ]
    if running.workers:
        lines.append(f"  workers   {len(running.workers)} (processes {', '.join(map(str, running.workers))})")
    if running.bridge is not None:
        lines.append(f"  bridge    ws://{running.bridge}/ws")
    if dev:
        lines.append(f"  outbox    {settings.outbox.resolve()}/  (messages of channels without a provider)")
        tocsin = _command()
        server = "" if running.listen.port == 50051 else f" --server {running.listen}"
        user = "user:0190a5d0-0000-7000-8000-000000000001"
        lines += [
            "",
            "Try it in two other terminals:"
            if running.bridge is None
            else "Try it in a browser, or in two other terminals:",
            *([] if running.bridge is None else [f"  http://{running.bridge}/"]),
            f"  {tocsin} watch{server} --to {user}",
            f"  {tocsin} send{server} --to {user} --channel websocket --channel email=ann@example.org \\",
            "      --title 'Your order has shipped' --message 'It arrives on Friday.'",
        ]
    typer.echo("\n".join(lines))
    sys.stdout.flush()


def _command() -> str:
    """Return how the reader can call this program: from a checkout, it is seldom on the path."""
    program = Path(sys.argv[0])
    try:
        return str(program.resolve().relative_to(Path.cwd()))
    except ValueError:
        return "tocsin"


def _fail(error: Exception) -> None:
    typer.echo(f"tocsin: {error}", err=True)
    raise typer.Exit(1)


client_commands.register(app)
token_command.register(app)
bridge_command.register(app)
worker_command.register(app)


def run() -> None:
    """Run the command line."""
    app(prog_name="tocsin")
