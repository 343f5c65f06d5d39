"""`make run`: one command that serves, delivers to the outbox, and shows the inbox in a browser."""

from __future__ import annotations

import re
from pathlib import Path

from helpers.browser_socket import BrowserSocket, http, plain
from helpers.calls import SENT, WEBSOCKET, Api, request, user
from helpers.process import serving
from helpers.waiting import eventually
from tocsin_server.config import ListenAddress


def test_a_development_server_with_a_bridge_shows_the_page_and_brings_the_feed(tmp_path: Path) -> None:
    with serving(tmp_path, "--dev", "--bridge", TOCSIN_BRIDGE_LISTEN="127.0.0.1:0") as server:
        shown = eventually(lambda: re.search(r"http://127\.0\.0\.1:(\d+)/\n", server.output))
        assert shown is not None
        bridge = ListenAddress("127.0.0.1", int(shown[1]))
        status, page, headers = http(bridge, "/")
        module_status, _, _ = http(bridge, "/tocsin-inbox.js")
        to = user()
        with Api(server.address) as api, BrowserSocket(f"ws://{bridge}/ws") as socket:
            socket.subscribe(to)
            sent = api.send(request(to, WEBSOCKET))
            assert socket.ids(1) == [sent.id]
            eventually(lambda: api.get(sent.id).status == SENT)
        server.terminate()
        assert server.wait() == 0

    assert (status, module_status) == (200, 200)
    assert 'data-mode="development"' in page
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert plain(to)["id"] not in server.errors


def test_outside_development_the_page_shows_the_inbox_alone(tmp_path: Path) -> None:
    with serving(tmp_path, "--bridge", TOCSIN_BRIDGE_LISTEN="127.0.0.1:0") as server:
        shown = eventually(lambda: re.search(r"ws://127\.0\.0\.1:(\d+)/ws", server.output))
        assert shown is not None
        bridge = ListenAddress("127.0.0.1", int(shown[1]))
        _, page, _ = http(bridge, "/")
        assert http(bridge, "/dev")[0] == 404

    assert 'data-mode="inbox"' in page
