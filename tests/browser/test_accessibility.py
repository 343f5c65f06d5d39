"""axe-core finds nothing, in any state, in light and dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from browser.stage import Stage, badge, bell, connected, items, panel, user

Visit = Callable[..., Page]

AXE = Path(__file__).parents[2] / ".build" / "web" / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """Return what axe-core finds, after every animation."""
    if not AXE.exists():
        pytest.fail(f"the accessibility audit needs axe-core at {AXE}: run `make web-tools`")
    page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})))")
    page.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert found["passes"], "axe has looked at nothing"
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1180])
def test_the_inbox_with_notifications(site: Stage, visit: Visit, scheme: str, width: int) -> None:
    ann = user()
    site.send(ann, "A long one", "A sentence that goes on. " * 60)
    site.send(ann, "Read", "Done with.")
    site.client.mark_read([site.send(ann, "Also read", "Done with.")])
    site.send_many(ann, 25)
    page = visit(site.url(ann), width=width, height=844, color_scheme=scheme, reduced_motion="reduce")
    expect(badge(page)).to_have_text("27")
    assert violations(page) == []
    bell(page).click()
    expect(items(page).first).to_be_visible()
    items(page).first.locator(".open").click()
    assert violations(page) == []


def closing(code: int) -> Callable[[WebSocketRoute], None]:
    def close(socket: WebSocketRoute) -> None:
        socket.close(code=code)

    return close


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_inbox_that_is_empty_loading_refused_or_cut_off(site: Stage, visit: Visit, scheme: str) -> None:
    page = visit(site.url(user()), color_scheme=scheme, reduced_motion="reduce")
    connected(page)
    bell(page).click()
    expect(panel(page).get_by_text("You are all caught up")).to_be_visible()
    assert violations(page) == []

    for code, sight in ((1008, "Notifications cannot be shown"), (1013, "No connection yet. Still trying…")):
        page = visit("about:blank", color_scheme=scheme, reduced_motion="reduce")
        page.route_web_socket(lambda url: url.endswith("/ws"), closing(code))
        page.goto(site.url(user()))
        bell(page).click()
        expect(panel(page).get_by_text(sight)).to_be_visible()
        assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_development_page(own_site: Stage, visit: Visit, scheme: str) -> None:
    page = visit(own_site.url(user()), color_scheme=scheme, reduced_motion="reduce")
    connected(page)
    for channel in ("SMS", "Telegram"):
        page.get_by_role("checkbox", name=channel).check()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#outbox li")).to_have_count(3)
    assert violations(page) == []
