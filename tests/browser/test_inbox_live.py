"""The inbox follows the feed: across browsers, cuts of the network, and restarts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from playwright.sync_api import Page, expect

from browser.stage import (
    Stage,
    badge,
    bell,
    connected,
    hasty_bridge,
    item,
    items,
    line,
    panel,
    running_bridge,
    until,
    user,
)
from helpers.process import ServerProcess, serving
from helpers.server import running_server
from tocsin_client import Client

Visit = Callable[..., Page]


def test_two_browsers_show_one_inbox_and_what_one_reads_the_other_sees(site: Stage, visit: Visit) -> None:
    ann = user()
    one, other = visit(site.url(ann)), visit(site.url(ann))
    for page in (one, other):
        connected(page)
        expect(badge(page)).to_be_hidden()
    site.send(ann, "First")
    site.send(ann, "Second")
    for page in (one, other):
        expect(badge(page)).to_have_text("2")
        expect(bell(page)).to_have_accessible_name("Notifications, 2 unread")

    bell(one).click()
    bell(other).click()
    expect(items(one)).to_have_count(2)
    item(one, "First").get_by_role("button", name="Mark as read: First").click()
    expect(badge(one)).to_have_text("1")
    expect(badge(other)).to_have_text("1")
    expect(item(other, "First").get_by_role("button", name="Mark as read")).to_have_count(0)
    expect(item(other, "Second").get_by_role("button", name="Mark as read")).to_have_count(1)

    panel(other).get_by_role("button", name="Mark all as read").click()
    for page in (one, other):
        expect(badge(page)).to_be_hidden()
        expect(items(page).get_by_role("button", name="Mark as read")).to_have_count(0)
    assert site.client.count_unread(ann) == 0


def test_a_page_that_is_opened_later_shows_what_there_was(site: Stage, visit: Visit) -> None:
    ann = user()
    first, second = site.send(ann, "First"), site.send(ann, "Second")
    site.client.mark_read([first])
    page = visit(site.url(ann))
    expect(badge(page)).to_have_text("1")
    bell(page).click()
    expect(items(page).get_by_role("heading")).to_have_text(["Unread: Second", "First"])
    assert page.evaluate("document.querySelector('tocsin-inbox').client.notifications[0].id") == second


def test_after_a_cut_nothing_is_missing_and_what_was_read_meanwhile_is_read(site: Stage, visit: Visit) -> None:
    ann = user()
    site.send(ann, "Before")
    with line(site.listen) as network:
        page = visit(site.url(ann, network.listen.port))
        expect(badge(page)).to_have_text("1")
        bell(page).click()
        network.cut()
        expect(panel(page).get_by_text("Connection lost. Reconnecting…")).to_be_visible()
        site.send(ann, "During, one")
        site.send(ann, "During, two")
        item(page, "Before").get_by_role("button", name="Mark as read").click()
        expect(badge(page)).to_be_hidden()
        assert site.client.count_unread(ann) == 3

        network.restore()
        expect(items(page).get_by_role("heading")).to_have_text(
            ["Unread: During, two", "Unread: During, one", "Before"]
        )
        expect(badge(page)).to_have_text("2")
        expect(panel(page).get_by_text("Connection lost. Reconnecting…")).to_be_hidden()
        until(page, "document.querySelector('tocsin-inbox').client.connection === 'live'")
        other = visit(site.url(ann))
        expect(badge(other)).to_have_text("2")


def test_try_again_does_not_wait_for_the_backoff(site: Stage, visit: Visit) -> None:
    ann = user()
    with line(site.listen) as network:
        page = visit(site.url(ann, network.listen.port))
        connected(page)
        # The waits of somebody who has been away for a long time, from which only a click leads out.
        page.evaluate(
            """async () => {
              const { TocsinClient } = await import("/tocsin.js");
              const recipient = document.querySelector("tocsin-inbox").getAttribute("recipient");
              const hour = 3_600_000;
              const backoff = { initial: hour, factor: 1, cap: hour };
              window.patient = new TocsinClient({ recipient, backoff, random: () => 1 });
              window.patient.start();
            }"""
        )
        until(page, "patient.connection === 'live'")
        network.cut()
        until(page, "patient.connection === 'reconnecting'")
        network.restore()
        page.evaluate("patient.start()")
        until(page, "patient.connection === 'live'")


def test_a_device_that_says_it_is_offline_is_believed_unless_the_bridge_is_this_machine(
    site: Stage, visit: Visit
) -> None:
    page = visit(site.url(user()))
    connected(page)
    page.context.set_offline(True)
    until(page, "navigator.onLine === false")
    # Chromium cuts open sockets, too; to this machine, the client tries again all the same.
    page.context.set_offline(False)
    connected(page)

    page.evaluate(
        """async () => {
          const { TocsinClient } = await import("/tocsin.js");
          Object.defineProperty(navigator, "onLine", { configurable: true, get: () => false });
          window.away = new TocsinClient({ url: "wss://bridge.invalid/ws" });
          window.away.start();
        }"""
    )
    until(page, "away.connection === 'offline'")
    page.evaluate("away.stop()")


def test_a_line_that_falls_silent_is_given_up(tmp_path: Path, visit: Visit) -> None:
    with (
        running_server(tmp_path) as server,
        hasty_bridge(server.address, heartbeat=0.2) as listen,
        line(listen) as network,
        Client(server.address) as client,
    ):
        ann = user()
        page = visit(f"http://{network.listen}/#{ann}")
        connected(page)
        page.evaluate(
            """async () => {
              const { TocsinClient } = await import("/tocsin.js");
              const recipient = document.querySelector("tocsin-inbox").getAttribute("recipient");
              const backoff = { initial: 100, cap: 200, factor: 1 };
              window.client = new TocsinClient({ recipient, silence: 1500, backoff });
              window.client.start();
            }"""
        )
        until(page, "client.listed")
        network.mute()
        until(page, "client.connection === 'reconnecting' && client.error.message.includes('silent')")
        client.send(ann, title="Meanwhile", message="It came while the line was dead.", channels=["websocket"])
        network.restore()
        until(page, "client.connection === 'live' && client.notifications.length === 1")
        page.evaluate("client.stop()")


def test_a_server_that_is_killed_and_comes_back_is_a_pause(tmp_path: Path, visit: Visit) -> None:
    ann = user()
    with serving(tmp_path, "--dev") as server:
        address = server.address
        with running_bridge(tmp_path, address) as listen:
            page = visit(f"http://{listen}/#{ann}")
            connected(page)
            _send(address, ann, "Before")
            expect(badge(page)).to_have_text("1")
            bell(page).click()
            server.kill()
            item(page, "Before").get_by_role("button", name="Mark as read").click()
            expect(badge(page)).to_be_hidden()
            with _again(tmp_path, address) as revived:
                assert revived.address == address
                _send(address, ann, "After")
                expect(items(page).get_by_role("heading")).to_have_text(["Unread: After", "Before"])
                expect(badge(page)).to_have_text("1")
                revived.terminate()
                revived.wait()


def test_a_feed_that_cannot_be_resumed_is_listed_again(tmp_path: Path, visit: Visit) -> None:
    ann = user()
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    with serving(old, "--dev") as server:
        address = server.address
        with running_bridge(tmp_path, address) as listen:
            _send(address, ann, "Of the old database")
            page = visit(f"http://{listen}/#{ann}")
            bell(page).click()
            expect(item(page, "Of the old database")).to_have_count(1)
            server.kill()
            with _again(new, address):
                _send(address, ann, "Of the new database")
                expect(items(page).get_by_role("heading")).to_have_text(["Unread: Of the new database"])
                expect(badge(page)).to_have_text("1")


def test_a_bridge_that_restarts_is_found_again(tmp_path: Path, visit: Visit) -> None:
    ann = user()
    with running_server(tmp_path) as server, Client(server.address) as client:
        with running_bridge(tmp_path, server.address) as listen:
            page = visit(f"http://{listen}/#{ann}")
            connected(page)
        client.send(ann, title="Meanwhile", message="Nobody listened.", channels=["websocket"])
        with running_bridge(tmp_path, server.address, port=listen.port):
            expect(badge(page)).to_have_text("1")


def _send(address: str, recipient: str, title: str) -> None:
    with Client(address) as client:
        client.send(recipient, title=title, message="Text.", channels=["websocket"])


def _again(folder: Path, address: str) -> AbstractContextManager[ServerProcess]:
    return serving(folder, "--dev", "--listen", address)
