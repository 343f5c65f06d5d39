"""Pausing channels and looking at the queue, over real ports, with replicas."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from helpers import telegram_api
from helpers.databases import KINDS, empty_database
from helpers.postgresql import free_port
from helpers.process import PATIENCE, command, environment, run
from helpers.server import ServerUnderTest, running_server, server_on
from helpers.telegram_api import TelegramApi
from helpers.waiting import eventually
from tocsin_client import AsyncClient, Client, InvalidArgument, PermissionDenied

TO = ("guest", str(uuid.uuid4()))
SMS, MAIL = ("sms", "+15550100"), ("email", "ann@example.org")


def send(client: Client, count: int, *channels: tuple[str, str]) -> list[str]:
    return [client.send(TO, "T", "M", channels=channels).notification.id for _ in range(count)]


def states(client: Client, ids: Sequence[str], channel: str) -> list[tuple[str, int]]:
    """Return status and attempts of a channel of each."""
    found = [one for sent in ids for one in client.get(sent).channels if one.channel == channel]
    return [(str(one.status), one.attempts) for one in found]


@contextlib.contextmanager
def two(folder: Path) -> Iterator[list[ServerUnderTest]]:
    """Run two replicas in development mode on one PostgreSQL."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(empty_database("postgresql", folder))
        folders = [folder / name for name in ("a", "b")]
        for one in folders:
            one.mkdir()
        yield [stack.enter_context(running_server(one, dev=True, database_url=url)) for one in folders]


def events(caplog: pytest.LogCaptureFixture, name: str) -> int:
    return [getattr(record, "event", "") for record in caplog.records].count(name)


def test_a_pause_that_one_replica_is_told_is_obeyed_by_all_and_so_is_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with two(tmp_path) as servers, Client(servers[0].address) as here, Client(servers[1].address) as there:
        here.pause_channel("sms", reason="asked to")
        eventually(lambda: events(caplog, "channel_paused") == 2)
        ids = [*send(here, 5, SMS, MAIL), *send(there, 5, SMS, MAIL)]
        eventually(lambda: states(here, ids, "email") == [("sent", 1)] * 10)
        assert states(here, ids, "sms") == [("pending", 0)] * 10
        for client in (here, there):
            found = {str(one.channel): one for one in client.get_queue().channels}
            assert (found["sms"].due_count, found["sms"].leased_count) == (10, 0)
            assert found["sms"].paused is not None
            assert found["sms"].paused.reason == "asked to"
            assert found["email"].paused is None
        assert there.resume_channel("sms")
        eventually(lambda: states(here, ids, "sms") == [("sent", 1)] * 10)
        eventually(lambda: events(caplog, "channel_resumed") == 2)
    sent = [path for name in ("a", "b") for path in (tmp_path / name / "outbox" / "sms").glob("*")]
    assert len(sent) == 10


def test_a_pause_outlasts_a_restart(tmp_path: Path) -> None:
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        client.pause_channel("sms")
        ids = send(client, 1, SMS)
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        ids += send(client, 2, SMS, MAIL)
        eventually(lambda: states(client, ids, "email") == [("sent", 1)] * 2)
        assert states(client, ids, "sms") == [("pending", 0)] * 3
        client.resume_channel("sms")
        eventually(lambda: states(client, ids, "sms") == [("sent", 1)] * 3)


def test_a_provider_that_one_replica_leaves_alone_is_shown_by_the_other(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(empty_database("postgresql", tmp_path))
        nobody = f"smtp://127.0.0.1:{free_port()}"
        settings: dict[str, Any] = {"database_url": url, "smtp_url": nobody, "email_from": "us@example.org"}
        here = stack.enter_context(running_server(tmp_path, **settings))
        client = stack.enter_context(Client(here.address))
        send(client, 8, MAIL)
        with running_server(tmp_path, **settings) as there, Client(there.address) as other:

            def provider() -> tuple[int, int, bool]:
                [mail] = [one for one in other.get_queue().channels if one.channel == "email"]
                [relay] = mail.providers
                return relay.open_breaker_count, relay.retrying_count, relay.breaker_open_since is not None

            eventually(lambda: provider()[0] >= 1 and provider()[1] >= 5 and provider()[2])


@pytest.mark.parametrize("kind", KINDS)
async def test_both_clients_ask_and_order_the_same(kind: str, tmp_path: Path) -> None:
    with server_on(kind, tmp_path) as server:
        async with AsyncClient(server.address) as client:
            with Client(server.address) as other:
                paused = await client.pause_channel("telegram", reason="r")
                assert other.pause_channel("telegram", reason="another") == paused
                assert await client.get_queue() == other.get_queue()
                assert await client.resume_channel("telegram")
                assert not other.resume_channel("telegram")


def test_replicas_share_the_pace_of_a_telegram_bot(tmp_path: Path) -> None:
    count = 20
    with TelegramApi() as telegram, contextlib.ExitStack() as stack:
        url = stack.enter_context(empty_database("postgresql", tmp_path))
        settings: dict[str, Any] = {
            "database_url": url, "telegram_bot_token": telegram_api.TOKEN, "telegram_api_url": telegram.url
        }  # fmt: skip
        servers = [stack.enter_context(running_server(tmp_path, **settings)) for _ in range(2)]
        clients = [stack.enter_context(Client(server.address)) for server in servers]
        ids = [
            clients[number % 2].send(TO, "T", "M", channels=[("telegram", str(1000 + number))]).notification.id
            for number in range(count)
        ]
        eventually(lambda: states(clients[0], ids, "telegram") == [("sent", 1)] * count)
        assert len(telegram.requests) == count
        # By the database's own time: as much passed from the first of them to the last as so many turns take.
        [[name, next_at]] = servers[0].database.rows("SELECT name, next_at FROM paces")
        [[begun]] = servers[0].database.rows("SELECT min(created_at) FROM notifications")
        assert name == f"telegram://{telegram_api.BOT_ID}"
        assert next_at - begun >= count * 1_000_000 // 30


def test_what_cannot_be_paused_is_said_so(tmp_path: Path) -> None:
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        with pytest.raises(InvalidArgument, match="the feed cannot be paused"):
            client.pause_channel("websocket")
        with pytest.raises(InvalidArgument, match="reason"):
            client.pause_channel("sms", reason="a\nb")
        with pytest.raises(ValueError, match="pager"):
            client.pause_channel("pager")


def test_only_a_token_with_the_scope_admin_may(tmp_path: Path) -> None:
    tokens = [f"{scope}:{scope}:{hashlib.sha256(scope.encode()).hexdigest()}" for scope in ("read", "admin")]
    with running_server(tmp_path, dev=True, auth_tokens=",".join(tokens)) as server:
        with Client(server.address, token="read") as client:
            for call in (client.get_queue, lambda: client.pause_channel("sms"), lambda: client.resume_channel("sms")):
                with pytest.raises(PermissionDenied):
                    call()
        with Client(server.address, token="admin") as client:
            assert client.pause_channel("sms").paused_by == "admin"


def test_the_commands_pause_show_and_resume(tmp_path: Path) -> None:
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        common = ("--server", server.address)
        assert run(tmp_path, "pause", "sms", "--reason", "why " * 60, *common).output.startswith("sms is paused since")
        send(client, 3, SMS)
        shown = run(tmp_path, "queue", *common)
        assert (shown.status, shown.errors) == (0, "")
        assert [line.split()[:3] for line in shown.output.splitlines()][0:5:4] == [
            ["CHANNEL", "STATE", "DUE"], ["sms", "paused", "3"]
        ]  # fmt: skip
        assert max(map(len, shown.output.splitlines())) <= 100
        told = json.loads(run(tmp_path, "queue", "--json", *common).output)
        assert [(one["channel"], one["due_count"]) for one in told["channels"]][-1] == ("sms", 3)
        assert run(tmp_path, "resume", "sms", *common).output == "sms goes on\n"
        assert run(tmp_path, "resume", "sms", *common).output == "sms was not paused\n"
        assert run(tmp_path, "pause", "fax", *common).status == 2


def test_whoever_asks_after_a_notification_is_told_of_the_pause(tmp_path: Path) -> None:
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        client.pause_channel("sms", reason="the provider asked us to")
        common = ("--server", server.address)
        words = ("--to", "guest", "--title", "T", "--message", "M", "--channel", "sms=+15550100")
        sent = run(tmp_path, "send", *words, "--wait", "--timeout", "1ms", *common)
        assert sent.status == 3
        one, still = sent.errors.splitlines()
        assert one.startswith("tocsin: sms: due now; sms is paused since ")
        assert one.endswith(": the provider asked us to")
        assert still.startswith("tocsin: still pending after 1ms")
        told = "    to let it go on: tocsin resume sms"
        [stored] = client.list().notifications
        for shown in (sent, run(tmp_path, "get", stored.id, *common)):
            lines = shown.output.splitlines()
            assert lines[lines.index(told) - 1].startswith("    sms is paused since ")
        client.resume_channel("sms")
        eventually(lambda: told not in run(tmp_path, "get", stored.id, *common).output)


def test_whoever_waits_at_a_terminal_is_told_for_what(tmp_path: Path) -> None:
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        client.pause_channel("sms")
        controller, terminal = os.openpty()
        words = ("--to", "guest", "--title", "T", "--message", "M", "--channel", "sms=+15550100", "--wait")
        with os.fdopen(terminal) as stderr:
            process = subprocess.Popen(
                command("send", *words, "--server", server.address),
                cwd=tmp_path, env=environment({}), stdout=subprocess.PIPE, stderr=stderr, text=True,
            )  # fmt: skip
        assert b"waiting (Ctrl-C ends the waiting, not the sending) for sms: due now" in os.read(controller, 1000)
        client.resume_channel("sms")
        said, _ = process.communicate(timeout=PATIENCE)
        os.close(controller)
        assert process.returncode == 0
        assert "status    sent" in said
