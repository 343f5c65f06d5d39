"""nginx with the recommended configuration before a real server: what it lets through, and what it keeps out."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.http2_frames import Wire, header_block
from helpers.process import PATIENCE, serving
from helpers.scripted_server import USER_ID, ScriptedServer, notification
from helpers.waiting import eventually
from tocsin_client import Client, NotificationEvent, Tls

CONFIGURATION = Path(__file__).parents[2] / "server" / "deploy" / "nginx.conf"

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextlib.contextmanager
def nginx(folder: Path, server: str) -> Iterator[tuple[str, str, Tls]]:
    """Run nginx before a server; yields its address with TLS, another one without, and how to trust it."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(folder / "server.key")
    issued.cert_chain_pems[0].write_to_path(folder / "server.pem")
    protected, plain = free_port(), free_port()
    # Without its second half, which is a bridge's.
    recommended = CONFIGURATION.read_text().partition("# quote: bridge")[0]
    for found, ours in {
        "listen 443 ssl http2;": f"listen 127.0.0.1:{protected} ssl http2; listen 127.0.0.1:{plain} http2;",
        "server 127.0.0.1:50051;": f"server {server};",
        "/etc/tocsin/": f"{folder}/",
    }.items():
        assert found in recommended
        recommended = recommended.replace(found, ours)
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{'user root;' if os.geteuid() == 0 else ''}\ndaemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\n"
        f"error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}\n{recommended}\n}}\n"
    )
    process = subprocess.Popen(["nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"])
    try:
        eventually(lambda: is_listening(plain) or process.poll() is not None)
        assert process.poll() is None, (folder / "error.log").read_text()
        yield f"localhost:{protected}", f"127.0.0.1:{plain}", Tls(authority.cert_pem.bytes())
    finally:
        process.terminate()
        process.wait(PATIENCE)


def is_listening(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def test_calls_and_streams_go_through(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "--dev") as server,
        nginx(tmp_path, server.address) as (address, _, tls),
        Client(address, tls=tls) as client,
        client.subscribe(("user", USER_ID)) as events,
    ):
        sent = client.send(("user", USER_ID), "T", "M", channels=["websocket"]).notification
        arrived = next(event for event in events if isinstance(event, NotificationEvent))
        assert arrived.notification.id == sent.id
        assert client.get(sent.id).title == "T"


@pytest.mark.parametrize(
    "path",
    [
        b"/\xfd",
        b"/tocsin.v1.NotificationService/\xfd",
        b"/tocsin.v1.NotificationService/Get\xfd",
        b"/tocsin.v1.NotificationService/Get%FD",
        b"/tocsin.v1.NotificationService/Get/../\xfd",
        b"/tocsin.v1.NotificationService/Get?\xfd",
        b"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_a_path_that_ends_the_librarys_own_server_does_not_get_through(tmp_path: Path, path: bytes) -> None:
    # A server of the library alone: ours would not fall.
    with ScriptedServer() as bare, nginx(tmp_path, bare.address) as (address, plain, tls):
        bare.script("Get", *[service_pb.GetResponse(notification=notification())] * 2)
        with Wire(plain) as wire:
            answer = wire.answer(wire.request(header_block(path, plain), b"\0\0\0\0\0"))
            assert answer.headers.get(":status") in {"404", "400"} or answer.hung_up or answer.reset is not None
        with Client(address, tls=tls) as client:
            assert client.get("x").id
        assert len(bare.calls("Get")) == 1, "nothing of it has arrived"
