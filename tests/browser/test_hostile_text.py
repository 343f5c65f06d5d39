"""Titles and messages are text, whatever they contain."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from browser.stage import Stage, badge, bell, item, items, user

Visit = Callable[..., Page]

TEXTS = {
    "script": "<script>window.hit = 1</script>",
    "handler": "<img src=x onerror='window.hit = 2'><svg onload='window.hit = 3'>",
    "template": "{{ 7 * 7 }} ${7 * 7} &lt;b&gt; &#60;",
    "link": '<a href="javascript:window.hit = 4">press</a>',
    "one word": "W" * 255,
    "emoji": "👩‍👩‍👧‍👦🇪🇺🏴‍☠️" * 12,
    "right to left": "שלום עולם (עם סוגריים) 123",
    "override": "\u202eabc\u2066def",
    "combining": "Z" + "\u0351" * 200,
    "long": "x " * 127,
}


def test_nothing_is_read_as_html(site: Stage, visit: Visit) -> None:
    ann = user()
    for text in TEXTS.values():
        site.send(ann, text, text)
    page = visit(site.url(ann))
    expect(badge(page)).to_have_text(str(len(TEXTS)))
    bell(page).click()
    expect(items(page)).to_have_count(len(TEXTS))
    shown = page.evaluate("""() => {
      const root = document.querySelector("tocsin-inbox").shadowRoot;
      const texts = (part) => [...root.querySelectorAll(part)].map((one) => one.textContent);
      return [texts(".title .open > span:last-child"), texts(".message")];
    }""")
    expected = [text.strip() for text in reversed(TEXTS.values())]
    assert [[text.strip() for text in part] for part in shown] == [expected, expected]
    inside = page.evaluate(
        "[...document.querySelector('tocsin-inbox').shadowRoot.querySelector('ol')"
        ".querySelectorAll('script, img, a, b, svg[onload]')].length"
    )
    assert inside == 0
    for index in range(len(TEXTS)):
        items(page).nth(index).locator(".open").click()
    expect(badge(page)).to_be_hidden()
    assert page.evaluate("window.hit") is None
    # Development mode's views show the same texts.
    assert page.locator("#deliveries script, #deliveries img, #outbox script").count() == 0


@pytest.mark.parametrize("width", [360, 1180])
def test_no_text_breaks_the_layout_or_its_neighbours(site: Stage, visit: Visit, width: int) -> None:
    ann = user()
    for text in TEXTS.values():
        site.send(ann, text, text)
    site.send(ann, "Plain", "As ever.")
    page = visit(site.url(ann), width=width, height=800)
    bell(page).click()
    expect(items(page)).to_have_count(len(TEXTS) + 1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    scroller = page.locator("tocsin-inbox .scroller")
    assert scroller.evaluate("(list) => list.scrollWidth <= list.clientWidth")
    mark = item(page, "Plain").get_by_role("button", name="Mark as read").bounding_box()
    assert mark is not None
    assert mark["x"] + mark["width"] <= width
