"""A real Chromium, a real server and a real bridge between them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from browser.host import Host, host
from browser.stage import Stage, opened, stage

PATIENCE = 60_000
"""Milliseconds after which something that should show has not: never reached unless it is broken."""

_SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def _chromium() -> str:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.fail(
            "the browser tests need Chromium: install it (Debian: apt-get install chromium), "
            "or name its program in the variable CHROMIUM"
        )
    return found


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    browser = playwright.chromium.launch(executable_path=_chromium(), args=list(_SWITCHES))
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server in development mode with a bridge; tests share it, each with recipients of its own."""
    with stage(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Stage]:
    """The same for one test, whose outbox nobody else fills."""
    with stage(tmp_path) as running:
        yield running


@pytest.fixture
def web_site() -> Iterator[Host]:
    """Somebody's web site, whose pages a test gives."""
    with host() as running:
        yield running


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens an address in a browser window of its own; a script error in any of them fails the test."""
    with opened(chromium) as visit:
        yield visit
