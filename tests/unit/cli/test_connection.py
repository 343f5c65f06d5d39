"""What all client commands have in common: how they reach a server, and what they say when they do not."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
import trustme
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.commands import USER, Tocsin, start
from helpers.listeners import web_server
from helpers.scripted_server import (
    Refusal,
    ScriptedServer,
    notification,
)


def test_every_bad_field_is_named_in_a_line_of_its_own(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script(
        "Send",
        Refusal(
            grpc.StatusCode.INVALID_ARGUMENT,
            reason="INVALID_FIELD",
            violations=[("title", "must have 1 to 255 characters"), ("owner", "must be yours")],
        ),
    )
    result = tocsin("send", "--to", "user:1", "--title", "", "--message", "M")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "tocsin: --title: must have 1 to 255 characters\ntocsin: owner: must be yours\n"


@pytest.mark.parametrize("command", [["get", "x"], ["list"], ["watch", "--to", USER], ["read", "x"], ["cancel", "x"]])
def test_an_unreachable_server_is_named_with_what_to_do(command: list[str], tocsin: Tocsin) -> None:
    result = tocsin(*command, "--server", "127.0.0.1:1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "tocsin: cannot reach a server at 127.0.0.1:1 (Connection refused); is one running there? "
        "To start one: tocsin serve\n"
    )


@pytest.mark.parametrize(
    ("refusal", "line"),
    [
        (
            Refusal(grpc.StatusCode.NOT_FOUND, "no such notification", reason="NOTIFICATION_NOT_FOUND"),
            "no such notification",
        ),
        (
            Refusal(grpc.StatusCode.UNAUTHENTICATED, "credentials needed", reason="UNAUTHENTICATED"),
            "credentials needed (give a token with --token or TOCSIN_TOKEN)",
        ),
        (Refusal(grpc.StatusCode.PERMISSION_DENIED, "not yours", reason="PERMISSION_DENIED"), "not yours"),
        (Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "late"), "no answer from {server} in time"),
        (Refusal(grpc.StatusCode.UNIMPLEMENTED, "what?"), "what? (is {server} a Tocsin server of this version?)"),
        (Refusal(grpc.StatusCode.INTERNAL, "evil\x1b[2J\nlines", reason="INTERNAL"), r"evil\x1b[2J\x0alines"),
        (Refusal(grpc.StatusCode.ABORTED, ""), "aborted"),
    ],
)
def test_a_failed_call_is_one_line_and_status_1(
    refusal: Refusal, line: str, tocsin: Tocsin, server: ScriptedServer
) -> None:
    server.script("Get", refusal)
    result = tocsin("get", "x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"tocsin: {line.format(server=server.address)}\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["send", "--to", "usr:1", "--title", "T", "--message", "M"], "--to: 'usr' is not one of user"),
        (["send", "--to", USER, "--title", "T", "--message", "M", "--strategy", "x"], "--strategy: 'x' is neither"),
        (["send", "--to", USER, "--title", "T", "--message", "M", "--send-at", "soon"], "--send-at: 'soon' is neither"),
        (["send", "--to", USER, "--title", "T", "--message", "M", "--metadata", "x"], "--metadata: 'x' is neither"),
        (["list", "--feed"], "--feed needs --to"),
        (["list", "--status", "lost"], "--status: 'lost' is not one of pending, sent, failed"),
        (["list", "--channel", "fax"], "--channel: 'fax' is not one of websocket"),
        (["read"], "give either ids or --to"),
        (["read", "a", "--to", USER], "give either ids or --to"),
        (["read", "a", "--up-to", "c"], "--up-to needs --to"),
        (["watch", "--to", "nobody"], "--to: 'nobody' is not one of user"),
        (["retry", "a", "--channel", "fax"], "--channel: 'fax' is not one of"),
        (["get", "a", "--server", "tocsin.example:50051", "--token", "s3cr3t"], "refusing to send a token"),
        (["get", "a", "--tls-ca", "/does/not/exist"], "--tls-ca: cannot read /does/not/exist: No such file"),
        (["get", "a", "--tls-cert", __file__], "--tls-cert and --tls-key belong together"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(words: list[str], line: str, tocsin: Tocsin) -> None:
    result = tocsin(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"tocsin: {line}")
    assert result.stderr.count("\n") == 1
    assert "s3cr3t" not in result.stderr


@pytest.mark.parametrize("words", [["send"], ["get"], ["watch"], ["list", "--limit", "0"], ["get", "x", "--colour"]])
def test_missing_and_unknown_options_are_wrong_use_too(words: list[str], tocsin: Tocsin) -> None:
    result = tocsin(*words)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


def test_bytes_that_are_not_text_are_refused_without_a_traceback(server: ScriptedServer) -> None:
    process = start(server, "get", os.fsdecode(b"\xff"))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors == "tocsin: an argument, or the input, is not valid UTF-8\n"


def test_the_token_comes_from_the_environment_or_the_option(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("Get", *[service_pb.GetResponse(notification=notification())] * 3)
    tocsin("get", "x")
    tocsin("get", "x", TOCSIN_TOKEN="from-environment")
    tocsin("get", "x", "--token", "typed", TOCSIN_TOKEN="from-environment")
    tokens = [received.metadata.get("authorization") for received in server.calls("Get")]
    assert tokens == [None, "Bearer from-environment", "Bearer typed"]


@pytest.mark.parametrize(
    ("words", "environment", "line"),
    [
        (["--server", ""], {}, "--server: is given but empty; leave it out, or give a value"),
        (["--token", " "], {}, "--token: is given but empty; leave it out, or give a value"),
        (["--tls-ca", ""], {}, "--tls-ca: is given but empty; leave it out, or give a value"),
        ([], {"TOCSIN_TOKEN": ""}, "TOCSIN_TOKEN: is set but empty; unset it, or give it a value"),
        ([], {"TOCSIN_SERVER": " "}, "TOCSIN_SERVER: is set but empty; unset it, or give it a value"),
    ],
)
def test_what_is_given_but_empty_is_wrong_use(
    words: list[str], environment: dict[str, str], line: str, tocsin: Tocsin
) -> None:
    result = tocsin("get", "x", *words, **environment)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"tocsin: {line}\n")


@pytest.mark.parametrize(
    ("words", "environment", "source"),
    [(["--token", "a b"], {}, "--token"), ([], {"TOCSIN_TOKEN": "of-a-file\n"}, "TOCSIN_TOKEN")],
)
def test_a_token_that_no_header_holds_is_wrong_use_and_is_not_shown(
    words: list[str], environment: dict[str, str], source: str, tocsin: Tocsin
) -> None:
    result = tocsin("get", "x", *words, **environment)
    line = f"{source}: the token has spaces, line breaks or letters that are not ASCII: strip it"
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"tocsin: {line}\n")


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("http://127.0.0.1:1", "leave out http://, write host:port, as in 127.0.0.1:50051"),
        ("https://127.0.0.1:1", "leave out https://, write host:port, as in 127.0.0.1:50051; for TLS there is --tls"),
        ("[::1", "an IPv6 address stands in brackets, as in [::1]:50051"),
        ("::1]:50051", "an IPv6 address stands in brackets, as in [::1]:50051"),
        ("two words", "write host:port, as in 127.0.0.1:50051"),
    ],
)
def test_a_server_that_is_no_address_is_wrong_use(typed: str, line: str, tocsin: Tocsin) -> None:
    for command in (["get", "x"], ["watch", "--to", USER]):
        result = tocsin(*command, "--server", typed)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"tocsin: --server: {typed!r}")
        assert result.stderr.endswith(f"{line}\n")


def test_a_refusal_of_what_is_not_built_does_not_doubt_the_servers_version(
    tocsin: Tocsin, server: ScriptedServer
) -> None:
    server.script("Get", Refusal(grpc.StatusCode.UNIMPLEMENTED, "Route is not offered", reason="NOT_IMPLEMENTED"))
    assert tocsin("get", "x").stderr == "tocsin: Route is not offered\n"


def test_a_token_that_the_server_does_not_know_is_not_asked_for_again(tocsin: Tocsin, server: ScriptedServer) -> None:
    unknown = Refusal(grpc.StatusCode.UNAUTHENTICATED, "not accepted", reason="UNAUTHENTICATED")
    expired = Refusal(grpc.StatusCode.UNAUTHENTICATED, "the token expired at noon", reason="TOKEN_EXPIRED")
    server.script("Get", unknown, expired)
    assert tocsin("get", "x", "--token", "t").stderr == "tocsin: not accepted (the server does not know this token)\n"
    assert tocsin("get", "x", "--token", "t").stderr == "tocsin: the token expired at noon\n"


# -- mistakes with TLS -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    """Give the files of an authority, of another one, and of a client's certificate by the other one."""
    folder = tmp_path_factory.mktemp("pem")
    authority, other = trustme.CA(), trustme.CA()
    client = other.issue_cert("client.example")
    for name, blob in {"ca": authority.cert_pem, "other": other.cert_pem, "key": client.private_key_pem}.items():
        blob.write_to_path(folder / f"{name}.pem")
    client.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    (folder / "text.pem").write_text("Dear diary\n")
    return Pem(folder, authority)


class Pem(NamedTuple):
    """PEM files by their name, and the authority behind ``ca.pem``."""

    folder: Path
    authority: trustme.CA

    def server(self, name: str = "localhost", *, asks: bool = False, expired: bool = False) -> ScriptedServer:
        """Return a server with a certificate for a name; it may ask clients for one of the same authority."""
        until = datetime(2020, 1, 1, tzinfo=UTC) if expired else None
        issued = self.authority.issue_cert(name, not_after=until)
        pair = (issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())
        roots = self.authority.cert_pem.bytes() if asks else None
        return ScriptedServer(grpc.ssl_server_credentials([pair], roots, require_client_auth=asks))


def test_each_mistake_with_tls_is_one_line_that_names_the_option(pem: Pem, tocsin: Tocsin) -> None:
    def said(server: ScriptedServer, *words: str) -> str:
        result = tocsin("get", "x", "--server", server.address, *words)
        assert (result.exit_code, result.stdout) == (1, "")
        [line] = result.stderr.splitlines()
        return line.removeprefix("tocsin: ").replace(server.address, "SERVER")

    ca, other = ("--tls-ca", str(pem.folder / "ca.pem")), ("--tls-ca", str(pem.folder / "other.pem"))
    own = ("--tls-cert", str(pem.folder / "cert.pem"), "--tls-key", str(pem.folder / "key.pem"))
    with pem.server() as server:
        assert said(server) == "SERVER speaks TLS; add --tls, or --tls-ca FILE for an authority of your own"
        assert said(server, *other) == f"the certificate of SERVER is of another authority than --tls-ca {other[1]} has"
        assert said(server, "--tls") == (
            "the certificate of SERVER is of an authority that is not known here; name it with --tls-ca FILE"
        )
    with ScriptedServer() as server:
        assert said(server, "--tls") == "SERVER does not speak TLS; leave out --tls"
        assert said(server, *ca, *own) == "SERVER does not speak TLS; leave out --tls-ca, --tls-cert, --tls-key"
    with pem.server("tocsin.example") as server:
        assert said(server, *ca) == ("the certificate of SERVER is for tocsin.example; give --server a name of it")
    with pem.server(expired=True) as server:
        assert said(server, *ca) == "the certificate of SERVER is not valid now: certificate has expired"
    with pem.server(asks=True) as server:
        assert said(server, *ca) == "SERVER asks for a client's certificate; give --tls-cert and --tls-key"
        assert said(server, *ca, *own) == f"SERVER does not accept the certificate in --tls-cert {own[1]}"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"--tls-ca": "text"}, "--tls-ca: {text} holds no certificate in PEM"),
        ({"--tls-ca": "missing"}, "--tls-ca: cannot read {missing}: No such file or directory"),
        (
            {"--tls-cert": "key", "--tls-key": "cert"},
            "--tls-cert: {key} holds no certificate in PEM; are --tls-cert and --tls-key swapped?",
        ),
        ({"--tls-cert": "cert"}, "--tls-cert and --tls-key belong together: give both or neither"),
    ],
)
def test_files_for_tls_that_cannot_be_used_are_wrong_use(
    options: dict[str, str], line: str, pem: Pem, tocsin: Tocsin
) -> None:
    paths = {name: str(pem.folder / f"{name}.pem") for name in ("text", "missing", "key", "cert")}
    words = [word for option, name in options.items() for word in (option, paths[name])]
    result = tocsin("get", "x", *words)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"tocsin: {line.format(**paths)}\n")


def test_the_port_of_a_web_server_is_told_from_that_of_a_grpc_server(tocsin: Tocsin) -> None:
    with web_server() as address:
        result = tocsin("get", "x", "--server", address)
    assert result.exit_code == 1
    assert result.stderr == (
        f"tocsin: {address} is a web server, perhaps the bridge's; --server takes the address of `tocsin serve`\n"
    )
