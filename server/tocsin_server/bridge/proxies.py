"""Where a browser comes from, when a proxy speaks for it. Pure.

Behind a proxy every connection comes from the proxy's address. It says whom it speaks for in ``X-Forwarded-For``, or in
``Forwarded`` (RFC 7239); anybody else can send these headers, too, so they are believed of trusted proxies only. Each
proxy on the way appends one address, so the list is read from its end, where the trusted ones are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from email.message import Message
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import islice
from typing import Final, TypeAlias
from urllib.request import parse_http_list

from websockets.datastructures import Headers

from tocsin_server.domain.shares import network_of

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]

MOST_HOPS: Final = 16
"""Proxies that are looked at, from the last one on; there are seldom more than three."""

_WITH_PORT: Final = re.compile(r"\[(?P<ipv6>[^\]]*)\](:\d+)?|(?P<ipv4>\d+\.\d+\.\d+\.\d+)(:\d+)?")
"""Of RFC 7239; without brackets and port it is an address as well."""


class Proxies:
    """The proxies that are believed.

    Args:
        trusted: Their networks.
    """

    def __init__(self, trusted: Networks) -> None:
        self._trusted = tuple(trusted)

    def origin_of(self, peer: str) -> str | None:
        """Return what the connection from an address counts as, None where a proxy speaks for somebody unknown yet."""
        address = _address(peer)
        return None if address is None or self._trusts(address) else network_of(peer)

    def origin_behind(self, peer: str, headers: Headers) -> str | None:
        """Return what a request counts as, None if that is unknown: its proxy does not say whom it speaks for."""
        address = _address(peer)
        if address is None or not self._trusts(address):
            return self.origin_of(peer)
        hop: IPv4Address | IPv6Address | None = None
        for text in islice(_hops(headers), MOST_HOPS):
            hop = _address(text)
            if hop is None or not self._trusts(hop):
                break
        return None if hop is None else network_of(str(hop))

    def host_of(self, peer: str, headers: Headers) -> str | None:
        """Return the host that the browser asked for, None if there is none, or more than one."""
        address = _address(peer)
        if address is not None and self._trusts(address) and (named := _only(headers, "X-Forwarded-Host")):
            return named
        return _only(headers, "Host")

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._trusted)


def _hops(headers: Headers) -> Iterator[str]:
    """Return for whom proxies spoke, the last one first.

    ``X-Forwarded-For`` counts where both are there: most proxies write that one, and pass on the other unseen.
    """
    if lists := headers.get_all("X-Forwarded-For"):
        for one in reversed(lists):
            yield from (part.strip() for part in reversed(one.split(",")))
        return
    for one in reversed(headers.get_all("Forwarded")):
        for element in reversed(parse_http_list(one)):
            message = Message()
            message["Forwarded"] = f"element; {element}"
            pairs = message.get_params(header="Forwarded") or []
            yield next((value for name, value in pairs if name.lower() == "for"), "")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    if match := _WITH_PORT.fullmatch(text):
        text = match["ipv6"] or match["ipv4"] or ""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _only(headers: Headers, name: str) -> str | None:
    values = headers.get_all(name)
    return values[0] if len(values) == 1 else None
