"""What anybody who reaches the bridge's port can do: nobody is kept out by it, and the log says little of it."""

from __future__ import annotations

import contextlib
import io
import logging
import resource
import socket as sockets
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tocsin.v1 import notification_pb2 as pb

from helpers.browser_socket import PATIENCE, BridgeUnderTest, running_bridge
from helpers.scripted_server import SILENCE, USER_ID, ScriptedServer, subscribed
from helpers.waiting import eventually
from tocsin_server.bridge.admission import Limits
from tocsin_server.telemetry.logs import BoundedHandler

USER = pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=USER_ID)

UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def bridge(server: ScriptedServer) -> Iterator[BridgeUnderTest]:
    with running_bridge(server.address) as running:
        yield running


@pytest.fixture(autouse=True, scope="module")
def enough_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], min(10_000, before[1])), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def connected(bridge: BridgeUnderTest, said: bytes = b"") -> sockets.socket:
    line = sockets.create_connection(bridge.thread.listen, PATIENCE)
    line.sendall(said)
    return line


def is_cut(line: sockets.socket) -> bool:
    try:
        return line.recv(65_536) == b""
    except ConnectionError:
        return True


def let_in(bridge: BridgeUnderTest, server: ScriptedServer) -> None:
    """Show that a browser is served."""
    server.script("Subscribe", [subscribed("c0"), SILENCE])
    with bridge.open() as socket:
        socket.subscribe(USER)


# -- crowds --------------------------------------------------------------------------------------

HALF_A_REQUEST = b"GET /ws HTTP/1.1\r\nHost: x\r\nX-Slow: "
SILENT_SOCKET = f"GET /ws HTTP/1.1\r\nHost: x\r\n{UPGRADE}\r\n".encode()


@pytest.mark.parametrize("said", [b"", HALF_A_REQUEST, SILENT_SOCKET], ids=["nothing", "half a request", "no frame"])
def test_thousands_who_say_nothing_keep_nobody_out(server: ScriptedServer, said: bytes) -> None:
    with running_bridge(server.address) as bridge, contextlib.ExitStack() as stack:
        first = stack.enter_context(connected(bridge, said))
        if said is SILENT_SOCKET:
            assert b" 101 " in first.recv(4096)
        for _ in range(Limits().strangers):
            stack.enter_context(connected(bridge, said))
        let_in(bridge, server)
        while not is_cut(first):
            pass
        assert len(bridge.admission.strangers) <= Limits().strangers


def test_a_socket_that_has_to_give_way_is_told_to_try_later(server: ScriptedServer) -> None:
    with (
        running_bridge(server.address, limits=Limits(strangers=1)) as bridge,
        bridge.open() as silent,
        connected(bridge),
    ):
        code, error = silent.refusal()
        assert (code, error["reason"]) == (1013, "TOO_MANY_STREAMS")


def test_a_connection_over_the_limit_takes_the_place_of_the_oldest(server: ScriptedServer) -> None:
    with running_bridge(server.address, limits=Limits(strangers=3)) as bridge, contextlib.ExitStack() as stack:
        lines = [stack.enter_context(connected(bridge)) for _ in range(3)]
        eventually(lambda: bridge.server.connections == 3)
        stack.enter_context(connected(bridge))
        assert is_cut(lines[0])
        eventually(lambda: bridge.server.connections == 3)
        assert bridge.http("/nothing")[0] == 404
        stack.close()
        eventually(lambda: bridge.server.connections == 0)


def opened(bridge: BridgeUnderTest, address: str) -> sockets.socket:
    """Open a WebSocket for somebody else, as a proxy does."""
    line = connected(bridge, f"GET /ws HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\n{UPGRADE}\r\n".encode())
    assert b" 101 " in line.recv(4096)
    return line


def test_addresses_behind_a_proxy_have_their_shares(server: ScriptedServer) -> None:
    with (
        running_bridge(server.address, limits=Limits(strangers=8)) as bridge,
        contextlib.ExitStack() as stack,
        opened(bridge, "192.0.2.1") as quiet,
    ):
        loud = [stack.enter_context(opened(bridge, "192.0.2.2")) for _ in range(4)]
        for line in loud[:2]:
            assert b"TOO_MANY_STREAMS" in line.recv(4096)
        assert len(bridge.admission.strangers) == 3
        quiet.setblocking(False)
        with pytest.raises(BlockingIOError):
            quiet.recv(1)


def test_without_trusted_proxies_a_header_is_not_believed(server: ScriptedServer) -> None:
    with (
        running_bridge(server.address, limits=Limits(strangers=8), trusted_proxies=()) as bridge,
        contextlib.ExitStack() as stack,
    ):
        lines = [stack.enter_context(opened(bridge, f"192.0.2.{number}")) for number in range(3)]
        assert b"TOO_MANY_STREAMS" in lines[0].recv(4096)
        assert len(bridge.admission.strangers) == 2


def test_a_long_request_is_cut_off_before_it_costs_memory(bridge: BridgeUnderTest) -> None:
    with connected(bridge, b"GET / HTTP/1.1\r\n") as line:
        with contextlib.suppress(ConnectionError):
            for number in range(100):
                line.sendall(b"X-%d: " % number + b"x" * 4_000 + b"\r\n")
        assert is_cut(line)


# -- strange bytes -------------------------------------------------------------------------------


def said_to(bridge: BridgeUnderTest, data: bytes) -> bytes:
    """Send bytes and the end; return the answer."""
    received = b""
    with connected(bridge) as line, contextlib.suppress(ConnectionError):
        line.sendall(data)
        with contextlib.suppress(OSError):  # it was cut off already
            line.shutdown(sockets.SHUT_WR)
        while more := line.recv(65_536):
            received += more
    return received


def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Show that nothing of ours failed, and that no traceback was written by anybody."""
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]
    assert len(caplog.text) < 10_000


STRANGE = {
    "path with a bracket": b"GET //[ HTTP/1.1\r\nHost: x\r\n\r\n",
    "absolute form": b"GET http://[/ws HTTP/1.1\r\nHost: x\r\n\r\n",
    "authority form": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "path that is no UTF-8": b"GET /\xfd HTTP/1.1\r\nHost: x\r\n\r\n",
    "headers that are no UTF-8": b"GET /ws HTTP/1.1\r\nHost: \xff\xfe\r\nOrigin: \xe9\r\n" + UPGRADE.encode() + b"\r\n",
    "key that is no ASCII": b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \xe9\xe9\r\n\r\n",
    "HTTP/1.0": b"GET /ws HTTP/1.0\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 400,
    "a line without end": b"GET /" + b"a" * 40_000,
    "many headers": b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 500 + b"\r\n",
    "a body": b"POST /ws HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
    "chunks": b"POST /ws HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "bad origin": b"GET /ws HTTP/1.1\r\nHost: [\r\nOrigin: http://[\r\n" + UPGRADE.encode() + b"\r\n",
    "frame at once": SILENT_SOCKET + b"\x81\x82\0\0\0\0{}",
    "unmasked frame": SILENT_SOCKET + b"\x81\x02{}",
    "reserved bits": SILENT_SOCKET + b"\xf1\x80\0\0\0\0",
    "huge frame": SILENT_SOCKET + b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
    "bad text": SILENT_SOCKET + b"\x81\x82\0\0\0\0\xff\xfe",
    "bad close": SILENT_SOCKET + b"\x88\x81\0\0\0\0\x00",
    "ping of many": SILENT_SOCKET + b"\x89\x80\0\0\0\0" * 1_000,
    "unending message": SILENT_SOCKET + b"\x01\x81\0\0\0\0{" + b"\x00\x81\0\0\0\0{" * 20_000,
}


@pytest.mark.parametrize("data", STRANGE.values(), ids=STRANGE)
def test_strange_bytes_harm_nobody_and_leave_no_traceback(
    bridge: BridgeUnderTest, server: ScriptedServer, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    with caplog.at_level(logging.INFO):
        said_to(bridge, data)
        let_in(bridge, server)
    quiet(caplog)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (STRANGE["path with a bracket"], b" 404 "),
        (b"GET http://notify.example/healthz?x HTTP/1.1\r\nHost: x\r\n\r\n", b" 503 "),
        (b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b" 503 "),
        (b"GET /healthz HTTP/1.0\r\n\r\n", b" 503 "),
        (STRANGE["HTTP/1.0"], b" 505 "),
        (b"GET http://notify.example/ws HTTP/1.1\r\nHost: x\r\n" + UPGRADE.encode() + b"\r\n", b" 101 "),
    ],
)
def test_what_can_be_answered_is_answered(bridge: BridgeUnderTest, data: bytes, status: bytes) -> None:
    with connected(bridge, data) as line:
        assert status in line.recv(4096).partition(b"\r\n")[0]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from([b"", b"GET ", b"GET /ws HTTP/1.1\r\n", b"GET /ws HTTP/1.1\r\nOrigin: ", SILENT_SOCKET]),
    rest=st.binary(max_size=400),
)
def test_no_bytes_are_too_strange(
    bridge: BridgeUnderTest, caplog: pytest.LogCaptureFixture, start: bytes, rest: bytes
) -> None:
    with caplog.at_level(logging.INFO):
        said_to(bridge, start + rest)
        assert bridge.http("/nothing")[0] == 404
    quiet(caplog)
    caplog.clear()


def test_a_thousand_refusals_are_a_few_lines(bridge: BridgeUnderTest, caplog: pytest.LogCaptureFixture) -> None:
    evil = f"GET /ws HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example/{'x' * 900}\r\n{UPGRADE}\r\n".encode()
    # What bounds the log of a process.
    written = io.StringIO()
    bounded = BoundedHandler(written)
    logging.getLogger().addHandler(bounded)
    try:
        with caplog.at_level(logging.DEBUG, "websockets"), caplog.at_level(logging.INFO, "tocsin_server"):
            for _ in range(1_000):
                with connected(bridge, evil) as line:
                    line.recv(4096)
    finally:
        logging.getLogger().removeHandler(bounded)
        bounded.close()
    assert "more like this: refused a page's origin" in written.getvalue()
    assert len(written.getvalue()) < 4_000
