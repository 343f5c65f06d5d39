"""The bus over NATS where it differs from others: subscriptions, servers that hang, credentials and TLS."""

from __future__ import annotations

import asyncio
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self
from urllib.parse import quote

import nats
import pytest
import trustme
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeout

from helpers.nats_server import NatsServer, shared_server_url
from helpers.replica import EPOCH, Replica, exchange, hint, replicas, user
from helpers.waiting import eventually
from tocsin_server.domain.model import Recipient
from tocsin_server.feed.bus import nats as bus_nats
from tocsin_server.feed.bus.nats import subject_of


@pytest.fixture
def pair() -> Iterator[list[Replica]]:
    with replicas(shared_server_url()) as pair:
        yield pair


def publish(url: str, subject: str, *payloads: bytes) -> None:
    """Publish as somebody else."""

    async def scenario() -> None:
        client = await nats.connect(url)
        for payload in payloads:
            await client.publish(subject, payload)
        await client.close()

    asyncio.run(scenario())


def is_subscribed_to(recipient: Recipient) -> bool:
    """Ask the server whether anybody would hear of a recipient."""

    async def scenario() -> bool:
        client = await nats.connect(shared_server_url())
        try:
            await client.request(subject_of(recipient), b"", timeout=0.02)
        except NoRespondersError:
            return False
        except NatsTimeout:
            return True
        finally:
            await client.close()
        raise AssertionError("nobody answers hints")

    return asyncio.run(scenario())


# -- subscriptions -------------------------------------------------------------------------------


def test_a_subscription_ends_some_time_after_the_last_stream_has_left(
    pair: list[Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_nats, "SWEEP_INTERVAL", 0.05)
    to, other = user(), user()
    with replicas(shared_server_url()) as (here, there):
        assert not is_subscribed_to(to)
        there.join(to, other)
        assert is_subscribed_to(to)
        there.leave(to)
        eventually(lambda: not is_subscribed_to(to))
        assert is_subscribed_to(other)
        there.join(to)
        assert is_subscribed_to(to)
        exchange(here, there, [to, other])


def test_who_returns_while_subscriptions_are_being_ended_is_subscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_nats, "SWEEP_INTERVAL", 0.001)
    monkeypatch.setattr(bus_nats, "ROUND_SIZE", 3)
    several = [user() for _ in range(20)]
    with replicas(shared_server_url()) as (here, there):

        async def come_and_go(turns: int) -> None:
            for to in several:
                there.bus.leave(to)
            for _ in range(turns):
                await asyncio.sleep(0)
            await asyncio.gather(*(there.bus.join(to) for to in several))

        there.join(*several)
        for sequence in range(1, 41):
            there.run(come_and_go(sequence))
            here.bus.publish([hint(to, sequence) for to in several])
            for to in several:
                there.wait_for(to, sequence)


def test_more_recipients_than_a_round_takes_are_all_subscribed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_nats, "ROUND_SIZE", 10)
    several = [user() for _ in range(35)]
    with NatsServer() as server, replicas(server.url) as (here, there):
        there.join(*several)
        exchange(here, there, several)
        server.stop()
        server.start()
        here.wait_for_reset(2)
        there.wait_for_reset(2)
        here.bus.publish([hint(to, 2) for to in several])
        for to in several:
            there.wait_for(to, 2)


def test_what_strangers_say_on_the_subject_is_passed_over(pair: list[Replica]) -> None:
    _, there = pair
    to = user()
    there.join(to)
    publish(shared_server_url(), subject_of(to), b"", b"hello", b"1 2 3", b"one two", b"%d 5" % EPOCH)
    there.wait_for(to, 5)
    assert there.hints == {to: [5]}
    assert there.resets == 1


# -- a server that hangs, or drops what it was told ----------------------------------------------


def test_a_server_that_hangs_counts_as_lost_and_holds_no_stream_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_nats, "ROUND_TIMEOUT", 0.2)
    monkeypatch.setattr(bus_nats, "CONNECT_TIMEOUT", 0.2)
    to = user()
    with NatsServer() as server, replicas(server.url) as (here, there):
        server.freeze()
        there.join(to)
        here.publish(to, 1)
        assert there.hints == {}
        server.thaw()
        there.wait_for_reset(2)
        exchange(here, there, [to])


async def test_a_line_that_ends_with_something_still_to_write_is_closed_as_a_whole() -> None:
    closed = asyncio.Event()

    async def note() -> None:
        closed.set()

    async def ignore(_: object) -> None:
        pass

    client = bus_nats._Connection()
    await client.connect(shared_server_url(), allow_reconnect=False, closed_cb=note, error_cb=ignore)
    await client.subscribe("somebody", cb=ignore)
    await client.flush()
    assert client._transport is not None
    client._transport._io_writer.transport.abort()  # type: ignore[attr-defined]  # as a reset by the server does
    await client.publish("somebody", b"pending")
    await client.close()
    assert closed.is_set()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_closing_does_not_wait_for_a_server_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_nats, "CLOSE_PATIENCE", 0.2)
    with NatsServer() as server, replicas(server.url, 1) as [replica]:
        server.freeze()
        replica.publish(user(), 1)
        replica.close()
        server.thaw()


class ScriptedNats(socketserver.ThreadingTCPServer):
    """Speaks as little of NATS's protocol as a client needs, and notes what it hears.

    Args:
        drops: Says of which line the connection, by its number, is cut instead of going on.
    """

    daemon_threads = True

    def __init__(self, drops: Callable[[int, str], bool] = lambda connection, line: False) -> None:
        self.heard: list[list[str]] = []
        """The lines of each connection."""
        self.drops = drops
        super().__init__(("127.0.0.1", 0), _ScriptedConnection)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return super().__enter__()

    def __exit__(self, *exc_info: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class _ScriptedConnection(socketserver.StreamRequestHandler):
    server: ScriptedNats

    def handle(self) -> None:
        number = len(self.server.heard)
        heard: list[str] = []
        self.server.heard.append(heard)
        self.wfile.write(b"INFO " + json.dumps({"server_id": "scripted", "max_payload": 1048576}).encode() + b"\r\n")
        for line in self.rfile:
            text = line.decode().rstrip()
            heard.append(text)
            if self.server.drops(number, text):
                return
            if text == "PING":
                self.wfile.write(b"PONG\r\n")


def test_joining_waits_until_the_server_has_seen_the_subscription() -> None:
    to = user()
    with ScriptedNats() as server, replicas(server.url, 1) as [replica]:
        replica.join(to)
        [heard] = server.heard
        subscribed = next(place for place, line in enumerate(heard) if line.startswith(f"SUB {subject_of(to)} "))
        assert "PING" in heard[subscribed:], "an answer to an earlier PING says nothing of it"


def test_hints_that_the_server_may_not_have_seen_are_published_again() -> None:
    to = user()

    def is_hint(line: str) -> bool:
        return line.startswith(f"PUB {subject_of(to)}")

    with (
        ScriptedNats(drops=lambda connection, line: connection == 0 and is_hint(line)) as server,
        replicas(server.url, 1) as [replica],
    ):
        replica.publish(to, 1)
        eventually(lambda: len(server.heard) == 2 and f"{EPOCH} 1" in server.heard[1])
        assert sum(map(is_hint, server.heard[1])) == 1


# -- credentials and TLS -------------------------------------------------------------------------


def test_a_password_may_have_any_characters(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "tocsin_server.feed.bus.connection")
    password = "p@ss:w/o,r%d"
    with NatsServer("--user", "ann", "--pass", password) as server:
        good = server.url.replace("//", f"//ann:{quote(password, safe='')}@")
        with replicas(good) as (here, there):
            exchange(here, there)
        assert {record.event for record in caplog.records} == {"bus_connected"}  # type: ignore[attr-defined]


def test_refused_credentials_are_logged_without_the_password_until_they_are_good(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", "tocsin_server.feed.bus.connection")
    with NatsServer("--user", "ann", "--pass", "correct") as server:
        with Replica(server.url.replace("//", "//ann:open-sesame@")) as replica:
            eventually(lambda: "Authorization" in "".join(str(vars(record)) for record in caplog.records))
            replica.publish(user(), 1)
            assert replica.resets == 0
        assert not any("sesame" in str(vars(record)) for record in caplog.records)


def test_a_token_opens_a_server() -> None:
    with (
        NatsServer("--auth", "t0ken") as server,
        replicas(server.url.replace("//", "//t0ken@")) as (here, there),
    ):
        exchange(here, there)


def test_of_several_servers_one_that_answers_is_enough() -> None:
    with NatsServer() as away, NatsServer() as server:
        away.stop()
        with replicas(f"{away.url},{server.url}") as (here, there):
            exchange(here, there)


def test_a_server_with_tls_is_reached_and_its_certificate_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with NatsServer("--tls", "--tlscert", str(tmp_path / "cert.pem"), "--tlskey", str(tmp_path / "key.pem")) as server:
        url = server.url.replace("nats://", "tls://")
        with Replica(url) as stranger:
            eventually(lambda: "CERTIFICATE_VERIFY_FAILED" in "".join(str(vars(one)) for one in caplog.records))
            assert stranger.resets == 0
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        with replicas(url) as (here, there):
            exchange(here, there)
