"""The badge ends as the server's count, and the list as the server's order, whatever comes first."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from browser.stage import Gate, Stage, badge, bell, connected, item, items, line, panel, stage, until, user
from helpers.waiting import eventually

Visit = Callable[..., Page]

CLIENT = "document.querySelector('tocsin-inbox').client"


def titles(page: Page) -> list[str]:
    """Return what the inbox knows, newest first; what is read is marked."""
    shown: list[str] = page.evaluate(f"{CLIENT}.notifications.map((one) => one.title + (one.is_read ? ' (read)' : ''))")
    return shown


def listed(page: Page) -> None:
    """Wait until the first page has come."""
    connected(page)
    until(page, f"{CLIENT}.listed")


# -- what is new --------------------------------------------------------------------------------------


@pytest.mark.parametrize("age", [timedelta(seconds=5), timedelta(days=300)])
def test_what_was_to_be_sent_in_the_past_is_news_like_any_other(site: Stage, visit: Visit, age: timedelta) -> None:
    ann = user()
    site.send(ann, "Before")
    page = visit(site.url(ann))
    listed(page)
    page.evaluate("addEventListener('tocsin-notification', (e) => (window.news = e.detail.notification.title))")
    bell(page).click()
    site.send(ann, "Late", send_at=datetime.now(UTC) - age)
    expect(items(page).get_by_role("heading")).to_have_text(["Unread: Late", "Unread: Before"])
    expect(badge(page)).to_have_text("2")
    assert page.evaluate("window.news") == "Late"
    # It entered the feed just now, whatever its sender had meant.
    expect(item(page, "Late").get_by_role("time")).to_have_text("now")
    again = visit(site.url(ann))
    listed(again)
    assert titles(again) == titles(page)


def test_what_entered_while_away_is_news_even_when_its_time_is_long_past(site: Stage, visit: Visit) -> None:
    ann = user()
    site.send(ann, "Before")
    with line(site.listen) as network:
        page = visit(site.url(ann, network.listen.port))
        listed(page)
        network.cut()
        site.send(ann, "Late", send_at=datetime.now(UTC) - timedelta(days=30))
        site.send(ann, "After")
        network.restore()
        expect(badge(page)).to_have_text("3")
        assert titles(page) == ["After", "Late", "Before"]


def test_what_entered_and_was_read_while_away_has_its_place_and_what_is_not_loaded_does_not_show(
    site: Stage, visit: Visit
) -> None:
    ann = user()
    site.send_many(ann, 30)
    first = next(one for one in site.client.iterate(recipient=ann, feed_only=True) if one.title == "Number 1")
    with line(site.listen) as network:
        page = visit(site.url(ann, network.listen.port))
        listed(page)
        assert len(titles(page)) == 20
        network.cut()
        site.send(ann, "One")
        two = site.send(ann, "Two", send_at=datetime.now(UTC) - timedelta(days=30))
        site.send(ann, "Three")
        site.client.mark_read([first.id])
        site.client.mark_read([two])
        network.restore()
        expect(badge(page)).to_have_text("31")
        eventually(lambda: titles(page)[:4] == ["Three", "Two (read)", "One", "Number 30"])
        # What was loaded goes on where it did; the old one is not among it.
        assert "Number 1 (read)" not in titles(page)[:23]
        bell(page).click()
        panel(page).locator(".scroller").evaluate("(list) => list.scrollTo(0, list.scrollHeight)")
        eventually(lambda: titles(page)[-1] == "Number 1 (read)")
        assert len(titles(page)) == 33


# -- marking without a connection ---------------------------------------------------------------------


@pytest.mark.parametrize("elsewhere", ["nothing", "some", "everything"])
def test_everything_marked_without_a_connection_ends_as_the_servers_count(
    site: Stage, visit: Visit, elsewhere: str
) -> None:
    ann = user()
    ids = [site.send(ann, title) for title in ("One", "Two", "Three")]
    site.send_many(ann, 25)
    with line(site.listen) as network:
        page = visit(site.url(ann, network.listen.port))
        listed(page)
        expect(badge(page)).to_have_text("28")
        bell(page).click()
        network.cut()
        until(page, f"{CLIENT}.connection === 'reconnecting'")
        panel(page).get_by_role("button", name="Mark all as read").click()
        expect(badge(page)).to_be_hidden()
        if elsewhere == "some":
            site.client.mark_read(ids[:2])
        elif elsewhere == "everything":
            site.client.mark_read(recipient=ann)
        site.send(ann, "Meanwhile")
        site.send(ann, "Meanwhile, too")
        network.restore()
        eventually(lambda: site.client.count_unread(ann) == 2)
        expect(badge(page)).to_have_text("2")
        eventually(lambda: titles(page)[:3] == ["Meanwhile, too", "Meanwhile", "Number 25 (read)"])
        until(page, f"{CLIENT}.notifications.filter((one) => !one.is_read).length === 2")
        # It stays so with whatever comes next.
        site.send(ann, "Later")
        expect(badge(page)).to_have_text("3")


def test_what_the_server_refuses_to_mark_is_unread_again_and_said_and_spoils_nothing_else(
    site: Stage, visit: Visit
) -> None:
    ann, bob = user(), user()
    ids = [site.send(ann, title) for title in ("One", "Two", "Three")]
    foreign = site.send(bob, "Another's")
    with line(site.listen) as network:
        page = visit(site.url(ann, network.listen.port))
        listed(page)
        page.evaluate(
            f"window.refused = []; {CLIENT}.addEventListener('unmarked', (e) => refused.push(...e.detail.ids))"
        )
        bell(page).click()
        network.cut()
        until(page, f"{CLIENT}.connection === 'reconnecting'")
        # Ids that do not exist, one of somebody else's feed (which may be marked where nobody is asked who he is).
        wrong = [str(uuid4()), "nonsense", str(uuid4())]
        page.evaluate(f"(ids) => {CLIENT}.markRead(ids)", [wrong[0], ids[0], foreign, wrong[1], ids[2], wrong[2]])
        expect(badge(page)).to_have_text("1")
        network.restore()
        eventually(lambda: site.client.count_unread(ann) == 1)
        expect(badge(page)).to_have_text("1")
        eventually(lambda: page.evaluate("refused") == wrong)
        site.send(ann, "Four")
        expect(badge(page)).to_have_text("2")
        eventually(lambda: titles(page) == ["Four", "Three (read)", "Two", "One (read)"])


def test_marks_outlast_a_token_that_runs_out_on_the_way(site: Stage, visit: Visit) -> None:
    ann = user()
    site.send(ann, "One")
    page = visit("about:blank")
    refused: list[WebSocketRoute] = []

    def serve(socket: WebSocketRoute) -> None:
        bridge = socket.connect_to_server()

        def up(data: str | bytes) -> None:
            if json.loads(data)["type"] == "mark_read" and not refused:
                refused.append(socket)
                expired = {"code": "UNAUTHENTICATED", "reason": "TOKEN_EXPIRED", "message": "it has run out"}
                socket.send(json.dumps({"type": "error", **expired}))
                socket.close(code=4401, reason="TOKEN_EXPIRED")
            else:
                bridge.send(data)

        socket.on_message(up)

    page.route_web_socket(lambda url: url.endswith("/ws"), serve)
    page.goto(site.url(ann))
    page.evaluate("document.querySelector('tocsin-inbox').token = () => 'nobody-asks-for-it'")
    listed(page)
    page.evaluate(f"{CLIENT}.markAllRead()")
    eventually(lambda: page.evaluate("1") and site.client.count_unread(ann) == 0)
    assert len(refused) == 1
    expect(badge(page)).to_be_hidden()
    assert titles(page) == ["One (read)"]


def test_after_a_feed_that_cannot_be_resumed_the_count_is_the_new_ones(tmp_path: Path, visit: Visit) -> None:
    ann = user()
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    with stage(old) as site:
        site.send_many(ann, 5)
        with line(site.listen) as network:
            page = visit(site.url(ann, network.listen.port))
            listed(page)
            network.cut()
            until(page, f"{CLIENT}.connection === 'reconnecting'")
            page.evaluate(f"{CLIENT}.markAllRead()")
            expect(badge(page)).to_be_hidden()
            with stage(new) as other:
                other.send_many(ann, 3)
                network.lead_to(other.listen)
                network.restore()
                expect(badge(page)).to_have_text("3")
                until(page, f"{CLIENT}.connection === 'live' && {CLIENT}.notifications.length === 3")
                assert titles(page) == ["Number 3", "Number 2", "Number 1"]
                assert other.client.count_unread(ann) == 3


# -- answers and events that overtake one another -----------------------------------------------------


@pytest.mark.parametrize("held", ["marked", "read_changed"])
def test_of_two_counts_the_newer_one_stays(site: Stage, visit: Visit, held: str) -> None:
    ann = user()
    for title in ("One", "Two", "Three"):
        site.send(ann, title)
    page = visit("about:blank")
    gate = Gate(page)
    page.goto(site.url(ann))
    listed(page)
    bell(page).click()
    gate.hold(held)
    item(page, "Two").get_by_role("button", name="Mark as read").click()
    expect(badge(page)).to_have_text("2")
    eventually(lambda: page.evaluate("1") and gate.held == [held])
    site.send(ann, "Four")
    site.send(ann, "Five")
    expect(badge(page)).to_have_text("4")
    gate.release()
    expect(item(page, "Five")).to_have_count(1)
    expect(badge(page)).to_have_text("4")
    assert page.evaluate(f"{CLIENT}.unreadCount") == 4
    panel(page).get_by_role("button", name="Mark all as read").click()
    expect(badge(page)).to_be_hidden()
    eventually(lambda: site.client.count_unread(ann) == 0)


def test_a_page_that_is_late_takes_back_nothing(site: Stage, visit: Visit) -> None:
    ann = user()
    one = site.send(ann, "One")
    site.send(ann, "Two")
    page = visit("about:blank")
    gate = Gate(page)
    gate.hold("list")
    page.goto(site.url(ann))
    connected(page)
    eventually(lambda: page.evaluate("1") and gate.held == ["list"])
    site.client.mark_read([one])
    three = site.send(ann, "Three", send_at=datetime.now(UTC) - timedelta(days=1))
    site.send(ann, "Four")
    site.client.mark_read([three])
    expect(badge(page)).to_have_text("2")
    gate.release()
    eventually(lambda: titles(page) == ["Four", "Three (read)", "Two", "One (read)"])
    expect(badge(page)).to_have_text("2")


def test_two_tabs_and_a_backend_at_once_end_alike(site: Stage, visit: Visit) -> None:
    ann = user()
    chance = random.Random(5)  # noqa: S311 - repeats itself
    sent = [site.send(ann, "The first")]
    with line(site.listen) as one, line(site.listen) as other:
        tabs = {visit(site.url(ann, network.listen.port)): network for network in (one, other)}
        for tab in tabs:
            listed(tab)

        def send() -> None:
            past = datetime.now(UTC) - timedelta(days=chance.randrange(9))
            sent.append(site.send(ann, f"Number {len(sent)}", send_at=chance.choice([None, past])))

        actions: list[Callable[[Page], object]] = [
            lambda _tab: send(),
            lambda _tab: send(),
            lambda _tab: site.client.mark_read([chance.choice(sent)]),
            lambda tab: tab.evaluate(f"(id) => {CLIENT}.markRead([id])", chance.choice(sent)),
            lambda tab: tab.evaluate(f"{CLIENT}.markAllRead()") if chance.random() < 0.4 else None,
            lambda tab: tabs[tab].cut(),
            lambda tab: tabs[tab].restore(),
        ]
        for _ in range(40):
            chance.choice(actions)(chance.choice(list(tabs)))
        for tab, network in tabs.items():
            network.restore()
            tab.evaluate(f"{CLIENT}.start()")
            listed(tab)

        def alike() -> bool:
            server = [
                f"{found.title}{' (read)' * found.is_read}"
                for found in site.client.iterate(recipient=ann, feed_only=True)
            ]
            count = site.client.count_unread(ann)
            for tab in tabs:
                assert titles(tab) == server[: len(titles(tab))]
                assert len(titles(tab)) >= min(20, len(server))
                assert tab.evaluate(f"{CLIENT}.unreadCount") == count
            return True

        eventually(alike)
