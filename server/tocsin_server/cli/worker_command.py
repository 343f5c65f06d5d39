"""``tocsin worker``: one process of ``serve --workers``, which starts it; not for people."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tocsin_server.application import Running


def register(app: typer.Typer) -> None:
    """Add the command, which no help shows."""

    @app.command(hidden=True)
    def worker(
        number: Annotated[int, typer.Option()],
        listen: Annotated[str, typer.Option()],
        dev: Annotated[bool, typer.Option("--dev")] = False,
        insecure: Annotated[bool, typer.Option("--insecure")] = False,
    ) -> None:
        """Serve on a port that is shared, until standard input ends; what it says is for programs."""
        import uvloop  # noqa: PLC0415 - keeps `tocsin --help` fast, here and below

        from tocsin_server import application  # noqa: PLC0415
        from tocsin_server.config import sources as config  # noqa: PLC0415
        from tocsin_server.domain.errors import StartupError  # noqa: PLC0415
        from tocsin_server.process import child  # noqa: PLC0415
        from tocsin_server.telemetry import logs  # noqa: PLC0415

        def announce(running: Running) -> None:
            typer.echo(child.announcement(running.listen))
            sys.stdout.flush()

        try:
            settings = config.load(listen=listen)
            logging = logs.configured(settings.log_level, settings.log_format, worker=number)
            with logging, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(
                    application.serve(
                        settings,
                        dev=dev,
                        insecure=insecure,
                        migrate=False,
                        bridge=False,
                        announce=announce,
                        worker=number,
                    )
                )
        except StartupError as error:
            typer.echo(child.refusal(error))
            raise typer.Exit(1) from None
