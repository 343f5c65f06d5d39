"""Places on the network: what is read from their texts, and what is said of those that are none."""

from __future__ import annotations

import pytest

from tocsin_server.config.network import (
    ListenAddress,
    is_loopback,
    parse_http_proxy,
    parse_listen,
    parse_smtp_url,
    require_database,
    require_ehlo_name,
    require_http,
)

SECRET = "hunter2-s3cret-of-more-than-32-bytes-in-all"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[::1", "; an IPv6 address stands in brackets, as in [::1]:50051"),
        ("::1:50051", "; an IPv6 address stands in brackets, as in [::1]:50051"),
        ("::1]:50051", "; an IPv6 address stands in brackets, as in [::1]:50051"),
        ("[::1]", "; an IPv6 address stands in brackets, as in [::1]:50051"),
        ("[localhost]:50051", ""),
        ("[127.0.0.1]:50051", ""),
        ("http://127.0.0.1:50051", "; leave out what stands before the host"),
        ("127.0.0.1:50051/", ""),
        ("127.0.0.1: 50051", ""),
        ("two words:1", ""),
        ("localhost:\N{ARABIC-INDIC DIGIT ONE}", ""),
        ("localhost:000000000000000001", ""),
    ],
)
def test_an_address_to_listen_on_that_is_almost_right_is_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=" is not host:port") as refused:
        parse_listen(text)
    assert str(refused.value) == f"{text!r} is not host:port{hint}"


def test_an_address_to_listen_on_may_name_an_interface() -> None:
    assert parse_listen("[fe80::1%eth0]:1") == ListenAddress("fe80::1%eth0", 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)
    assert not is_loopback(f"{host}.example")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (":memory:", "a database in memory is gone with the process; name a file, as in sqlite:///tocsin.db"),
        (":memory:?cache=shared", "a database in memory is gone with the process"),
        ("file:tocsin.db", "a SQLite file is named by its path alone, without file: and [?]"),
        ("tocsin.db?mode=ro", "a SQLite file is named by its path alone, without file: and [?]"),
        ("folder/", "names no file; must look like sqlite:///tocsin.db"),
        ("", "must look like sqlite:///tocsin.db"),
    ],
)
def test_what_sqlite_would_not_keep_in_a_file_of_that_name_is_refused(path: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        require_database(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["http://", "https:///path", "http://[::1", "http://host:port", "host", "ftp://host"])
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must start with http:// or https:// and a host$"):
        require_http(url)


@pytest.mark.parametrize(
    ("url", "name", "username", "password"),
    [
        ("smtp://relay.example", "smtp://relay.example:587", None, None),
        ("smtps://relay.example/", "smtps://relay.example:465", None, None),
        ("smtp://relay.example:25", "smtp://relay.example:25", None, None),
        ("smtp://ann:p%40ss%2Fword@relay.example:2525", "smtp://relay.example:2525", "ann", "p@ss/word"),
        ("smtps://ann%40example.org:x@relay.example", "smtps://relay.example:465", "ann@example.org", "x"),
    ],
)
def test_a_relay_is_read_from_its_url(url: str, name: str, username: str | None, password: str | None) -> None:
    relay = parse_smtp_url(url)
    assert (relay.name, relay.username) == (name, username)
    assert (relay.password.get_secret_value() if relay.password else None) == password
    assert relay.implicit_tls == url.startswith("smtps:")


@pytest.mark.parametrize(
    "url",
    [
        f"http://ann:{SECRET}@relay.example",
        f"smtp://ann:{SECRET}@",
        f"smtp://ann:{SECRET}@relay.example:port",
        f"smtp://ann:{SECRET}@relay.example:99999",
        f"smtp://ann:{SECRET}@relay.example/path",
        f"smtp://ann:{SECRET}@relay.example?x=1",
        f"smtp://ann:{SECRET}@[::1",
        f"ann:{SECRET}@relay.example",
        "",
    ],
)
def test_a_wrong_relay_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="must look like smtp://") as refused:
        parse_smtp_url(url)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("query", "pipelining"),
    [("", True), ("?pipelining=on", True), ("?pipelining=off", False), ("/?pipelining=off", False)],
)
def test_pipelining_can_be_switched_off_for_a_relay(query: str, pipelining: bool) -> None:
    relay = parse_smtp_url(f"smtp://ann:{SECRET}@relay.example:25{query}")
    assert (relay.pipelining, relay.name) == (pipelining, "smtp://relay.example:25")


@pytest.mark.parametrize("query", ["?pipelining=no", "?pipelining", "?x=1", "?pipelining=off&x=1", "#x"])
def test_no_other_option_of_a_relay_is_taken(query: str) -> None:
    with pytest.raises(ValueError, match="must look like smtp://"):
        parse_smtp_url(f"smtp://relay.example{query}")


@pytest.mark.parametrize(
    ("url", "proxy", "username", "password"),
    [
        ("http://proxy.internal:3128", "http://proxy.internal:3128", None, None),
        ("http://proxy.internal/", "http://proxy.internal:80", None, None),
        ("http://[::1]:3128", "http://[::1]:3128", None, None),
        ("http://ann:p%40ss@proxy.internal:3128", "http://proxy.internal:3128", "ann", "p@ss"),
    ],
)
def test_a_proxy_is_read_from_its_url(url: str, proxy: str, username: str | None, password: str | None) -> None:
    found = parse_http_proxy(url)
    assert (found.url, found.username) == (proxy, username)
    assert (found.password.get_secret_value() if found.password else None) == password
    assert password is None or password not in repr(found)


@pytest.mark.parametrize(
    "url",
    [f"https://ann:{SECRET}@proxy", f"socks5://ann:{SECRET}@proxy", f"http://ann:{SECRET}@", f"http://ann:{SECRET}@proxy/x",
     f"http://ann:{SECRET}@proxy:port", f"http://ann:{SECRET}@proxy?x", "proxy:3128", ""],
)  # fmt: skip
def test_a_wrong_proxy_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must look like http://") as refused:
        parse_http_proxy(url)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("name", ["mail.shop.example", "tocsin", "[192.0.2.1]", "[IPv6:2001:db8::1]"])
def test_a_name_for_ehlo_is_a_domain_or_an_address(name: str) -> None:
    assert require_ehlo_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a\r\nMAIL FROM:<x@y>", "-a", "192.0.2.1]", "[]", "b\xfccher", "a" * 300])
def test_anything_else_is_no_name_for_ehlo(name: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a domain"):
        require_ehlo_name(name)
