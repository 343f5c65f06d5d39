"""Whose pages may connect to the bridge, and how origins are set."""

from __future__ import annotations

import pytest

from tocsin_server.bridge.origins import is_allowed
from tocsin_server.config.network import is_loopback, parse_origin
from tocsin_server.config.sources import load

SHOP = ("https://shop.example", "http://localhost:3000")


@pytest.mark.parametrize(
    ("origin", "host", "listed", "allowed"),
    [
        # A list allows exactly what it names.
        ("https://shop.example", "notify.example", SHOP, True),
        ("https://shop.example:443", "notify.example", SHOP, True),
        ("HTTPS://SHOP.example", "notify.example", SHOP, True),
        ("http://localhost:3000", "notify.example", SHOP, True),
        ("http://shop.example", "notify.example", SHOP, False),
        ("https://shop.example:8443", "notify.example", SHOP, False),
        ("https://shop.example.evil.example", "notify.example", SHOP, False),
        ("https://evil.example", "notify.example", SHOP, False),
        ("http://127.0.0.1:3000", "127.0.0.1:8080", SHOP, False),
        # The bridge's own pages are, whether there is a list or not.
        ("http://127.0.0.1:8080", "127.0.0.1:8080", SHOP, True),
        ("http://localhost:8080", "localhost:8080", SHOP, True),
        ("http://192.0.2.7:8080", "192.0.2.7:8080", SHOP, True),
        ("https://notify.example", "notify.example", SHOP, True),
        ("https://notify.example", "notify.example:443", SHOP, True),
        ("https://Notify.example:8443", "notify.EXAMPLE:8443", SHOP, True),
        ("https://notify.example", "notify.example", (), True),
        ("https://notify.example", "other.example", SHOP, False),
        ("https://notify.example:8443", "notify.example", SHOP, False),
        ("https://notify.example", None, SHOP, False),
        ("https://notify.example", "notify.example/ws", SHOP, False),
        ("https://notify.example", "u@notify.example", SHOP, False),
        # But a name without a certificate can be pointed here by anybody.
        ("http://notify.example", "notify.example", SHOP, False),
        ("http://rebound.evil.example:8080", "rebound.evil.example:8080", SHOP, False),
        # Apps that show pages of their own, and pages without an origin, have to be listed.
        ("capacitor://localhost", "notify.example", ("capacitor://localhost",), True),
        ("ionic://localhost", "notify.example", ("ionic://localhost",), True),
        ("chrome-extension://abcdefgh", "notify.example", ("chrome-extension://abcdefgh",), True),
        ("capacitor://localhost", "localhost", (), False),
        ("capacitor://localhost", "localhost", SHOP, False),
        ("capacitor://localhost", "notify.example", ("ionic://localhost",), False),
        ("null", "notify.example", ("null",), True),
        ("null", "null", (), False),
        ("file://", "notify.example", ("file://",), True),
        ("file://", "notify.example", SHOP, False),
        # Without a list, this machine's pages, from whatever port.
        ("http://localhost:3000", "127.0.0.1:8080", (), True),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", (), True),
        ("http://127.8.9.10", "localhost:8080", (), True),
        ("http://[::1]:8080", "[::1]:8080", (), True),
        ("https://localhost", "localhost", (), True),
        ("http://localhost.evil.example", "127.0.0.1:8080", (), False),
        ("http://127.0.0.1.evil.example", "127.0.0.1:8080", (), False),
        # And those of the very address that the socket is opened to; but a name can be made to point anywhere.
        ("http://192.0.2.7:8080", "192.0.2.7:8080", (), True),
        ("http://192.0.2.7", "192.0.2.7:80", (), True),
        ("http://[2001:db8::7]:8080", "[2001:db8::7]:8080", (), True),
        ("http://192.0.2.7:9090", "192.0.2.7:8080", (), False),
        ("http://192.0.2.8:8080", "192.0.2.7:8080", (), False),
        ("http://192.0.2.7:8080", None, (), False),
        ("http://192.0.2.7:8080", "192.0.2.7:eighty", (), False),
        ("http://rebound.evil.example:8080", "rebound.evil.example:8080", (), False),
        # What is no origin.
        ("null", "127.0.0.1:8080", (), False),
        ("null", "127.0.0.1:8080", SHOP, False),
        ("", "127.0.0.1:8080", (), False),
        ("localhost", "localhost", (), False),
        ("file://", "localhost", (), False),
        ("http://localhost:99999", "localhost", (), False),
        ("http://user@localhost", "localhost", (), False),
        ("http://localhost/page", "localhost", (), False),
        # No browser.
        (None, "127.0.0.1:8080", (), True),
        (None, None, SHOP, True),
    ],
)
def test_an_origin_is_allowed_or_not(
    origin: str | None, host: str | None, listed: tuple[str, ...], allowed: bool
) -> None:
    assert is_allowed(origin, host, listed) is allowed


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        (" https://Shop.Example/ ", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://shop.example:443", "http://shop.example:443"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("Capacitor://LocalHost", "capacitor://localhost"),
        ("ionic://localhost", "ionic://localhost"),
        ("tauri://localhost:1", "tauri://localhost:1"),
        ("app://.", "app://."),
        ("moz-extension://0a-1b", "moz-extension://0a-1b"),
        ("file://", "file://"),
        ("null", "null"),
    ],
)
def test_an_origin_is_brought_into_the_form_that_browsers_send(text: str, origin: str) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "NULL",
        "nul",
        "://x",
        "1x://host",
        "file:///page.html",
        "wss://shop.example",
        "shop.example",
        "https://",
        "https://*.shop.example",
        "https://shop.example/inbox",
        "https://shop.example?x",
        "https://shop.example#x",
        "https://u:p@shop.example",
        "https://[::1",
        "http://a:b",
        "ws://shop.example",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        parse_origin(text)


def test_origins_are_set_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_BRIDGE_ORIGINS", "https://Shop.example/, http://localhost:3000,")
    assert load().bridge_origins == SHOP


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_these_hosts_are_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.0.2.7", "::", "10.0.0.1", "localhost.example", "127.0.0.1.example", "127.1", ""])
def test_these_hosts_are_not(host: str) -> None:
    assert not is_loopback(host)
