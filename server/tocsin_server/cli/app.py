"""The command line as a whole: which commands there are, and what they have in common."""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin_server.cli import (
    bridge_command,
    check_command,
    client_commands,
    database_commands,
    decide_command,
    mcp_command,
    rule_commands,
    serve_command,
    token_command,
    worker_command,
)

app = typer.Typer(
    name="tocsin",
    help="Self-hosted notifications: e-mail, SMS, Telegram and a live feed, behind one gRPC contract.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    from importlib import metadata  # noqa: PLC0415 - keeps other commands fast

    if wanted:
        try:
            typer.echo(f"tocsin {metadata.version('tocsin')}")
        except metadata.PackageNotFoundError:
            typer.echo("tocsin, run from its source without being installed")
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_print_version, is_eager=True, show_default=False
        ),
    ] = False,
) -> None:
    """Self-hosted notifications: e-mail, SMS, Telegram and a live feed, behind one gRPC contract.

    `tocsin serve --dev --bridge` starts a server to try, without any account, and says what to do next.
    """


serve_command.register(app)
database_commands.register(app)
bridge_command.register(app)
check_command.register(app)
rule_commands.register(app)
token_command.register(app)
client_commands.register(app)
decide_command.register(app)
mcp_command.register(app)
worker_command.register(app)


def run() -> None:
    """Run the command line."""
    app(prog_name="tocsin")
