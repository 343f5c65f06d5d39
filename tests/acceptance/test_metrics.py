"""The figures of the real process, read as Prometheus reads them, while it works."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from helpers.calls import DEADLINE, EMAIL, SENT, Api, channel_of, request, user
from helpers.listeners import web_server
from helpers.postgresql import free_port
from helpers.process import ServerProcess, run, serving
from helpers.waiting import eventually
from tocsin_client import Client, Draft, FailedPrecondition, ResourceExhausted

ANY = {"TOCSIN_METRICS_LISTEN": "127.0.0.1:0"}
MANY = 200
ADDRESS, BODY = "ann@example.org", "The vault code is 4711."


def place(server: ServerProcess) -> str:
    """Return where a server shows its figures, as its first lines say."""
    return str(eventually(lambda: re.findall(r"metrics   (http://\S+)/metrics", server.output))[0])


def read(url: str) -> tuple[int, str]:
    """Return status and text of a page."""
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:  # noqa: S310 - http, as it was announced
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def figures(url: str) -> dict[str, float]:
    """Read all figures, by name and labels as they stand in the text."""
    status, text = read(f"{url}/metrics")
    assert status == 200
    return {
        f"{sample.name}{{{','.join(f'{name}={value}' for name, value in sorted(sample.labels.items()))}}}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_a_server_did_is_told_by_its_figures_also_while_it_works(tmp_path: Path) -> None:
    with serving(tmp_path, "--dev", **ANY) as server, Api(server.address) as api:
        url = place(server)
        sent = []
        for number in range(MANY):
            sent.append(api.send(request(user(), (EMAIL, ADDRESS), message=BODY)).id)
            if number % 20 == 0:
                assert figures(url)["tocsin_rpc_duration_seconds_count{code=OK,method=NotificationService/Send}"] > 0
        eventually(lambda: all(channel_of(api.get(one), EMAIL).status == SENT for one in sent))
        found = figures(url)
        assert found["tocsin_rpc_duration_seconds_count{code=OK,method=NotificationService/Send}"] == MANY
        assert found["tocsin_attempts_total{channel=email,outcome=accepted,provider=outbox://email}"] == MANY
        assert found["tocsin_send_to_accepted_seconds_count{channel=email}"] == MANY
        assert found["tocsin_commit_batch_size_sum{}"] >= 2 * MANY
        assert found["tocsin_database_up{}"] == 1
        with api.subscribe(user()) as stream:
            stream.subscribed()
            assert figures(url)["tocsin_subscribers{}"] == 1
        _, text = read(f"{url}/metrics")
        assert not [private for private in (ADDRESS, BODY, *sent) if private in text]
        assert (read(f"{url}/healthz"), read(f"{url}/readyz")) == ((200, "ok\n"), (200, "ok\n"))
        assert read(f"{url}/")[0] == 404


RULES = """
[[rules]]
name = "orders by mail"
when = 'category == "order"'
channels = ["email", "sms"]

[[policies]]
name = "no texts to guests"
when = 'recipient.type == "guest"'
deny = ["sms"]

[[policies]]
name = "one mail a day"
channels = ["email"]
when = 'category == "marketing"'
limit = { count = 1, per = "1d", each = "recipient" }
"""


def test_who_decides_and_what_policies_deny_is_counted(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    mail, sms, guest = ("email", ADDRESS), ("sms", "+15550100"), ("guest", str(uuid.uuid4()))
    with serving(tmp_path, "--dev", TOCSIN_RULES=str(rules), **ANY) as server, Client(server.address) as client:
        client.send(guest, "T", "M", channels=[mail])
        client.send_batch([Draft(guest, "T", "M", channels=[mail]), Draft(guest, "T", "M", channels=[sms])])
        client.send(guest, "T", "M", addresses=dict([mail, sms]), category="order")
        with pytest.raises(FailedPrecondition):
            client.send(guest, "T", "M", channels=[sms])
        client.send(guest, "T", "M", channels=[mail], category="marketing")
        with pytest.raises(ResourceExhausted):
            client.send(guest, "T", "M", channels=[mail], category="marketing")
        waiting = [client.send(guest, "T", "M", deferred=True, addresses=dict([mail, sms])) for _ in range(3)]
        client.route(waiting[0].notification.id, ["email", "sms"])
        with pytest.raises(FailedPrecondition):
            client.route(waiting[1].notification.id, ["sms"])
        soon = datetime.now(UTC) + timedelta(seconds=1)
        client.send(guest, "T", "M", deferred=True, route_by=soon, addresses=dict([mail]), category="order")
        client.send(guest, "T", "M", channels=["email", "telegram"], addresses={**dict([mail]), "telegram": "@ann_b"},
                    strategy="fallback", escalate_after=0.1)  # fmt: skip
        expected = {
            "tocsin_decisions_total{by=caller,rule=}": 4,
            "tocsin_decisions_total{by=rule,rule=orders by mail}": 1,
            "tocsin_decisions_total{by=decider,rule=}": 1,
            "tocsin_decisions_total{by=deadline,rule=orders by mail}": 1,
            "tocsin_decisions_total{by=escalation,rule=}": 1,
            "tocsin_policy_denials_total{policy=no texts to guests}": 5,
            "tocsin_policy_denials_total{policy=one mail a day}": 1,
        }

        def counted() -> dict[str, float]:
            found = figures(place(server))
            return {name: found[name] for name in found if name.startswith(("tocsin_decisions", "tocsin_policy"))}

        eventually(lambda: _same(counted(), expected))


def _same(found: Mapping[str, float], expected: Mapping[str, float]) -> bool:
    assert found == expected
    return True


def test_a_bridge_has_figures_of_its_own(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    settings = {"TOCSIN_BRIDGE_METRICS_LISTEN": listen, "TOCSIN_BRIDGE_LISTEN": "127.0.0.1:0"}
    with serving(tmp_path, "--bridge", **settings) as server:
        found = figures(f"http://{listen}")
        assert found["tocsin_bridge_sockets{state=confirmed}"] == 0
        assert found["tocsin_build_info{part=bridge,version=0.1.0}"] == 1
        server.terminate()
        assert server.wait() == 0


def test_a_port_that_is_taken_ends_a_start_that_asked_for_it_and_no_other(tmp_path: Path) -> None:
    with web_server() as taken:
        ended = run(tmp_path, "serve", "--listen", "127.0.0.1:0", TOCSIN_METRICS_LISTEN=taken)
        assert ended.status == 1
        assert ended.errors.startswith(f"tocsin: cannot listen on {taken}")
        assert "TOCSIN_METRICS_LISTEN" in ended.errors
