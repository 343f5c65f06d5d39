"""The bridge as a child process of ``serve --bridge``: started with it, restarted when it dies, ended with it.

A process of its own, because the interpreter runs one thread at a time, and because a fault in it should not take the
server along. It gets this process's environment and the options given here. Its standard input is a pipe that nothing
is ever written to: when this process ends, in whatever way, the pipe ends, and so does the bridge.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from typing import Final

from tocsin_server.config import ListenAddress
from tocsin_server.errors import StartupError

log = logging.getLogger(__name__)

START_TIMEOUT: Final = 30.0
"""Seconds in which it has to listen."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before it is started again: twice as long after each death, with jitter."""

HEALTHY: Final = 60.0
"""Seconds after which a bridge that lived so long counts as well: the pauses begin anew."""


def announcement(listen: ListenAddress) -> str:
    """Return the line by which the child tells where it listens."""
    return json.dumps({"listen": [listen.host, listen.port]})


def read_announcement(line: bytes) -> ListenAddress:
    """Read it; raises ValueError for any other line."""
    try:
        host, port = json.loads(line)["listen"]
        return ListenAddress(str(host), int(port))
    except (KeyError, TypeError):
        raise ValueError("not an announcement") from None


class BridgeChild:
    """The child process. Used on one event loop.

    Args:
        listen: Where it shall listen; with port 0, a restarted one gets the port of the first.
        server: The gRPC server that it shall ask.
        insecure: See `running.bridge`.
        dev: Likewise.
        grace: Seconds that it has to end.
        command: Program and first arguments, in place of this interpreter with ``-m tocsin_server``.
    """

    def __init__(
        self,
        listen: ListenAddress,
        server: str,
        *,
        insecure: bool = False,
        dev: bool = False,
        grace: float = 20.0,
        command: Sequence[str] = (sys.executable, "-m", "tocsin_server"),
    ) -> None:
        self.listen = listen
        options = ["--as-child", "--server", server, "--grace", f"{grace:g}"]
        options += [name for name, wanted in (("--insecure", insecure), ("--dev", dev)) if wanted]
        self._command = (*command, "bridge", *options)
        self._grace = grace
        self._process: Process | None = None
        self._guard: asyncio.Task[None] | None = None
        self.deaths = 0

    @property
    def pid(self) -> int | None:
        """The process's number, while there is one."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> ListenAddress:
        """Start it, and keep it running from then on; returns where it listens.

        Raises:
            StartupError: It does not start. It has said why on standard error.
        """
        process = await self._spawn()
        self._guard = asyncio.create_task(self._keep_running(process))
        return self.listen

    async def stop(self) -> None:
        """End it, and return when it has ended. Idempotent."""
        if self._guard is not None:
            self._guard.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._guard
            self._guard = None
        process, self._process = self._process, None
        if process is not None:
            await _end(process, self._grace)

    async def _spawn(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            "--listen",
            str(self.listen),
            stdin=PIPE,
            stdout=PIPE,
            # Ctrl-C in a terminal goes to all processes of a session: this one alone should get it, and end the child
            # in its turn.
            start_new_session=True,
        )
        self._process = process
        assert process.stdout is not None  # noqa: S101 - a pipe, see above
        try:
            async with asyncio.timeout(START_TIMEOUT):
                self.listen = read_announcement(await process.stdout.readline())
        except (TimeoutError, ValueError):
            self._process = None
            await _end(process, 0.0)
            raise StartupError("the bridge does not start; see its message above") from None
        except asyncio.CancelledError:
            self._process = None
            await _end(process, 0.0)
            raise
        return process

    async def _keep_running(self, process: Process) -> None:
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        while True:
            since = loop.time()
            status = await process.wait()
            self.deaths += 1
            if loop.time() - since >= HEALTHY:
                pause = FIRST_PAUSE
            log.error(
                "the bridge has died and is started again",
                extra={"event": "bridge_died", "status": status, "deaths": self.deaths},
            )
            while True:
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards nothing
                pause = min(pause * 2, LONGEST_PAUSE)
                try:
                    process = await self._spawn()
                    break
                except (StartupError, OSError):
                    log.exception("the bridge does not start", extra={"event": "bridge_not_started"})


async def _end(process: Process, grace: float) -> None:
    """Ask a process to end; make it, after ``grace`` seconds."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(grace):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def bridge_child(
    listen: ListenAddress, server: str, *, insecure: bool = False, dev: bool = False, grace: float = 20.0
) -> AsyncIterator[BridgeChild]:
    """Run the bridge as a child process while the context is open; see `BridgeChild`."""
    child = BridgeChild(listen, server, insecure=insecure, dev=dev, grace=grace)
    try:
        await child.start()
        yield child
    finally:
        await child.stop()
