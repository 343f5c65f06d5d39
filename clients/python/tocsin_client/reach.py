"""Why a server cannot be reached: found out by connecting once more, since gRPC does not say.

Of a connection that fails gRPC tells little more than "failed to connect", and of most mistakes with TLS nothing at
all. So this looks by itself, once and for a few seconds at the most: does the name resolve, does something listen, does
it speak TLS, is its certificate good for us, does it want one of ours?
"""

from __future__ import annotations

import enum
import os
import re
import socket
import ssl
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc

from tocsin_client.transport import Tls

PATIENCE: Final = 3.0
"""Seconds that each step of looking may take."""

_HOST_PORT: Final = re.compile(r"(?:dns:///)?(?:\[(?P<inside>[^\[\]]+)\]|(?P<bare>[^\s:/\[\],]+)):(?P<port>[0-9]{1,5})")

_BUILT_IN_ROOTS: Final = Path(grpc.__file__).parent / "_cython" / "_credentials" / "roots.pem"

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How a client of HTTP/2 begins, with empty settings: RFC 9113, 3.4."""


class Cause(enum.Enum):
    """What keeps a client from a server."""

    NO_CONNECTION = "nothing answers there"
    SPEAKS_TLS = "the server speaks TLS, and the client does not"
    SPEAKS_NO_TLS = "the client speaks TLS, and the server does not"
    NOT_GRPC = "what answers is a web server, not a gRPC server"
    UNKNOWN_AUTHORITY = "the server's certificate is of an authority that the client does not know"
    WRONG_NAME = "the server's certificate is for another name"
    EXPIRED = "the server's certificate is not valid at this time"
    CERTIFICATE_WANTED = "the server asks for a certificate of the client"
    CERTIFICATE_REFUSED = "the server does not accept the client's certificate"
    UNCLEAR = "no fault was found"


class Unreachable(NamedTuple):
    """Why a server was not reached; ``detail`` has the system's words, or the names of a certificate."""

    cause: Cause
    detail: str = ""


def why_unreachable(target: str, tls: Tls | None = None) -> Unreachable:
    """Look why a server cannot be reached; takes a few seconds at the most.

    Args:
        target: One server as ``host:port``. Other forms of gRPC's are not looked into.
        tls: As for `Client`.
    """
    match = _HOST_PORT.fullmatch(target)
    if match is None or int(match["port"]) > 65535:
        return Unreachable(Cause.UNCLEAR)
    address = (match["inside"] or match["bare"], int(match["port"]))
    try:
        return _look_in_the_clear(address) if tls is None else _look_with_tls(address, tls)
    except TimeoutError:
        return Unreachable(Cause.NO_CONNECTION, "no answer")
    except OSError as error:
        return Unreachable(Cause.NO_CONNECTION, error.strerror or str(error))


def _connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, PATIENCE)


def _look_in_the_clear(address: tuple[str, int]) -> Unreachable:
    with _connect(address) as plain:
        plain.sendall(_PREFACE)
        try:
            answer = plain.recv(9)
        except ConnectionError:
            answer = b""
    if not _begins_http2(answer) and (answer or _speaks_http(address)):
        return Unreachable(Cause.NOT_GRPC)
    anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
    try:
        with _connect(address) as plain, anything.wrap_socket(plain):
            return Unreachable(Cause.SPEAKS_TLS)
    except (ssl.SSLError, ConnectionError):
        return Unreachable(Cause.UNCLEAR)


def _begins_http2(answer: bytes) -> bool:
    """Tell whether these are the first bytes of a server of HTTP/2: its settings (type 4), RFC 9113, 3.4 and 4.1."""
    return answer[3:4] == b"\4"


def _speaks_http(address: tuple[str, int]) -> bool:
    with _connect(address) as plain:
        plain.sendall(b"HEAD / HTTP/1.1\r\nHost: tocsin\r\nConnection: close\r\n\r\n")
        try:
            return plain.recv(5) == b"HTTP/"
        except ConnectionError:
            return False


def _look_with_tls(address: tuple[str, int], tls: Tls) -> Unreachable:
    name = tls.server_name or address[0]
    try:
        with _connect(address) as plain, _context(tls).wrap_socket(plain, server_hostname=name) as line:
            line.sendall(_PREFACE)
            answer = line.recv(9)
    except ssl.SSLCertVerificationError as error:
        return _fault_of_certificate(address, tls, error)
    except ssl.SSLError as error:
        # Of a server that asks for our certificate, TLS 1.2 tells in the handshake, and TLS 1.3 when we first read.
        return _unwanted(tls) if "ALERT" in (error.reason or "") else Unreachable(Cause.SPEAKS_NO_TLS)
    except ConnectionError:
        return _unwanted(tls)
    if not answer:
        return _unwanted(tls)
    return Unreachable(Cause.UNCLEAR if _begins_http2(answer) else Cause.NOT_GRPC)


def _context(tls: Tls, *, check_name: bool = True) -> ssl.SSLContext:
    """Return what trusts as gRPC does. It shows no certificate: whether one is asked for can be told without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = check_name
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a server's own certificate may be named as its authority
    context.set_alpn_protocols(["h2"])
    if tls.root_certificates is not None:
        context.load_verify_locations(cadata=tls.root_certificates.decode("ascii", "ignore"))
    else:
        context.load_verify_locations(os.environ.get("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH") or _BUILT_IN_ROOTS)
    return context


def _fault_of_certificate(address: tuple[str, int], tls: Tls, error: ssl.SSLCertVerificationError) -> Unreachable:
    # https://docs.openssl.org/3.0/man1/openssl-verification-options/ and x509_vfy.h have the numbers.
    if error.verify_code in (9, 10):
        return Unreachable(Cause.EXPIRED, error.verify_message)
    if error.verify_code in (62, 64):
        return Unreachable(Cause.WRONG_NAME, ", ".join(_names(address, tls)))
    return Unreachable(Cause.UNKNOWN_AUTHORITY, error.verify_message)


def _names(address: tuple[str, int], tls: Tls) -> list[str]:
    """Return the names that a server's certificate is for; none if it has other faults as well."""
    try:
        with _connect(address) as plain, _context(tls, check_name=False).wrap_socket(plain) as line:
            certificate = line.getpeercert() or {}
    except ssl.SSLError:
        return []
    names: Any = certificate.get("subjectAltName", ())
    return [value for _, value in names]


def _unwanted(tls: Tls) -> Unreachable:
    return Unreachable(Cause.CERTIFICATE_WANTED if tls.certificate is None else Cause.CERTIFICATE_REFUSED)
