"""The inbox in somebody's page: on headers of any colour, below a prefix, with tokens that come late or not at all."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jwt
import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from browser.host import Host, html, text
from browser.stage import Stage, badge, bell, connected, item, panel, prefixed, stage, until, user
from helpers.waiting import eventually

Visit = Callable[..., Page]

SECRET = "a secret of at least thirty-two bytes"
SERVICE_TOKEN = "a-service-token-of-at-least-32-characters"
CLIENT = "document.querySelector('tocsin-inbox').client"
SIGN_IN = "You may have to sign in again."


def page_of(site: Stage, inbox: str, head: str = "", header: str = "") -> str:
    """Return a page whose header has an inbox with these attributes."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{head}'
        f'<header style="padding: 10px; text-align: end; {header}"><tocsin-inbox {inbox}></tocsin-inbox></header>'
        f'<script type="module" src="http://{site.listen}/tocsin-inbox.js"></script>'
    )


def token(recipient: str, lifetime: float = 600) -> str:
    """Return a recipient's token."""
    return jwt.encode({"sub": recipient, "exp": int(time.time() + lifetime)}, SECRET, algorithm="HS256")


@contextmanager
def guarded(folder: Path) -> Iterator[Stage]:
    """Run a server that asks for tokens."""
    backend = f"shop:send:{hashlib.sha256(SERVICE_TOKEN.encode()).hexdigest()}"
    with stage(folder, SERVICE_TOKEN, jwt_secret=SECRET, auth_tokens=(backend,)) as site:
        yield site


# -- colours ------------------------------------------------------------------------------------------

CONTRAST = """(selector) => {
  const channel = (value) => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = (colour) => {
    const [red, green, blue] = colour.match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
  };
  const bell = document.querySelector("tocsin-inbox").shadowRoot.querySelector(selector);
  const [one, other] = [
    luminance(getComputedStyle(bell).stroke),
    luminance(getComputedStyle(document.querySelector("header")).backgroundColor),
  ].sort((a, b) => b - a);
  return (one + 0.05) / (other + 0.05);
}"""
"""How well the bell's lines stand out from the header, as WCAG 2 counts it."""


@pytest.mark.parametrize(
    ("header", "scheme", "device"),
    [
        ("background: rgb(255, 255, 255); color: rgb(34, 34, 34)", "", "light"),
        ("background: rgb(22, 33, 58); color: rgb(255, 255, 255)", "", "light"),
        ("background: rgb(22, 33, 58); color: rgb(255, 255, 255)", "", "dark"),
        (
            "background: rgb(238, 238, 238); color: rgb(34, 34, 34)",
            "<style>:root{color-scheme: light dark}</style>",
            "dark",
        ),
        ("background: rgb(17, 17, 17); color: rgb(238, 238, 238)", "<style>:root{color-scheme: dark}</style>", "light"),
        ("background: rgb(200, 32, 58); color: rgb(255, 255, 255)", "", "light"),
    ],
)
def test_the_bell_shows_on_any_header(
    site: Stage, web_site: Host, visit: Visit, header: str, scheme: str, device: str
) -> None:
    web_site.answers["/"] = html(page_of(site, f'recipient="{user()}"', scheme, header))
    page = visit(f"{web_site.origin}/", color_scheme=device)
    expect(bell(page)).to_be_visible()
    for theme in ("", "light", "dark", "auto"):
        page.evaluate("(theme) => document.querySelector('tocsin-inbox').setAttribute('theme', theme)", theme)
        assert page.evaluate(CONTRAST, ".bell svg") > 4.5, theme
    # The panel has colours of its own: what the header says does not reach into it.
    bell(page).click()
    assert panel(page).evaluate("(it) => getComputedStyle(it).color") in ("rgb(22, 24, 29)", "rgb(236, 238, 242)")


def test_colours_that_the_user_forces_are_the_bells_too(site: Stage, web_site: Host, visit: Visit) -> None:
    web_site.answers["/"] = html(page_of(site, f'recipient="{user()}"', "", "background: #16213a; color: white"))
    for scheme in ("light", "dark"):
        page = visit(f"{web_site.origin}/", forced_colors="active", color_scheme=scheme)
        expect(bell(page)).to_be_visible()
        assert page.evaluate(CONTRAST, ".bell svg") > 4.5


# -- words --------------------------------------------------------------------------------------------


def test_users_read_a_plain_sentence_and_developers_the_console(site: Stage, web_site: Host, visit: Visit) -> None:
    web_site.answers["/"] = html(page_of(site, 'token="not a token, but a sentence"'))
    page = visit("about:blank")
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(f"{web_site.origin}/")
    bell(page).click()
    failure = panel(page).get_by_role("alert")
    expect(failure).to_contain_text("They are not available on this page.")
    said = failure.inner_text()
    for word in ("token", "ASCII", "INVALID_ARGUMENT", "UNAUTHENTICATED"):
        assert word not in said
    expected = 'tocsin-inbox: what was given as token is text that begins with "not a token, bu"'
    eventually(lambda: page.evaluate("1") and any(line.startswith(expected) for line in told))
    assert len([line for line in told if line.startswith("tocsin-inbox")]) == 1

    page.evaluate("document.querySelector('tocsin-inbox').texts = { failedHere: 'Hier nicht.' }")
    expect(failure).to_contain_text("Hier nicht.")


def test_a_page_that_forgets_to_say_whose_inbox_it_is_connects_to_nothing(
    site: Stage, web_site: Host, visit: Visit
) -> None:
    web_site.answers["/"] = html(page_of(site, ""))
    page = visit("about:blank")
    told: list[str] = []
    sockets: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(f"{web_site.origin}/")
    bell(page).click()
    expect(panel(page).get_by_role("alert")).to_contain_text("They are not available on this page.")
    assert any("neither a recipient nor a token" in line for line in told)
    assert sockets == []
    # Whoever says it later, even now, is in time.
    page.evaluate("(who) => document.querySelector('tocsin-inbox').setAttribute('recipient', who)", user())
    connected(page)
    expect(panel(page).get_by_text("You are all caught up")).to_be_visible()


# -- tokens -------------------------------------------------------------------------------------------


def test_a_page_of_html_is_no_token_and_is_not_sent(tmp_path: Path, web_site: Host, visit: Visit) -> None:
    with guarded(tmp_path) as site:
        ann = user()
        # With 404, and as some sites do it, with 200.
        web_site.answers["/"] = html(page_of(site, 'token-url="/my/token"'))
        page = visit("about:blank")
        told: list[str] = []
        sockets: list[str] = []
        page.on("console", lambda message: told.append(message.text))
        page.on("websocket", lambda socket: sockets.append(socket.url))
        page.goto(f"{web_site.origin}/")
        eventually(lambda: page.evaluate("1") and any("no token: /my/token answers 404" in line for line in told))
        web_site.answers["/my/token"] = html("<!doctype html><title>Sign in</title>")
        eventually(lambda: page.evaluate("1") and any('begins with "<!doctype html>"' in line for line in told))
        assert sockets == []
        bell(page).click()
        expect(panel(page).get_by_text("No connection yet. Still trying…")).to_be_visible()
        web_site.answers["/my/token"] = text(token(ann))
        connected(page)
        site.send(ann, "Hello")
        expect(badge(page)).to_have_text("1")


def test_a_token_that_is_refused_once_is_replaced_and_nobody_notices(
    tmp_path: Path, web_site: Host, visit: Visit
) -> None:
    with guarded(tmp_path) as site:
        ann = user()
        # As from a clock that is far behind, three times; then it is set.
        tokens = [token(ann, lifetime=-60) for _ in range(3)]
        web_site.answers["/"] = html(page_of(site, 'token-url="/my/token"'))
        web_site.answers["/my/token"] = lambda: text(tokens.pop() if tokens else token(ann))
        site.send(ann, "Hello")
        page = visit(f"{web_site.origin}/")
        expect(badge(page)).to_have_text("1")
        assert web_site.asked.count("/my/token") == 4
        assert page.evaluate(f"{CLIENT}.error") is None


def test_tokens_that_are_refused_for_good_are_asked_for_eight_times_and_again_when_the_user_returns(
    site: Stage, web_site: Host, visit: Visit
) -> None:
    web_site.answers["/"] = html(page_of(site, ""))
    page = visit("about:blank")
    page.clock.install()
    page.route_web_socket(lambda url: url.endswith("/ws"), lambda socket: socket.close(code=4401, reason="NO"))
    page.goto(f"{web_site.origin}/")
    page.evaluate(
        """() => {
          window.asked = 0;
          document.querySelector("tocsin-inbox").token = () => `token-${++asked}`;
        }"""
    )
    bell(page).click()

    def asked(times: int) -> bool:
        page.clock.run_for(1_000)
        return bool(page.evaluate("asked") == times)

    eventually(lambda: asked(8))
    expect(panel(page).get_by_role("alert")).to_contain_text(SIGN_IN)
    page.clock.run_for(600_000)
    assert page.evaluate("asked") == 8
    # It asks once more each time that somebody looks at the page.
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    eventually(lambda: asked(9))
    page.clock.run_for(600_000)
    assert page.evaluate("asked") == 9
    panel(page).get_by_role("button", name="Try again").click()
    eventually(lambda: asked(17))


def test_somebody_who_is_not_signed_in_is_not_asked_about_for_ever(site: Stage, web_site: Host, visit: Visit) -> None:
    web_site.answers["/"] = html(page_of(site, 'token-url="/my/token"'))
    web_site.answers["/my/token"] = text("who are you?", 401)
    page = visit("about:blank")
    page.add_init_script(
        """window.answered = 0;
        const { fetch } = window;
        window.fetch = (...request) => fetch(...request).finally(() => answered++);"""
    )
    page.clock.install()
    page.goto(f"{web_site.origin}/")
    bell(page).click()

    def answered(times: int) -> bool:
        # Time passes only between two requests: the network's is not this clock's.
        before = page.evaluate("answered")
        page.clock.run_for(1_000)
        asked = web_site.asked.count("/my/token")
        eventually(lambda: page.evaluate("answered") == web_site.asked.count("/my/token"))
        assert asked <= before + 1
        return bool(page.evaluate("answered") == times)

    eventually(lambda: answered(8))
    expect(panel(page).get_by_role("alert")).to_contain_text(SIGN_IN)
    page.clock.run_for(600_000)
    assert web_site.asked.count("/my/token") == 8


def test_a_token_that_runs_out_is_replaced_and_what_is_known_stays_when_none_comes(
    tmp_path: Path, web_site: Host, visit: Visit
) -> None:
    with guarded(tmp_path) as site:
        ann = user()
        web_site.answers["/"] = html(page_of(site, 'token-url="/my/token"'))
        web_site.answers["/my/token"] = lambda: text(token(ann))
        site.send(ann, "Hello")
        page = visit("about:blank")
        sockets: list[WebSocketRoute] = []

        def connect(socket: WebSocketRoute) -> None:
            sockets.append(socket)
            socket.connect_to_server()

        page.route_web_socket(lambda url: url.endswith("/ws"), connect)
        page.goto(f"{web_site.origin}/")
        expect(badge(page)).to_have_text("1")
        bell(page).click()
        expect(item(page, "Hello")).to_have_count(1)
        sockets[-1].close(code=4401, reason="TOKEN_EXPIRED")
        until(page, f"{CLIENT}.connection === 'live'")
        eventually(lambda: page.evaluate("1") and len(sockets) == 2)

        web_site.answers["/my/token"] = text("signed out", 403)
        until(page, f"{CLIENT}.connection === 'live'")
        sockets[-1].close(code=4401, reason="TOKEN_EXPIRED")
        expect(panel(page).get_by_text(SIGN_IN)).to_be_visible()
        expect(item(page, "Hello")).to_have_count(1)
        web_site.answers["/my/token"] = lambda: text(token(ann))
        panel(page).get_by_role("button", name="Try again").click()
        connected(page)
        expect(panel(page).get_by_text(SIGN_IN)).to_be_hidden()


# -- places -------------------------------------------------------------------------------------------


def test_below_a_prefix_the_bridges_page_finds_everything(own_site: Stage, visit: Visit) -> None:
    ann = user()
    with prefixed(own_site.listen, "/a/notify") as (proxy, listen):
        page = visit("about:blank")
        failed: list[str] = []
        page.on("requestfailed", lambda request: failed.append(request.url))
        page.on("response", lambda response: failed.extend([response.url] * (not response.ok)))
        page.goto(f"http://{listen}/a/notify/#{ann}")
        connected(page)
        expect(page.get_by_role("heading", name="Send a test notification")).to_be_visible()
        expect(page.locator(".bar")).to_have_css("display", "flex")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(badge(page)).to_have_text("1")
        expect(page.locator("#outbox > li")).to_have_count(1)
        page.get_by_role("link", name="Tocsin").click()
        expect(page.get_by_role("heading", name="Send a test notification")).to_be_visible()
        assert failed == []
        assert [path for path in proxy.paths if path != "/favicon.ico"] == []


def test_below_a_prefix_any_page_finds_the_bridge_beside_the_module(
    own_site: Stage, web_site: Host, visit: Visit
) -> None:
    with prefixed(own_site.listen, "/notify") as (_, listen):
        ann = user()
        web_site.answers["/deep/page"] = html(
            f'<script type="module" src="http://{listen}/notify/tocsin-inbox.js"></script>'
            f'<tocsin-inbox recipient="{ann}"></tocsin-inbox>'
        )
        page = visit(f"{web_site.origin}/deep/page")
        connected(page)
        own_site.send(ann, "Hello")
        expect(badge(page)).to_have_text("1")


def test_copied_modules_connect_to_where_the_page_says(own_site: Stage, web_site: Host, visit: Visit) -> None:
    folder = Path(__file__).parents[2] / "clients" / "web"
    for path in [*folder.glob("*.js"), *folder.glob("inbox/*.js")]:
        answer = (200, "text/javascript", path.read_text(encoding="utf-8"))
        web_site.answers[f"/static/{path.relative_to(folder).as_posix()}"] = answer
    ann = user()
    web_site.answers["/"] = html(
        '<script type="module" src="/static/tocsin-inbox.js"></script>'
        f'<tocsin-inbox url="http://{own_site.listen}/ws" recipient="{ann}"></tocsin-inbox>'
    )
    page = visit(f"{web_site.origin}/")
    connected(page)
    own_site.send(ann, "Hello")
    expect(badge(page)).to_have_text("1")


@pytest.mark.parametrize("width", [320, 360, 400, 1000])
def test_long_words_of_another_language_stay_inside_and_everything_stays_in_reach(
    site: Stage, visit: Visit, width: int
) -> None:
    ann = user()
    site.send(ann, "One")
    page = visit(site.url(ann), width=width, height=640)
    expect(badge(page)).to_have_text("1")
    page.evaluate(
        """() => (document.querySelector("tocsin-inbox").texts = {
          title: "Benachrichtigungen",
          unread: (count) => `${count} ungelesene Mitteilungen`,
          markAll: "Alle als gelesen markieren",
        })"""
    )
    bell(page).click()
    dialog = page.get_by_role("dialog", name="Benachrichtigungen")
    outer = dialog.bounding_box()
    assert outer is not None
    for part in ("mark-all", "heading", "count", *(("close",) if width < 560 else ())):
        box = dialog.locator(f".{part}").bounding_box()
        assert box is not None, part
        assert box["x"] >= outer["x"], part
        assert box["x"] + box["width"] <= outer["x"] + outer["width"], part
    if width < 560:
        close, mark_all = (dialog.locator(f".{part}").bounding_box() for part in ("close", "mark-all"))
        assert close is not None
        assert mark_all is not None
        apart = mark_all["y"] >= close["y"] + close["height"] - 8 or mark_all["x"] + mark_all["width"] <= close["x"]
        assert apart


def test_an_empty_inbox_on_a_phone_closes_at_its_end(site: Stage, visit: Visit) -> None:
    page = visit(site.url(user()), width=390, height=700)
    connected(page)
    bell(page).click()
    box = panel(page).get_by_role("button", name="Close notifications").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] > 375
