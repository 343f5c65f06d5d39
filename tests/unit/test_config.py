"""The settings: their forms, where they come from, and what is said of a wrong one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tocsin_server.config import ListenAddress, Settings, load, parse_smtp_url
from tocsin_server.errors import ConfigurationError

SECRET = "hunter2-s3cret-of-more-than-32-bytes-in-all"
SECRETS = ("smtp_url", "twilio_auth_token", "telegram_bot_token", "jwt_secret", "database_url", "bus_url")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the tests' settings apart from those of whoever runs them."""
    for name in list(os.environ):
        if name.startswith("TOCSIN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def toml(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the configuration file is."""
    path = tmp_path / "tocsin.toml"
    path.touch()
    monkeypatch.setenv("TOCSIN_CONFIG", str(path))
    return path


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


@pytest.mark.parametrize("text", ["", "s", "5 parsecs", "-5", "-5s", "1h30m", "0", "0s", "1e3", "nan", "inf", "5,5"])
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
    "text", ["", "50051", ":50051", "localhost", "localhost:", "localhost:http", "localhost:65536", "[]:1"]
)
def test_anything_else_is_no_address_to_listen_on(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TOCSIN_LISTEN", text)
    with pytest.raises(ConfigurationError, match=r"^TOCSIN_LISTEN: .* is not host:port"):
        load()


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


def test_several_relays_are_in_order_of_preference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SMTP_URL", f"smtps://ann:{SECRET}@one.example , smtp://two.example:25,")
    assert [relay.name for relay in load().smtp_relays] == ["smtps://one.example:465", "smtp://two.example:25"]


# -- sources -------------------------------------------------------------------------------------


def test_the_command_line_goes_before_the_environment_before_files_before_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, toml: Path
) -> None:
    names = ("email_from", "twilio_from", "twilio_account_sid", "log_level")
    toml.write_text("".join(f'{name} = "{"info" if name == "log_level" else "file"}"\n' for name in names))
    for name in names[:3]:
        (tmp_path / name).write_text("named file\n")
        monkeypatch.setenv(f"TOCSIN_{name.upper()}_FILE", str(tmp_path / name))
    for name in names[:2]:
        monkeypatch.setenv(f"TOCSIN_{name.upper()}", "environment")
    found = load(email_from="command line", twilio_from=None)
    assert [getattr(found, name) for name in names] == ["command line", "environment", "named file", "info"]
    assert found.max_attempts == 12


def test_the_configuration_file_has_the_settings_under_their_names(toml: Path) -> None:
    toml.write_text('listen = "[::1]:1"\nretry_base = "250ms"\nlease = 30\nmax_attempts = 3\noutbox = "elsewhere"\n')
    found = load()
    assert (found.listen, found.retry_base, found.lease) == (ListenAddress("::1", 1), 0.25, 30.0)
    assert (found.max_attempts, found.outbox) == (3, Path("elsewhere"))


def test_a_secret_comes_from_a_file_without_the_white_space_around_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(f"\n  {SECRET}\n\n")
    monkeypatch.setenv("TOCSIN_TELEGRAM_BOT_TOKEN_FILE", str(tmp_path / "token"))
    token = load().telegram_bot_token
    assert token is not None
    assert token.get_secret_value() == SECRET


@pytest.mark.parametrize("variable", ["TOCSIN_TELEGRAM_BOT_TOKEN_FILE", "TOCSIN_CONFIG"])
def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "binary"):
        monkeypatch.setenv(variable, str(path))
        with pytest.raises(ConfigurationError, match=f"^{variable}: cannot read {path}"):
            load()


@pytest.mark.parametrize("value", ["inf", "nan", "-1.0", "0", "[1]"])
def test_a_duration_in_the_file_is_a_finite_number_above_zero(toml: Path, value: str) -> None:
    toml.write_text(f"shutdown_grace = {value}\n")
    with pytest.raises(ConfigurationError, match=r"^TOCSIN_SHUTDOWN_GRACE: "):
        load()


def test_a_configuration_file_that_is_no_toml_is_named(toml: Path) -> None:
    toml.write_text(f"telegram_bot_token = {SECRET}")
    with pytest.raises(ConfigurationError, match=f"^TOCSIN_CONFIG: cannot read {toml}") as refused:
        load()
    assert SECRET not in str(refused.value)


def test_no_env_file_of_the_working_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TOCSIN_MAX_ATTEMPTS=99\n")
    assert load().max_attempts == 12


# -- what is wrong -------------------------------------------------------------------------------


def test_every_wrong_setting_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, toml: Path) -> None:
    wrong = {
        "TOCSIN_LISTEN": "nowhere",
        "TOCSIN_DATABASE_URL": "oracle://x",
        "TOCSIN_SMTP_URL": "http://x",
        "TOCSIN_TWILIO_API_URL": "ftp://x",
        "TOCSIN_TELEGRAM_API_URL": "localhost:8081",
        "TOCSIN_RETRY_BASE": "soon",
        "TOCSIN_MAX_ATTEMPTS": "0",
        "TOCSIN_LEASE": "10ms",
        "TOCSIN_LOG_LEVEL": "loud",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    toml.write_text("colour = 1\nsender_concurrency = 0\n")
    with pytest.raises(ConfigurationError) as refused:
        load(shutdown_grace=-1.0)
    [line] = str(refused.value).splitlines()
    problems = dict(problem.split(": ", 1) for problem in line.split("; "))
    assert set(problems) == {*wrong, "TOCSIN_COLOUR", "TOCSIN_SENDER_CONCURRENCY", "TOCSIN_SHUTDOWN_GRACE"}
    assert problems["TOCSIN_COLOUR"] == "there is no such setting"
    assert not [text for text in problems.values() if text.startswith("Value error")]


@pytest.mark.parametrize("name", ["TOCSIN_LISTENS", "TOCSIN_SMTP_URLS_FILE", "TOCSIN_FILE", "TOCSIN_"])
def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(ConfigurationError, match=f"^{name}: there is no such setting$"):
        load()


@pytest.mark.parametrize("name", ["TOCSIN_SERVER", "TOCSIN_TOKEN", "TOCSIN_TEST_DATABASE", "OTHER_LISTENS"])
def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    load()


@pytest.mark.parametrize("url", ["", "tocsin.db", "sqlite://tocsin.db", "sqlite:///"])
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


@pytest.mark.parametrize("url", ["", "nats://", "nats://a:4222,", "redis://a", "nats://a:port"])
def test_a_bus_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TOCSIN_BUS_URL", url)
    with pytest.raises(ConfigurationError, match=r"^TOCSIN_BUS_URL: must look like nats://host:4222"):
        load()


def test_a_bus_beside_a_file_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^TOCSIN_BUS_URL: one process serves a SQLite file"):
        load(bus_url="nats://a:4222")


@pytest.mark.parametrize("url", [",", " "])
def test_relays_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TOCSIN_SMTP_URL", url)
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
    }
    found = load(**{name: urls.get(name, SECRET) for name in SECRETS})
    [relay] = found.smtp_relays
    for shown in (repr(found), str(found), str(found.model_dump()), found.model_dump_json(), repr(relay)):
        assert SECRET not in shown
    assert all(SECRET in getattr(found, name).get_secret_value() for name in SECRETS)


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_in_what_is_said_of_a_wrong_one(monkeypatch: pytest.MonkeyPatch, toml: Path, name: str) -> None:
    toml.write_text(f'{name} = ["{SECRET}"]\n')
    with pytest.raises(ConfigurationError, match=f"^TOCSIN_{name.upper()}: ") as refused:
        load()
    assert SECRET not in str(refused.value)
    monkeypatch.setenv("TOCSIN_SMTP_URL", f"http://ann:{SECRET}@relay.example")
    with pytest.raises(ConfigurationError, match="TOCSIN_SMTP_URL: ") as refused:
        load()
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_in_the_validators_own_error_either(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({name: [SECRET]})
    assert SECRET not in str(refused.value)


def test_settings_do_not_change() -> None:
    found = load()
    with pytest.raises(ValidationError):
        found.lease = 1.0


@settings(deadline=None)
@given(st.floats(0.001, 1e6).map(lambda seconds: round(seconds, 3)))
def test_a_duration_means_the_same_in_every_unit(seconds: float) -> None:
    for unit, factor in (("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)):
        assert Settings(retry_cap=f"{seconds:f}{unit}").retry_cap == pytest.approx(seconds * factor)  # type: ignore[arg-type]  # text, as in the environment
