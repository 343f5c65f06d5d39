"""PEM files for TLS: what is wrong with them is said by the name that they were given by."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization as forms

from tocsin_server.config.certificates import PemFile, problem_of_authority, problem_of_pair


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give files: good, of another pair, locked, combined, none at all."""
    folder = tmp_path_factory.mktemp("pem")
    authority = trustme.CA()
    ours, theirs = authority.issue_cert("tocsin.example"), authority.issue_cert("other.example")
    authority.cert_pem.write_to_path(folder / "ca")
    ours.private_key_and_cert_chain_pem.write_to_path(folder / "both")
    ours.private_key_pem.write_to_path(folder / "key")
    ours.cert_chain_pems[0].write_to_path(folder / "cert")
    theirs.private_key_pem.write_to_path(folder / "other key")
    key = forms.load_pem_private_key(ours.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.BestAvailableEncryption(b"passphrase")
    )
    (folder / "locked key").write_bytes(locked)
    (folder / "text").write_text("Dear diary\n")
    (folder / "cut short").write_bytes(ours.cert_chain_pems[0].bytes()[:200])
    return folder


@pytest.mark.parametrize(
    ("certificate", "key", "said"),
    [
        ("cert", "key", ""),
        ("both", "both", ""),
        ("key", "cert", "CERT: {}/key holds no certificate in PEM; are CERT and KEY swapped?"),
        ("text", "key", "CERT: {}/text holds no certificate in PEM"),
        ("cert", "text", "KEY: {}/text holds no private key in PEM"),
        ("cert", "cert", "KEY: {}/cert holds no private key in PEM; are CERT and KEY swapped?"),
        ("cert", "other key", "KEY: the key in {}/other key is not that of the certificate in {}/cert"),
        ("cert", "locked key", "KEY: the key in {}/locked key is locked with a passphrase; give it without one"),
        ("cut short", "key", "CERT, KEY: {}/cut short and {}/key cannot be used: "),
        ("missing", "key", "CERT: cannot read {}/missing: No such file or directory"),
        ("cert", "", "KEY: cannot read {}: Is a directory"),
    ],
)
def test_a_pair_that_cannot_be_used_is_named(folder: Path, certificate: str, key: str, said: str) -> None:
    problem = problem_of_pair(PemFile("CERT", folder / certificate), PemFile("KEY", folder / key))
    expected = said.replace("{}", str(folder))
    assert problem == expected or (expected.endswith(": ") and problem.startswith(expected))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ca", ""),
        ("cert", ""),
        ("key", "CA: {}/key holds no certificate in PEM"),
        ("text", "CA: {}/text holds no certificate in PEM"),
        ("missing", "CA: cannot read {}/missing: No such file or directory"),
    ],
)
def test_an_authority_that_cannot_be_used_is_named(folder: Path, name: str, said: str) -> None:
    assert problem_of_authority(PemFile("CA", folder / name)) == said.replace("{}", str(folder))
