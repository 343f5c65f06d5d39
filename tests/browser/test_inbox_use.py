"""The inbox in use: with the mouse, with the keyboard alone, on a phone, and what it tells the page around it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from browser.stage import Stage, badge, bell, connected, item, items, panel, stage, until, user
from helpers.waiting import eventually

Visit = Callable[..., Page]

PHONE = {"width": 390, "height": 844}

FOCUS = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at?.getAttribute("aria-label") || at?.textContent || at?.id || at?.tagName;
}"""


# -- keyboard and focus ------------------------------------------------------------------------------


def test_everything_can_be_done_with_the_keyboard_and_the_focus_is_never_lost(site: Stage, visit: Visit) -> None:
    ann = user()
    for title in ("One", "Two", "Three"):
        site.send(ann, title)
    page = visit(site.url(ann))
    expect(badge(page)).to_have_text("3")
    press = page.keyboard.press

    bell(page).focus()
    press("Enter")
    expect(panel(page)).to_be_focused()
    expect(bell(page)).to_have_attribute("aria-expanded", "true")
    press("Tab")
    expect(panel(page).get_by_role("button", name="Mark all as read")).to_be_focused()
    press("Tab")
    expect(_title(page, "Three")).to_be_focused()
    press("ArrowDown")
    expect(_title(page, "Two")).to_be_focused()
    press("End")
    expect(_title(page, "One")).to_be_focused()
    press("ArrowDown")
    expect(_title(page, "One")).to_be_focused()
    press("Home")
    press("ArrowDown")

    # Its mark is next, and disappears when it is used.
    press("Tab")
    expect(page.get_by_role("button", name="Mark as read: Two")).to_be_focused()
    press("Enter")
    expect(_title(page, "Two")).to_be_focused()
    expect(badge(page)).to_have_text("2")

    # The place in the list is kept: Shift+Tab leads out of it, Tab back to where one was.
    press("Shift+Tab")
    expect(panel(page).get_by_role("button", name="Mark all as read")).to_be_focused()
    press("Enter")
    expect(badge(page)).to_be_hidden()
    expect(panel(page).get_by_role("button", name="Mark all as read")).to_be_focused()
    press("Tab")
    expect(_title(page, "Two")).to_be_focused()

    press("Escape")
    expect(panel(page)).to_be_hidden()
    expect(bell(page)).to_be_focused()
    expect(bell(page)).to_have_attribute("aria-expanded", "false")


def test_what_arrives_moves_neither_the_focus_nor_the_list_under_it(site: Stage, visit: Visit) -> None:
    ann = user()
    site.send_many(ann, 30)
    page = visit(site.url(ann))
    bell(page).click()
    _title(page, "Number 20").focus()
    page.locator("tocsin-inbox .scroller").evaluate("(list) => list.scrollTo(0, 500)")
    before = item(page, "Number 20").bounding_box()
    site.send(ann, "Just now")
    expect(items(page).first).to_contain_text("Just now")
    expect(_title(page, "Number 20")).to_be_focused()
    expect(page.locator("tocsin-inbox [role=status]")).to_have_text("New notification: Just now")

    def stands_still() -> bool:
        after = item(page, "Number 20").bounding_box()
        return before is not None and after is not None and abs(after["y"] - before["y"]) < 2

    eventually(stands_still)


def test_leaving_with_tab_or_a_click_closes_the_panel_and_leaves_the_focus_there(site: Stage, visit: Visit) -> None:
    ann = user()
    site.send(ann, "One")
    page = visit(site.url(ann))
    connected(page)
    bell(page).click()
    expect(items(page)).to_have_count(1)
    page.get_by_label("Title").click()
    expect(panel(page)).to_be_hidden()
    expect(page.get_by_label("Title")).to_be_focused()

    bell(page).click()
    expect(panel(page)).to_be_visible()
    for _ in range(4):
        page.keyboard.press("Tab")
    expect(panel(page)).to_be_hidden()
    assert "Notifications" not in page.evaluate(FOCUS)


def test_on_a_phone_the_panel_covers_the_screen_and_holds_the_focus(site: Stage, visit: Visit) -> None:
    ann = user()
    site.send(ann, "One")
    page = visit(site.url(ann), **PHONE)
    expect(badge(page)).to_have_text("1")
    bell(page).click()
    expect(items(page)).to_have_count(1)
    eventually(lambda: panel(page).bounding_box() == {"x": 0, "y": 0, **PHONE})
    seen = set()
    for _ in range(8):
        page.keyboard.press("Tab")
        seen.add(page.evaluate(FOCUS))
    assert "Send" not in seen
    assert {"Mark all as read", "Close notifications", "Unread: One"} <= seen
    panel(page).get_by_role("button", name="Close notifications").click()
    expect(panel(page)).to_be_hidden()
    expect(bell(page)).to_be_focused()

    bell(page).click()
    page.keyboard.press("Escape")
    expect(panel(page)).to_be_hidden()
    expect(bell(page)).to_be_focused()

    # Turned or widened while open, it becomes the other form and stays open.
    bell(page).click()
    page.set_viewport_size({"width": 1000, "height": 700})
    expect(panel(page)).to_be_visible()
    eventually(lambda: (panel(page).bounding_box() or {"width": 0})["width"] == 400)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    eventually(lambda: panel(page).bounding_box() == {"x": 0, "y": 0, **PHONE})


@pytest.mark.parametrize("width", [320, 390, 768, 1180])
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_at_any_width_nothing_sticks_out(site: Stage, visit: Visit, width: int, direction: str) -> None:
    ann = user()
    site.send(ann, "W" * 255, "M" * 2000)
    page = visit(site.url(ann), width=width, height=700)
    page.evaluate(f"document.documentElement.dir = '{direction}'")
    bell(page).click()
    expect(items(page)).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = panel(page).bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert page.locator("tocsin-inbox .scroller").evaluate("(list) => list.scrollWidth <= list.clientWidth")


# -- the list ----------------------------------------------------------------------------------------


def test_a_thousand_notifications_are_scrolled_through_in_their_order(site: Stage, visit: Visit) -> None:
    ann = user()
    site.send_many(ann, 1000)
    page = visit(site.url(ann))
    page.locator("tocsin-inbox").evaluate("(inbox) => inbox.setAttribute('page-size', '100')")
    connected(page)
    expect(badge(page)).to_have_text("99+")
    expect(bell(page)).to_have_accessible_name("Notifications, 1000 unread")
    bell(page).click()
    expect(items(page).first).to_contain_text("Number 1000")

    def scrolled() -> bool:
        page.locator("tocsin-inbox .scroller").evaluate("(list) => list.scrollTo(0, list.scrollHeight)")
        return items(page).count() == 1000

    eventually(scrolled)
    titles = page.evaluate("document.querySelector('tocsin-inbox').client.notifications.map((one) => one.title)")
    assert titles == [f"Number {n}" for n in range(1000, 0, -1)]
    shown = page.evaluate(
        "[...document.querySelector('tocsin-inbox').shadowRoot.querySelectorAll('.title')]"
        ".map((one) => one.textContent)"
    )
    assert shown == [f"Unread: {title}" for title in titles]
    expect(panel(page).get_by_role("button", name="Load more")).to_be_hidden()

    panel(page).get_by_role("button", name="Mark all as read").click()
    expect(badge(page)).to_be_hidden()
    eventually(lambda: site.client.count_unread(ann) == 0)
    expect(badge(page)).to_be_hidden()
    site.send(ann, "One more")
    expect(badge(page)).to_have_text("1")


def test_load_more_continues_where_it_was_pressed(site: Stage, visit: Visit) -> None:
    ann = user()
    site.send_many(ann, 25)
    page = visit(site.url(ann))
    # Without an observer, as for whoever never scrolls: the button alone has to do.
    page.evaluate("""() => {
      const old = document.querySelector("tocsin-inbox");
      window.IntersectionObserver = class { observe() {} unobserve() {} disconnect() {} };
      old.replaceWith(old.cloneNode());
    }""")
    connected(page)
    bell(page).click()
    expect(items(page)).to_have_count(20)
    panel(page).get_by_role("button", name="Load more").focus()
    page.keyboard.press("Enter")
    expect(items(page)).to_have_count(25)
    expect(_title(page, "Number 5")).to_be_focused()


def test_a_long_message_unfolds_and_counts_as_read(site: Stage, visit: Visit) -> None:
    ann = user()
    site.send(ann, "Long", "A sentence that goes on. " * 60)
    site.send(ann, "Short", "Brief.")
    page = visit(site.url(ann))
    bell(page).click()
    title = _title(page, "Long")
    expect(title).to_have_attribute("aria-expanded", "false")
    expect(_title(page, "Short")).not_to_have_attribute("aria-expanded", "false")
    folded = item(page, "Long").bounding_box()
    title.click()
    expect(title).to_have_attribute("aria-expanded", "true")
    expect(badge(page)).to_have_text("1")
    unfolded = item(page, "Long").bounding_box()
    assert folded is not None
    assert unfolded is not None
    assert unfolded["height"] > 2 * folded["height"]
    title.click()
    expect(title).to_have_attribute("aria-expanded", "false")


def test_times_are_told_relatively_and_move_on(site: Stage, visit: Visit) -> None:
    ann = user()
    site.send(ann, "One")
    page = visit("about:blank")
    page.clock.install()
    page.goto(site.url(ann))
    expect(badge(page)).to_have_text("1")
    bell(page).click()
    time = item(page, "One").get_by_role("time")
    expect(time).to_have_text("now")
    page.clock.run_for(60_000 + 16_000)
    expect(time).to_have_text("1 minute ago")
    page.clock.fast_forward(2 * 3_600_000)
    expect(time).to_have_text("2 hours ago")
    page.clock.fast_forward(24 * 3_600_000)
    expect(time).to_have_text("yesterday")
    page.locator("tocsin-inbox").evaluate("(inbox) => inbox.setAttribute('locale', 'de')")
    expect(time).to_have_text("gestern")


# -- states ------------------------------------------------------------------------------------------


def test_an_empty_inbox_says_so_and_a_slow_one_says_that_it_loads(site: Stage, visit: Visit) -> None:
    page = visit("about:blank")
    page.route_web_socket(lambda url: url.endswith("/ws"), lambda _socket: None)  # opens, and never says anything
    page.goto(site.url(user()))
    bell(page).click()
    expect(panel(page).get_by_text("Loading notifications")).to_be_attached()
    expect(panel(page).get_by_text("You are all caught up")).to_be_hidden()

    page = visit(site.url(user()))
    bell(page).click()
    expect(panel(page).get_by_text("You are all caught up")).to_be_visible()
    expect(panel(page).get_by_text("Loading notifications")).to_be_hidden()


SECRET = "a secret of at least thirty-two bytes"


def test_a_refused_token_is_said_and_a_new_one_helps(tmp_path: Path, visit: Visit) -> None:
    with stage(tmp_path, jwt_secret=SECRET) as site:
        ann = user()
        token = jwt.encode({"sub": ann, "exp": int(time.time()) + 600}, SECRET, algorithm="HS256")
        page = visit(site.url(ann))
        page.locator("tocsin-inbox").evaluate("(inbox) => inbox.token = 'not a token'")
        bell(page).click()
        expect(panel(page).get_by_role("alert")).to_contain_text("Notifications cannot be shown")
        panel(page).get_by_role("button", name="Try again").click()
        expect(panel(page)).to_be_focused()
        expect(panel(page).get_by_role("alert")).to_contain_text("Notifications cannot be shown")

        # A function is asked again when its token is refused, once.
        page.locator("tocsin-inbox").evaluate(
            """(inbox, good) => {
              const tokens = ["expired", good];
              inbox.token = async () => tokens.shift() ?? "none left";
            }""",
            token,
        )
        connected(page)
        expect(panel(page).get_by_text("You are all caught up")).to_be_visible()


def test_a_bridge_that_cannot_be_reached_at_first_shows_that_and_is_waited_for(site: Stage, visit: Visit) -> None:
    page = visit("about:blank")
    refused = []

    def refuse(socket: WebSocketRoute) -> None:
        refused.append(socket)
        socket.close(code=1013, reason="TOO_MANY_STREAMS")

    page.route_web_socket(lambda url: url.endswith("/ws"), refuse)
    page.goto(site.url(user()))
    bell(page).click()
    expect(panel(page).get_by_text("No connection yet. Still trying…")).to_be_visible()
    expect(panel(page).get_by_text("Connection lost")).to_have_count(0)
    panel(page).get_by_role("button", name="Try again").click()
    eventually(lambda: page.evaluate("1") and len(refused) >= 2)


def test_what_waited_for_the_first_look_is_listed_but_is_no_news(site: Stage, visit: Visit) -> None:
    ann = user()
    site.send_many(ann, 60)
    page = visit("about:blank")
    page.add_init_script(
        "window.news = []; addEventListener('tocsin-notification', (e) => news.push(e.detail.notification.title))"
    )
    page.goto(site.url(ann))
    expect(badge(page)).to_have_text("60")
    # What comes before the first page does is part of it, and no news either.
    until(page, "document.querySelector('tocsin-inbox').client.listed")
    site.send(ann, "Now")
    expect(badge(page)).to_have_text("61")
    until(page, "news.length > 0")
    assert page.evaluate("news") == ["Now"]
    titles = page.evaluate("document.querySelector('tocsin-inbox').client.notifications.map((one) => one.title)")
    assert titles == ["Now", *(f"Number {n}" for n in range(60, 40, -1))]


# -- the page around it ------------------------------------------------------------------------------


def test_the_page_hears_what_happens(site: Stage, visit: Visit) -> None:
    ann = user()
    page = visit(site.url(ann))
    connected(page)
    page.evaluate("""() => {
      window.heard = [];
      for (const type of ["notification", "open", "close", "read", "select", "unread"]) {
        document.body.addEventListener(`tocsin-${type}`, (event) => {
          const { notification, ids, count } = event.detail;
          heard.push([type, notification?.title ?? ids?.length ?? count ?? null]);
          if (type === "select") event.preventDefault();
        });
      }
    }""")
    site.send(ann, "One", "A sentence that goes on. " * 60)
    expect(badge(page)).to_have_text("1")
    bell(page).click()
    _title(page, "One").click()
    expect(badge(page)).to_be_hidden()
    expect(_title(page, "One")).to_have_attribute("aria-expanded", "false")  # the page has taken it over
    page.keyboard.press("Escape")
    expect(panel(page)).to_be_hidden()
    assert page.evaluate("heard.filter(([type]) => type !== 'unread')") == [
        ["notification", "One"],
        ["open", None],
        ["select", "One"],
        ["read", 1],
        ["close", None],
    ]
    assert page.evaluate("heard.filter(([type]) => type === 'unread')") == [["unread", 1], ["unread", 0]]


def test_the_page_can_dress_it_translate_it_and_drive_it(site: Stage, visit: Visit) -> None:
    ann = user()
    site.send(ann, "One")
    page = visit(site.url(ann))
    expect(badge(page)).to_have_text("1")
    page.evaluate("""() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(`
        tocsin-inbox { --tocsin-badge: rgb(1, 2, 3); --tocsin-panel-width: 333px; }
        tocsin-inbox::part(heading) { letter-spacing: 5px; }`);
      document.adoptedStyleSheets = [sheet];
      const inbox = document.querySelector("tocsin-inbox");
      inbox.texts = { title: "Mitteilungen", bell: (count) => `Mitteilungen, ${count} ungelesen` };
      inbox.show();
    }""")
    dialog = page.get_by_role("dialog", name="Mitteilungen")
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    expect(bell(page)).to_have_accessible_name("Mitteilungen, 1 ungelesen")
    expect(badge(page)).to_have_css("background-color", "rgb(1, 2, 3)")
    expect(dialog.get_by_role("heading", name="Mitteilungen")).to_have_css("letter-spacing", "5px")
    eventually(lambda: (dialog.bounding_box() or {"width": 0})["width"] == 333)
    assert page.evaluate("document.querySelector('tocsin-inbox').unreadCount") == 1
    page.evaluate("document.querySelector('tocsin-inbox').close()")
    expect(dialog).to_be_hidden()


def test_an_element_that_is_removed_leaves_no_connection(site: Stage, visit: Visit) -> None:
    page = visit(site.url(user()))
    connected(page)
    page.evaluate("""() => {
      const inbox = document.querySelector("tocsin-inbox");
      window.before = inbox.client;
      inbox.remove();
    }""")
    until(page, "before.connection === 'idle' && document.querySelector('tocsin-inbox') === null")


def _title(page: Page, title: str) -> Locator:
    return item(page, title).locator(".open")
