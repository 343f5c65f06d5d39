"""The client's and the command line's way to try rules, against a real server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from helpers.process import run
from helpers.server import ServerUnderTest, running_server
from tocsin_client import AsyncClient, Client, FailedPrecondition, InvalidArgument

RULES = '[[rules]]\nname = "mail"\nwhen = "metadata.total > 100"\nchannels = ["email"]\n'
NO_MAIL = RULES + '[[policies]]\nname = "no mail"\ndeny = ["email"]\n'
TO = f"user:{uuid.uuid4()}"
ADDRESSES = {"email": "ann@example.org"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    with running_server(tmp_path_factory.mktemp("rules"), dev=True) as running:
        with Client(str(running.address)) as client:
            client.send(TO, "Paid", "Thanks.", channels=["websocket"], metadata={"total": 120}, category="order.paid")
        yield running


def test_the_client_tells_what_would_be_decided(server: ServerUnderTest) -> None:
    with Client(str(server.address)) as client:
        found = client.simulate(TO, "Paid", "Thanks.", addresses=ADDRESSES, metadata={"total": 101}, rules=RULES)
        assert (found.decision.by, found.decision.name, found.refusal) == ("rule", "mail", None)
        assert [(target.channel, target.address) for target in found.decision.channels] == [
            ("email", "a•••@example.org")
        ]
        denied = client.simulate(TO, "Paid", "Thanks.", channels=[("email", "a@example.org")], rules=NO_MAIL)
        assert isinstance(denied.refusal, FailedPrecondition)
        assert denied.refusal.reason == "POLICY_DENIED"
        with pytest.raises(InvalidArgument, match="no channel"):
            client.simulate(TO, "Paid", "Thanks.", rules=RULES.replace("email", "pager"))


async def test_both_clients_compare_with_what_was_decided(server: ServerUnderTest) -> None:
    until = datetime.now(UTC) + timedelta(minutes=1)
    with Client(str(server.address)) as client:
        found = client.backtest(RULES, until=until, category="order.*")
    async with AsyncClient(str(server.address)) as other:
        assert await other.backtest(RULES, until=until, category="order.*") == found
        assert (await other.simulate(TO, "Paid", "Thanks.")).decision.name == "built-in"
    assert (found.examined, found.agreed, found.truncated) == (1, 0, False)
    [example] = found.examples
    assert (example.was, example.would_be, example.rule) == (("websocket",), (), "mail")
    assert [(change.channel, change.added, change.removed) for change in found.changes] == [("websocket", 0, 1)]


def test_the_commands_show_it(server: ServerUnderTest, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(NO_MAIL)
    common = ("--server", str(server.address), "--rules", str(rules))
    simulated = run(
        tmp_path, "simulate", *common, "--to", TO, "--address", "email=ann@example.org", "--metadata", '{"total": 120}'
    )
    assert (simulated.status, simulated.errors) == (0, "")
    assert simulated.output.splitlines()[:4] == [
        "yes  mail",
        "",
        "would go out by nothing",
        "  email: denied by the policy 'no mail'",
    ]
    tested = run(tmp_path, "backtest", *common, "--since", "1h")
    assert (tested.status, tested.errors) == (0, "")
    lines = tested.output.splitlines()
    assert lines[0] == "1 looked at, 0 with the same channels"
    assert lines[-2].split() == ["ID", "CATEGORY", "WAS", "WOULD", "BE", "RULE"]
    assert lines[-1].split()[1:] == ["order.paid", "websocket", "nothing", "mail"]
    assert run(tmp_path, "backtest", "--server", str(server.address), "--rules", "none.toml").status == 2


def test_get_tells_the_next_step_of_a_fallback_until_it_is_read(server: ServerUnderTest, tmp_path: Path) -> None:
    with Client(str(server.address)) as client:
        steps = [("email", "ann@example.org"), ("sms", "+15550100")]
        sent = client.send(TO, "T", "M", channels=steps, strategy="fallback", escalate_after=timedelta(hours=1))
        shown = run(tmp_path, "get", sent.notification.id, "--server", str(server.address))
        assert shown.output.endswith(
            "\nstill to come\n  sms: only if what goes before it fails, or misses its goal; not if it was cancelled\n"
        )
        client.mark_read([sent.notification.id])
    assert "still to come" not in run(tmp_path, "get", sent.notification.id, "--server", str(server.address)).output
