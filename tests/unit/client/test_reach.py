"""Why a server cannot be reached. (The causes that lie in certificates are tested where they become sentences, with the
commands' connection.)"""

from __future__ import annotations

import socket

import pytest
import trustme

from helpers.listeners import listener, web_server
from helpers.scripted_server import ScriptedServer
from tocsin_client import Tls, reach
from tocsin_client.reach import Cause, Unreachable, why_unreachable


def test_a_port_where_nothing_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        assert why_unreachable(address) == Unreachable(Cause.NO_CONNECTION, "Connection refused")


def test_a_name_that_does_not_exist() -> None:
    looked = why_unreachable("tocsin.invalid:50051")
    assert looked.cause is Cause.NO_CONNECTION
    assert looked.detail


@pytest.mark.parametrize("tls", [None, Tls()], ids=["in the clear", "with TLS"])
def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch, tls: Tls | None) -> None:
    monkeypatch.setattr(reach, "PATIENCE", 0.05)
    with listener(lambda _: None) as address:
        assert why_unreachable(address, tls) == Unreachable(Cause.NO_CONNECTION, "no answer")


def test_a_web_server() -> None:
    with web_server() as address:
        assert why_unreachable(address).cause is Cause.NOT_GRPC
        assert why_unreachable(address, Tls()).cause is Cause.SPEAKS_NO_TLS


def test_a_web_server_that_knows_only_its_own_protocol() -> None:
    with listener(lambda said: b"HTTP/1.1 404 Not Found\r\n\r\n" if said.startswith(b"HEAD") else b"") as address:
        assert why_unreachable(address).cause is Cause.NOT_GRPC


def test_a_server_that_closes_at_once() -> None:
    with listener(lambda _: b"") as address:
        assert why_unreachable(address).cause is Cause.UNCLEAR


def test_a_server_with_which_nothing_is_wrong() -> None:
    with ScriptedServer() as server:
        assert why_unreachable(server.address).cause is Cause.UNCLEAR
        assert why_unreachable(f"dns:///{server.address}").cause is Cause.UNCLEAR


@pytest.mark.parametrize("target", ["unix:/run/tocsin.sock", "ipv4:127.0.0.1:1,127.0.0.1:2", "localhost", "a:99999"])
def test_other_forms_of_targets_are_not_looked_into(target: str) -> None:
    assert why_unreachable(target) == Unreachable(Cause.UNCLEAR)


def test_roots_that_are_no_certificates_are_no_obstacle_to_looking() -> None:
    with ScriptedServer() as server:
        roots = trustme.CA().cert_pem.bytes()
        assert why_unreachable(server.address, Tls(roots)).cause is Cause.SPEAKS_NO_TLS
