"""Where a browser comes from, as far as a trusted proxy says so."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from tocsin_server.bridge.proxies import MOST_HOPS, Proxies

PROXIES = Proxies([ip_network("127.0.0.0/8"), ip_network("10.1.0.0/16"), ip_network("::1")])

FOR = "X-Forwarded-For"


@pytest.mark.parametrize(
    ("peer", "origin"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("127.0.0.1", None),
        ("::ffff:127.0.0.1", None),
        ("::1", None),
        ("10.1.2.3", None),
        ("10.2.2.3", "10.2.2.3"),
        ("", None),
    ],
)
def test_a_connection_counts_as_its_address_unless_a_proxy_makes_it(peer: str, origin: str | None) -> None:
    assert PROXIES.origin_of(peer) == origin


@pytest.mark.parametrize(
    ("peer", "headers", "origin"),
    [
        ("127.0.0.1", [(FOR, "192.0.2.7")], "192.0.2.7"),
        ("127.0.0.1", [(FOR, "198.51.100.1, 192.0.2.7")], "192.0.2.7"),  # the first is what the browser claims
        ("127.0.0.1", [(FOR, "198.51.100.1,192.0.2.7 , 10.1.0.9")], "192.0.2.7"),
        ("127.0.0.1", [(FOR, "198.51.100.1"), (FOR, "192.0.2.7")], "192.0.2.7"),
        ("127.0.0.1", [(FOR, "10.1.0.7, 10.1.0.9")], "10.1.0.7"),
        ("127.0.0.1", [(FOR, "192.0.2.7:50000")], "192.0.2.7"),
        ("127.0.0.1", [(FOR, "[2001:db8::7]:50000")], "2001:db8::/64"),
        ("127.0.0.1", [(FOR, "2001:db8::7")], "2001:db8::/64"),
        ("127.0.0.1", [(FOR, "192.0.2.7, unknown")], None),
        ("127.0.0.1", [(FOR, "")], None),
        ("127.0.0.1", [], None),
        ("127.0.0.1", [("Forwarded", "for=192.0.2.7")], "192.0.2.7"),
        ("127.0.0.1", [("Forwarded", 'For="[2001:db8::7]:4711";proto=https, for=10.1.0.9')], "2001:db8::/64"),
        ("127.0.0.1", [("Forwarded", "for=198.51.100.1, proto=https;for=192.0.2.7;by=10.1.0.9")], "192.0.2.7"),
        ("127.0.0.1", [("Forwarded", "for=_hidden")], None),
        ("127.0.0.1", [("Forwarded", "proto=https")], None),
        ("127.0.0.1", [("Forwarded", "for=198.51.100.1"), (FOR, "192.0.2.7")], "192.0.2.7"),
        # Whoever is no proxy is not believed.
        ("198.51.100.9", [(FOR, "192.0.2.7")], "198.51.100.9"),
    ],
)
def test_a_proxy_says_for_whom_it_speaks(peer: str, headers: list[tuple[str, str]], origin: str | None) -> None:
    assert PROXIES.origin_behind(peer, Headers(headers)) == origin


def test_only_so_many_proxies_are_looked_at() -> None:
    chain = ", ".join(["192.0.2.7", *["10.1.0.9"] * MOST_HOPS])
    assert PROXIES.origin_behind("127.0.0.1", Headers([(FOR, chain)])) == "10.1.0.9"


def test_without_trusted_proxies_everybody_counts_as_their_own_address() -> None:
    nobody = Proxies([])
    assert nobody.origin_of("127.0.0.1") == "127.0.0.1"
    assert nobody.origin_behind("127.0.0.1", Headers([(FOR, "192.0.2.7")])) == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "headers", "host"),
    [
        ("127.0.0.1", [("Host", "bridge:8080"), ("X-Forwarded-Host", "notify.example")], "notify.example"),
        ("127.0.0.1", [("Host", "notify.example")], "notify.example"),
        ("198.51.100.9", [("Host", "notify.example"), ("X-Forwarded-Host", "other.example")], "notify.example"),
        ("127.0.0.1", [("Host", "a.example"), ("Host", "b.example")], None),
        ("127.0.0.1", [], None),
    ],
)
def test_the_host_that_was_asked_for(peer: str, headers: list[tuple[str, str]], host: str | None) -> None:
    assert PROXIES.host_of(peer, Headers(headers)) == host


@given(
    st.sampled_from([FOR, "Forwarded"]),
    st.text(st.sampled_from([chr(9), *map(chr, range(32, 127)), *map(chr, range(128, 256))]), max_size=200)
    | st.text(alphabet='for=;,"[]:1\\ .', max_size=60),
)
def test_no_header_is_too_strange(name: str, value: str) -> None:
    origin = PROXIES.origin_behind("127.0.0.1", Headers([(name, value)]))
    assert origin is None or origin
