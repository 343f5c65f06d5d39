"""Processes of ours beside this one: started with it, started again when they die, ended with it.

Each is this program with a command of its own, spawned, in a session of its own, with this process's environment and
standard error. Its standard output is a pipe, on which it announces itself in one line. Its standard input is a pipe
that nothing is ever written to, and whose end means: stop. This process closes it to end the other, and the system does
when this process is no more, whatever ended it.

Not a signal, since a child that gets one from elsewhere as well (from a service manager that signals all processes of a
service, as systemd does) would take the second for the order to end at once. A session of its own keeps the keys of a
terminal, which signal all processes of a group, with the parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.errors import StartupError
from tocsin_server.process.ends import end_of
from tocsin_server.timing.backoff import Backoff

log = logging.getLogger(__name__)

PROGRAM: Final = (sys.executable, "-m", "tocsin_server")
"""This program, to be followed by a command."""

START_TIMEOUT: Final = 30.0
"""Seconds in which a child has to announce itself."""

AGAIN: Final = Backoff(first=0.5, longest=30.0, healthy=60.0)
"""Before a child that has died is started again."""

Announced = TypeVar("Announced")


# -- what a child says ---------------------------------------------------------------------------


def announcement(listen: ListenAddress) -> str:
    """Return the line by which a child tells where it listens."""
    return json.dumps({"listen": [listen.host, listen.port]})


def refusal(error: StartupError) -> str:
    """Return the line by which a child tells its parent, in place of the operator, why it does not start."""
    return json.dumps({"refused": error.message})


def read_announcement(line: bytes) -> ListenAddress:
    """Read the one line or the other.

    Raises:
        StartupError: It is a refusal; with the message.
        ValueError: It is neither.
    """
    try:
        said = json.loads(line)
        if "refused" in said:
            raise StartupError(str(said["refused"]))
        host, port = said["listen"]
        return ListenAddress(str(host), int(port))
    except (KeyError, TypeError):
        raise ValueError("not an announcement") from None


# -- in the child --------------------------------------------------------------------------------


async def stop_with_parent(stop: asyncio.Event) -> None:
    """Set the event when standard input ends, see above."""
    await asyncio.get_running_loop().connect_read_pipe(lambda: _UntilEnd(stop), sys.stdin)


class _UntilEnd(asyncio.Protocol):
    """Sets an event at the end of a stream."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, _exc: Exception | None) -> None:
        self._ended.set()


# -- in the parent -------------------------------------------------------------------------------


class Child(Generic[Announced]):
    """A process that is kept running. Used on one event loop.

    Args:
        name: What it is, in sentences ("the bridge").
        event: What its events in the log begin with ("bridge").
        command: Gives program and arguments for a start, from what was announced at the one before, None at the first.
        read: Reads the announcement; raises ValueError if the line is none, StartupError if it tells of a failure.
        grace: Seconds that it has to end.
        environment: In place of this process's.
        fields: Stand beside the events in the log.
    """

    def __init__(
        self,
        name: str,
        event: str,
        command: Callable[[Announced | None], Sequence[str]],
        read: Callable[[bytes], Announced],
        *,
        grace: float,
        environment: Mapping[str, str] | None = None,
        fields: Mapping[str, object] | None = None,
    ) -> None:
        self._name, self.event, self._fields = name, event, fields or {}
        self._command, self._read = command, read
        self._grace = grace
        self._environment = environment
        self._announced: Announced | None = None
        self._process: Process | None = None
        self._guard: asyncio.Task[None] | None = None
        self._serves = False
        self._hung_up = False
        self.deaths = 0

    @property
    def announced(self) -> Announced:
        """What it announced at its latest start; asked for only after the first one."""
        assert self._announced is not None  # noqa: S101 - as above
        return self._announced

    @property
    def pid(self) -> int | None:
        """The process's number, while there is one."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> Announced:
        """Start it, and keep it running from then on; returns what it announced.

        Raises:
            StartupError: It does not start: with its own reason, or it has said why on standard error.
        """
        process = await self._spawn()
        self._guard = asyncio.create_task(self._keep_running(process), name=f"keeper of {self._name}")
        return self.announced

    async def run(self) -> None:
        """Wait until it is kept running no more, which is not before `stop`; raises what ended that all the same."""
        assert self._guard is not None  # noqa: S101 - made by `start`
        await end_of(self._guard)

    async def stop(self) -> None:
        """End it, and return when it has ended. Idempotent."""
        if self._guard is not None:
            self._guard.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._guard
            self._guard = None
        if (process := self._process) is None:
            return
        if not await _end(process, self._grace):
            self._log(logging.WARNING, "did not end in time and was killed", "killed", pid=process.pid)
        self._process = None

    def kill(self) -> None:
        """Kill the process, if there is one, without waiting; for a process that is about to end at once itself."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def hang_up(self) -> None:
        """Send SIGHUP to the process; to one that starts, as soon as it has announced itself: before, it would die."""
        if not self._serves or self._process is None:
            self._hung_up = True
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGHUP)

    async def _spawn(self) -> Process:
        starting = asyncio.create_task(
            asyncio.create_subprocess_exec(
                *self._command(self._announced),
                stdin=PIPE,
                stdout=PIPE,
                env=self._environment,
                start_new_session=True,
            )
        )
        try:
            process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # Cancelled in the middle, it would leave a process that nobody waits for.
            with contextlib.suppress(OSError):
                await self._give_up(await starting)
            raise
        self._process, self._serves = process, False
        assert process.stdout is not None  # noqa: S101 - a pipe, see above
        try:
            async with asyncio.timeout(START_TIMEOUT):
                self._announced = self._read(await process.stdout.readline())
        except (TimeoutError, ValueError):
            await self._give_up(process)
            raise StartupError(f"{self._name} does not start; see its message above") from None
        except (StartupError, asyncio.CancelledError):
            await self._give_up(process)
            raise
        self._serves = True
        if self._hung_up:
            self._hung_up = False
            self.hang_up()
        return process

    async def _give_up(self, process: Process) -> None:
        """End a process that has nothing to lose yet."""
        self._process = None
        await _end(process, 0.0)

    async def _keep_running(self, process: Process) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            since = loop.time()
            status = await process.wait()
            self.deaths += 1
            failures = AGAIN.failures(failures, loop.time() - since)
            self._log(logging.ERROR, "has died and is started again", "died", pid=process.pid, status=status)
            while True:
                await asyncio.sleep(AGAIN.pause(failures))
                try:
                    process = await self._spawn()
                    break
                except (StartupError, OSError) as error:
                    failures += 1
                    self._log(logging.ERROR, "does not start", "not_started", reason=error)
            self._log(logging.INFO, "is back", "restarted", pid=process.pid)

    def _log(self, level: int, sentence: str, event: str, **fields: object) -> None:
        log.log(
            level,
            "%s %s",
            self._name,
            sentence,
            extra={"event": f"{self.event}_{event}", **self._fields, **fields, "deaths": self.deaths},
        )


async def _end(process: Process, grace: float) -> bool:
    """Ask a process to end; make it, after ``grace`` seconds. Tells whether it ended by itself."""
    assert process.stdin is not None  # noqa: S101 - a pipe, see above
    process.stdin.close()
    try:
        async with asyncio.timeout(grace):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return False
    return True
