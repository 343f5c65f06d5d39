"""The bridge's page: in development mode it sends, and shows what becomes of it; and who may use it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from browser.stage import Stage, badge, bell, connected, item, running_bridge, user
from helpers.server import running_server
from tocsin_server.bridge.demo import Outbox
from tocsin_server.config.network import ListenAddress

Visit = Callable[..., Page]


def test_a_test_notification_goes_out_on_every_channel_and_is_shown_as_people_get_it(
    own_site: Stage, visit: Visit
) -> None:
    ann = user()
    page = visit(own_site.url(ann))
    connected(page)
    page.get_by_label("Title").fill("Grüße & <b>Küsse</b>")
    page.get_by_label("Message", exact=True).fill("First line\nSecond line")
    for channel in ("SMS", "Telegram"):
        page.get_by_role("checkbox", name=channel).check()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Accepted.")).to_be_visible()
    expect(badge(page)).to_have_text("1")

    delivery = page.locator("#deliveries > li")
    expect(delivery).to_have_count(1)
    for channel in ("websocket", "email", "sms", "telegram"):
        expect(delivery.locator(f"[data-channel={channel}] .status")).to_have_text("sent")
    expect(delivery.locator("[data-channel=email]")).to_contain_text("ann@example.org · 1 attempt · outbox://email")
    expect(delivery.locator("[data-channel=websocket]")).to_contain_text("unread")

    outbox = page.locator("#outbox > li")
    expect(outbox).to_have_count(3)
    mail = outbox.filter(has_text="E-mail")
    expect(mail.locator("dd")).to_have_text(["Tocsin <tocsin@localhost>", "ann@example.org", "Grüße & <b>Küsse</b>"])
    expect(mail.locator(".body > p")).to_have_text("First line\nSecond line")
    for channel in ("SMS", "Telegram"):
        expect(outbox.filter(has_text=channel).locator(".bubble")).to_contain_text("Grüße & <b>Küsse</b>First line")

    bell(page).click()
    item(page, "Grüße & <b>Küsse</b>").get_by_role("button", name="Mark as read").click()
    expect(delivery.locator("[data-channel=websocket]")).to_contain_text("read")


def test_what_the_api_refuses_is_said_as_the_api_says_it(site: Stage, visit: Visit) -> None:
    page = visit(site.url(user()))
    connected(page)
    page.get_by_label("E-mail address").fill("nobody")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#outcome")).to_contain_text("email")
    expect(page.locator("#outcome")).to_contain_text("INVALID")
    expect(page.locator("#deliveries > li")).to_have_count(0)


def test_the_recipient_is_part_of_the_address(site: Stage, visit: Visit) -> None:
    ann, bob = user(), user()
    site.send(ann, "For Ann")
    page = visit(site.url(ann))
    expect(badge(page)).to_have_text("1")
    page.get_by_label("Recipient, as type:id").fill(bob)
    page.get_by_label("Recipient, as type:id").press("Enter")
    expect(badge(page)).to_be_hidden()
    expect(page.locator("#deliveries > li")).to_have_count(0)
    page.go_back()
    expect(badge(page)).to_have_text("1")
    expect(page.locator("#deliveries > li")).to_have_count(1)
    expect(page).to_have_title("(1) Tocsin")


def test_the_page_comes_back_after_the_bridge(tmp_path: Path, visit: Visit) -> None:
    with running_server(tmp_path, dev=True) as server:
        with running_bridge(tmp_path, server.address) as listen:
            page = visit(f"http://{listen}/#{user()}")
            connected(page)
        expect(page.get_by_role("alert").filter(has_text="The bridge cannot be reached")).to_be_visible()
        with running_bridge(tmp_path, server.address, port=listen.port):
            expect(page.get_by_role("alert").filter(has_text="The bridge cannot be reached")).to_be_hidden()
            page.get_by_role("button", name="Send", exact=True).click()
            expect(page.locator("#deliveries > li")).to_have_count(1)


# -- who may ------------------------------------------------------------------------------------------


def refused(listen: ListenAddress, origin: str | None, **headers: str) -> int:
    """Return the HTTP status with which `/dev` refuses; 101 if it does not."""
    try:
        given = Origin(origin) if origin else None
        with connect(f"ws://{listen}/dev", origin=given, additional_headers=headers, proxy=None):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


def test_the_development_socket_is_for_the_bridges_own_page_on_this_machine(site: Stage) -> None:
    own = f"http://{site.listen}"
    assert refused(site.listen, own) == 101
    assert refused(site.listen, None) == 403
    assert refused(site.listen, "http://127.0.0.1:1") == 403
    assert refused(site.listen, f"https://{site.listen}") == 403
    assert refused(site.listen, "https://evil.example") == 403
    assert refused(site.listen, "null") == 403
    rebound = f"evil.example:{site.listen.port}"
    assert refused(site.listen, f"http://{rebound}", Host=rebound) == 403
    assert refused(site.listen, own, **{"X-Forwarded-For": "192.0.2.1"}) == 403


def test_without_development_mode_there_is_an_inbox_and_nothing_else(tmp_path: Path, visit: Visit) -> None:
    with (
        running_server(tmp_path) as server,
        running_bridge(tmp_path, server.address, dev=False) as listen,
    ):
        assert refused(listen, f"http://{listen}") == 404
        page = visit(f"http://{listen}/#{user()}")
        connected(page)
        expect(page.get_by_role("heading", name="Your inbox is behind the bell")).to_be_visible()
        expect(page.get_by_role("button", name="Send", exact=True)).to_be_hidden()


@pytest.mark.parametrize(
    "frame",
    [
        "nonsense",
        "[]",
        "{}",
        '{"type": "send"}',
        '{"type": "watch"}',
        '{"type": "watch", "recipient": {"type": "nobody", "id": "x"}}',
        '{"type": "cancel", "id": 7}',
    ],
)
def test_a_frame_that_makes_no_sense_is_answered_with_an_error(site: Stage, frame: str) -> None:
    with connect(f"ws://{site.listen}/dev", origin=Origin(f"http://{site.listen}"), proxy=None) as socket:
        socket.send(frame)
        answers = iter(lambda: json.loads(socket.recv(20)), None)
        error = next(answer for answer in answers if answer["type"] == "error")
        assert error["code"] == "INVALID_ARGUMENT"
        socket.send(json.dumps({"type": "watch", "recipient": {"type": "user", "id": user().partition(":")[2]}}))
        assert next(answer for answer in answers if answer["type"] == "done")["what"] == "watch"


# -- files --------------------------------------------------------------------------------------------


def fetch(listen: ListenAddress, path: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(*listen, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/tocsin.js", "text/javascript; charset=utf-8"),
        ("/tocsin-inbox.js", "text/javascript; charset=utf-8"),
        ("/connection.js", "text/javascript; charset=utf-8"),
        ("/feed.js", "text/javascript; charset=utf-8"),
        ("/demo/demo.js", "text/javascript; charset=utf-8"),
        ("/demo/demo.css", "text/css; charset=utf-8"),
        ("/demo/icon.svg", "image/svg+xml"),
    ],
)
def test_files_have_their_type_and_safe_headers(site: Stage, path: str, content_type: str) -> None:
    status, headers, body = fetch(site.listen, path)
    assert status == 200
    assert body
    assert headers["content-type"] == content_type
    assert headers["x-content-type-options"] == "nosniff"
    assert "http://" not in body.replace("http://www.w3.org/2000/svg", "").replace("`http:`", "")
    if path == "/":
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    "path",
    [
        "/jsconfig.json",
        "/README.md",
        "/../pyproject.toml",
        "/%2e%2e/pyproject.toml",
        "/demo/",
        "/demo/index.html",
        "//etc/passwd",
        "/x",
    ],
)
def test_nothing_else_is_served(site: Stage, path: str) -> None:
    assert fetch(site.listen, path)[0] == 404


def test_any_site_may_load_the_client_but_not_frame_or_read_the_page(site: Stage) -> None:
    assert fetch(site.listen, "/tocsin-inbox.js")[1]["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in fetch(site.listen, "/")[1]


# -- the outbox ---------------------------------------------------------------------------------------


def test_the_outbox_shows_the_latest_of_what_is_there_and_survives_the_rest(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    assert outbox.latest() == []
    sms = tmp_path / "outbox" / "sms"
    sms.mkdir(parents=True)
    for n in range(40):
        (sms / f"20260131T0815{n:02}.000000Z-id{n}.txt").write_text(f"To: +1555\nTitle: T{n}\n\nFirst\n\nSecond\n")
    (sms / ".half-written.part").write_bytes(b"\xff")
    (sms / "stray").mkdir()
    (sms / "19990101-noise.txt").write_bytes(b"\xff\xfe")
    found: list[dict[str, Any]] = outbox.latest()
    assert [one["title"] for one in found] == [f"T{n}" for n in range(39, 15, -1)]
    assert found[0] == {
        "channel": "sms",
        "file": "sms/20260131T081539.000000Z-id39.txt",
        "channel_id": "id39",
        "at": "2026-01-31T08:15:39.000000Z",
        "from": "",
        "to": "+1555",
        "title": "T39",
        "text": "First\n\nSecond",
    }
