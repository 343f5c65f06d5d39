"""``tocsin bridge``: the bridge as a process of its own."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import typer

from tocsin_server.cli import options
from tocsin_server.cli.serve_command import refuse

if TYPE_CHECKING:
    from tocsin_server.bridge.running import RunningBridge


def register(app: typer.Typer) -> None:
    """Add the command."""

    app.command()(bridge)


def bridge(
    listen: options.BridgeListen = None,
    server: options.BridgeServer = None,
    origins: options.BridgeOrigins = None,
    insecure: options.BridgeInsecure = False,
    dev: options.BridgeDev = False,
    as_child: options.AsChild = False,
    grace: options.Grace = None,
) -> None:
    """Run the bridge: feeds for browsers, over WebSockets.

    `tocsin serve --bridge` runs one beside the server. Run more of them, anywhere, for more browsers.

    Ends on SIGTERM or Ctrl-C within TOCSIN_SHUTDOWN_GRACE; a second signal ends it at once.

    \b
    Examples:
      tocsin bridge --server 127.0.0.1:50051
      tocsin bridge --listen 127.0.0.1:8081 --origins https://shop.example,http://localhost:3000
    """
    import uvloop  # noqa: PLC0415 - keeps `tocsin --help` fast, here and below

    from tocsin_server.bridge import running  # noqa: PLC0415
    from tocsin_server.cli import banner  # noqa: PLC0415
    from tocsin_server.config import sources as config  # noqa: PLC0415
    from tocsin_server.domain.errors import StartupError  # noqa: PLC0415
    from tocsin_server.process import child  # noqa: PLC0415
    from tocsin_server.telemetry import logs  # noqa: PLC0415

    def announce(found: RunningBridge) -> None:
        # Its parent reads the one, people the other.
        of_it = banner.of_bridge(found, settings)
        typer.echo(child.announcement(found.listen) if as_child else "\n".join(of_it))
        sys.stdout.flush()

    try:
        settings = config.load(
            {"bridge_listen": "--listen", "bridge_server": "--server", "bridge_origins": "--origins"},
            bridge_listen=listen,
            bridge_server=server,
            bridge_origins=origins,
            shutdown_grace=grace,
        )
        with (
            logs.configured(settings.log_level, settings.log_format),
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            if not as_child:  # else its parent has told
                config.tell_ignored()
            runner.run(running.serve(settings, insecure=insecure, dev=dev, announce=announce, ends_with_stdin=as_child))
    except StartupError as error:
        refuse(error)
