"""Certificates, tokens and keys are replaced on the real process while it is called, and no call fails of it."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import grpc
import jwt
import pytest
import trustme
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb
from tocsin.v1.notification_service_pb2_grpc import NotificationServiceStub

from helpers.access import bearer, channel_credentials, entry, replace, write_certificate
from helpers.browser_socket import bridge_process, token_for
from helpers.calls import DEADLINE, WEBSOCKET, Api, read_refusal, request, user
from helpers.postgresql import temporary_database
from helpers.process import ServerProcess, serving
from helpers.waiting import eventually

STAYS = entry("stays", "send", "stays-token")
OLD = entry("old", "send", "old-token")
NEW = entry("new", "send", "new-token")
SECRETS = ("the first secret of at least thirty-two bytes", "the second secret of at least thirty-two bytes")


class Files:
    """All that a server reads of who may call, in a folder: TLS with clients' certificates, tokens, a key."""

    def __init__(self, folder: Path) -> None:
        self.cert, self.key, self.clients = (folder / name for name in ("cert.pem", "key.pem", "clients.pem"))
        self.tokens, self.secret = folder / "tokens", folder / "secret"
        self.settings = {
            "TOCSIN_TLS_CERT": str(self.cert),
            "TOCSIN_TLS_KEY": str(self.key),
            "TOCSIN_TLS_CLIENT_CA": str(self.clients),
            "TOCSIN_AUTH_TOKENS_FILE": str(self.tokens),
            "TOCSIN_JWT_SECRET_FILE": str(self.secret),
        }
        self.authorities = (trustme.CA(), trustme.CA())
        self.of_clients = trustme.CA()
        self.write(0)

    def write(self, number: int) -> None:
        """Write the first ones, or those that follow."""
        write_certificate(self.authorities[number], self.cert, self.key)
        replace(self.clients, self.of_clients.cert_pem.bytes())
        replace(self.tokens, f"{STAYS}\n{(OLD, NEW)[number]}\n")
        replace(self.secret, SECRETS[number])

    def credentials(self, *numbers: int) -> grpc.ChannelCredentials:
        """Return those of a client that trusts one authority, the other, or both."""
        return channel_credentials(*(self.authorities[number] for number in numbers), client=self.of_clients)


@contextmanager
def stub(server: ServerProcess, credentials: grpc.ChannelCredentials) -> Iterator[NotificationServiceStub]:
    """Return a stub on a connection of its own."""
    target = server.address.replace("127.0.0.1", "localhost")
    with grpc.secure_channel(target, credentials, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield NotificationServiceStub(channel)


def sent(server: ServerProcess, credentials: grpc.ChannelCredentials, token: str) -> grpc.StatusCode:
    """Send over a new connection, and return how that ended."""
    with stub(server, credentials) as api:
        try:
            api.Send(request(user(), WEBSOCKET), metadata=bearer(token), timeout=DEADLINE)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


def counted(server: ServerProcess, credentials: grpc.ChannelCredentials, secret: str) -> grpc.StatusCode:
    """Count with a recipient's token, and return how that ended."""
    me = user()
    with stub(server, credentials) as api:
        try:
            token = jwt.encode({"sub": f"user:{me.id}", "exp": time.time() + 600}, secret, "HS256")
            api.CountUnread(service_pb.CountUnreadRequest(recipient=me), metadata=bearer(token), timeout=DEADLINE)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


class Load:
    """Sends without end, on a connection that stays and on new ones, and keeps what failed."""

    def __init__(self, server: ServerProcess, credentials: grpc.ChannelCredentials) -> None:
        self.calls = 0
        self.failed: list[str] = []
        self._server, self._credentials = server, credentials
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._on_one, self._on_new_ones)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def go_on(self) -> None:
        """Wait until more was sent on connections of either kind."""
        before = self.calls
        eventually(lambda: self.calls >= before + 20)

    def _send(self, api: NotificationServiceStub) -> None:
        try:
            api.Send(request(user(), WEBSOCKET), metadata=bearer("stays-token"), timeout=DEADLINE)
        except grpc.RpcError as error:
            self.failed.append(f"{error.code()} {error.details()}")
        self.calls += 1

    def _on_one(self) -> None:
        with stub(self._server, self._credentials) as api:
            while not self._over.is_set():
                self._send(api)

    def _on_new_ones(self) -> None:
        while not self._over.is_set():
            with stub(self._server, self._credentials) as api:
                self._send(api)


def by_signal(server: ServerProcess) -> None:
    server.signal(signal.SIGHUP)


def by_itself(_server: ServerProcess) -> None:
    """Do nothing: the server looks at its files."""


@pytest.mark.parametrize("tell", [by_signal, by_itself])
def test_all_of_it_is_replaced_under_load_and_no_call_fails(
    tmp_path: Path, tell: Callable[[ServerProcess], None]
) -> None:
    files = Files(tmp_path)
    with serving(tmp_path, "--dev", **files.settings) as server, Load(server, files.credentials(0, 1)) as load:
        load.go_on()
        assert [sent(server, files.credentials(0), token) for token in ("old-token", "new-token")] == [
            grpc.StatusCode.OK,
            grpc.StatusCode.UNAUTHENTICATED,
        ]
        files.write(1)
        tell(server)
        eventually(lambda: all(f"event={what}_reloaded" in server.errors for what in ("access", "certificates")))
        assert [sent(server, files.credentials(1), token) for token in ("old-token", "new-token")] == [
            grpc.StatusCode.UNAUTHENTICATED,
            grpc.StatusCode.OK,
        ]
        assert sent(server, files.credentials(0), "new-token") is grpc.StatusCode.UNAVAILABLE
        assert [counted(server, files.credentials(1), secret) for secret in SECRETS] == [
            grpc.StatusCode.UNAUTHENTICATED,
            grpc.StatusCode.OK,
        ]
        load.go_on()
    assert load.failed == []


def refusals(server: ServerProcess) -> list[str]:
    return [line for line in server.errors.splitlines() if "_refused" in line and "caller_refused" not in line]


def test_what_is_wrong_leaves_what_was_in_force_and_is_told_once_with_its_file(tmp_path: Path) -> None:
    files = Files(tmp_path)
    with serving(tmp_path, "--dev", **files.settings) as server:
        replace(files.key, "no key")
        eventually(lambda: len(refusals(server)) == 1)
        assert "certificates_refused" in refusals(server)[0]
        assert f"TOCSIN_TLS_KEY: {files.key} holds no private key in PEM" in refusals(server)[0]
        replace(files.tokens, "shop:send")
        eventually(lambda: len(refusals(server)) == 2)
        assert "TOCSIN_AUTH_TOKENS: each entry must be" in refusals(server)[1]
        assert str(files.tokens) in refusals(server)[1]
        assert sent(server, files.credentials(0), "old-token") is grpc.StatusCode.OK
        # A deployment that forgot to fill the file in must not open the server to everybody.
        replace(files.tokens, "")
        eventually(lambda: len(refusals(server)) == 3)
        assert sent(server, files.credentials(0), "nobody's") is grpc.StatusCode.UNAUTHENTICATED
        files.write(1)
        eventually(lambda: all(f"event={what}_reloaded" in server.errors for what in ("access", "certificates")))
        assert sent(server, files.credentials(1), "new-token") is grpc.StatusCode.OK
        assert len(refusals(server)) == 3


def test_every_worker_reads_them_again(tmp_path: Path) -> None:
    files = Files(tmp_path)
    with temporary_database() as database:
        arguments = ("--dev", "--workers", "2", "--database", database)
        with serving(tmp_path, *arguments, **files.settings) as server:
            files.write(1)
            server.signal(signal.SIGHUP)
            for what in ("access", "certificates"):
                eventually(lambda what=what: server.errors.count(f"event={what}_reloaded") == 2)  # type: ignore[misc]
            assert {sent(server, files.credentials(1), "new-token") for _ in range(8)} == {grpc.StatusCode.OK}
            assert {sent(server, files.credentials(1), "old-token") for _ in range(8)} == {
                grpc.StatusCode.UNAUTHENTICATED
            }


def test_a_bridge_goes_on_and_reaches_the_server_with_its_new_certificate(tmp_path: Path) -> None:
    before, after = trustme.CA(), trustme.CA()
    cert, key, trusted, token, tokens = (tmp_path / name for name in ("cert", "key", "trusted", "token", "tokens"))
    write_certificate(before, cert, key)
    before.cert_pem.write_to_path(str(trusted))
    token.write_text("first-token")
    shop = entry("shop", "send", "shop-token")
    tokens.write_text(f"{shop}\n{entry('bridge', 'relay', 'first-token')}")
    settings = {
        "TOCSIN_TLS_CERT": str(cert),
        "TOCSIN_TLS_KEY": str(key),
        "TOCSIN_AUTH_TOKENS_FILE": str(tokens),
        "TOCSIN_JWT_SECRET": SECRETS[0],
    }
    of_bridge = {"TOCSIN_BRIDGE_SERVER_CA": str(trusted), "TOCSIN_BRIDGE_TOKEN_FILE": str(token)}
    ann, bob = user(), user()

    def send(server: ServerProcess, authority: trustme.CA, to: pb.Recipient) -> str:
        with stub(server, channel_credentials(authority)) as api:
            answer = api.Send(request(to, WEBSOCKET), metadata=bearer("shop-token"), timeout=DEADLINE)
            return str(answer.notification.id)

    with serving(tmp_path, **settings) as server:
        address = server.address
        target = address.replace("127.0.0.1", "localhost")
        with bridge_process(tmp_path, target, **of_bridge) as bridge, bridge.open() as anns:
            anns.subscribe(token=token_for(ann, SECRETS[0]))
            write_certificate(after, cert, key)
            replace(trusted, after.cert_pem.bytes())
            replace(token, "second-token")
            replace(tokens, f"{shop}\n{entry('bridge', 'relay', 'second-token')}")
            for process in (server, bridge):
                process.signal(signal.SIGHUP)
            eventually(lambda: "event=bridge_access_reloaded" in bridge.output)
            eventually(lambda: "event=certificates_reloaded" in server.errors)
            # What was open goes on over the old line, what is new comes over a new one.
            assert [send(server, after, ann)] == anns.ids(1)
            with bridge.open() as bobs:
                bobs.subscribe(token=token_for(bob, SECRETS[0]))
                assert [send(server, after, bob)] == bobs.ids(1)
                server.kill()
                with serving(tmp_path, "--listen", address, **settings) as again:
                    assert [send(again, after, ann)] == anns.ids(1)
                    assert [send(again, after, bob)] == bobs.ids(1)


def ending(stream: Any) -> tuple[grpc.StatusCode, str]:
    """Read a stream to its end, and return how it ended."""
    try:
        for _ in stream:
            pass
    except grpc.RpcError as error:
        refusal = read_refusal(error)
        return refusal.code, refusal.reason
    return grpc.StatusCode.OK, ""


def test_streams_of_who_is_not_let_in_any_more_end_at_once_as_a_new_call_would(tmp_path: Path) -> None:
    tokens, secret = tmp_path / "tokens", tmp_path / "secret"
    stays, narrowed = entry("stays", "send+read", "stays"), entry("less", "read", "less")
    replace(tokens, "\n".join([stays, narrowed, entry("gone", "read", "gone")]))
    replace(secret, SECRETS[0])
    settings = {"TOCSIN_AUTH_TOKENS_FILE": str(tokens), "TOCSIN_JWT_SECRET_FILE": str(secret)}
    ann = user()
    wanted = service_pb.SubscribeRequest(recipient=ann)
    with serving(tmp_path, **settings) as server, Api(server.address) as api:

        def opened(token: str) -> Any:
            stream = api.stub.Subscribe(wanted, metadata=bearer(token), timeout=DEADLINE)
            assert next(stream).HasField("subscribed")
            return stream

        def called(token: str) -> tuple[grpc.StatusCode, str]:
            return ending(api.stub.Subscribe(wanted, metadata=bearer(token), timeout=DEADLINE))

        with bridge_process(tmp_path, server.address) as bridge, bridge.open() as socket:
            anns = token_for(ann, SECRETS[0])
            socket.subscribe(token=anns)
            streams = {token: opened(token) for token in ("stays", "less", "gone", anns)}
            replace(tokens, f"{stays}\n{entry('less', 'send', 'less')}")
            server.signal(signal.SIGHUP)
            assert ending(streams["gone"]) == called("gone") == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
            denied = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
            assert ending(streams["less"]) == called("less") == denied
            sent = api.stub.Send(request(ann, WEBSOCKET), metadata=bearer("stays"), timeout=DEADLINE).notification.id
            assert socket.ids(1) == [sent]
            assert [next(streams[token]).notification.id for token in ("stays", anns)] == [sent, sent]
            # The key is replaced: what it has signed is good for nothing.
            replace(secret, SECRETS[1])
            server.signal(signal.SIGHUP)
            assert ending(streams[anns]) == called(anns) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
            assert socket.ending()[0] == 4401
            eventually(
                lambda: sum(map(int, re.findall(r"event=access_reloaded streams_ended=(\d+)", server.errors))) == 4
            )
            last = api.stub.Send(request(ann, WEBSOCKET), metadata=bearer("stays"), timeout=DEADLINE).notification.id
            assert next(streams["stays"]).notification.id == last


def test_the_bridge_beside_a_server_reads_again_with_it(tmp_path: Path) -> None:
    with serving(tmp_path, "--dev", "--bridge", TOCSIN_BRIDGE_LISTEN="127.0.0.1:0") as server:
        server.signal(signal.SIGHUP)
        eventually(lambda: "event=bridge_access_reloaded" in server.errors)
        with Api(server.address) as api:
            api.send(request())
        assert server.running
        server.terminate()
        assert server.wait() == 0
