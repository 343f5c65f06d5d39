"""`make run`: one command that serves, delivers to the outbox, and shows the inbox in a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

from helpers.browser_socket import BrowserSocket, http, plain
from helpers.calls import EMAIL, FAILED, SENT, WEBSOCKET, Api, request, user
from helpers.process import serving
from helpers.waiting import eventually
from tocsin_server.config.network import ListenAddress


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


def test_development_mode_logs_what_became_of_each_message_also_of_those_that_are_to_fail(tmp_path: Path) -> None:
    settings = {"TOCSIN_RETRY_BASE": "10ms", "TOCSIN_LOG_FORMAT": "json"}
    with serving(tmp_path, "--dev", **settings) as server, Api(server.address) as api:
        wanted = {"ann": SENT, "retry": SENT, "fail": FAILED}
        sent = {name: api.send(request(user(), (EMAIL, f"{name}@example.org"))).id for name in wanted}
        eventually(lambda: {name: api.get(one).status for name, one in sent.items()} == wanted)
        server.terminate()
        assert server.wait() == 0
        lines = [json.loads(line) for line in server.errors.splitlines()]
    assert all(line["event"] and line["level"] and line["time"] for line in lines)
    attempts = [line for line in lines if line["event"] == "attempt"]
    outcomes = {name: [one["outcome"] for one in attempts if one["notification_id"] == sent[name]] for name in wanted}
    assert outcomes == {
        "ann": ["accepted"],
        "retry": ["transient", "transient", "accepted"],
        "fail": ["permanent"],
    }
    assert [line["code"] for line in lines if line["event"] == "sent_by_caller"] == ["OK"] * 3
    assert "example.org" not in server.errors
