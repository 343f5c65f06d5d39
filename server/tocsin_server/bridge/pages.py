"""What the bridge shows over plain HTTP, beside the WebSocket."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeAlias

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
"""Before the path in the form that is meant for proxies, which a server has to take, too (RFC 9112, 3.2.2)."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a path shows. ``headers`` come on top of the length and the type."""

    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


Pages: TypeAlias = Callable[[str], Page | None]
"""Gives the page of a path such as ``/`` (without its query), None if there is none. It must not block."""


Probe: TypeAlias = Callable[[], Awaitable[bool]]
"""Tells whether something is well."""


def no_pages(_path: str) -> Page | None:
    """Return nothing: a bridge without pages of its own."""
    return None


def plain_text(text: str) -> Page:
    """Return a page of text."""
    return Page(text.encode(), "text/plain; charset=utf-8")


NOTHING: Final = plain_text("nothing here; the WebSocket is at /ws\n")
WELL: Final = plain_text("ok\n")
UNWELL: Final = plain_text("the server behind this bridge does not answer, or its database does not\n")


def path_of(target: str) -> str:
    """Return the path in a request's target, whatever else is there instead of one or beside it; never raises."""
    return re.split("[?#]", _ABSOLUTE.sub("", target, count=1), maxsplit=1)[0] or "/"


def response(status: HTTPStatus, page: Page, *headers: tuple[str, str], body: bool = True) -> Response:
    """Return the answer that shows a page, or with ``body`` false only what is to be known of it.

    The connection ends with it.
    """
    fields = [
        ("Content-Type", page.content_type),
        ("Content-Length", str(len(page.body))),
        ("Connection", "close"),
        ("X-Content-Type-Options", "nosniff"),
        *page.headers,
        *headers,
    ]
    return Response(status.value, status.phrase, Headers(fields), page.body if body else b"")


async def answer(request: Request, pages: Pages, probes: Mapping[str, Probe]) -> Response:
    """Answer a request that is not for a WebSocket.

    Args:
        request: The request.
        pages: What there is to show.
        probes: What says, by its path, that all is well.
    """
    if request.method not in ("GET", "HEAD"):
        return response(HTTPStatus.METHOD_NOT_ALLOWED, plain_text("only GET and HEAD\n"), ("Allow", "GET, HEAD"))
    body = request.method == "GET"
    path = path_of(request.path)
    if (probe := probes.get(path)) is not None:
        if await probe():
            return response(HTTPStatus.OK, WELL, body=body)
        return response(HTTPStatus.SERVICE_UNAVAILABLE, UNWELL, body=body)
    if (page := pages(path)) is not None:
        return response(HTTPStatus.OK, page, body=body)
    return response(HTTPStatus.NOT_FOUND, NOTHING, body=body)
