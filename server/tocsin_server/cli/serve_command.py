"""``tocsin serve``: the server."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, NoReturn

import typer

from tocsin_server.cli import options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin_server.application import Running
    from tocsin_server.config.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    listen: options.Listen = None,
    database: options.Database = None,
    rules: options.Rules = None,
    dev: options.Dev = False,
    bridge: options.Bridge = False,
    insecure: options.Insecure = False,
    migrate: options.Migrate = True,
    workers: options.Workers = 1,
) -> None:
    """Run the server: store, deliver and stream notifications.

    Settings come from TOCSIN_... variables or the TOML file named by TOCSIN_CONFIG. The table of all of them is in
    server/README.md.

    With --workers, the system gives each connection to one of the processes: many or several connections of clients
    spread better than one. As many workers as processors is a good number. One that dies is started again.

    Ends on SIGTERM or Ctrl-C within TOCSIN_SHUTDOWN_GRACE; a second signal ends it at once.

    \b
    Examples:
      tocsin serve --dev --bridge
      tocsin serve --listen 127.0.0.1:50052 --database sqlite:////tmp/tocsin.db
    """
    import uvloop  # noqa: PLC0415

    from tocsin_server import application  # noqa: PLC0415 - keeps `tocsin --help` fast
    from tocsin_server.application.workers import serve as serve_workers  # noqa: PLC0415
    from tocsin_server.cli import banner  # noqa: PLC0415
    from tocsin_server.config import rule_file  # noqa: PLC0415
    from tocsin_server.config import sources as config  # noqa: PLC0415
    from tocsin_server.domain.errors import StartupError  # noqa: PLC0415
    from tocsin_server.telemetry import logs  # noqa: PLC0415

    def announce(running: Running) -> None:
        typer.echo("\n".join(banner.of_server(running, settings, dev=dev, rules=rules_from)))
        sys.stdout.flush()

    try:
        settings = _settings({"listen": listen, "database_url": database, "rules": rules}, dev=dev, insecure=insecure)
        rules_from = rule_file.path_of(settings)
        wanted = {"dev": dev, "insecure": insecure, "migrate": migrate, "bridge": bridge}
        if workers == 1:
            serving = application.serve(settings, **wanted, announce=announce)
        else:
            environment = config.environment_with(
                database_url=database, rules=None if rules is None else str(rules.resolve())
            )
            serving = serve_workers(settings, workers, **wanted, environment=environment, announce=announce)
        with (
            logs.configured(settings.log_level, settings.log_format),
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            config.tell_ignored()
            runner.run(serving)
    except StartupError as error:
        refuse(error)


def _settings(given: Mapping[str, object], *, dev: bool, insecure: bool) -> Settings:
    """Read the settings; raises `ConfigurationError`, which names all that is wrong."""
    from tocsin_server.application import checking  # noqa: PLC0415 - keeps `tocsin --help` fast
    from tocsin_server.config import sources  # noqa: PLC0415
    from tocsin_server.domain.errors import ConfigurationError  # noqa: PLC0415

    options_of = {"listen": "--listen", "database_url": "--database", "rules": "--rules"}
    try:
        return sources.load(options_of, **given)
    except sources.WrongSettings as error:
        besides = checking.wrong_besides(error, dev=dev, insecure=insecure)
        raise ConfigurationError("; ".join((str(error), *besides))) from error


def refuse(error: Exception) -> NoReturn:
    """Say in one line why a command does not start, and end with status 1."""
    typer.echo(f"tocsin: {error}", err=True)
    raise typer.Exit(1)
