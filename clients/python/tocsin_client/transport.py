"""Channels: where the server is, how the connection is protected, and which credentials travel with each call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

import grpc
from tocsin.v1.contact_service_pb2_grpc import ContactServiceStub
from tocsin.v1.decision_service_pb2_grpc import DecisionServiceStub
from tocsin.v1.notification_service_pb2_grpc import NotificationServiceStub
from tocsin.v1.operator_service_pb2_grpc import OperatorServiceStub
from tocsin.v1.relay_service_pb2_grpc import RelayServiceStub

from tocsin_client.convert import error_from_bytes
from tocsin_client.errors import TocsinError

DEFAULT_TARGET: Final = "127.0.0.1:50051"
"""Where a server listens unless it is told otherwise."""

DEFAULT_DEADLINE: Final = 10.0
"""Seconds that a unary call may take, all attempts and the waiting between them included."""

KEEPALIVE: Final = 60_000
"""Milliseconds without traffic after which the client asks whether the connection still stands. The server refuses
clients that ask more often than every 30 s."""

KEEPALIVE_TIMEOUT: Final = 20_000
"""Milliseconds to wait for the answer before the connection counts as broken."""

RECONNECT_FIRST, RECONNECT_CAP = 200, 5_000
"""Milliseconds between gRPC's own attempts to reach the server. Its default cap is two minutes, which is how
long a client would go on failing at once after a server that was away has come back."""

_STUBS: Final[Mapping[str, Any]] = {
    "tocsin.v1.NotificationService": NotificationServiceStub,
    "tocsin.v1.ContactService": ContactServiceStub,
    "tocsin.v1.DecisionService": DecisionServiceStub,
    "tocsin.v1.OperatorService": OperatorServiceStub,
    "tocsin.v1.RelayService": RelayServiceStub,
}

Token: TypeAlias = str | Callable[[], str] | None
"""A bearer token, or a function that gives the current one, asked for each call and each stream."""

_TOKEN: Final = re.compile(r"[!-~]+")

Options: TypeAlias = tuple[tuple[str, int | str], ...]


@dataclass(frozen=True, slots=True)
class Tls:
    """How to protect the connection; without arguments the server must be known to gRPC's built-in root certificates.

    Attributes:
        root_certificates: PEM of the authorities that may vouch for the server.
        certificate: PEM of the client's own certificate, for servers that ask for one; with ``private_key``.
        private_key: PEM of its key.
        server_name: Name to expect in the server's certificate, when it is not the one in the target.
    """

    root_certificates: bytes | None = None
    certificate: bytes | None = None
    private_key: bytes | None = field(default=None, repr=False)
    server_name: str | None = None

    def __post_init__(self) -> None:
        """Refuse half a client certificate, which gRPC would take and the server would not."""
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate and private_key belong together: give both or neither")

    @classmethod
    def from_files(
        cls,
        root_certificates: str | Path | None = None,
        certificate: str | Path | None = None,
        private_key: str | Path | None = None,
        server_name: str | None = None,
    ) -> Tls:
        """Read the PEM files at these paths; raises OSError for one that cannot be read."""
        paths = (root_certificates, certificate, private_key)
        roots, chain, key = (None if path is None else Path(path).read_bytes() for path in paths)
        return cls(roots, chain, key, server_name)

    def credentials(self) -> grpc.ChannelCredentials:
        """Return the credentials for a channel."""
        return grpc.ssl_channel_credentials(self.root_certificates, self.private_key, self.certificate)


def is_local(target: str) -> bool:
    """Tell whether a gRPC target stays on this machine: a Unix socket, or nothing but loopback addresses."""
    scheme, colon, rest = target.partition(":")
    if colon and scheme in {"unix", "unix-abstract"}:
        return True
    if colon and scheme in {"dns", "ipv4", "ipv6"}:
        # dns://authority/host:port and dns:///host:port; the others are lists of addresses without authority.
        target = rest.rpartition("/")[2]
    return all(_is_loopback(unquote(host).strip()) for host in target.split(","))


def _is_loopback(address: str) -> bool:
    if address.startswith("["):
        host = address[1:].partition("]")[0]
    else:
        # More than one colon is an IPv6 address without a port.
        host = address if address.count(":") > 1 else address.partition(":")[0]
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def check_target(target: str) -> None:
    """Raise ValueError for what is no target of gRPC's but looks like one; gRPC would try in vain for ever."""
    scheme, _, rest = target.partition("://")
    example = "write host:port, as in 127.0.0.1:50051"
    if rest and scheme.lower() in _FOREIGN_SCHEMES:
        raise ValueError(f"{target!r}: leave out {scheme}://, {example}")
    if not target.strip() or any(letter.isspace() for letter in target):
        raise ValueError(f"{target!r} is no address; {example}")
    for host in unquote(target).rpartition("/")[2].split(",") if not target.startswith("unix") else ():
        if ("[" in host or "]" in host) and not _BRACKETED.fullmatch(host.rpartition("ipv6:")[2]):
            raise ValueError(f"{target!r}: an IPv6 address stands in brackets, as in [::1]:50051")


_FOREIGN_SCHEMES: Final = frozenset({"http", "https", "grpc", "grpcs", "ws", "wss", "tcp", "tls"})

_BRACKETED: Final = re.compile(r"\[[0-9A-Fa-f:.]+(%[^\]]+)?\](:[0-9]{1,5})?")


def check_token(target: str, token: Token, tls: Tls | None) -> None:
    """Raise ValueError for a token that would travel in the clear to another machine, or that no header can hold."""
    if isinstance(token, str):
        credentials_metadata(token)
    if token is not None and tls is None and not is_local(target):
        raise ValueError(
            f"refusing to send a token to {target} without encryption: pass tls=Tls(), or connect through loopback"
        )


def credentials_metadata(token: Token) -> tuple[tuple[str, str], ...]:
    """Return the metadata that carries the token, asking for it anew if it is a function.

    Raises:
        ValueError: For what no header can hold, such as a file's last line break. gRPC would say little.
    """
    current = token() if callable(token) else token
    if current and not _TOKEN.fullmatch(current):
        raise ValueError("the token has spaces, line breaks or letters that are not ASCII: strip it")
    return (("authorization", f"Bearer {current}"),) if current else ()


def channel_options(target: str, tls: Tls | None, extra: Options = ()) -> list[tuple[str, Any]]:
    """Return the options of a channel; ``extra`` ones go last, so that they win."""
    options: list[tuple[str, Any]] = [
        ("grpc.primary_user_agent", "tocsin-python"),
        ("grpc.keepalive_time_ms", KEEPALIVE),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT),
        # A subscription sends nothing after its request, and by default gRPC stops asking after two pings
        # without data of our own.
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", RECONNECT_FIRST),
        ("grpc.max_reconnect_backoff_ms", RECONNECT_CAP),
    ]
    if is_local(target):
        # With http_proxy in the environment gRPC would send even loopback traffic, tokens included, to a proxy.
        options.append(("grpc.enable_http_proxy", 0))
    if tls is not None and tls.server_name is not None:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    return [*options, *extra]


def open_channel(target: str, tls: Tls | None, options: Options) -> grpc.Channel:
    """Open a channel for the synchronous client; it connects when it is first used."""
    every = channel_options(target, tls, options)
    if tls is None:
        return grpc.insecure_channel(target, every)
    return grpc.secure_channel(target, tls.credentials(), every)


def open_aio_channel(target: str, tls: Tls | None, options: Options) -> grpc.aio.Channel:
    """Open a channel for the asynchronous client, bound to the running event loop."""
    every = channel_options(target, tls, options)
    if tls is None:
        return grpc.aio.insecure_channel(target, every)
    return grpc.aio.secure_channel(target, tls.credentials(), every)


def methods(channel: Any) -> Mapping[str, Callable[..., Any]]:
    """Return what starts each RPC on a channel of either kind, by the RPC's full name, ``package.Service/Method``."""
    return {
        f"{service}/{method}": start
        for service, stub in _STUBS.items()
        for method, start in vars(stub(channel)).items()
    }


def error_from_rpc(error: grpc.RpcError) -> TocsinError:
    """Turn what gRPC raises, on channels of either kind, into an error of our tree."""
    # Pairs on channels of both kinds, though the stubs' types for the two differ.
    trailers: Any = error.trailing_metadata() or ()
    details = next((value for key, value in trailers if key == "grpc-status-details-bin"), None)
    raw = details if isinstance(details, bytes) else None
    # gRPC types the value of a code as a pair of number and name, and keeps it so.
    number = int(error.code().value[0])
    return error_from_bytes(number, error.details() or "", raw)
