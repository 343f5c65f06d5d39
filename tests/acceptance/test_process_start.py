"""How the real process starts, and how it says why it does not: one line on stderr, no traceback, not status 0."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from helpers.calls import Api, request
from helpers.process import Ended, run, serving
from tocsin_server.storage.schema.migrating import MIGRATIONS

PORT = ("--listen", "127.0.0.1:0")


def complaint(ended: Ended) -> str:
    """Return the one line with which a command refused."""
    assert ended.status == 1, ended
    assert ended.output == ""
    [line] = ended.errors.splitlines()
    assert line.startswith("tocsin: ")
    return line.removeprefix("tocsin: ")


# -- starting ------------------------------------------------------------------------------------


def test_a_development_server_says_where_everything_is(tmp_path: Path) -> None:
    with serving(tmp_path, "--dev") as server, Api(server.address) as api:
        assert api.send(request()).id
        output = server.output
        assert " WARNING " not in server.errors
        server.terminate()
        assert server.wait() == 0
    assert server.address.startswith("127.0.0.1:")
    assert str(tmp_path / "tocsin.db") in output
    assert str(tmp_path / "outbox") in output
    assert "websocket, email, telegram, sms" in output


def test_settings_come_from_a_file_and_the_environment_goes_before_it(tmp_path: Path) -> None:
    (tmp_path / "tocsin.toml").write_text('database_url = "sqlite:///from-file.db"\nlog_level = "error"\n')
    (tmp_path / "address").write_text("127.0.0.1:0\n")
    settings = {"TOCSIN_CONFIG": "tocsin.toml", "TOCSIN_LISTEN_FILE": "address"}
    assert run(tmp_path, "migrate", **settings).status == 0
    assert (tmp_path / "from-file.db").exists()
    assert run(tmp_path, "migrate", **settings, TOCSIN_DATABASE_URL="sqlite:///from-environment.db").status == 0
    assert (tmp_path / "from-environment.db").exists()
    assert run(tmp_path, "migrate", "--database", "sqlite:///from-option.db", **settings).status == 0
    assert (tmp_path / "from-option.db").exists()


def test_a_certificate_and_a_key_that_are_swapped_are_named(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("localhost")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    files = {"TOCSIN_TLS_CERT": "key.pem", "TOCSIN_TLS_KEY": "cert.pem"}
    text = complaint(run(tmp_path, "serve", *PORT, **files))
    assert text == (
        "TOCSIN_TLS_CERT: key.pem holds no certificate in PEM; are TOCSIN_TLS_CERT and TOCSIN_TLS_KEY swapped?"
    )


def test_other_machines_are_served_when_that_is_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path, "--insecure", "--listen", "0.0.0.0:0") as server:
        port = server.address.rpartition(":")[2]
        with Api(f"127.0.0.1:{port}") as api:
            assert api.send(request()).id


# -- refusing to start ---------------------------------------------------------------------------


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        text = complaint(run(tmp_path, "serve", "--listen", address))
        assert address in text
        assert "TOCSIN_LISTEN" in text


def test_an_address_of_another_machine_is_named(tmp_path: Path) -> None:
    ended = run(tmp_path, "serve", "--insecure", "--listen", "192.0.2.1:50051")
    assert "192.0.2.1:50051" in complaint(ended)


def test_a_file_that_is_served_already_is_not_served_twice(tmp_path: Path) -> None:
    with serving(tmp_path) as server, Api(server.address) as api:
        for command in (("serve", *PORT), ("migrate",)):
            text = complaint(run(tmp_path, *command))
            assert "tocsin.db" in text
            assert "another process" in text
        assert api.send(request()).id, "the first is not disturbed"
        server.kill()
    assert run(tmp_path, "migrate").status == 0, "a dead process holds nothing"


@contextmanager
def unusable(folder: Path, kind: str) -> Iterator[str]:
    """Make a database that cannot be used, and yield its path."""
    path = folder / "unusable.db"
    if kind == "its folder is missing":
        path = folder / "missing" / "tocsin.db"
    elif kind == "it is a folder":
        path.mkdir()
    elif kind == "it cannot be written":
        path = Path("/proc/tocsin.db")  # a file system that takes no files, not even from root
    elif kind == "its folder is a file":
        path.write_text("")
        path = path / "tocsin.db"
    elif kind == "it is not a database":
        path.write_bytes(b"Dear diary, this is not a database. " * 100)
    elif kind == "it is damaged":
        assert run(folder, "migrate", "--database", f"sqlite:///{path}").status == 0
        content = bytearray(path.read_bytes())
        content[100 : 8 * 1024] = b"\xff" * (8 * 1024 - 100)
        path.write_bytes(content)
    yield str(path)


@pytest.mark.parametrize(
    "kind",
    [
        "its folder is missing",
        "it is a folder",
        "it cannot be written",
        "its folder is a file",
        "it is not a database",
        "it is damaged",
    ],
)
def test_a_database_that_cannot_be_used_is_named(tmp_path: Path, kind: str) -> None:
    with unusable(tmp_path, kind) as path:
        assert path in complaint(run(tmp_path, "serve", *PORT, "--database", f"sqlite:///{path}"))


def test_the_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    assert run(tmp_path, "migrate").status == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "tocsin.db")) as connection, connection:
        connection.execute(
            "INSERT INTO schema_migrations (name, applied) "
            "SELECT '9999_from_the_future', applied FROM schema_migrations LIMIT 1"
        )
    for command in (("serve", *PORT), ("migrate",)):
        text = complaint(run(tmp_path, *command))
        assert "newer version" in text
        assert "9999_from_the_future" in text


def test_an_older_schema_is_refused_when_migrating_was_ruled_out(tmp_path: Path) -> None:
    text = complaint(run(tmp_path, "serve", *PORT, "--no-migrate"))
    assert "tocsin migrate" in text
    assert run(tmp_path, "migrate").status == 0
    with serving(tmp_path, "--no-migrate") as server, Api(server.address) as api:
        assert api.send(request()).id


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"TOCSIN_LISTN": "127.0.0.1:0"}, "TOCSIN_LISTN"),
        ({"TOCSIN_SMTP_PASSWORD": "hunter2"}, "TOCSIN_SMTP_PASSWORD"),
        ({"TOCSIN_RETRY_BASE": "soon"}, "TOCSIN_RETRY_BASE"),
        ({"TOCSIN_SMTP_URL": "smtp://shop:hunter2@mail.example:port"}, "TOCSIN_SMTP_URL"),
        ({"TOCSIN_SMTP_URL": "smtp://shop:hunter2@mail.example"}, "TOCSIN_EMAIL_FROM"),
        ({"TOCSIN_CONFIG": "misspelt.toml"}, "colour in misspelt.toml"),
        ({"TOCSIN_DATABASE_URL": "sqlite:///:memory:"}, "TOCSIN_DATABASE_URL"),
        ({"TOCSIN_AUTH_TOKENS": ""}, "TOCSIN_AUTH_TOKENS"),
        ({"TOCSIN_JWT_SECRET_FILE": "empty"}, "TOCSIN_JWT_SECRET_FILE"),
        ({"TOCSIN_TWILIO_AUTH_TOKEN_FILE": "missing"}, "TOCSIN_TWILIO_AUTH_TOKEN_FILE"),
    ],
    ids=lambda value: value if isinstance(value, str) else ", ".join(value),
)  # fmt: skip
def test_a_setting_that_is_wrong_is_named_and_no_secret_shown(
    tmp_path: Path, settings: dict[str, str], named: str
) -> None:
    (tmp_path / "misspelt.toml").write_text('colour = "red"\n')
    (tmp_path / "empty").write_text("\n")
    text = complaint(run(tmp_path, "serve", *PORT, **settings))
    assert named in text
    assert "hunter2" not in text
    assert {path.name for path in tmp_path.iterdir()} == {"misspelt.toml", "empty"}


def test_where_the_platform_sets_variables_that_begin_like_ours_the_server_starts(tmp_path: Path) -> None:
    links = {
        "TOCSIN_PORT": "tcp://10.96.0.7:50051",
        "TOCSIN_SERVICE_HOST": "10.96.0.7",
        "TOCSIN_PORT_50051_TCP_ADDR": "10.96.0.7",
        "TOCSIN_BRIDGE_PORT": "tcp://10.96.0.8:8080",
    }
    with serving(tmp_path, "--bridge", **links, TOCSIN_BRIDGE_LISTEN="127.0.0.1:0", TOCSIN_HOME="/srv") as server:
        with Api(server.address) as api:
            assert api.send(request()).id
        server.terminate()
        assert server.wait() == 0
    told = [line for line in server.errors.splitlines() if "TOCSIN_" in line]
    assert len(told) == 1, "the bridge does not repeat it"
    assert "ignored, since there are no such settings: TOCSIN_HOME [" in told[0]


def test_listening_beyond_this_machine_has_to_be_asked_for(tmp_path: Path) -> None:
    for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:50051"):
        text = complaint(run(tmp_path, "serve", "--listen", address))
        assert address in text
        assert "--insecure" in text
    assert not (tmp_path / "tocsin.db").exists()


# -- other commands ------------------------------------------------------------------------------


def test_migrate_says_what_it_did_and_may_be_repeated(tmp_path: Path) -> None:
    names = sorted(path.stem for path in MIGRATIONS.glob("[0-9]*.py"))
    first = run(tmp_path, "migrate")
    assert (first.status, first.errors) == (0, "")
    assert [line for line in first.output.splitlines() if line.startswith("applied")] == [
        f"applied {name}" for name in names
    ]
    second = run(tmp_path, "migrate")
    assert (second.status, second.errors) == (0, "")
    assert "applied" not in second.output
    assert "up to date" in second.output
    with contextlib.closing(sqlite3.connect(tmp_path / "tocsin.db")) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"notifications", "notification_channels"} <= tables


def test_help_names_commands_and_options(tmp_path: Path) -> None:
    for arguments, words in {
        ("--help",): ("serve", "migrate", "send", "list", "watch"),
        ("serve", "--help"): (
            "--listen",
            "--database",
            "--dev",
            "--insecure",
            "--no-migrate",
            "--workers",
            "TOCSIN_LISTEN",
        ),
        ("migrate", "--help"): ("--database", "TOCSIN_DATABASE_URL"),
    }.items():
        ended = run(tmp_path, *arguments)
        assert (ended.status, ended.errors) == (0, "")
        for word in words:
            assert word in ended.output, (arguments, word)
    assert not list(tmp_path.iterdir())


def test_what_is_no_command_or_option_is_refused(tmp_path: Path) -> None:
    for arguments in (("serv",), ("serve", "--prot", "1"), ("migrate", "now")):
        ended = run(tmp_path, *arguments)
        assert ended.status == 2
        assert "Traceback" not in ended.errors
        assert ended.errors
