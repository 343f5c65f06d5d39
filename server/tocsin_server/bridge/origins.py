"""Whose pages may connect: browsers let any page open a WebSocket to anywhere, and only the origin tells which it is.

With a list (``TOCSIN_BRIDGE_ORIGINS``), exactly its origins. Without one, pages of this machine: those whose host is
loopback, and those that came from the very address (an IP address, no name) that the socket is opened to. A name is
not believed for that: anybody can point one at this machine, and a page that was loaded from it then is "same host"
(DNS rebinding). It matters most where it is needed most: a bridge without authentication, on a developer's machine.

A client that sends no origin is not a browser. It could send any origin as well, so nothing is gained by refusing it.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from tocsin_server.config import is_loopback, parse_origin


def is_allowed(origin: str | None, host: str | None, listed: Collection[str]) -> bool:
    """Decide about one handshake.

    Args:
        origin: Its ``Origin`` header, None if it has none.
        host: Its ``Host`` header, None if it has none.
        listed: Allowed origins as `parse_origin` gives them; none means the rule for lack of a list.
    """
    if origin is None:
        return True
    try:
        normal = parse_origin(origin)
    except ValueError:
        return False
    if listed:
        return normal in listed
    name = urlsplit(normal).hostname or ""
    return is_loopback(name) or (_is_address(name) and _same_host(normal, host))


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _same_host(origin: str, host: str | None) -> bool:
    scheme = urlsplit(origin).scheme
    try:
        return host is not None and parse_origin(f"{scheme}://{host}") == origin
    except ValueError:
        return False
