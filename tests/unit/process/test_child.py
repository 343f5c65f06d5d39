"""Child processes: when they are started again, and the lines by which they tell how their start went."""

from __future__ import annotations

import subprocess
import sys

import pytest

from helpers.process import environment
from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.errors import ListenError, StartupError
from tocsin_server.process.child import announcement, read_announcement, refusal

# -- what a child says ---------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::", "tocsin.example"])
def test_an_announcement_is_read_as_it_was_made(host: str) -> None:
    listen = ListenAddress(host, 50051)
    line = announcement(listen)
    assert "\n" not in line
    assert read_announcement(line.encode() + b"\n") == listen


def test_a_refusal_is_read_as_the_error_it_was() -> None:
    line = refusal(ListenError("cannot listen on [::]:1:\nno"))
    assert "\n" not in line
    with pytest.raises(StartupError) as caught:
        read_announcement(line.encode() + b"\n")
    assert caught.value.message == "cannot listen on [::]:1:\nno"


@pytest.mark.parametrize(
    "line",
    [b"", b"hello\n", b"{}\n", b"[]\n", b"5\n", b'"refused"\n', b'{"listen": "127.0.0.1:1"}\n', b'{"listen": [1]}\n'],
)
def test_another_line_is_none_of_them(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_announcement(line)
    assert not isinstance(caught.value, StartupError)


# -- in the child --------------------------------------------------------------------------------

CHILD = """
import asyncio, os, signal
from tocsin_server.process.child import stop_with_parent
from tocsin_server.process.signals import stop_on_signals

async def main():
    stop = stop_on_signals(lambda: os.write(1, b"at once"))
    await stop_with_parent(stop)
    print("ready", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    handled = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, handled.set)
    for _ in range(2):
        # Signals are handled in their order: when the second is, the first was.
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGUSR1)
        await handled.wait()
        handled.clear()
        print("goes on", flush=True)

asyncio.run(main())
"""


def test_the_end_of_standard_input_means_stop_and_is_no_first_signal() -> None:
    """A service manager signals all processes of a service, those that their parent has asked to stop as well."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        env=environment({}),
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.split("\n") == ["ready", "stopping", "goes on", "at once"]
