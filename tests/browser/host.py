"""Somebody's web site, with pages in which the inbox stands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

Answer: TypeAlias = tuple[int, str, str]
"""Status, content type and body."""


def html(body: str) -> Answer:
    """Return a page."""
    return 200, "text/html; charset=utf-8", body


def text(body: str, status: int = 200) -> Answer:
    """Return plain text."""
    return status, "text/plain; charset=utf-8", body


class Host:
    """A web server of which tests say what it answers. Used through `host`."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[], Answer]] = {}
        """By path; what is not among them is a page of HTML with 404, as everywhere."""
        self.asked: list[str] = []
        self.origin = ""

    def answer(self, path: str) -> Answer:
        self.asked.append(path)
        found = self.answers.get(path)
        if found is None:
            return 404, "text/html; charset=utf-8", "<!doctype html>\n<title>404 Not Found</title><h1>Not Found</h1>"
        return found() if callable(found) else found


@contextmanager
def host() -> Iterator[Host]:
    """Serve pages at a port of this machine."""
    made = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content_type, body = made.answer(self.path)
            data = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
