"""`kill -9` at each step of a delivery: sent at least once, and twice only where nobody can know better.

The relay's log is what counts: its entries per row, held against the attempts that the row says were made.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tocsin.v1 import notification_pb2 as pb

from helpers.calls import DEADLINE, EMAIL, SENT, Api, at, channel_of, request, user
from helpers.process import ServerProcess, serving
from helpers.smtp_server import SmtpServer, hang
from helpers.waiting import eventually

MAIL = (EMAIL, "ann@example.org")
SOON = 0.5
"""Seconds until a scheduled row is due: it is stored unleased, and claimed from the database."""


@contextlib.contextmanager
def write_lock(database: Path) -> Iterator[None]:
    """Keep everybody else from writing, as a backup or a person with a shell might."""
    connection = sqlite3.connect(database, isolation_level=None, timeout=30)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()


def after_commit(server: ServerProcess, api: Api, smtp: SmtpServer) -> pb.Notification:
    sent = api.send(request(user(), MAIL, send_at=at(SOON)))
    server.kill()
    return sent


def after_lease_at_insert(server: ServerProcess, api: Api, smtp: SmtpServer) -> pb.Notification:
    smtp.script(hang("connect"))
    sent = api.send(request(user(), MAIL))
    assert smtp.hanging.wait(DEADLINE)
    server.kill()
    return sent


def after_claim(server: ServerProcess, api: Api, smtp: SmtpServer) -> pb.Notification:
    smtp.script(hang("connect"))
    sent = api.send(request(user(), MAIL, send_at=at(SOON)))
    assert smtp.hanging.wait(DEADLINE)
    server.kill()
    return sent


def after_the_provider_accepted(server: ServerProcess, api: Api, smtp: SmtpServer) -> pb.Notification:
    smtp.script(hang("content"))
    sent = api.send(request(user(), MAIL))
    assert smtp.hanging.wait(DEADLINE)  # the relay has the message, and has not said so
    server.kill()
    return sent


def before_the_result_is_written(server: ServerProcess, api: Api, smtp: SmtpServer) -> pb.Notification:
    smtp.script(hang("content"))
    sent = api.send(request(user(), MAIL))
    assert smtp.hanging.wait(DEADLINE)
    with write_lock(server.database.path):
        smtp.release()
        eventually(lambda: smtp.answered == 1)
        server.kill()
    return sent


def after_the_result_is_written(server: ServerProcess, api: Api, smtp: SmtpServer) -> pb.Notification:
    sent = api.send(request(user(), MAIL))
    eventually(lambda: channel_of(api.get(sent.id), EMAIL).status == SENT)
    server.kill()
    return sent


STEPS: dict[Callable[[ServerProcess, Api, SmtpServer], pb.Notification], tuple[int, int]] = {
    # step: entries in the relay's log, attempts of the row
    after_commit: (1, 1),
    after_lease_at_insert: (1, 2),
    after_claim: (1, 2),
    after_the_provider_accepted: (2, 2),
    before_the_result_is_written: (2, 2),
    after_the_result_is_written: (1, 1),
}


@pytest.mark.parametrize("crash", STEPS, ids=lambda step: step.__name__)
def test_a_crash_loses_nothing_and_repeats_only_what_may_have_been_sent(
    tmp_path: Path, crash: Callable[[ServerProcess, Api, SmtpServer], pb.Notification]
) -> None:
    with SmtpServer() as smtp:
        settings = {
            "TOCSIN_SMTP_URL": smtp.url,
            "TOCSIN_EMAIL_FROM": "Shop <noreply@shop.example>",
            "TOCSIN_LEASE": "1s",
        }
        with serving(tmp_path, **settings) as server, Api(server.address) as api:
            sent = crash(server, api, smtp)
        smtp.release()
        with serving(tmp_path, **settings) as server, Api(server.address) as api:

            def settled() -> pb.Channel:
                row = channel_of(api.get(sent.id), EMAIL)
                assert row.status == SENT
                return row

            row = eventually(settled)

    entries, attempts = STEPS[crash]
    assert [mail.message_id for mail in smtp.messages] == [f"<{row.id}@shop.example>"] * entries
    assert row.attempts == attempts
