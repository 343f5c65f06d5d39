"""What is shown over plain HTTP: the path in whatever a request asks for, and answers to GET and HEAD."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.http11 import Request

from tocsin_server.bridge.pages import UNWELL, Page, Probe, answer, no_pages, path_of, plain_text, response

INBOX = Page("<title>Ä</title>".encode(), "text/html; charset=utf-8", (("Cache-Control", "no-store"),))


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/ws?from=tab", "/ws"),
        ("/ws#there", "/ws"),
        ("/ws?a?b#c", "/ws"),
        ("http://notify.example/ws", "/ws"),
        ("HTTPS://notify.example:8443/healthz?x", "/healthz"),
        ("http://notify.example", "/"),
        ("http://notify.example?x", "/"),
        ("http://[::1]:8080/ws", "/ws"),
        ("//[", "//["),
        ("//ws", "//ws"),
        ("http://[", "/"),
        ("*", "*"),
        ("notify.example:443", "notify.example:443"),
        ("", "/"),
        ("?", "/"),
    ],
)
def test_the_path_of_a_target(target: str, path: str) -> None:
    assert path_of(target) == path


@given(st.text())
def test_no_target_is_too_strange(target: str) -> None:
    assert path_of(target)


async def serving() -> bool:
    return True


async def away() -> bool:
    return False


@pytest.mark.parametrize(
    ("path", "health", "status", "body"),
    [
        ("/", serving, 200, INBOX.body),
        ("/healthz", serving, 200, b"ok\n"),
        ("/healthz", away, 503, UNWELL.body),
        ("/nothing", serving, 404, b"nothing here; the WebSocket is at /ws\n"),
    ],
)
async def test_head_gets_what_get_gets_but_for_the_page(path: str, health: Probe, status: int, body: bytes) -> None:
    pages = {"/": INBOX}.get
    probes = {"/healthz": health}
    get = await answer(Request(path, Headers()), pages, probes)
    head = await answer(Request(path, Headers(), "HEAD"), pages, probes)
    assert (get.status_code, get.body) == (status, body)
    assert (head.status_code, head.body) == (status, b"")
    assert get.headers == head.headers
    assert head.headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "get", ""])
async def test_other_methods_are_refused(method: str) -> None:
    found = await answer(Request("/healthz", Headers(), method), no_pages, {"/healthz": serving})
    assert (found.status_code, found.headers["Allow"]) == (405, "GET, HEAD")


def test_an_answer_ends_the_connection_and_is_what_it_says() -> None:
    found = response(HTTPStatus.OK, plain_text("ok"), ("X-Other", "1"))
    assert (found.headers["Connection"], found.headers["X-Content-Type-Options"]) == ("close", "nosniff")
    assert (found.headers["X-Other"], found.body) == ("1", b"ok")
