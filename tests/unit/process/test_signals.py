"""What signals tell a process; the end of processes by signals is tested on the whole server, too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

PROGRAM = """
import asyncio, fcntl, termios
from tocsin_server.process.signals import call_on_hangup, stop_on_signals

async def main():
    stop = stop_on_signals()
    call_on_hangup(lambda: print("read again", flush=True), stop)
    print("ready", flush=True)
    await stop.wait()
    print("stopped", flush=True)

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
asyncio.run(main())
"""


def test_a_hangup_reads_again_but_that_of_the_terminal_stops() -> None:
    terminal, inside = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=inside, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        os.close(inside)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "read again\n"
        os.close(terminal)
        assert process.stdout.readline() == "stopped\n"
        assert process.wait() == 0
