"""What the bridge makes of the settings: where the server is, and how the line to it is protected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from helpers.browser_socket import running_bridge, token_for
from helpers.calls import user
from helpers.server import make_settings, running_server
from helpers.waiting import eventually
from tocsin_client import Tls
from tocsin_server.bridge import running
from tocsin_server.domain.errors import ConfigurationError

SECRET = "a secret of at least thirty-two bytes"


class Files(NamedTuple):
    """The certificate of a server that is known by a name, and its authority."""

    authority: Path
    certificate: Path
    key: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("certificates")
    made = Files(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(made.authority))
    issued = authority.create_child_ca().issue_cert("*.notify.example")
    issued.private_key_pem.write_to_path(str(made.key))
    made.certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    return made


def line(folder: Path, **settings: object) -> Tls | None:
    return running._tls(make_settings(folder, **settings))


# -- where the server is -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listen", "server", "address"),
    [
        ("127.0.0.1:50051", None, "127.0.0.1:50051"),
        ("0.0.0.0:50052", None, "127.0.0.1:50052"),
        ("[::]:50052", None, "[::1]:50052"),
        ("192.0.2.7:50051", None, "192.0.2.7:50051"),
        ("127.0.0.1:50051", "dns:///tocsin.example:50051", "dns:///tocsin.example:50051"),
    ],
)
def test_the_server_is_the_one_that_is_set_or_the_one_of_these_settings(
    tmp_path: Path, listen: str, server: str | None, address: str
) -> None:
    assert running.server_address(make_settings(tmp_path, listen=listen, bridge_server=server)) == address


# -- how the line is protected -------------------------------------------------------------------


def test_there_is_no_tls_unless_something_says_so(tmp_path: Path) -> None:
    assert line(tmp_path) is None


@pytest.mark.parametrize("client_certificates", [False, True])
def test_a_server_of_the_same_settings_is_trusted_by_its_certificate(
    tmp_path: Path, files: Files, client_certificates: bool
) -> None:
    settings: dict[str, Any] = {"tls_cert": files.certificate, "tls_key": files.key, "jwt_secret": SECRET}
    if client_certificates:
        settings["tls_client_ca"] = files.authority
    with (
        running_server(tmp_path, **settings) as server,
        running_bridge(server.address, tls=line(tmp_path, **settings)) as bridge,
    ):
        eventually(lambda: bridge.http("/healthz")[0] == 200)
        with bridge.open() as socket:
            socket.subscribe(token=token_for(user(), SECRET))


def test_another_server_with_a_certificate_of_its_own_is_not_trusted(
    tmp_path: Path, files: Files, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = trustme.CA().issue_cert("bridge.notify.example")
    folder = tmp_path_factory.mktemp("stranger")
    stranger.private_key_pem.write_to_path(str(folder / "key.pem"))
    stranger.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    ours = line(tmp_path, tls_cert=files.certificate, tls_key=files.key)
    with (
        running_server(tmp_path, tls_cert=folder / "cert.pem", tls_key=folder / "key.pem") as server,
        running_bridge(server.address, tls=ours) as bridge,
    ):
        assert bridge.http("/healthz")[0] == 503


def test_an_authority_goes_before_the_certificate(tmp_path: Path, files: Files) -> None:
    found = line(tmp_path, bridge_server_ca=files.authority, tls_cert=files.certificate, tls_key=files.key)
    assert found is not None
    assert (found.root_certificates, found.certificate, found.server_name) == (files.authority.read_bytes(), None, None)


def test_a_certificate_without_names_is_taken_as_it_is(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "old.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    found = line(tmp_path, tls_cert=path)
    assert found is not None
    assert found.server_name is None


@pytest.mark.parametrize("setting", ["bridge_server_ca", "tls_cert"])
def test_a_file_that_is_missing_is_named(tmp_path: Path, setting: str) -> None:
    with pytest.raises(ConfigurationError, match=r"TOCSIN_BRIDGE_SERVER.*nowhere\.pem"):
        line(tmp_path, **{setting: tmp_path / "nowhere.pem"})


def test_a_file_that_holds_no_certificate_is_told(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("hello")
    with pytest.raises(ConfigurationError, match="TOCSIN_TLS_CERT"):
        line(tmp_path, tls_cert=tmp_path / "cert.pem")
