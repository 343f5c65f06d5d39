"""Credentials: entries of ``TOCSIN_AUTH_TOKENS``, what a call carries, and certificates in files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import grpc
import trustme


def entry(name: str, scopes: str, token: str, *options: str) -> str:
    """Return the entry of a token."""
    return ":".join([name, scopes, hashlib.sha256(token.encode()).hexdigest(), *options])


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata of a call with a token."""
    return (("authorization", f"Bearer {token}"),)


def replace(path: Path, content: bytes | str) -> None:
    """Put a file in place at once, as tools that renew certificates do."""
    beside = path.with_suffix(".new")
    beside.write_bytes(content.encode() if isinstance(content, str) else content)
    beside.replace(path)


def write_certificate(authority: trustme.CA, certificate: Path, key: Path, *names: str) -> None:
    """Issue a certificate for some names, ``localhost`` by default, and put it and its key in place."""
    issued = authority.issue_cert(*(names or ("localhost",)))
    replace(certificate, issued.cert_chain_pems[0].bytes())
    replace(key, issued.private_key_pem.bytes())


def channel_credentials(
    *trusted: trustme.CA, client: trustme.CA | None = None, name: str = "backend.test"
) -> grpc.ChannelCredentials:
    """Return what a client trusts, and a certificate of its own if ``client`` issues it one for a name."""
    roots = b"".join(authority.cert_pem.bytes() for authority in trusted)
    if client is None:
        return grpc.ssl_channel_credentials(roots)
    issued = client.issue_cert(name, common_name=name)
    return grpc.ssl_channel_credentials(roots, issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())
