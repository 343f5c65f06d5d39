"""A real Prometheus scrapes a real server and its bridge, and is asked what the dashboard and the alerts ask."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import subprocess
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from helpers.browser_socket import BrowserSocket
from helpers.postgresql import free_port
from helpers.process import serving
from helpers.smtp_server import SmtpServer
from helpers.waiting import eventually
from tocsin_client import Client, InvalidArgument

pytestmark = [
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
    pytest.mark.timeout(240),
]

DEPLOY = Path(__file__).parents[2] / "server" / "deploy"
RANGE = "30s"
"""In place of what Grafana makes of the time between two scrapes."""
RULES = """
[[rules]]
name = "orders by text"
when = 'category == "order"'
channels = ["sms"]

[[policies]]
name = "no chats with guests"
when = 'recipient.type == "guest"'
deny = ["telegram"]
"""


class Prometheus:
    """A server that scrapes some ports once a second, as one job."""

    def __init__(self, folder: Path, targets: Sequence[str]) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        configuration = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "scrape_configs": [{"job_name": "tocsin", "static_configs": [{"targets": list(targets)}]}],
            "rule_files": [str(DEPLOY / "alerts.yml")],
        }
        (folder / "prometheus.yml").write_text(json.dumps(configuration))  # which YAML contains
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self.address}",
                "--log.level=error",
            ]
        )

    def get(self, path: str, **parameters: str) -> Any:
        """Ask the API."""
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[Any]:
        """Return what a query gives now."""
        found: list[Any] = self.get("query", query=expression.replace("$__rate_interval", RANGE))["result"]
        return found

    def rules(self) -> list[Any]:
        """Return the alerts as it has read them."""
        [group] = self.get("rules")["groups"]
        rules: list[Any] = group["rules"]
        return rules

    def up(self) -> int:
        """Return how many targets answer, 0 while it does not itself."""
        try:
            return sum(float(one["value"][1]) == 1 for one in self.query('up{job="tocsin"}'))
        except OSError:
            return 0

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(60)


@contextlib.contextmanager
def prometheus(folder: Path, *targets: str) -> Iterator[Prometheus]:
    server = Prometheus(folder, targets)
    try:
        eventually(lambda: server.up() == len(targets))
        yield server
    finally:
        server.stop()


def something_of_everything(client: Client, socket: BrowserSocket) -> None:
    """Let each thing happen that a figure tells of."""
    guest, ann = ("guest", str(uuid.uuid4())), ("user", str(uuid.uuid4()))
    addresses = {"sms": "+15550100", "telegram": "@ann_example"}
    for _ in range(8):
        client.send(ann, "T", "M", channels=["websocket", ("email", "ann@example.org")])  # nobody gets in there
    for number in ("+15550100", "+15550000001", "+15550000002"):  # sent, refused, refused for now
        client.send(ann, "T", "M", channels=[("sms", number)])
    client.send(guest, "T", "M", category="order", addresses=addresses)
    with contextlib.suppress(Exception):
        client.send(guest, "T", "M", channels=[("telegram", "@ann_example")])
    with pytest.raises(InvalidArgument):
        client.send(ann, "", "M", channels=["websocket"])
    late = datetime.now(UTC) + timedelta(seconds=50)
    client.send(ann, "T", "M", deferred=True, addresses=addresses, route_by=late)
    with client.subscribe(ann) as events:
        next(events)
    socket.send({"type": "nonsense"})
    client.pause_channel("telegram")


def test_every_panel_has_data_and_alerts_fire_for_what_happens(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    ports = [f"127.0.0.1:{free_port()}" for _ in range(3)]
    settings = dict(
        zip(("TOCSIN_METRICS_LISTEN", "TOCSIN_BRIDGE_METRICS_LISTEN", "TOCSIN_BRIDGE_LISTEN"), ports, strict=True)
    )
    panels = json.loads((DEPLOY / "dashboard.json").read_text())["panels"]
    with SmtpServer(credentials=("us", "right")) as smtp, contextlib.ExitStack() as stack:
        settings |= {
            "TOCSIN_SMTP_URL": smtp.url.replace("right", "wrong"),
            "TOCSIN_EMAIL_FROM": "us@example.org",
            "TOCSIN_RULES": str(tmp_path / "rules.toml"),
            "TOCSIN_RETRY_BASE": "1s",
        }
        server = stack.enter_context(serving(tmp_path, "--dev", "--bridge", **settings))
        asked = stack.enter_context(prometheus(tmp_path, *ports[:2]))
        client = stack.enter_context(Client(server.address))
        something_of_everything(client, stack.enter_context(BrowserSocket(f"ws://{ports[2]}/ws")))

        def all_have_data() -> bool:
            # Rates are of what goes on.
            client.send(f"user:{uuid.uuid4()}", "T", "M", channels=["websocket", ("sms", "+15550100")])
            assert [
                f"{panel['title']}: {target['expr']}"
                for panel in panels
                for target in panel["targets"]
                if all(math.isnan(float(one["value"][1])) for one in asked.query(target["expr"]))
            ] == []
            return True

        def firing() -> set[str]:
            return {rule["name"] for rule in asked.rules() if asked.query(rule["query"])}

        eventually(all_have_data, timeout=60)
        happened = {"TocsinBreakerOpen", "TocsinCredentialsRefused", "TocsinChannelPaused", "TocsinUndecidedLate"}
        eventually(lambda: firing() == happened, timeout=60)
        assert {rule["health"] for rule in asked.rules()} == {"ok"}
