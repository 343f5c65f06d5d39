"""Whose pages may connect: browsers let any page open a WebSocket to anywhere, and only the origin tells which it is.

Those that are listed (``TOCSIN_BRIDGE_ORIGINS``), and the bridge's own pages. Without a list also pages of this machine
from whatever port, for whoever develops one.

A page is the bridge's own if its origin is what the socket was opened to. That is believed of an ``https`` page, since
the certificate of that name had to be shown to the browser; and of an address. It is not believed of any other name:
anybody can point one at this machine, and a page that was loaded from it before then is "same host" (DNS rebinding).
That matters most where it is needed most: a bridge without authentication, on a developer's machine.

A client that sends no origin is not a browser. It could send any origin as well, so nothing is gained by refusing it.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from tocsin_server.config.network import is_loopback, parse_origin

_WEB: Final = ("http", "https")


def is_allowed(origin: str | None, host: str | None, listed: Collection[str]) -> bool:
    """Decide about one handshake.

    Args:
        origin: Its ``Origin`` header, None if it has none.
        host: What it was sent to: its ``Host`` header, None if it has none.
        listed: Allowed origins as `parse_origin` gives them; none means the rule for lack of a list.
    """
    if origin is None:
        return True
    try:
        normal = parse_origin(origin)
    except ValueError:
        return False
    if normal in listed:
        return True
    parts = urlsplit(normal)
    name = parts.hostname or ""
    if parts.scheme not in _WEB or not name:
        return False
    if not listed and is_loopback(name):
        return True
    believed = parts.scheme == "https" or is_loopback(name) or _is_address(name)
    return believed and _is_same(normal, parts.scheme, host)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_same(origin: str, scheme: str, host: str | None) -> bool:
    try:
        return host is not None and parse_origin(f"{scheme}://{host}") == origin
    except ValueError:
        return False
