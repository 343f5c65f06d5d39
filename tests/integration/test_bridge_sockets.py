"""The listening side of the bridge: HTTP, whose pages may connect, limits, slow browsers, many browsers, going away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tocsin.v1 import notification_pb2 as pb
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from helpers.browser_socket import PATIENCE, BridgeUnderTest, BrowserSocket, plain, running_bridge
from helpers.calls import Api, ids_of, request, user
from helpers.scripted_server import SILENCE, USER_ID, ScriptedServer, subscribed
from helpers.server import ServerUnderTest, running_server
from helpers.waiting import eventually
from tocsin_server.bridge import server as bridge_server
from tocsin_server.bridge.admission import Limits
from tocsin_server.bridge.backlog import Backlog
from tocsin_server.bridge.pages import Page
from tocsin_server.bridge.server import BridgeServer
from tocsin_server.bridge.session import SessionTimes
from tocsin_server.bridge.subscription import Subscription
from tocsin_server.bridge.upstream import Upstream
from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.errors import ConfigurationError, ListenError

USER = pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=USER_ID)
BIG = "It arrives on Friday. " * 2_900
"""63 KiB, near the most that a message may have."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    with running_server(tmp_path_factory.mktemp("sockets")) as running:
        yield running


@pytest.fixture(scope="module")
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as connected:
        yield connected


@pytest.fixture(scope="module")
def bridge(server: ServerUnderTest) -> Iterator[BridgeUnderTest]:
    with running_bridge(server.address) as running:
        yield running


# -- HTTP ----------------------------------------------------------------------------------------


def test_health_is_that_of_the_server_behind(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, running_bridge(server.address) as bridge:
        assert bridge.http("/healthz")[:2] == (200, "ok\n")
        server.stop()
        eventually(lambda: bridge.http("/healthz")[0] == 503)
    with running_server(tmp_path, listen=server.address), running_bridge(server.address) as bridge:
        eventually(lambda: bridge.http("/healthz")[0] == 200)


def test_a_server_that_cannot_answer_is_not_well() -> None:
    with ScriptedServer() as scripted, running_bridge(scripted.address) as bridge:
        assert bridge.http("/healthz")[0] == 503  # it has no health service


@pytest.mark.parametrize("path", ["/", "/index.html", "/ws/", "/healthz/", "/../etc/passwd", "/%2e%2e/ws", "//ws"])
def test_other_paths_show_nothing(bridge: BridgeUnderTest, path: str) -> None:
    status, text, headers = bridge.http(path)
    assert (status, text) == (404, "nothing here; the WebSocket is at /ws\n")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Server" not in headers


def test_the_websocket_is_no_page(bridge: BridgeUnderTest) -> None:
    status, _, headers = bridge.http("/ws")
    assert (status, headers["Upgrade"]) == (426, "websocket")


@pytest.mark.parametrize("path", ["/", "/healthz"])
def test_pages_are_for_reading_only(bridge: BridgeUnderTest, path: str) -> None:
    status, _, headers = bridge.http(path, "DELETE")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_a_query_is_no_part_of_the_path(bridge: BridgeUnderTest) -> None:
    assert bridge.http("/healthz?verbose")[0] == 200
    with BrowserSocket(bridge.url + "?from=tab") as socket:
        socket.subscribe(user())


def test_whoever_has_pages_can_show_them(server: ServerUnderTest) -> None:
    inbox = Page("<title>Ä</title>".encode(), "text/html; charset=utf-8", (("Cache-Control", "no-store"),))
    with running_bridge(server.address, pages={"/": inbox}.get) as bridge:
        status, text, headers = bridge.http("/?now")
        assert (status, text) == (200, "<title>Ä</title>")
        assert (headers["Content-Type"], headers["Cache-Control"]) == ("text/html; charset=utf-8", "no-store")
        assert bridge.http("/app.js")[0] == 404
        assert bridge.http("/healthz")[0] == 200


@pytest.mark.parametrize(
    "said", [b"", b"\x16\x03\x01\x02\x00\x01", b"GET /ws\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 200 + b"\r\n"]
)
def test_what_is_no_http_harms_nobody(bridge: BridgeUnderTest, said: bytes) -> None:
    with sockets.create_connection(bridge.thread.listen, PATIENCE) as line:
        line.sendall(said)
        line.shutdown(sockets.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while line.recv(4096):
                pass
    assert bridge.http("/healthz")[0] == 200


# -- origins -------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [None, "http://localhost:3000", "http://127.0.0.1:8080"])
def test_pages_of_this_machine_may_connect(bridge: BridgeUnderTest, origin: str | None) -> None:
    with bridge.open(origin=origin) as socket:
        socket.subscribe(user())


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "nonsense"])
def test_pages_from_elsewhere_may_not(bridge: BridgeUnderTest, origin: str) -> None:
    with bridge.open(origin=origin) as socket:
        code, error = socket.refusal()
        assert (code, error["code"], error["reason"]) == (1008, "PERMISSION_DENIED", "PERMISSION_DENIED")
        assert "TOCSIN_BRIDGE_ORIGINS" in error["message"]


def shaken(bridge: BridgeUnderTest, *headers: str) -> bytes:
    """Open a WebSocket with exactly these headers; return the answer, and the error frame that follows in any case."""
    with sockets.create_connection(bridge.thread.listen, PATIENCE) as line:
        upgrade = "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        line.sendall("\r\n".join(["GET /ws HTTP/1.1", *upgrade, key, *headers, "", ""]).encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += line.recv(4096)
        if b" 101 " in received:
            line.sendall(b"\x81\x80\0\0\0\0")  # an empty text frame, which no socket that is let in accepts
            while b'"error"' not in received:
                received += line.recv(4096)
        return received


@pytest.mark.parametrize(
    ("host", "origin", "let_in"),
    [
        ("192.0.2.7:8080", "http://192.0.2.7:8080", True),
        ("notify.example", "http://localhost:3000", True),
        # Anybody can make a name point here, and then his page has it as its host and as its origin.
        ("rebound.example", "http://rebound.example", False),
        ("192.0.2.7:8080", "http://192.0.2.7", False),
    ],
)
def test_a_page_of_the_same_address_may_connect_but_not_one_of_the_same_name(
    bridge: BridgeUnderTest, host: str, origin: str, let_in: bool
) -> None:
    received = shaken(bridge, f"Host: {host}", f"Origin: {origin}")
    assert (b"MALFORMED_REQUEST" in received) is let_in
    assert (b"PERMISSION_DENIED" in received) is not let_in


def test_a_list_says_whose_pages_may_connect(server: ServerUnderTest) -> None:
    with running_bridge(server.address, origins=["https://shop.example"]) as bridge:
        with bridge.open(origin="https://shop.example") as socket:
            socket.subscribe(user())
        for other in ("http://shop.example", "http://localhost:3000"):
            with bridge.open(origin=other) as socket:
                assert socket.refusal()[0] == 1008
        with bridge.open() as socket:  # not a browser
            socket.subscribe(user())


@pytest.mark.parametrize(
    ("host", "origin", "let_in"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080", True),
        ("notify.example", "https://notify.example", True),
        ("rebound.example", "http://rebound.example", False),
        ("notify.example", "capacitor://localhost", True),
        ("notify.example", "ionic://localhost", False),
        ("notify.example", "null", True),
    ],
)
def test_a_list_does_not_shut_out_the_bridges_own_pages(
    server: ServerUnderTest, host: str, origin: str, let_in: bool
) -> None:
    listed = ["https://shop.example", "capacitor://localhost", "null"]
    with running_bridge(server.address, origins=listed) as bridge:
        received = shaken(bridge, f"Host: {host}", f"Origin: {origin}")
        assert (b"MALFORMED_REQUEST" in received) is let_in
        if origin.startswith("https"):
            received = shaken(bridge, "Host: bridge:8080", f"X-Forwarded-Host: {host}", f"Origin: {origin}")
            assert b"MALFORMED_REQUEST" in received


def test_headers_given_twice_open_nothing(bridge: BridgeUnderTest) -> None:
    host, origin = "Host: 192.0.2.7", "Origin: http://192.0.2.7"
    assert b"MALFORMED_REQUEST" in shaken(bridge, host, origin)
    assert b"PERMISSION_DENIED" in shaken(bridge, host, host, origin)
    assert b" 400 " in shaken(bridge, host, origin, origin)


# -- limits --------------------------------------------------------------------------------------


def test_sockets_over_the_limit_are_told_to_try_later(server: ServerUnderTest) -> None:
    with running_bridge(server.address, limits=Limits(sockets=2)) as bridge:
        with bridge.open() as one, bridge.open() as two:
            one.subscribe(user())
            two.subscribe(user())
            with bridge.open() as three:
                code, error = three.refusal()
                assert (code, error["reason"]) == (1013, "TOO_MANY_STREAMS")
        eventually(lambda: bridge.admission.sockets.taken == 0)
        with bridge.open() as four:
            four.subscribe(user())


def test_sockets_without_credentials_have_a_limit_of_their_own() -> None:
    with (
        ScriptedServer() as scripted,
        running_bridge(scripted.address, limits=Limits(unconfirmed=2)) as bridge,
        bridge.open() as one,
        bridge.open() as two,
    ):
        scripted.script("Subscribe", [SILENCE], [SILENCE], [subscribed("c0"), SILENCE])
        one.begin(USER)
        two.begin(USER)
        scripted.wait_for_calls("Subscribe", 2)
        with bridge.open() as three:
            assert three.refusal()[0] == 1013
        two.leave()
        eventually(lambda: bridge.admission.unconfirmed.taken == 1)
        with bridge.open() as four:
            four.subscribe(USER)


# -- slow browsers -------------------------------------------------------------------------------


def test_a_browser_that_takes_nothing_is_closed_while_others_go_on(api: Api, server: ServerUnderTest) -> None:
    slow_one, other = user(), user()
    times = SessionTimes(write=0.5, slowest=1e9, close=PATIENCE)
    with running_bridge(server.address, times=times) as bridge, bridge.open() as quick:
        with bridge.open(small=True) as slow:
            slow.subscribe(slow_one)
            quick.subscribe(other)
            sent: list[str] = []
            unread: list[str] = []
            while not bridge.admission.closed:
                results = api.batch(*(request(slow_one, message=BIG) for _ in range(10)))
                unread += ids_of(result.response.notification for result in results)
                sent.append(api.send(request(other)).id)
            assert quick.ids(len(sent)) == sent
            # It reads again, and learns what has happened, behind what was written before.
            assert slow.ending() == (1013, "SUBSCRIBER_TOO_SLOW")
        assert bridge.admission.closed == {1013: 1}
        # Nothing is lost: it comes back with its cursor.
        with bridge.open() as again:
            again.subscribe(slow_one, slow.cursor)
            rest = again.ids(1)
            while rest[-1] != unread[-1]:
                rest += again.ids(1)
        assert rest == unread[-len(rest) :]


def test_what_waits_for_all_browsers_is_bounded_and_nothing_is_lost(
    api: Api, server: ServerUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_server, "Backlog", lambda: Backlog(2 * len(BIG)))
    times = SessionTimes(write=PATIENCE * 10, close=PATIENCE)
    with running_bridge(server.address, times=times) as bridge, contextlib.ExitStack() as stack:
        audience = [user() for _ in range(3)]
        slow = [stack.enter_context(bridge.open(small=True)) for _ in audience]
        for socket, to in zip(slow, audience, strict=True):
            socket.subscribe(to)
        sent: list[list[str]] = [[] for _ in audience]
        while not bridge.admission.closed:
            for to, ids in zip(audience, sent, strict=True):
                results = api.batch(*(request(to, message=BIG) for _ in range(3)))
                ids.extend(ids_of(result.response.notification for result in results))
        closed = 0
        for socket, to, ids in zip(slow, audience, sent, strict=True):
            with contextlib.suppress(ConnectionClosed):
                while list(socket.seen) != ids:
                    socket.any_frame()
            if list(socket.seen) != ids:
                closed += 1
                assert socket.ending() == (1013, "SUBSCRIBER_TOO_SLOW")
                with bridge.open() as again:
                    again.subscribe(to, socket.cursor)
                    assert list(socket.seen) + again.ids(len(ids) - len(socket.seen)) == ids
        assert closed == bridge.admission.closed[1013]
    assert bridge.server._backlog._left == 2 * len(BIG)


def test_a_browser_that_never_takes_anything_is_cut_off(api: Api, server: ServerUnderTest) -> None:
    to = user()
    times = SessionTimes(write=0.1, slowest=1e9, close=0.05)
    with running_bridge(server.address, times=times) as bridge, bridge.open(small=True) as slow:
        slow.subscribe(to)
        while not bridge.admission.closed:
            api.batch(*(request(to, message=BIG) for _ in range(10)))
        eventually(lambda: bridge.server.connections == 0)
        assert slow.ending()[0] == 1006


def test_a_long_replay_is_no_reason_to_call_a_browser_slow(api: Api, bridge: BridgeUnderTest) -> None:
    to = user()
    start = api.list(recipient=to, feed_only=True).cursor
    sent = []
    for _ in range(10):
        sent += ids_of(r.response.notification for r in api.batch(*(request(to, message=BIG) for _ in range(20))))
    with bridge.open(small=True) as socket:
        socket.subscribe(to, start)
        assert socket.ids(200) == sent


# -- faults of our own ---------------------------------------------------------------------------


def test_a_fault_costs_one_socket_and_is_logged_without_its_token(
    bridge: BridgeUnderTest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with bridge.open() as other:
        other.subscribe(user())
        with monkeypatch.context() as patch, bridge.open() as socket:
            patch.setattr(Subscription, "take", lambda _self: None)  # which takes an event, too
            socket.begin(user(), token="s3cr3t")
            code, error = socket.refusal()
        assert (code, error["code"]) == (1013, "UNAVAILABLE")
        assert other.ask({"type": "list"})["type"] == "list"
    [record] = [record for record in caplog.records if record.name == "tocsin_server.bridge.server"]
    assert record.__dict__["event"] == "bridge_socket_failed"
    assert "s3cr3t" not in caplog.text


# -- many browsers -------------------------------------------------------------------------------


async def test_two_hundred_sockets_are_pushed_to(api: Api, bridge: BridgeUnderTest) -> None:
    audience = [user() for _ in range(200)]

    async def received(to: pb.Recipient, ready: asyncio.Semaphore) -> list[str]:
        async with connect(bridge.url, proxy=None, compression=None, open_timeout=PATIENCE) as socket:
            await socket.send(json.dumps({"type": "subscribe", "recipient": plain(to)}))
            assert (await frame(socket))["type"] == "subscribed"
            ready.release()
            return [(await frame(socket))["notification"]["id"] for _ in range(3)]

    async def frame(socket: ClientConnection) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            found: dict[str, Any] = json.loads(await socket.recv())
        return found

    async def push(ready: asyncio.Semaphore) -> list[list[str]]:
        for _ in audience:
            await ready.acquire()
        assert bridge.admission.sockets.taken >= len(audience)
        rounds = [await asyncio.to_thread(api.batch, *(request(to) for to in audience)) for _ in range(3)]
        return [
            list(ids) for ids in zip(*(ids_of(r.response.notification for r in one) for one in rounds), strict=True)
        ]

    ready = asyncio.Semaphore(0)
    pushed, *got = await asyncio.gather(push(ready), *(received(to, ready) for to in audience))
    assert got == pushed
    eventually(lambda: bridge.admission.sockets.taken == 0)


# -- starting and going away ---------------------------------------------------------------------


def test_going_away_closes_every_socket_whatever_it_is_doing() -> None:
    with (
        ScriptedServer() as scripted,
        running_bridge(scripted.address) as bridge,
        bridge.open() as silent,
        bridge.open() as unconfirmed,
        bridge.open() as following,
        bridge.open() as asking,
        sockets.create_connection(bridge.thread.listen, PATIENCE) as line,
    ):
        scripted.script("Subscribe", [SILENCE], [subscribed("c0"), SILENCE], [subscribed("c0"), SILENCE])
        scripted.script("List", SILENCE)
        unconfirmed.begin(USER)
        scripted.wait_for_calls("Subscribe", 1)
        following.subscribe(USER)
        asking.subscribe(USER)
        asking.send({"type": "list"})
        scripted.wait_for_calls("List", 1)
        bridge.begin_stop()
        for socket in (silent, unconfirmed, following, asking):
            assert socket.ending() == (1001, "SHUTTING_DOWN")
        with contextlib.suppress(ConnectionError):
            assert line.recv(1) == b""
        bridge.thread.stop()
        assert bridge.admission.closed == {1001: 4}
        assert (bridge.admission.sockets.taken, bridge.admission.unconfirmed.taken) == (0, 0)
        scripted.wait_for_departures(4)
        with pytest.raises(ConnectionError):
            bridge.http("/healthz")


def test_going_away_does_not_wait_for_browsers_that_take_nothing(api: Api, server: ServerUnderTest) -> None:
    to = user()
    times = SessionTimes(write=PATIENCE * 10, close=0.1)
    with running_bridge(server.address, times=times) as bridge, bridge.open(small=True) as slow:
        slow.subscribe(to)
        for _ in range(10):
            api.batch(*(request(to, message=BIG) for _ in range(10)))
        bridge.thread.stop()
        assert bridge.server.connections == 0
        with contextlib.suppress(ConnectionClosed):
            slow.ending()


async def test_a_port_that_is_taken_is_told_in_one_line(bridge: BridgeUnderTest) -> None:
    upstream = Upstream("127.0.0.1:1")
    with pytest.raises(ListenError, match=f"cannot listen on {bridge.thread.listen}: "):
        await BridgeServer(upstream).start(bridge.thread.listen)
    await upstream.close()


async def test_a_bridge_that_never_started_can_be_stopped() -> None:
    await BridgeServer(Upstream("127.0.0.1:1")).stop(0.0)


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:0", "[::1]:0"])
async def test_it_listens_on_either_kind_of_address(server: ServerUnderTest, listen: str) -> None:
    host, _, port = listen.rpartition(":")
    upstream = Upstream(server.address)
    bridge = BridgeServer(upstream)
    try:
        found = await bridge.start(ListenAddress(host.strip("[]"), int(port)))
        assert found.port > 0
        async with connect(f"ws://{found}/ws", proxy=None):
            pass
    finally:
        await bridge.stop(0.0)
        await upstream.close()


def test_tokens_do_not_travel_in_the_clear_to_another_machine() -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_BRIDGE_SERVER_CA"):
        Upstream("tocsin.example:50051")
    Upstream("tocsin.example:50051", insecure=True)
