"""``tocsin bridge``: the bridge as a process of its own."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tocsin_server.bridge.running import RunningBridge
    from tocsin_server.config import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def bridge(
        listen: Annotated[
            str | None,
            typer.Option(help="Host and port for HTTP and WebSockets [TOCSIN_BRIDGE_LISTEN, 127.0.0.1:8080]."),
        ] = None,
        server: Annotated[
            str | None, typer.Option(help="The gRPC server [TOCSIN_BRIDGE_SERVER, else where TOCSIN_LISTEN says].")
        ] = None,
        origins: Annotated[
            str | None,
            typer.Option(
                "--origins",
                metavar="ORIGINS",
                help="Whose pages may connect, comma-separated [TOCSIN_BRIDGE_ORIGINS, this machine's].",
            ),
        ] = None,
        insecure: Annotated[
            bool,
            typer.Option(
                "--insecure", help="Allow listening beyond this machine, and an unencrypted way to another server."
            ),
        ] = False,
        dev: Annotated[
            bool, typer.Option("--dev", help="Development mode: the page at / also sends, and shows the outbox.")
        ] = False,
        as_child: Annotated[bool, typer.Option("--as-child", hidden=True)] = False,
        grace: Annotated[float | None, typer.Option("--grace", hidden=True)] = None,
    ) -> None:
        """Run the bridge: recipients' feeds for browsers, over WebSockets.

        `tocsin serve --bridge` runs one beside the server. Run more of them, anywhere, for more browsers.

        Ends on SIGTERM or Ctrl-C within TOCSIN_SHUTDOWN_GRACE; a second signal ends it at once.
        """
        import uvloop  # noqa: PLC0415 - keeps `tocsin --help` fast, here and below

        from tocsin_server import config, processes  # noqa: PLC0415
        from tocsin_server.bridge import running  # noqa: PLC0415
        from tocsin_server.errors import StartupError  # noqa: PLC0415
        from tocsin_server.telemetry import logs  # noqa: PLC0415

        def announce(found: RunningBridge) -> None:
            # Its parent reads the one, people the other.
            typer.echo(processes.announcement(found.listen) if as_child else _sentences(found, settings))
            sys.stdout.flush()

        try:
            settings = config.load(
                bridge_listen=listen, bridge_server=server, bridge_origins=origins, shutdown_grace=grace
            )
            logs.configure(settings.log_level)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(
                    running.serve(settings, insecure=insecure, dev=dev, announce=announce, ends_with_stdin=as_child)
                )
        except StartupError as error:
            typer.echo(f"tocsin: {error}", err=True)
            raise typer.Exit(1) from None


def _sentences(found: RunningBridge, settings: Settings) -> str:
    allowed = ", ".join(settings.bridge_origins) or "pages of this machine (TOCSIN_BRIDGE_ORIGINS allows others)"
    lines = [
        f"Tocsin's bridge listens on http://{found.listen}",
        f"  WebSocket  ws://{found.listen}/ws",
        f"  server     {found.server}",
        f"  origins    {allowed}",
    ]
    return "\n".join(lines)
