"""What the bridge shows over plain HTTP, beside the WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias

from websockets.datastructures import Headers
from websockets.http11 import Response


@dataclass(frozen=True, slots=True)
class Page:
    """What a path shows. ``headers`` come on top of the length and the type."""

    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


Pages: TypeAlias = Callable[[str], Page | None]
"""Gives the page of a path such as ``/`` (without its query), None if there is none. It must not block."""


def no_pages(_path: str) -> Page | None:
    """Return nothing: a bridge without pages of its own."""
    return None


def plain_text(text: str) -> Page:
    """Return a page of text."""
    return Page(text.encode(), "text/plain; charset=utf-8")


def response(status: HTTPStatus, page: Page, *headers: tuple[str, str]) -> Response:
    """Return the answer that shows a page. The connection ends with it."""
    fields = [
        ("Content-Type", page.content_type),
        ("Content-Length", str(len(page.body))),
        ("Connection", "close"),
        ("X-Content-Type-Options", "nosniff"),
        *page.headers,
        *headers,
    ]
    return Response(status.value, status.phrase, Headers(fields), page.body)
