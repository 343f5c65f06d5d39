"""PEM files for TLS, checked before the gRPC library has them: it says of a wrong one only that it cannot listen.

What is said names the setting or the option by which a file was given, since the mistake is made there.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final, NamedTuple

from tocsin_server.config import named_files

_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"
_KEY: Final = "PRIVATE KEY-----"


class PemFile(NamedTuple):
    """A file, and the setting or option that names it."""

    name: str
    path: Path


def problem_of_pair(certificate: PemFile, key: PemFile) -> str:
    """Return what is wrong with a certificate and its key; an empty text if nothing is."""
    unreadable = [
        f"{file.name}: cannot read {file.path}: {reason}"
        for file in (certificate, key)
        if (reason := _unreadable(file))
    ]
    if unreadable:
        return "; ".join(unreadable)
    swapped = f"; are {certificate.name} and {key.name} swapped?"
    chain, private = _read(certificate), _read(key)
    if _CERTIFICATE not in chain:
        return f"{certificate.name}: {certificate.path} holds no certificate in PEM{swapped if _KEY in chain else ''}"
    if _KEY not in private:
        return f"{key.name}: {key.path} holds no private key in PEM{swapped if _CERTIFICATE in private else ''}"
    return _problem_of_match(certificate, key)


def _problem_of_match(certificate: PemFile, key: PemFile) -> str:
    encrypted = False

    def no_passphrase() -> str:
        nonlocal encrypted
        encrypted = True
        return ""

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate.path, key.path, no_passphrase)
    except ssl.SSLError as error:
        if encrypted:
            return f"{key.name}: the key in {key.path} is locked with a passphrase; give it without one"
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"{key.name}: the key in {key.path} is not that of the certificate in {certificate.path}"
        return f"{certificate.name}, {key.name}: {certificate.path} and {key.path} cannot be used: {_words(error)}"
    return ""


def problem_of_authority(file: PemFile) -> str:
    """Return what is wrong with a file of certificates to trust; an empty text if nothing is."""
    if reason := _unreadable(file):
        return f"{file.name}: cannot read {file.path}: {reason}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file.path)
    except ssl.SSLError:
        return f"{file.name}: {file.path} holds no certificate in PEM"
    return ""


def _unreadable(file: PemFile) -> str:
    try:
        _read(file)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _read(file: PemFile) -> str:
    return named_files.read(file.path).decode("latin-1")  # beside the PEM there may be text in any encoding


def _words(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")
