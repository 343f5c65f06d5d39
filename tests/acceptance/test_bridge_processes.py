"""The bridge as a real process, beside a real server: restarts, kill -9, signals, and what an operator is told."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket as sockets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from helpers.browser_socket import BrowserSocket, bridge_process, http
from helpers.calls import Api, request, user
from helpers.process import environment, is_open, run, serving
from helpers.relay import RelayCaller
from helpers.waiting import eventually, eventually_async
from tocsin_server.bridge.child import make_bridge_child
from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.errors import StartupError
from tocsin_server.process import child as processes
from tocsin_server.process.child import Child
from tocsin_server.rpc.services.relay_service import RelayLimits
from tocsin_server.timing.backoff import Backoff

pytestmark = pytest.mark.uvloop  # processes are the loop's own to start and to wait for

NOWHERE = "127.0.0.1:9"
"""Where no server is: a bridge starts without one."""

ANY_PORT = ListenAddress("127.0.0.1", 0)
BIG = "It arrives on Friday. " * 2_900


# -- restarts ------------------------------------------------------------------------------------


def test_killing_the_server_is_a_pause_without_a_gap(tmp_path: Path) -> None:
    ann, bob = user(), user()
    with serving(tmp_path) as server, bridge_process(tmp_path, server.address) as bridge:
        address = server.address
        with bridge.open() as anns, bridge.open() as bobs:
            anns.subscribe(ann)
            bobs.subscribe(bob)
            expected: dict[str, list[str]] = {ann.id: [], bob.id: []}

            def send(server_address: str, count: int) -> None:
                with Api(server_address) as api:
                    for _ in range(count):
                        for to in (ann, bob):
                            expected[to.id].append(api.send(request(to)).id)

            send(address, 3)
            assert anns.ids(2) == expected[ann.id][:2]
            server.kill()
            eventually(lambda: http(bridge.listen, "/healthz")[0] == 503)
            with serving(tmp_path, "--listen", address):
                send(address, 3)
                eventually(lambda: http(bridge.listen, "/healthz")[0] == 200)
                send(address, 3)
                with Api(address) as api:
                    # At least once: what was pushed and not yet known to be is pushed again, never out of order.
                    for socket, to in ((anns, ann), (bobs, bob)):
                        while list(socket.seen) != expected[to.id]:
                            socket.ids(1)
                        assert api.unread(to) == len(expected[to.id]) == socket.unread_count


def test_a_restart_of_the_bridge_is_a_reconnect_without_a_gap(tmp_path: Path) -> None:
    to = user()
    with serving(tmp_path) as server, Api(server.address) as api:
        with bridge_process(tmp_path, server.address) as bridge, bridge.open() as socket:
            socket.subscribe(to)
            sent = [api.send(request(to)).id for _ in range(3)]
            assert socket.ids(3) == sent
            port = bridge.listen
            bridge.signal(signal.SIGTERM)
            assert socket.ending() == (1001, "SHUTTING_DOWN")
            assert bridge.wait() == 0
        missed = [api.send(request(to)).id for _ in range(3)]
        # On the same port, at once: what is left of the old connections must not be in the way.
        with bridge_process(tmp_path, server.address, "--listen", str(port)) as bridge, bridge.open() as again:
            assert bridge.listen == port
            assert again.subscribe(to, socket.cursor)["recovered"]
            assert again.ids(3) == missed


# -- signals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_all_sockets_and_ends_the_process_with_success(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path) as server, bridge_process(tmp_path, server.address) as bridge:
        opened = [bridge.open() for _ in range(20)]
        for socket in opened[1:]:
            socket.subscribe(user())
        bridge.signal(number)
        assert {socket.ending() for socket in opened} == {(1001, "SHUTTING_DOWN")}
        assert bridge.wait() == 0
        assert "Traceback" not in bridge.output
        for socket in opened:
            socket.leave()


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    to = user()
    with (
        serving(tmp_path) as server,
        Api(server.address) as api,
        bridge_process(tmp_path, server.address, TOCSIN_SHUTDOWN_GRACE="1h") as bridge,
        bridge.open() as quick,
        bridge.open(small=True) as stuck,
    ):
        quick.subscribe(user())
        stuck.subscribe(to)
        for _ in range(10):
            api.batch(*(request(to, message=BIG) for _ in range(10)))
        bridge.signal(signal.SIGTERM)
        assert quick.ending()[0] == 1001
        bridge.signal(signal.SIGTERM)
        assert bridge.wait() == 1
        stuck.ending()


# -- its own token -------------------------------------------------------------------------------


def test_the_bridge_beside_a_server_has_its_place_whatever_strangers_take(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "--bridge", TOCSIN_BRIDGE_LISTEN="127.0.0.1:0") as server,
        Api(server.address) as api,
        contextlib.ExitStack() as stack,
    ):
        shown = eventually(lambda: re.search(r"ws://(\S+)/ws", server.output))
        assert shown is not None
        for _ in range(RelayLimits().used[1]):
            relay = stack.enter_context(RelayCaller(api))
            relay.open(1, user())
            relay.subscribed(1)
        last = stack.enter_context(RelayCaller(api))
        last.open(1, user())
        end = last.end()
        assert end is not None
        assert end.metadata["scope"] == "address"
        with BrowserSocket(f"ws://{shown[1]}/ws") as socket:
            socket.subscribe(user())


# -- starting ------------------------------------------------------------------------------------


def test_it_says_where_everything_is(tmp_path: Path) -> None:
    with bridge_process(tmp_path, NOWHERE, "--origins", "https://shop.example") as bridge:
        where = bridge.listen
        eventually(lambda: "origins" in bridge.output and "event=" in bridge.output)
        assert [line for line in bridge.output.splitlines() if "event=" not in line] == [
            f"Tocsin's bridge listens on http://{where}",
            f"  WebSocket  ws://{where}/ws",
            f"  server     {NOWHERE} (TLS off)",
            "  origins    https://shop.example",
        ]
        assert http(where, "/healthz")[0] == 503
        [told] = [line for line in bridge.output.splitlines() if "event=" in line]
        assert f"WARNING the server at {NOWHERE} is not reached: Connection refused [" in told


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["--listen", "192.0.2.1:8080"], {}, "TOCSIN_BRIDGE_LISTEN: 192.0.2.1:8080 can be reached from other machines"),
        (["--listen", "192.0.2.1:8080", "--insecure"], {}, "the bridge cannot listen on 192.0.2.1:8080: "),
        (["--listen", "here"], {}, "--listen: 'here' is not host:port"),
        (["--server", "tocsin.example:50051"], {}, "TOCSIN_BRIDGE_SERVER: recipients' tokens would travel to"),
        (["--server", "http://127.0.0.1:1"], {}, "TOCSIN_BRIDGE_SERVER: 'http://127.0.0.1:1': leave out http://"),
        (["--origins", "shop.example"], {}, "--origins: 'shop.example' is not an origin"),
        ([], {"TOCSIN_BRIDGE_SERVER_CA": "/nowhere.pem"}, "cannot read /nowhere.pem"),
    ],
)
def test_what_keeps_it_from_starting_is_told_in_one_line(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], said: str
) -> None:
    ended = run(tmp_path, "bridge", *arguments, **settings)
    assert (ended.status, ended.output) == (1, "")
    assert ended.errors.startswith("tocsin: ")
    assert said in ended.errors
    assert len(ended.errors.splitlines()) == 1


# -- as a child ----------------------------------------------------------------------------------


@asynccontextmanager
async def kept_running(child: Child[ListenAddress]) -> AsyncIterator[Child[ListenAddress]]:
    """Start a child, and end it in the end."""
    try:
        await child.start()
        yield child
    finally:
        await child.stop()


async def test_a_child_that_dies_is_started_again_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(processes, "AGAIN", Backoff(first=0.01, longest=30.0, healthy=60.0))
    monkeypatch.chdir(tmp_path)
    async with kept_running(make_bridge_child(ANY_PORT, NOWHERE)) as running:
        where, first = running.announced, running.pid
        assert first is not None
        with BrowserSocket(f"ws://{where}/ws"):
            os.kill(first, signal.SIGKILL)

            async def restarted() -> bool:
                return running.pid not in (None, first) and is_open(where)

            await eventually_async(restarted)
        assert running.announced == where
        assert running.deaths == 1
    assert not is_open(where)
    assert running.pid is None
    [record] = [record for record in caplog.records if record.name == processes.__name__]
    assert (record.levelname, record.__dict__["event"], record.__dict__["status"]) == ("ERROR", "bridge_died", -9)


async def test_a_child_that_cannot_start_again_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(processes, "AGAIN", Backoff(first=0.01, longest=30.0, healthy=60.0))
    monkeypatch.chdir(tmp_path)
    async with kept_running(make_bridge_child(ANY_PORT, NOWHERE)) as running:
        where, first = running.announced, running.pid
        assert first is not None
        # Its port is taken before it can be back, for nothing else happens on this loop meanwhile.
        with sockets.socket() as thief:
            thief.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
            os.kill(first, signal.SIGKILL)
            while True:
                try:
                    thief.bind(where)
                    break
                except OSError:
                    continue
            thief.listen()

            async def failed() -> bool:
                return "the bridge does not start" in caplog.text

            await eventually_async(failed)

        async def back() -> bool:
            return is_open(where)

        await eventually_async(back)


async def test_a_child_that_does_not_start_at_all_is_the_parents_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with sockets.create_server(("127.0.0.1", 0)) as taken:
        running = make_bridge_child(ListenAddress(*taken.getsockname()), NOWHERE)
        with pytest.raises(StartupError, match="the bridge does not start"):
            await running.start()
        assert running.pid is None
        await running.stop()


async def test_a_child_that_says_something_else_is_not_taken_for_a_bridge() -> None:
    for said in ("hello", "{}", "[]", '{"listen": "127.0.0.1:8080"}', '{"listen": ["127.0.0.1"]}'):
        running = make_bridge_child(ANY_PORT, NOWHERE, program=(sys.executable, "-c", f"print({said!r})"))
        with pytest.raises(StartupError):
            await running.start()


PARENT = """
import asyncio
from tocsin_server.bridge.child import make_bridge_child
from tocsin_server.config.network import ListenAddress

async def main():
    child = make_bridge_child(ListenAddress("127.0.0.1", 0), "127.0.0.1:9")
    await child.start()
    print(child.announced.port, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_child_does_not_outlive_its_parent_whatever_ends_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=tmp_path, env=environment({}), stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        where = ListenAddress("127.0.0.1", int(parent.stdout.readline()))
        assert is_open(where)
        parent.kill()
    eventually(lambda: not is_open(where))
