"""The bridge as a child process of ``serve --bridge``.

A process of its own, because the interpreter runs one thread at a time, and because a fault in it should not take the
server along. `process.child` tells how it starts and ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from pydantic import SecretStr

from tocsin_server.bridge.running import server_address
from tocsin_server.config.network import ListenAddress
from tocsin_server.config.settings import Settings
from tocsin_server.config.sources import environment_with
from tocsin_server.process.child import PROGRAM, Child, read_announcement
from tocsin_server.process.lifecycle import Lifecycle, StopTimes


def with_bridge_token(settings: Settings) -> Settings:
    """Return the settings with a token for the bridge, made up if none is set."""
    if settings.bridge_token is not None:
        return settings
    return settings.model_copy(update={"bridge_token": SecretStr(secrets.token_urlsafe(32))})


def make_bridge_child(
    listen: ListenAddress,
    server: str,
    *,
    insecure: bool = False,
    dev: bool = False,
    grace: float = 20.0,
    token: SecretStr | None = None,
    program: Sequence[str] = PROGRAM,
) -> Child[ListenAddress]:
    """Describe the child process; nothing is started yet.

    Args:
        listen: Where it shall listen; with port 0, a restarted one gets the port of the first.
        server: The gRPC server that it shall ask.
        insecure: See `running.bridge`.
        dev: Likewise.
        grace: Seconds that it has to end.
        token: Its own, see `tocsin_server.config.settings.Settings.bridge_token`.
        program: In place of this one.
    """
    options = ["--as-child", "--server", server, "--grace", f"{grace:g}"]
    options += [name for name, wanted in (("--insecure", insecure), ("--dev", dev)) if wanted]

    def command(before: ListenAddress | None) -> Sequence[str]:
        return (*program, "bridge", *options, "--listen", str(before or listen))

    environment = environment_with(bridge_token=None if token is None else token.get_secret_value())
    return Child("the bridge", "bridge", command, read_announcement, grace=grace, environment=environment)


async def start_beside(
    life: Lifecycle, settings: Settings, server: ListenAddress, *, insecure: bool, dev: bool
) -> Child[ListenAddress]:
    """Start a bridge for the server that listens there, as a part of its process; see `make_bridge_child`.

    Raises:
        StartupError: It does not start.
    """
    grace = StopTimes.of(settings.shutdown_grace).bridge
    child = make_bridge_child(
        settings.bridge_listen,
        server_address(settings.model_copy(update={"listen": server})),
        insecure=insecure,
        dev=dev,
        grace=grace,
        token=settings.bridge_token,
    )
    life.stops("the bridge", child.stop, grace)
    await child.start()
    life.watch("what keeps the bridge running", child.run())
    return child
