"""Pages, events and batches of what takes the most bytes on its way: a client of default limits can read them all."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
from tocsin.v1 import notification_pb2 as pb

from helpers.calls import EMAIL, SMS, TELEGRAM, WEBSOCKET, Api, at, ids_of, read_status, request, user
from helpers.databases import DatabaseAtUrl, DatabaseFile
from helpers.server import ServerUnderTest, server_on

READABLE = 4 * 1024 * 1024
PAGE = 1024 * 1024
LARGEST = 512 * 1024
"""Of a single notification, as tests/unit/rpc/test_sizes shows."""

NUMBERS = {"k": [1] * ((32 * 1024 - len('{"k":[]}')) // 2)}
"""Metadata of 32 KiB as JSON, which travel as 176."""

EVERY_CHANNEL = (WEBSOCKET, (EMAIL, "a" * 60 + "@" + "b" * 60 + ".example"), (SMS, "+15550100"), (TELEGRAM, "1"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    folder = tmp_path_factory.mktemp("sizes")
    with server_on(request.param, folder) as running:
        yield running


@pytest.fixture(scope="module")
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as connected:
        yield connected


def walk(api: Api, **fields: object) -> list[str]:
    """Turn all pages, each of which must be readable, and return the ids in order."""
    ids: list[str] = []
    token = ""
    while True:
        page = api.list(page_size=500, page_token=token, **fields)
        sizes = [notification.ByteSize() for notification in page.notifications]
        assert sum(sizes[:-1]) < PAGE, "the page could have ended before"
        assert page.ByteSize() < PAGE + LARGEST < READABLE
        assert page.notifications
        ids += ids_of(page.notifications)
        token = page.next_page_token
        if not token:
            return ids


def test_pages_of_metadata_of_many_numbers_end_by_what_travels(api: Api) -> None:
    to = user()
    sent = [api.send(request(to, metadata=NUMBERS)).id for _ in range(30)][::-1]
    assert api.get(sent[0]).ByteSize() > 170_000
    assert walk(api, recipient=to) == sent
    assert walk(api, recipient=to, feed_only=True) == sent
    with api.subscribe(to) as stream:
        stream.subscribed()
        assert stream.ids(30) == sent[::-1]


def long_history() -> str:
    """Return what a channel keeps of attempts that were all answered at length."""
    words = {"outcome": "permanent", "code": "5" * 64, "detail": "\U0001f514" * 500, "provider": "smtp://a.example:25"}
    entry = {**words, "at": "2026-01-31T08:15:00.250000Z"}
    return json.dumps({**entry, "data": {f"{place:02}": "x" * 320 for place in range(16)}, "history": [entry] * 5})


def fail_every_channel(server: ServerUnderTest, recipient: pb.Recipient) -> None:
    """Let the channels of a recipient's notifications have failed, as only many providers could in years."""
    statement = (
        "UPDATE notification_channels SET status = 'failed', due_at = NULL, response = {0} WHERE notification_id IN"
        " (SELECT id FROM notifications WHERE recipient_id = {0})"
    )
    if isinstance(server.database, DatabaseFile):
        with closing(sqlite3.connect(server.database.path, timeout=30)) as connection:
            connection.execute(statement.format("?"), (long_history(), recipient.id))
            connection.commit()
    else:
        assert isinstance(server.database, DatabaseAtUrl)
        with server.database.session() as cursor:
            cursor.execute(statement.format("%s"), (long_history(), recipient.id))


def test_pages_of_long_histories_end_by_what_travels(api: Api, server: ServerUnderTest) -> None:
    to = user()
    later = at(3_600)
    results = api.batch(*(request(to, *EVERY_CHANNEL, send_at=later) for _ in range(200)))
    sent = [result.response.notification.id for result in results][::-1]
    fail_every_channel(server, to)
    assert api.get(sent[0]).ByteSize() > 60_000
    assert walk(api, recipient=to) == sent


def test_the_answers_to_a_batch_of_repetitions_can_be_read(api: Api, server: ServerUnderTest) -> None:
    to, later = user(), at(3_600)
    wanted = [
        request(to, *EVERY_CHANNEL, title="\U0001f514" * 255, idempotency_key=str(uuid.uuid4()), send_at=later)
        for _ in range(1_000)
    ]
    api.batch(*wanted)
    fail_every_channel(server, to)
    again = api.batch(*wanted)
    assert all(result.response.duplicate for result in again)
    notification = again[0].response.notification
    assert len(notification.channels) == 4
    assert not any(channel.HasField("response") for channel in notification.channels)
    assert api.send_again(wanted[0]).notification.channels[1].HasField("response")


def test_the_answers_to_a_batch_of_bad_requests_can_be_read(api: Api) -> None:
    bad = request(None, title="\U0001f514" * 256, message="", idempotency_key="k" * 256)
    del bad.channels[:]
    for _ in range(16):
        bad.channels.add(channel=EMAIL, address="x")
        bad.addresses.add(channel=EMAIL, address="x")
    results = api.batch(*[bad] * 1_000)
    refusals = [read_status(result.error) for result in results]
    assert all({"title", "message"} <= set(refusal.violations) for refusal in refusals)
    [alone] = api.batch(bad)
    assert len(read_status(alone.error).violations) > len(refusals[0].violations)
