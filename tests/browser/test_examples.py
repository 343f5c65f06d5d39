"""The README of the browser's client says what its examples say, and the examples run."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.sync_api import Page, expect

from browser.host import Host, html, text
from browser.stage import Stage, badge, bell, connected, item, stage
from helpers.waiting import eventually

Visit = Callable[..., Page]

FOLDER = Path(__file__).parents[2] / "clients" / "web"
EXAMPLES = FOLDER / "examples"
DEVELOPMENT, PRODUCTION = "http://127.0.0.1:8080", "https://notify.example.org"
"""Where the bridge is in the examples."""
RECIPIENT = "user:0190a5d0-0000-7000-8000-000000000001"
"""Whose inbox they show."""
SECRET = "a secret of at least thirty-two bytes"
SERVICE_TOKEN = "a-service-token-of-at-least-32-characters"

QUOTE = re.compile(r"(?:<!-- from (?P<file>\S+) -->\n)?```(?P<kind>\w*)\n(?P<code>.*?)```", re.DOTALL)


def test_every_piece_of_code_in_the_readme_is_part_of_a_file_that_runs() -> None:
    pieces = list(QUOTE.finditer((FOLDER / "README.md").read_text(encoding="utf-8")))
    for piece in pieces:
        assert piece["file"], f"this is no quotation: {piece['code']}"
        assert piece["code"] in (FOLDER / piece["file"]).read_text(encoding="utf-8"), piece["file"]
    quoted = {piece["file"].removeprefix("examples/") for piece in pieces}
    assert quoted == {path.name for path in EXAMPLES.iterdir() if path.is_file()}


def example(name: str, site: Stage) -> str:
    """Return a page of the examples, with the bridge where it is in this test."""
    page = (EXAMPLES / name).read_text(encoding="utf-8")
    assert (DEVELOPMENT in page) != (PRODUCTION in page)
    return page.replace(DEVELOPMENT, f"http://{site.listen}").replace(PRODUCTION, f"http://{site.listen}")


def token_maker() -> Any:
    """Return the example of a backend."""
    spec = importlib.util.spec_from_file_location("example_token", EXAMPLES / "token.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def guarded(folder: Path, web_site: Host) -> Iterator[Stage]:
    """Run a server that asks for tokens, behind a bridge that this web site's pages may use."""
    backend = f"shop:send:{hashlib.sha256(SERVICE_TOKEN.encode()).hexdigest()}"
    with stage(
        folder, SERVICE_TOKEN, jwt_secret=SECRET, auth_tokens=(backend,), bridge_origins=(web_site.origin,)
    ) as site:
        yield site


def test_the_development_example_shows_what_is_sent(own_site: Stage, web_site: Host, visit: Visit) -> None:
    web_site.answers["/"] = html(example("development.html", own_site))
    page = visit(f"{web_site.origin}/")
    connected(page)
    own_site.send(RECIPIENT, "Hello")
    expect(badge(page)).to_have_text("1")
    bell(page).click()
    expect(item(page, "Hello")).to_have_count(1)


def test_the_production_example_connects_with_the_backends_token_and_never_without(
    tmp_path: Path, web_site: Host, visit: Visit
) -> None:
    ann = str(uuid4())
    with guarded(tmp_path, web_site) as site:
        web_site.answers["/"] = html(example("production.html", site))
        web_site.answers["/my/tocsin-token"] = lambda: text(token_maker().tocsin_token(SECRET, ann) + "\n")
        site.send(f"user:{ann}", "Hello")
        page = visit("about:blank")
        warned: list[str] = []
        page.on("console", lambda message: warned.append(message.text))
        page.goto(f"{web_site.origin}/")
        expect(badge(page)).to_have_text("1")
        assert [line for line in warned if "tocsin" in line] == []
        assert web_site.asked.count("/my/tocsin-token") == 1


def test_the_example_with_a_function_waits_for_its_token(tmp_path: Path, web_site: Host, visit: Visit) -> None:
    ann = str(uuid4())
    with guarded(tmp_path, web_site) as site:
        web_site.answers["/"] = html(example("own-token.html", site))
        page = visit(f"{web_site.origin}/")
        warned: list[str] = []
        page.on("console", lambda message: warned.append(message.text))
        eventually(lambda: page.evaluate("1") and any("/api/session" in path for path in web_site.asked))
        web_site.answers["/api/session"] = lambda: (
            200,
            "application/json",
            json.dumps({"tocsinToken": token_maker().tocsin_token(SECRET, ann)}),
        )
        connected(page)
        site.send(f"user:{ann}", "Hello")
        expect(badge(page)).to_have_text("1")
        assert not any("UNAUTHENTICATED" in line for line in warned)


def test_the_dressed_example_is_dressed_translated_and_leads_to_orders(
    tmp_path: Path, web_site: Host, visit: Visit
) -> None:
    ann = str(uuid4())
    with guarded(tmp_path, web_site) as site:
        web_site.answers["/"] = html(example("dressed.html", site))
        web_site.answers["/orders/7"] = html("<h1>Order 7</h1>")
        web_site.answers["/my/tocsin-token"] = lambda: text(token_maker().tocsin_token(SECRET, ann))
        page = visit(f"{web_site.origin}/")
        connected(page)
        site.send(f"user:{ann}", "Bestellung", metadata={"link": "/orders/7"})
        site.send(f"user:{ann}", "Falle", metadata={"link": "https://evil.example/"})
        expect(bell(page)).to_have_accessible_name("Mitteilungen, 2 ungelesen")
        expect(bell(page)).to_have_css("color", "rgb(255, 255, 255)")
        bell(page).click()
        dialog = page.get_by_role("dialog", name="Mitteilungen")
        expect(dialog).to_have_css("width", "360px")
        expect(dialog.get_by_role("heading", name="Mitteilungen")).to_have_css("font-family", "Georgia, serif")
        expect(dialog.get_by_role("listitem").first).to_contain_text("jetzt")
        dialog.locator(".open", has_text="Falle").click()
        expect(bell(page)).to_have_accessible_name("Mitteilungen, 1 ungelesen")
        assert page.url == f"{web_site.origin}/"
        dialog.locator(".open", has_text="Bestellung").click()
        expect(page.get_by_role("heading", name="Order 7")).to_be_visible()


def test_the_client_example_shows_count_and_titles(own_site: Stage, web_site: Host, visit: Visit) -> None:
    web_site.answers["/"] = html(example("client.html", own_site))
    own_site.send(RECIPIENT, "Before")
    page = visit(f"{web_site.origin}/")
    expect(page.locator("#unread")).to_have_text("1")
    own_site.send(RECIPIENT, "<b>After</b>")
    expect(page.locator("#titles > li")).to_have_text(["<b>After</b>", "Before"])
    expect(page.locator("#unread")).to_have_text("2")
