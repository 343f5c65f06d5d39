"""The server's certificate, which may be replaced while it serves: connections that begin then get the new one."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import grpc

from tocsin_server.config import named_files
from tocsin_server.domain.errors import ConfigurationError


class TlsFiles(NamedTuple):
    """PEM files of the server's certificate and key, and of the authority of client certificates."""

    certificate: Path
    key: Path
    client_authority: Path | None


class _Content(NamedTuple):
    key: bytes
    certificate: bytes
    client_authority: bytes | None


class Certificates:
    """What the server shows, and whose certificates it wants to see. May be used from any thread.

    Args:
        files: Where they stand; a client certificate is demanded where an authority for them is given.

    Raises:
        ConfigurationError: A file cannot be read.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._current = _read(files)

    def replace(self, files: TlsFiles) -> None:
        """Use others for connections that begin from now on. Those that there are go on.

        Raises:
            ConfigurationError: A file cannot be read, or client certificates would be demanded now, or not any more.
        """
        new = _read(files)
        if (new.client_authority is None) != (self._current.client_authority is None):
            raise ConfigurationError("TOCSIN_TLS_CLIENT_CA: is set or left out at a restart only")
        self._current = new

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials for one server of the library."""
        given = self._current

        def fetch() -> grpc.ServerCertificateConfiguration | None:
            # Called by the library before each handshake, on a thread of its own. It takes what it gets over, so each
            # is made anew, and None is for the one that it has.
            nonlocal given
            if given is self._current:
                return None
            given = self._current
            return _configuration(given)

        return grpc.dynamic_ssl_server_credentials(
            _configuration(given),
            fetch,  # type: ignore[arg-type]  # the library's types do not know of None, its documentation does
            require_client_authentication=given.client_authority is not None,
        )


def _configuration(content: _Content) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(content.key, content.certificate)], root_certificates=content.client_authority
    )


def _read(files: TlsFiles) -> _Content:
    try:
        return _Content(
            named_files.read(files.key),
            named_files.read(files.certificate),
            named_files.read(files.client_authority) if files.client_authority else None,
        )
    except OSError as error:
        raise ConfigurationError(f"TOCSIN_TLS_...: cannot read {error.filename}: {error.strerror}") from error
