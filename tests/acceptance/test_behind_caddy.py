"""Caddy with the recommended configuration before a real server and bridge: calls, streams and sockets go through."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from helpers.access import write_certificate
from helpers.browser_socket import BrowserSocket, bridge_process
from helpers.calls import Api, request, user
from helpers.postgresql import free_port
from helpers.process import PATIENCE, serving
from helpers.scripted_server import USER_ID
from helpers.waiting import eventually
from tocsin_client import Client, NotificationEvent, Tls

CONFIGURATION = Path(__file__).parents[2] / "server" / "deploy" / "Caddyfile"

pytestmark = pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not installed")


class Sites(NamedTuple):
    """Where Caddy serves a server and a bridge, and how to trust it."""

    server: str
    bridge: int
    tls: Tls


@contextlib.contextmanager
def caddy(folder: Path, server: str, bridge: str) -> Iterator[Sites]:
    """Run Caddy with the recommended configuration, but for its names, ports and certificates."""
    authority = trustme.CA()
    write_certificate(authority, folder / "cert.pem", folder / "key.pem")
    ports = free_port(), free_port()
    configuration = CONFIGURATION.read_text()
    for found, ours in {
        "tocsin.example {": f"https://localhost:{ports[0]} {{\n\ttls {folder}/cert.pem {folder}/key.pem",
        "notify.example {": f"http://localhost:{ports[1]} {{",
        "127.0.0.1:50051": server,
        "127.0.0.1:8080": bridge,
    }.items():
        assert found in configuration
        configuration = configuration.replace(found, ours)
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{configuration}")
    home = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    with (folder / "caddy.log").open("wb") as log:
        process = subprocess.Popen(
            ["caddy", "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"],
            env={"PATH": os.environ["PATH"], **home},
            stdout=log,
            stderr=log,
        )
    try:
        eventually(lambda: all(map(is_listening, ports)) or process.poll() is not None)
        assert process.poll() is None, (folder / "caddy.log").read_text()
        yield Sites(f"localhost:{ports[0]}", ports[1], Tls(authority.cert_pem.bytes()))
    finally:
        process.terminate()
        process.wait(PATIENCE)


def is_listening(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def test_calls_streams_and_sockets_go_through(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "--dev") as server,
        bridge_process(tmp_path, server.address) as bridge,
        caddy(tmp_path, server.address, str(bridge.listen)) as sites,
    ):
        with (
            Client(sites.server, tls=sites.tls) as client,
            client.subscribe(("user", USER_ID)) as events,
        ):
            sent = client.send(("user", USER_ID), "T", "M", channels=["websocket"]).notification
            arrived = next(event for event in events if isinstance(event, NotificationEvent))
            assert arrived.notification.id == sent.id
            assert client.get(sent.id).title == "T"
        who = user()
        with page(sites) as socket_of_page, Api(server.address) as api:
            socket_of_page.subscribe(who)
            assert [api.send(request(who)).id] == socket_of_page.ids(1)


def page(sites: Sites) -> BrowserSocket:
    """Open a WebSocket as a page of the proxy's own name does."""
    return BrowserSocket(f"ws://localhost:{sites.bridge}/ws", origin=f"http://localhost:{sites.bridge}")
