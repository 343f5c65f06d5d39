"""What a server and a bridge say of themselves when they serve."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tocsin_server.application import Running
from tocsin_server.bridge.running import RunningBridge
from tocsin_server.cli import banner
from tocsin_server.config.network import ListenAddress
from tocsin_server.config.settings import Settings
from tocsin_server.domain.model import ChannelType

LISTEN = ListenAddress("127.0.0.1", 50051)
TLS = {"tls_cert": "server.pem", "tls_key": "server.key"}
ENTRY = "shop:send:" + "0" * 64


@pytest.mark.parametrize(
    ("settings", "access"),
    [
        ({}, "TLS off; authentication off: whoever reaches the port may do everything"),
        (TLS, "TLS on; authentication off: whoever reaches the port may do everything"),
        (
            {**TLS, "tls_client_ca": "ca.pem"},
            "TLS on, clients show a certificate; authentication off: whoever shows a certificate may do everything",
        ),
        ({"auth_tokens": ENTRY}, "TLS off; authentication on (1 token of a backend)"),
        (
            {**TLS, "auth_tokens": f"{ENTRY},{ENTRY}", "jwt_secret": "s" * 32},
            "TLS on; authentication on (2 tokens of backends, JWTs of recipients)",
        ),
        ({"jwt_public_key": "PEM"}, "TLS off; authentication on (JWTs of recipients)"),
    ],
)
def test_it_says_whether_tls_and_authentication_are_on(settings: dict[str, str], access: str) -> None:
    lines = banner.of_server(Running(LISTEN, ()), Settings(**settings), dev=False)
    assert f"  access    {access}" in lines


def test_a_server_says_what_is_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    running = Running(LISTEN, (ChannelType.EMAIL,), ListenAddress("::1", 8080), (7, 8))
    lines = banner.of_server(running, Settings(), dev=False)
    assert lines[0] == "Tocsin serves gRPC on 127.0.0.1:50051"
    assert f"  database  {tmp_path}/tocsin.db" in lines
    assert "  channels  websocket, email" in lines
    assert "  workers   2 (processes 7, 8)" in lines
    assert not [line for line in lines if "metrics" in line]
    assert "  bridge    ws://[::1]:8080/ws" in lines
    assert not [line for line in lines if "Try it" in line]


@pytest.mark.parametrize(
    ("workers", "others"),
    [((), ""), ((7, 8), " (and at the next port)"), ((7, 8, 9), " (and at the next 2 ports, one for each worker)")],
)
def test_it_says_where_the_metrics_are(workers: tuple[int, ...], others: str) -> None:
    running = Running(LISTEN, (), workers=workers, metrics=ListenAddress("127.0.0.1", 9464))
    lines = banner.of_server(running, Settings(), dev=False)
    assert f"  metrics   http://127.0.0.1:9464/metrics{others}" in lines


def test_development_mode_says_what_to_try_with_the_options_that_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / ".venv/bin/tocsin")])
    plain = "\n".join(banner.of_server(Running(LISTEN, ()), Settings(), dev=True))
    assert "  .venv/bin/tocsin watch --to user:" in plain
    assert f"outbox    {tmp_path}/outbox/" in plain
    assert "TOCSIN_TOKEN" not in plain
    running = Running(ListenAddress("127.0.0.1", 1), (), ListenAddress("127.0.0.1", 8080))
    guarded = "\n".join(banner.of_server(running, Settings(**TLS, jwt_secret="s" * 32), dev=True))
    assert "  http://127.0.0.1:8080/" in guarded
    assert "tocsin watch --server 127.0.0.1:1 --tls-ca server.pem --to user:" in guarded
    assert "Both need a token in TOCSIN_TOKEN; see .venv/bin/tocsin token --help" in guarded


def test_a_bridge_says_what_is_where() -> None:
    found = RunningBridge(ListenAddress("127.0.0.1", 8080), "tocsin.internal:50051")
    assert banner.of_bridge(found, Settings()) == [
        "Tocsin's bridge listens on http://127.0.0.1:8080",
        "  WebSocket  ws://127.0.0.1:8080/ws",
        "  server     tocsin.internal:50051 (TLS off)",
        "  origins    pages of this machine (TOCSIN_BRIDGE_ORIGINS allows others)",
    ]
    guarded = banner.of_bridge(found, Settings(bridge_server_ca="ca.pem", bridge_origins="https://shop.example"))
    assert guarded[2:] == ["  server     tocsin.internal:50051 (TLS on)", "  origins    https://shop.example"]
