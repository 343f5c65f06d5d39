"""Erasing and exporting a person over real ports: what is left in files, on streams and in other replicas."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import sqlite3
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tocsin.v1 import notification_pb2 as pb

from helpers.calls import USER, Api
from helpers.databases import KINDS, TABLES, DatabaseAtUrl, empty_database
from helpers.process import run
from helpers.server import ServerUnderTest, running_server, server_on
from helpers.smtp_server import SmtpServer, hang
from helpers.waiting import eventually, eventually_async
from tocsin_client import AsyncClient, Client, InvalidArgument, PermissionDenied

ANN_ID = "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"
ANN = f"user:{ANN_ID}"
PLANTED = {
    "title": "Zanzibar-title", "message": "Zanzibar-message", "metadata": "Zanzibar-metadata",
    "key": "Zanzibar-key", "reason": "Zanzibar-reason", "email": "zanzibar-mail@example.org",
    "contact": "zanzibar-contact@example.org", "chat": "@zanzibar_chat",
}  # fmt: skip
OTHERS = "Casablanca"


def plant(client: Client, to: str = ANN) -> None:
    """Send a person something that stays in each table, and texts that can be searched for."""
    texts: dict[str, Any] = {"title": PLANTED["title"], "message": PLANTED["message"] * 200}
    client.put_contact(to, {"email": PLANTED["contact"]}, locale="pt-BR")
    for number in range(30):
        client.send(
            to, **texts, channels=["websocket", ("email", PLANTED["email"])], metadata={"note": PLANTED["metadata"]},
            idempotency_key=f"{PLANTED['key']}-{number}",
        )  # fmt: skip
    later = datetime.now(UTC) + timedelta(hours=1)
    client.send(to, **texts, channels=[("telegram", PLANTED["chat"])], send_at=later)
    client.send(to, **texts, channels=["websocket", ("telegram", PLANTED["chat"])], strategy="fallback",
                escalate_after=3600)  # fmt: skip
    waiting = [client.send(to, **texts, deferred=True, addresses={"telegram": PLANTED["chat"]}) for _ in range(2)]
    client.route(waiting[0].notification.id, ["telegram"], reason=PLANTED["reason"])
    client.mark_read(recipient=to)


def plant_for_others(client: Client) -> None:
    for _ in range(5):
        client.send(f"user:{uuid.uuid4()}", OTHERS, OTHERS, channels=["websocket", ("email", "bob@example.org")])


def found_in(content: bytes) -> list[str]:
    return [text for text in PLANTED.values() if text.encode() in content]


def test_the_file_and_its_log_have_nothing_of_an_erased_person_after_vacuum(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        plant(client)
        plant_for_others(client)
        files = [tmp_path / "tocsin.db", tmp_path / "tocsin.db-wal"]
        assert set(found_in(b"".join(path.read_bytes() for path in files))) == set(PLANTED.values())
        note = client.erase(ANN)
        assert note.notification_count == 34
        # As an operator does, while it is served.
        with contextlib.closing(sqlite3.connect(files[0], timeout=30, isolation_level=None)) as shell:
            shell.execute("VACUUM")
            [(busy, *_)] = shell.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            assert not busy
        content = b"".join(path.read_bytes() for path in files if path.exists())
        assert found_in(content) == []
        assert ANN_ID.encode() not in content
        assert OTHERS.encode() in content
        [line] = [vars(record) for record in caplog.records if getattr(record, "event", "") == "person_erased"]
        assert (line["note"], line["notifications"]) == (note.id, 34)
        assert not found_in(str(line).encode())
        assert ANN_ID not in str(line)
        assert [row[:1] + row[2:] for row in server.database.rows("SELECT * FROM erasures")] == [(note.id, "", 34)]


def test_postgresql_shows_nothing_of_an_erased_person_in_any_table(tmp_path: Path) -> None:
    with (
        empty_database("postgresql", tmp_path) as url,
        running_server(tmp_path, dev=True, database_url=url) as server,
        Client(server.address) as client,
    ):
        plant(client)
        plant_for_others(client)

        def content() -> bytes:
            rows = [str(DatabaseAtUrl(url).rows(f"SELECT * FROM {table}")) for table in TABLES]  # noqa: S608 - ours
            return "".join(rows).encode()

        assert set(found_in(content())) == set(PLANTED.values())
        client.erase(ANN)
        assert found_in(content()) == []
        assert ANN_ID.encode() not in content()
        assert OTHERS.encode() in content()


@contextlib.contextmanager
def two(folder: Path, **settings: Any) -> Iterator[list[ServerUnderTest]]:
    """Run two replicas on one PostgreSQL."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(empty_database("postgresql", folder))
        yield [stack.enter_context(running_server(folder, database_url=url, **settings)) for _ in range(2)]


def test_streams_of_an_erased_person_end_on_all_replicas_and_their_cursors_are_void(tmp_path: Path) -> None:
    recipient = pb.Recipient(type=USER, id=ANN_ID)
    with two(tmp_path) as servers, Client(servers[0].address) as client, contextlib.ExitStack() as stack:
        apis = [stack.enter_context(Api(server.address)) for server in servers]
        streams = [stack.enter_context(api.subscribe(recipient)) for api in apis]
        for stream in streams:
            stream.subscribed()
        client.send(ANN, "T", "M", channels=["websocket"])
        assert [stream.notification().title for stream in streams] == ["T", "T"]
        client.erase(ANN)
        for api, stream in zip(apis, streams, strict=True):
            ending = stream.ending()
            assert ending.reason == "STREAM_AGED"
            with api.subscribe(recipient, cursor=ending.metadata["cursor"]) as again:
                assert not again.subscribed().recovered
        assert client.list(recipient=ANN, feed_only=True).notifications == ()


def test_what_waits_in_another_replica_is_not_sent_any_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tocsin_server")
    with SmtpServer() as smtp:
        settings = {"smtp_url": smtp.url, "email_from": "us@example.org", "sender_concurrency": 1}
        with (
            two(tmp_path, **settings) as servers,
            Client(servers[0].address) as here,
            Client(servers[1].address) as there,
        ):
            smtp.script(hang("content"), hang("content"))  # one for each replica
            for number in range(6):
                there.send(ANN, f"number {number}", "M", channels=[("email", "ann@example.org")])
            assert smtp.hanging.wait(60)
            assert here.erase(ANN).notification_count == 6
            eventually(lambda: [r for r in caplog.records if getattr(r, "event", "") == "leases_gone"])
            smtp.release()
            other = there.send(f"user:{uuid.uuid4()}", "other", "M", channels=[("email", "bob@example.org")])
            eventually(lambda: there.get(other.notification.id).status == "sent")
        *begun, last = [mail.parsed["Subject"] for mail in smtp.messages]
        assert 1 <= len(begun) <= 2
        assert last == "other"


@pytest.mark.parametrize("kind", KINDS)
async def test_both_clients_export_the_same_lines_which_are_json(kind: str, tmp_path: Path) -> None:
    with server_on(kind, tmp_path) as server, Client(server.address) as client:
        plant(client)
        plant_for_others(client)
        async with AsyncClient(server.address) as other:

            async def same() -> bool:
                return list(client.export(ANN)) == [line async for line in other.export(ANN)]

            await eventually_async(same)  # what was planted is still being sent
            lines = list(client.export(ANN))
            rows = [json.loads(line) for line in lines]
            assert len([row for row in rows if row["table"] == "notifications"]) == 34
            assert OTHERS not in "".join(lines)
            assert {text for text in PLANTED.values() if text in "".join(lines)} == set(PLANTED.values())
            assert (await other.erase(ANN)).notification_count == 34
        assert list(client.export(ANN)) == []


def test_who_is_not_registered_is_erased_by_an_address(tmp_path: Path) -> None:
    sms = ("sms", "+15550100")
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        client.send("guest", "T", "M", channels=[sms])
        kept = client.send("guest", "T", "M", channels=[("sms", "+15550199")]).notification.id
        shown = [json.loads(line)["table"] for line in client.export("guest", address=sms)]
        assert shown == ["notifications", "notification_channels", "idempotency_keys"]
        assert client.erase("guest", address=sms).notification_count == 1
        assert client.get(kept).id == kept


def test_whom_it_is_about_has_to_be_said_in_one_way(tmp_path: Path) -> None:
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        for call in (client.erase, lambda *args, **named: list(client.export(*args, **named))):
            with pytest.raises(InvalidArgument, match="must be given for a recipient without id"):
                call("guest")
            with pytest.raises(InvalidArgument, match="must not come with a registered recipient"):
                call(ANN, address=("sms", "+15550100"))
            with pytest.raises(InvalidArgument, match=r"address\.address"):
                call("guest", address=("sms", "ann"))


def test_only_a_token_with_the_scope_erase_may(tmp_path: Path) -> None:
    tokens = [f"{scope}:{scope}:{hashlib.sha256(scope.encode()).hexdigest()}" for scope in ("admin", "erase")]
    with running_server(tmp_path, dev=True, auth_tokens=",".join(tokens)) as server:
        with Client(server.address, token="admin") as client:
            with pytest.raises(PermissionDenied):
                client.erase(ANN)
            with pytest.raises(PermissionDenied):
                list(client.export(ANN))
        with Client(server.address, token="erase") as client:
            assert list(client.export(ANN)) == []
            assert client.erase(ANN).erased_by == "erase"


def test_the_commands_export_and_erase(tmp_path: Path) -> None:
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        common = ("--server", server.address)
        plant(client)

        def same() -> bool:
            exported = run(tmp_path, "export", "--to", ANN, *common)
            assert (exported.status, exported.errors) == (0, "")
            mine, theirs = exported.output.splitlines(), client.export(ANN)
            return [json.loads(line) for line in mine] == [json.loads(line) for line in theirs]

        eventually(same)  # what was planted is still being sent
        erased = run(tmp_path, "erase", "--to", ANN, *common)
        first, second = erased.output.splitlines()
        assert first == "erased 34 notifications, and the contact and the feed if there were any"
        assert second.startswith("the note of it: ")
        assert run(tmp_path, "export", "--to", ANN, *common).errors == "tocsin: nothing matches\n"
        told = json.loads(
            run(tmp_path, "erase", "--to", "guest", "--address", "sms=+15550100", "--json", *common).output
        )
        assert told["notification_count"] == 0
        for words in (("--to", "guest"), ("--to", ANN, "--address", "sms=+15550100")):
            assert run(tmp_path, "erase", *words, *common).status == 2
