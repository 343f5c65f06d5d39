"""Where settings come from, which of two goes first, and what is said of those that are wrong, empty or unknown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tocsin_server.config.network import ListenAddress
from tocsin_server.config.settings import Settings
from tocsin_server.config.sources import environment_with, load, tell_ignored
from tocsin_server.domain.errors import ConfigurationError

SECRET = "hunter2-s3cret-of-more-than-32-bytes-in-all"
SECRETS = ("smtp_url", "twilio_auth_token", "telegram_bot_token", "jwt_secret", "database_url", "bus_url")


def test_the_command_line_goes_before_the_environment_before_the_configuration_file_before_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, toml: Path
) -> None:
    names = ("email_from", "twilio_from", "twilio_account_sid", "log_level")
    toml.write_text("".join(f'{name} = "{"info" if name == "log_level" else "file"}"\n' for name in names))
    (tmp_path / "sid").write_text("named file\n")
    monkeypatch.setenv("TOCSIN_TWILIO_ACCOUNT_SID_FILE", str(tmp_path / "sid"))
    for name in names[:2]:
        monkeypatch.setenv(f"TOCSIN_{name.upper()}", "environment")
    found = load(email_from="command line", twilio_from=None)
    assert [getattr(found, name) for name in names] == ["command line", "environment", "named file", "info"]
    assert found.max_attempts == 12


def test_a_setting_that_is_given_twice_in_the_environment_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(SECRET)
    for name in ("JWT_SECRET", "BRIDGE_TOKEN"):
        monkeypatch.setenv(f"TOCSIN_{name}", SECRET)
        monkeypatch.setenv(f"TOCSIN_{name}_FILE", str(tmp_path / "secret"))
    with pytest.raises(ConfigurationError) as refused:
        load()
    assert str(refused.value).split("; ") == [
        "TOCSIN_BRIDGE_TOKEN, TOCSIN_BRIDGE_TOKEN_FILE: both are set, which is one too many",
        "TOCSIN_JWT_SECRET, TOCSIN_JWT_SECRET_FILE: both are set, which is one too many",
    ]


def test_what_a_child_process_is_given_takes_the_place_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_BRIDGE_TOKEN_FILE", "/run/secrets/token")
    given = environment_with(bridge_token=SECRET)
    assert given["TOCSIN_BRIDGE_TOKEN"] == SECRET
    assert "TOCSIN_BRIDGE_TOKEN_FILE" not in given
    assert "TOCSIN_BRIDGE_TOKEN_FILE" in environment_with(bridge_token=None)


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
        with pytest.raises(ConfigurationError, match=f"^{variable}: cannot read {path}: [^[]"):
            load()


@pytest.mark.parametrize("value", ["inf", "nan", "-1.0", "0", "[1]", "true", "1970-01-01"])
def test_a_duration_in_the_file_is_a_finite_number_above_zero(toml: Path, value: str) -> None:
    toml.write_text(f"shutdown_grace = {value}\n")
    with pytest.raises(ConfigurationError, match=f"^shutdown_grace in {toml}: "):
        load()


def test_a_configuration_file_that_is_no_toml_is_named(toml: Path) -> None:
    toml.write_text(f"telegram_bot_token = {SECRET}")
    with pytest.raises(ConfigurationError, match=f"^TOCSIN_CONFIG: cannot read {toml}") as refused:
        load()
    assert SECRET not in str(refused.value)


def test_no_env_file_of_the_working_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TOCSIN_MAX_ATTEMPTS=99\n")
    assert load().max_attempts == 12


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
    assert set(problems) == {
        *wrong,
        f"colour in {toml}",
        f"sender_concurrency in {toml}",
        "TOCSIN_SHUTDOWN_GRACE",
    }
    assert problems[f"colour in {toml}"] == "there is no such setting"
    assert not [text for text in problems.values() if text.startswith("Value error")]


@pytest.mark.parametrize("name", ["TOCSIN_LISTENS", "TOCSIN_SMTP_URLS_FILE"])
def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(ConfigurationError, match=f"^{name}: there is no such setting; did you mean TOCSIN_"):
        load()


@pytest.mark.parametrize("name", ["TOCSIN_SERVER", "TOCSIN_TOKEN", "TOCSIN_TEST_DATABASE", "OTHER_LISTENS"])
def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    load()


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_in_what_is_said_of_a_wrong_one(monkeypatch: pytest.MonkeyPatch, toml: Path, name: str) -> None:
    toml.write_text(f'{name} = ["{SECRET}"]\n')
    with pytest.raises(ConfigurationError, match=f"^{name} in {toml}: ") as refused:
        load()
    assert SECRET not in str(refused.value)
    monkeypatch.setenv("TOCSIN_SMTP_URL", f"http://ann:{SECRET}@relay.example")
    with pytest.raises(ConfigurationError, match="TOCSIN_SMTP_URL: ") as refused:
        load()
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


def test_a_wrong_key_of_the_configuration_file_is_named_as_the_files(toml: Path) -> None:
    toml.write_text('listn = "127.0.0.1:1"\n[smtp]\nurl = "smtp://relay.example"\n')
    with pytest.raises(ConfigurationError) as refused:
        load()
    assert str(refused.value) == (
        f"listn in {toml}: there is no such setting; did you mean listen?; "
        f"smtp in {toml}: there is no such setting; did you mean smtp_ca or smtp_url or smtp_ehlo_name?"
    )


def test_a_wrong_option_is_named_as_the_option() -> None:
    with pytest.raises(ConfigurationError, match=r"^--listen: 'nowhere' is not host:port$"):
        load({"listen": "--listen"}, listen="nowhere")


def test_a_process_of_ours_gets_what_an_option_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_LISTEN", "127.0.0.1:1")
    environment = environment_with(listen="127.0.0.1:2", database_url=None)
    assert environment["TOCSIN_LISTEN"] == "127.0.0.1:2"
    assert "TOCSIN_DATABASE_URL" not in environment
    assert environment["PATH"]


# -- set but empty -------------------------------------------------------------------------------

EMPTY = ["", " ", "\n", "\t \n", ",", " , ,\n", "# nobody yet", "#", "  # a\n\n # b\n,"]


@pytest.mark.parametrize("value", EMPTY)
@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_setting_that_is_set_but_empty_is_refused_by_name_with_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    variable = f"TOCSIN_{name.upper()}"
    expected = r": is set but empty; give a value such as \S.*, or leave it out$"
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"^{variable}{expected}"):
        load()
    monkeypatch.delenv(variable)
    (tmp_path / "value").write_text(value)
    monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / "value"))
    with pytest.raises(ConfigurationError, match=f"^{variable}_FILE{expected}"):
        load()
    monkeypatch.delenv(f"{variable}_FILE")
    (tmp_path / "tocsin.toml").write_text(f"{name} = {json.dumps(value)}")
    monkeypatch.setenv("TOCSIN_CONFIG", "tocsin.toml")
    with pytest.raises(ConfigurationError, match=f"^{name} in tocsin.toml{expected}"):
        load()


@pytest.mark.parametrize("name", ["auth_tokens", "bridge_origins"])
@pytest.mark.parametrize("value", ["[]", '[""]', "['', '']"])
def test_an_empty_array_is_empty_too(toml: Path, name: str, value: str) -> None:
    toml.write_text(f"{name} = {value}\n")
    with pytest.raises(ConfigurationError, match=f"^{name} in {toml}: (is set but empty|names nothing)"):
        load()


def test_an_option_that_is_empty_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_BRIDGE_ORIGINS", "https://shop.example")
    with pytest.raises(ConfigurationError, match=r"^--origins: is set but empty; give a value such as https://shop"):
        load({"bridge_origins": "--origins"}, bridge_origins="")


@pytest.mark.parametrize("variable", ["TOCSIN_CONFIG", "TOCSIN_JWT_SECRET_FILE"])
def test_no_file_is_named_by_nothing(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, " ")
    with pytest.raises(ConfigurationError, match=f"^{variable}: is set but empty; name a file, or leave it out$"):
        load()


def test_a_secret_may_begin_like_a_comment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"#{SECRET}\n")
    monkeypatch.setenv("TOCSIN_JWT_SECRET_FILE", str(tmp_path / "secret"))
    secret = load().jwt_secret
    assert secret is not None
    assert secret.get_secret_value() == f"#{SECRET}"


def test_a_value_with_a_nul_character_is_refused(toml: Path) -> None:
    toml.write_text('tls_cert = "server\\u0000.pem"\n')
    with pytest.raises(ConfigurationError, match=f"^tls_cert in {toml}: contains a NUL character$"):
        load()


# -- other variables -----------------------------------------------------------------------------


def test_variables_of_the_platform_change_nothing_and_are_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TOCSIN_PORT", "tcp://10.0.0.1:50051")
    monkeypatch.setenv("TOCSIN_SERVICE_HOST", "10.0.0.1")
    assert load() == Settings()
    tell_ignored()
    assert caplog.messages == []


def test_what_is_neither_ours_nor_the_platforms_is_told_to_be_ignored(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TOCSIN_RELEASE", "v1")
    monkeypatch.setenv("TOCSIN_HOME", "/srv")
    assert load() == Settings()
    tell_ignored()
    assert caplog.messages == ["ignored, since there are no such settings: TOCSIN_HOME, TOCSIN_RELEASE"]


@pytest.mark.parametrize("value", ["[" * 3_000, "9" * 5_000, "2026-02-30"], ids=["nested", "digits", "date"])
def test_a_file_that_the_reader_gives_up_on_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    file = tmp_path / "tocsin.toml"
    file.write_text(f"a={value}", encoding="utf-8")
    monkeypatch.setenv("TOCSIN_CONFIG", str(file))
    with pytest.raises(ConfigurationError, match="cannot read"):
        load()


def test_the_mark_that_some_editors_begin_a_file_with_is_not_part_of_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xef\xbb\xbf" + b"s" * 40 + b"\n")
    monkeypatch.setenv("TOCSIN_JWT_SECRET_FILE", str(file))
    secret = load().jwt_secret
    assert secret is not None
    assert secret.get_secret_value() == "s" * 40
