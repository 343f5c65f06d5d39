"""What the browser tests stand on: a server, a bridge, a line between bridge and browser that can be cut, windows."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, WebSocketRoute, expect

from helpers.line import Line, PrefixedLine
from helpers.server import ServerThread, make_settings
from helpers.waiting import eventually
from tocsin_client import Client, Draft
from tocsin_server import application
from tocsin_server.bridge.running import bridge
from tocsin_server.bridge.server import BridgeServer
from tocsin_server.bridge.session import SessionTimes
from tocsin_server.bridge.site import site
from tocsin_server.bridge.upstream import RECONNECT, Upstream
from tocsin_server.config.network import ListenAddress


def user() -> str:
    """Return a recipient whom no other test knows, as text."""
    return f"user:{uuid4()}"


@contextmanager
def running_bridge(folder: Path, server: str, *, port: int = 0, dev: bool = True) -> Iterator[ListenAddress]:
    """Run a bridge as `tocsin bridge` would."""
    settings = make_settings(folder, bridge_listen=f"127.0.0.1:{port}", bridge_server=server)

    @contextlib.asynccontextmanager
    async def make() -> AsyncIterator[ListenAddress]:
        async with bridge(settings, dev=dev) as running:
            yield running.listen

    with _threaded(make) as listen:
        yield listen


@contextmanager
def hasty_bridge(server: str, heartbeat: float) -> Iterator[ListenAddress]:
    """Run a bridge whose heart beats faster."""

    @contextlib.asynccontextmanager
    async def make() -> AsyncIterator[ListenAddress]:
        upstream = Upstream(server, reconnect=RECONNECT)
        listening = BridgeServer(upstream, times=SessionTimes(heartbeat=heartbeat), pages=site())
        try:
            yield await listening.start(ListenAddress("127.0.0.1", 0))
        finally:
            await listening.stop(1.0)
            await upstream.close()

    with _threaded(make) as listen:
        yield listen


@contextmanager
def _threaded(make: Callable[[], contextlib.AbstractAsyncContextManager[ListenAddress]]) -> Iterator[ListenAddress]:
    thread = ServerThread(make)
    thread.start()
    try:
        yield thread.listen
    finally:
        thread.stop()


@contextmanager
def line(target: ListenAddress) -> Iterator[Line]:
    """Lay a line to a port of this machine."""
    made = Line(target)
    thread = ServerThread(made.serve)
    thread.start()
    made.listen = thread.listen
    try:
        yield made
    finally:
        thread.stop()


@contextmanager
def prefixed(target: ListenAddress, prefix: str) -> Iterator[tuple[PrefixedLine, ListenAddress]]:
    """Put a proxy in front of a bridge that shows it below a prefix."""
    proxy = PrefixedLine(target, prefix)
    with _threaded(proxy.serve) as listen:
        yield proxy, listen


class Gate:
    """Stands between a page's socket and the bridge: holds frames of some types back, and counts what passes."""

    def __init__(self, page: Page) -> None:
        self._held: list[tuple[WebSocketRoute, str | bytes]] = []
        self._types: tuple[str, ...] = ()
        self.asked: list[str] = []
        """The types of what the page has sent."""
        page.route_web_socket(lambda url: url.endswith("/ws"), self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        bridge = socket.connect_to_server()

        def down(data: str | bytes) -> None:
            if json.loads(data)["type"] in self._types:
                self._held.append((socket, data))
            else:
                socket.send(data)

        def up(data: str | bytes) -> None:
            self.asked.append(json.loads(data)["type"])
            bridge.send(data)

        bridge.on_message(down)
        socket.on_message(up)

    def hold(self, *types: str) -> None:
        """Hold frames of these types from now on."""
        self._types = types

    @property
    def held(self) -> list[str]:
        """The types of what is held."""
        return [json.loads(data)["type"] for _, data in self._held]

    def release(self) -> None:
        """Let everything through that was held, and hold nothing any more."""
        self._types = ()
        for socket, data in self._held:
            socket.send(data)
        self._held.clear()


@dataclass(frozen=True)
class Stage:
    """A server with a bridge."""

    client: Client
    listen: ListenAddress
    server: str

    def url(self, recipient: str, port: int | None = None) -> str:
        """Return the page that shows a recipient's inbox."""
        return f"http://127.0.0.1:{port or self.listen.port}/#{recipient}"

    def send(
        self, recipient: str, title: str = "Order shipped", message: str = "It arrives on Friday.", **options: Any
    ) -> str:
        """Send to a recipient's inbox; returns the notification's id."""
        return self.client.send(recipient, title, message, channels=["websocket"], **options).notification.id

    def send_many(self, recipient: str, count: int) -> None:
        """Send ``Number 1`` and so on in one call."""
        drafts = [Draft(recipient, f"Number {n}", f"Text of {n}.", channels=["websocket"]) for n in range(1, count + 1)]
        self.client.send_batch(drafts)


@contextmanager
def stage(folder: Path, token: str | None = None, **settings: Any) -> Iterator[Stage]:
    """Run a development server with a bridge."""
    wanted = make_settings(folder, bridge_listen="127.0.0.1:0", **settings)
    servers: list[str] = []

    # On one event loop: of several, grpc.aio wakes closed ones, too.
    @contextlib.asynccontextmanager
    async def make() -> AsyncIterator[ListenAddress]:
        async with application.server(wanted, dev=True) as server:
            servers.append(str(server.listen))
            async with bridge(wanted.model_copy(update={"bridge_server": servers[0]}), dev=True) as running:
                yield running.listen

    with _threaded(make) as listen, Client(servers[0], token=token) as client:
        yield Stage(client, listen, servers[0])


@contextmanager
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Give what opens windows, each as a browser of its own; see `conftest.visit`."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def told(message: ConsoleMessage) -> None:
        # What the network does is the tests' own doing.
        if message.type == "error" and "WebSocket" not in message.text and "Failed to load" not in message.text:
            faults.append(message.text)

    def visit(url: str, *, width: int = 1180, height: int = 820, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", told)
        page.goto(url)
        return page

    try:
        yield visit
    finally:
        for context in contexts:
            context.close()
    assert not faults, faults


# -- the inbox, as somebody who looks at it -----------------------------------------------------------


def bell(page: Page) -> Locator:
    return page.locator("tocsin-inbox .bell")


def badge(page: Page) -> Locator:
    return page.locator("tocsin-inbox .badge")


def panel(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Notifications")


def items(page: Page) -> Locator:
    return panel(page).get_by_role("listitem")


def item(page: Page, title: str) -> Locator:
    return items(page).filter(has=page.get_by_role("heading", name=title))


def connected(page: Page) -> None:
    """Wait until the inbox is live."""
    expect(bell(page)).to_be_visible()
    until(page, "document.querySelector('tocsin-inbox').client?.connection === 'live'")


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true in a page. (Playwright's own way evaluates text there, which pages forbid.)"""
    eventually(lambda: page.evaluate(expression))
