"""The bridge as a child process of ``serve --bridge``.

A process of its own, because the interpreter runs one thread at a time, and because a fault in it should not take the
server along. `processes` tells how it starts and ends.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

from tocsin_server.config import ListenAddress
from tocsin_server.processes import PROGRAM, Child, read_announcement


def make_bridge_child(
    listen: ListenAddress,
    server: str,
    *,
    insecure: bool = False,
    dev: bool = False,
    grace: float = 20.0,
    program: Sequence[str] = PROGRAM,
) -> Child[ListenAddress]:
    """Describe the child process; nothing is started yet.

    Args:
        listen: Where it shall listen; with port 0, a restarted one gets the port of the first.
        server: The gRPC server that it shall ask.
        insecure: See `running.bridge`.
        dev: Likewise.
        grace: Seconds that it has to end.
        program: In place of this one.
    """
    options = ["--as-child", "--server", server, "--grace", f"{grace:g}"]
    options += [name for name, wanted in (("--insecure", insecure), ("--dev", dev)) if wanted]

    def command(before: ListenAddress | None) -> Sequence[str]:
        return (*program, "bridge", *options, "--listen", str(before or listen))

    return Child("the bridge", "bridge", command, read_announcement, grace=grace)


@contextlib.asynccontextmanager
async def bridge_child(
    listen: ListenAddress, server: str, *, insecure: bool = False, dev: bool = False, grace: float = 20.0
) -> AsyncIterator[Child[ListenAddress]]:
    """Run the bridge as a child process while the context is open; see `make_bridge_child`."""
    child = make_bridge_child(listen, server, insecure=insecure, dev=dev, grace=grace)
    try:
        await child.start()
        yield child
    finally:
        await child.stop()
