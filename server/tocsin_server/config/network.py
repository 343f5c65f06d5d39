"""Places on the network: addresses to listen on, origins of pages, URLs of databases, buses and relays."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

MEMORY_BUS: Final = "memory://"
POSTGRESQL_BUS: Final = "postgresql://"

_LISTEN: Final = re.compile(r"(?:\[(?P<inside>[^\[\]]+)\]|(?P<bare>[^\s:/\[\]]+)):(?P<port>[0-9]{1,5})")
_LIBPQ_HOST: Final = re.compile(r"(\[[^\]]*\]|[^:]*)(:\d*)?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")


# -- addresses to listen on ------------------------------------------------------------------------


class ListenAddress(NamedTuple):
    """A host and a port to listen on; port 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it. A name other than localhost may resolve to anything."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Tell whether a host, without brackets, is this machine and nothing else."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def parse_listen(text: str) -> ListenAddress:
    """Read ``127.0.0.1:50051``, ``tocsin.internal:443`` or ``[::1]:50051``.

    Raises:
        ValueError: It is none of these.
    """
    match = _LISTEN.fullmatch(text.strip())
    if match is None or int(match["port"]) > 65535 or (match["inside"] and not _is_ipv6(match["inside"])):
        hint = ""
        if "://" in text:
            hint = "; leave out what stands before the host"
        elif text.count(":") > 1:
            hint = "; an IPv6 address stands in brackets, as in [::1]:50051"
        raise ValueError(f"{text[:100]!r} is not host:port{hint}")
    return ListenAddress(match["inside"] or match["bare"], int(match["port"]))


def _is_ipv6(host: str) -> bool:
    try:
        return ip_address(host).version == 6
    except ValueError:
        return False


# -- origins of pages ------------------------------------------------------------------------------


NULL_ORIGIN: Final = "null"
"""What a browser sends for a page that it gives no origin: a file, a sandboxed frame, a ``data:`` URL. Whoever allows
it allows them all, whoever made them."""


def parse_origin(text: str) -> str:
    """Return an origin in the one form that browsers send.

    That is ``https://shop.example`` or ``http://localhost:3000``, ``capacitor://localhost`` and the like for apps that
    show pages of their own, or the word ``null``.

    Raises:
        ValueError: The text is not an origin.
    """
    form = f"{text[:100]!r} is not an origin such as https://shop.example or http://localhost:3000"
    if text.strip() == NULL_ORIGIN:
        return NULL_ORIGIN
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(form) from None
    if (parts.scheme, parts.netloc, parts.path) == ("file", "", ""):
        return "file://"
    if not _SCHEME.fullmatch(parts.scheme) or parts.scheme in ("ws", "wss") or not host or parts.path not in ("", "/"):
        raise ValueError(form)
    if parts.query or parts.fragment or "@" in parts.netloc or "*" in host or not host.isprintable():
        raise ValueError(form)
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + ("" if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{port}")


# -- databases and buses ---------------------------------------------------------------------------


def is_postgresql(url: str) -> bool:
    """Tell whether a URL is one of libpq, which may name several hosts; without any it means a socket of this machine.

    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return False
    hosts = parts.netloc.rpartition("@")[2].split(",")
    return parts.scheme in ("postgresql", "postgres") and all(_LIBPQ_HOST.fullmatch(host) for host in hosts)


def require_database(url: str) -> None:
    """Refuse what is neither a file for SQLite nor a database of PostgreSQL; raises ValueError."""
    if url.startswith("sqlite:///"):
        _require_file(url.removeprefix("sqlite:///"))
    elif not is_postgresql(url) or len(urlsplit(url).path) <= 1:
        raise ValueError(_DATABASE_FORM)


_DATABASE_FORM: Final = "must look like sqlite:///tocsin.db or postgresql://user:password@host/database"


def _require_file(path: str) -> None:
    """Refuse what SQLite would take for something else than a path, or would not keep; raises ValueError."""
    if path.startswith(":memory:"):
        raise ValueError("a database in memory is gone with the process; name a file, as in sqlite:///tocsin.db")
    if path.startswith("file:") or "?" in path:
        raise ValueError("a SQLite file is named by its path alone, without file: and ?, as in sqlite:///tocsin.db")
    if not path or path.endswith("/"):
        raise ValueError(f"names no file; {_DATABASE_FORM}" if path else _DATABASE_FORM)


def is_nats(urls: str) -> bool:
    """Tell whether these are servers of NATS, comma-separated."""
    return all(_scheme(url) in ("nats", "tls") and urlsplit(url).hostname for url in urls.split(","))


def _scheme(url: str) -> str:
    """Return the scheme of a URL, nothing if its host or port is malformed."""
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        return ""
    return parts.scheme


# -- providers -------------------------------------------------------------------------------------


def require_http(url: str) -> str:
    """Return a base URL without the slash at its end; raises ValueError if it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must start with http:// or https:// and a host")
    return url.rstrip("/")


class HttpProxy(NamedTuple):
    """A proxy for requests over HTTP, from ``http://user:pass@host:3128``. ``url`` holds no credentials."""

    url: str
    username: str | None
    password: SecretStr | None


def parse_http_proxy(url: str) -> HttpProxy:
    """Read a proxy.

    Raises:
        ValueError: The URL is not of the form above. Its text names no part of the URL, which may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        parts, port = urlsplit(""), 80
    if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must look like http://host:3128 or http://user:password@host:3128")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return HttpProxy(
        url=f"http://{host}:{port}",
        username=unquote(parts.username) if parts.username else None,
        password=SecretStr(unquote(parts.password)) if parts.password else None,
    )


_EHLO_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?|\[[0-9A-Za-z.:]{2,60}\]")


def require_ehlo_name(name: str) -> str:
    """Return a name for EHLO: a domain, or an address in brackets (RFC 5321 section 4.1.3); else ValueError."""
    if not _EHLO_NAME.fullmatch(name):
        raise ValueError(
            "must be a domain name, such as mail.shop.example, or an address in brackets, such as [192.0.2.1]"
        )
    return name


class SmtpRelay(NamedTuple):
    """One SMTP server to hand mail to, from ``smtp://user:pass@host:587`` or ``smtps://…``.

    ``pipelining`` says whether to give all commands of an envelope at once where the relay offers it; a relay that
    offers it and gets it wrong has ``?pipelining=off``.
    """

    host: str
    port: int
    implicit_tls: bool
    username: str | None
    password: SecretStr | None
    pipelining: bool = True

    @property
    def name(self) -> str:
        """The relay without credentials, for logs and responses."""
        return f"{'smtps' if self.implicit_tls else 'smtp'}://{self.host}:{self.port}"


def parse_smtp_url(url: str) -> SmtpRelay:
    """Read one relay.

    Raises:
        ValueError: The URL is not of the form above. Its text names no part of the URL, which may hold a password.
    """
    form = (
        "must look like smtp://user:password@host:587 or smtps://user:password@host:465, with ?pipelining=off at most"
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(form) from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(form)
    if parts.query not in ("", "pipelining=on", "pipelining=off") or parts.fragment:
        raise ValueError(form)
    implicit = parts.scheme == "smtps"
    return SmtpRelay(
        host=parts.hostname,
        port=port or (465 if implicit else 587),
        implicit_tls=implicit,
        pipelining=parts.query != "pipelining=off",
        username=unquote(parts.username) if parts.username else None,
        password=SecretStr(unquote(parts.password)) if parts.password else None,
    )
