"""The bridge's pages: what they refer to is there, wherever a proxy has put them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from tocsin_server.bridge import site as site_module
from tocsin_server.bridge.pages import Page
from tocsin_server.bridge.site import INDEX, site
from tocsin_server.domain.errors import ConfigurationError

OF_PAGES = re.compile(r"""(?:href|src)="([^"]+)\"""")
OF_MODULES = re.compile(r"""(?:import|from)\s*"([^"]+)";""")


def references(page: Page) -> list[str]:
    """Return what a page or a module refers to, without what it shows as an example."""
    text = re.sub(r"(?s)<pre.*?</pre>|/\*.*?\*/", "", page.body.decode())
    if page.content_type.startswith("text/html"):
        return OF_PAGES.findall(text)
    return OF_MODULES.findall(text) if page.content_type.startswith("text/javascript") else []


@pytest.mark.parametrize("prefix", ["/", "/notify/", "/deep/er/"])
def test_whatever_the_page_refers_to_is_there_behind_any_prefix(prefix: str) -> None:
    pages = site()
    todo, seen = [prefix], set[str]()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        assert path.startswith(prefix), f"{path} leaves {prefix}"
        page = pages("/" + path.removeprefix(prefix))
        assert page is not None, path
        todo += [urlsplit(urljoin(f"https://notify.example{path}", one)).path for one in references(page)]
    assert {f"{prefix}demo/demo.js", f"{prefix}demo/demo.css", f"{prefix}tocsin.js"} <= seen


def test_development_mode_has_the_same_page_with_more_on_it() -> None:
    usual, development = site()("/"), site(dev=True)("/")
    assert usual is not None
    assert development is not None
    assert b'data-mode="inbox"' in usual.body
    assert b'data-mode="development"' in development.body
    assert usual.headers == development.headers


def test_only_files_of_known_kinds_are_pages(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "inbox").mkdir()
    for name in (INDEX, "app.js", "jsconfig.json", "README.md", "demo/page.css", ".hidden.js.swp"):
        (tmp_path / name).write_text("x")
    pages = site(folder=tmp_path)
    assert [path for path in ("/", "/app.js", "/demo/page.css") if pages(path) is None] == []
    for path in ("/jsconfig.json", "/README.md", f"/{INDEX}", "/.hidden.js.swp", "/../etc/passwd", "/demo"):
        assert pages(path) is None, path


def test_modules_may_be_loaded_by_any_page_and_pages_may_not_be_framed() -> None:
    pages = site()
    module, page = pages("/tocsin-inbox.js"), pages("/")
    assert module is not None
    assert page is not None
    assert ("Access-Control-Allow-Origin", "*") in module.headers
    assert "frame-ancestors 'none'" in dict(page.headers)["Content-Security-Policy"]


def test_missing_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_module, "PLACES", (tmp_path,))
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        site()
