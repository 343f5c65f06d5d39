"""The bridge's pages: the inbox at ``/``, and the browser client's modules for any page.

They are the files of ``clients/web`` in a checkout, and the copy of them beside this module in an installed wheel. All
are read at the start: there are few, and what is not among them does not exist, whatever a path says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tocsin_server.bridge.pages import Page, Pages
from tocsin_server.domain.errors import ConfigurationError

_HERE: Final = Path(__file__).parent
PLACES: Final = (_HERE / "web", _HERE.parents[2] / "clients" / "web")
"""Where the files are, in order of preference."""

INDEX: Final = "demo/index.html"
"""The page at ``/``."""

_FOLDERS: Final = (".", "inbox", "demo")
"""Those of which files are served, if they have a type below."""

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What is served, and as what. Other files, such as the type checker's settings, are not."""

POLICY: Final = "; ".join(  # noqa: FLY002 - one directive a line, each with its reason
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",  # which covers the WebSockets of the same host (CSP level 3)
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # Text can become markup nowhere, not even by mistake: the browser refuses it.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""The Content-Security-Policy of pages."""

_ALWAYS: Final = (
    ("Cache-Control", "no-cache"),
    ("Referrer-Policy", "no-referrer"),
)
_OF_PAGES: Final = (
    *_ALWAYS,
    ("Content-Security-Policy", POLICY),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_OF_MODULES: Final = (
    *_ALWAYS,
    # Any site may load the client from here instead of copying it. Modules are always fetched with CORS.
    ("Access-Control-Allow-Origin", "*"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
)

_MODE: Final = b'data-mode="inbox"'
_DEVELOPMENT_MODE: Final = b'data-mode="development"'


def site(*, dev: bool = False, folder: Path | None = None) -> Pages:
    """Read the site, and return what gives its pages.

    Args:
        dev: Show development mode's page, which sends test notifications, at ``/``.
        folder: Where the files are, in place of `PLACES`.

    Raises:
        ConfigurationError: The files are not there.
    """
    folder = folder or next((place for place in PLACES if (place / INDEX).is_file()), None)
    if folder is None:
        raise ConfigurationError(f"the files of the web page are missing: looked in {', '.join(map(str, PLACES))}")
    pages = dict(_pages(folder))
    index = pages.pop(f"/{INDEX}")
    body = index.body.replace(_MODE, _DEVELOPMENT_MODE) if dev else index.body
    pages["/"] = Page(body, index.content_type, index.headers)
    return pages.get


def _pages(folder: Path) -> Iterator[tuple[str, Page]]:
    for file in sorted(file for part in _FOLDERS for file in (folder / part).iterdir()):
        content_type = _TYPES.get(file.suffix)
        if content_type is None or not file.is_file():
            continue
        path = file.relative_to(folder).as_posix()
        headers = _OF_PAGES if path.startswith("demo/") else _OF_MODULES
        yield f"/{path}", Page(file.read_bytes(), content_type, headers)
