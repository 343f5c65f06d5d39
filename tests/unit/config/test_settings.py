"""The settings: their forms and bounds, and what none of them shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tocsin_server.config.network import ListenAddress
from tocsin_server.config.settings import GROUPS, Settings, example
from tocsin_server.config.sources import load
from tocsin_server.domain.errors import ConfigurationError

SECRET = "hunter2-s3cret-of-more-than-32-bytes-in-all"
SECRETS = ("smtp_url", "twilio_auth_token", "telegram_bot_token", "jwt_secret", "database_url", "bus_url", "http_proxy")


# -- forms ---------------------------------------------------------------------------------------


def test_the_defaults_are_those_of_the_contract() -> None:
    found = load()
    assert str(found.listen) == "127.0.0.1:50051"
    assert found.database_url.get_secret_value() == "sqlite:///tocsin.db"
    assert found.bus == "memory://"
    assert (found.retry_base, found.retry_cap, found.max_attempts, found.lease) == (5.0, 3600.0, 12, 60.0)
    assert found.outbox == Path("outbox")
    assert found.shutdown_grace == 20.0
    assert found.smtp_relays == ()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5.0), ("5s", 5.0), ("250ms", 0.25), ("1.5m", 90.0), ("1h", 3600.0), ("2 d", 172_800.0), (" 7 ", 7.0)],
)
def test_a_duration_is_a_number_of_seconds_or_has_a_unit(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: float
) -> None:
    monkeypatch.setenv("TOCSIN_RETRY_CAP", text)
    assert load().retry_cap == seconds


@pytest.mark.parametrize("text", ["s", "5 parsecs", "-5", "-5s", "1h30m", "0", "0s", "1e3", "nan", "inf", "5,5"])
def test_anything_else_is_no_duration(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TOCSIN_RETRY_CAP", text)
    with pytest.raises(ConfigurationError, match=r"^TOCSIN_RETRY_CAP: "):
        load()


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:50051", "127.0.0.1", 50051),
        ("0.0.0.0:0", "0.0.0.0", 0),  # noqa: S104 - only read
        ("[::1]:65535", "::1", 65535),
        ("tocsin.internal:443", "tocsin.internal", 443),
    ],
)
def test_an_address_to_listen_on_is_host_and_port(
    monkeypatch: pytest.MonkeyPatch, text: str, host: str, port: int
) -> None:
    monkeypatch.setenv("TOCSIN_LISTEN", text)
    assert load().listen == ListenAddress(host, port)
    assert str(load().listen) == text


@pytest.mark.parametrize(
    "text", ["50051", ":50051", "localhost", "localhost:", "localhost:http", "localhost:65536", "[]:1"]
)
def test_anything_else_is_no_address_to_listen_on(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TOCSIN_LISTEN", text)
    with pytest.raises(ConfigurationError, match=r"^TOCSIN_LISTEN: .* is not host:port"):
        load()


def test_several_relays_are_in_order_of_preference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SMTP_URL", f"smtps://ann:{SECRET}@one.example , smtp://two.example:25,")
    assert [relay.name for relay in load().smtp_relays] == ["smtps://one.example:465", "smtp://two.example:25"]


# -- what is wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["a b", "of-a-file\nof-two-lines", "größe"])
def test_a_bridge_s_token_that_no_header_holds_is_refused(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("TOCSIN_BRIDGE_TOKEN", token)
    with pytest.raises(ConfigurationError, match=r"^TOCSIN_BRIDGE_TOKEN: has spaces, line breaks"):
        load()


@pytest.mark.parametrize("url", ["tocsin.db", "sqlite://tocsin.db", "sqlite:///"])
def test_a_database_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", url)
    with pytest.raises(ConfigurationError, match=r"^TOCSIN_DATABASE_URL: must look like sqlite:///tocsin.db"):
        load()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:secret@db.example:5432/tocsin",
        "postgres:///tocsin?host=/run/postgresql",
        "postgresql://one:5432,two:5433,[::1]:5434,[::1],three/tocsin?target_session_attrs=read-write",
    ],
)
def test_a_database_is_what_libpq_takes_for_one_on_several_hosts_too(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", url)
    settings = load()
    assert settings.database_url.get_secret_value() == url
    assert settings.bus == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgresql://db.example",
        "postgresql://db:port/tocsin",
        "postgresql://a:1,b:port/tocsin",
        "postgresql://[::1/tocsin",
        "mysql://db/x",
    ],
)
def test_a_database_of_another_kind_or_without_a_name_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", url)
    with pytest.raises(ConfigurationError, match=r"^TOCSIN_DATABASE_URL: must look like .* or postgresql://"):
        load()


@pytest.mark.parametrize(
    ("database", "bus", "expected"),
    [
        ("sqlite:///a.db", None, "memory://"),
        ("sqlite:///a.db", "memory://", "memory://"),
        ("postgresql://db/a", None, "postgresql://db/a"),
        ("postgresql:///a", "postgresql://", "postgresql:///a"),
        ("postgres://db/a", "postgresql://other/a", "postgresql://other/a"),
        ("postgresql://db/a", "nats://a:4222,tls://b:4222", "nats://a:4222,tls://b:4222"),
        ("postgresql://db/a", "memory://", "memory://"),
    ],
)
def test_the_bus_follows_the_database(database: str, bus: str | None, expected: str) -> None:
    assert load(database_url=database, bus_url=bus).bus == expected


@pytest.mark.parametrize("url", ["nats://", "nats://a:4222,", "redis://a", "nats://a:port"])
def test_a_bus_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TOCSIN_BUS_URL", url)
    with pytest.raises(ConfigurationError, match=r"^TOCSIN_BUS_URL: must look like nats://host:4222"):
        load()


def test_a_bus_beside_a_file_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^TOCSIN_BUS_URL: one process serves a SQLite file"):
        load(bus_url="nats://a:4222")


def test_relays_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SMTP_URL", "#smtp://relay.example")
    with pytest.raises(ConfigurationError, match=r"^TOCSIN_SMTP_URL: names no relay"):
        load()


def test_the_base_urls_lose_the_slash_at_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_TWILIO_API_URL", "https://twilio.example/api/")
    assert load().twilio_api_url == "https://twilio.example/api"


# -- secrets -------------------------------------------------------------------------------------


def test_no_secret_is_in_what_settings_show_of_themselves() -> None:
    urls = {
        "smtp_url": f"smtp://ann:{SECRET}@relay.example",
        "database_url": f"postgresql://ann:{SECRET}@db.example/tocsin",
        "bus_url": f"nats://ann:{SECRET}@bus.example:4222",
        "http_proxy": f"http://ann:{SECRET}@proxy.example:3128",
    }
    found = load(**{name: urls.get(name, SECRET) for name in SECRETS})
    [relay] = found.smtp_relays
    for shown in (repr(found), str(found), str(found.model_dump()), found.model_dump_json(), repr(relay)):
        assert SECRET not in shown
    assert all(SECRET in getattr(found, name).get_secret_value() for name in SECRETS)


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_in_the_validators_own_error_either(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({name: [SECRET]})
    assert SECRET not in str(refused.value)


def test_settings_do_not_change() -> None:
    found = load()
    with pytest.raises(ValidationError):
        found.lease = 1.0  # type: ignore[misc]  # read-only, which is the point


@settings(deadline=None)
@given(st.floats(0.001, 1e6).map(lambda seconds: round(seconds, 3)))
def test_a_duration_means_the_same_in_every_unit(seconds: float) -> None:
    for unit, factor in (("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)):
        assert Settings(retry_cap=f"{seconds:f}{unit}").retry_cap == pytest.approx(seconds * factor)


@pytest.mark.parametrize("text", ["a,b", "a, b", "a\nb", "# who may\n  a\n\n# and who else\nb,\n", ",a,,b,"])
def test_a_list_is_separated_by_commas_or_lines_and_may_have_comments(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("TOCSIN_AUTH_TOKENS", text)
    assert load().auth_tokens == ("a", "b")


@pytest.mark.parametrize("text", ["TOCSIN_AUTH_TOKENS=a,TOCSIN_AUTH_TOKENS=b", "TOCSIN_AUTH_TOKENS=a\nb\n"])
def test_entries_of_tokens_are_taken_as_they_are_printed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TOCSIN_AUTH_TOKENS", text)
    assert load().auth_tokens == ("a", "b")


@pytest.mark.parametrize("text", ["INFO", "Warning"])
def test_a_log_level_may_be_written_in_capitals(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TOCSIN_LOG_LEVEL", text)
    assert load().log_level == text.lower()


def test_every_setting_is_in_one_group_and_has_a_text() -> None:
    grouped = [name for group in GROUPS for name in group.model_fields]
    assert sorted(grouped) == sorted(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.examples or field.default not in (None, ()), f"{name}: nothing to give as an example of"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_example_of_a_setting_is_taken_for_one(name: str) -> None:
    others = {"database_url": "postgresql://db.example/tocsin"} if name == "bus_url" else {}
    assert getattr(Settings(**{name: example(name)}, **others), name) is not None
