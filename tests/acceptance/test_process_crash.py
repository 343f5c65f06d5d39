"""Accepted means kept: the real process is killed as by `kill -9` or a power cut, and comes back."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import DEADLINE, EMAIL, SENT, WEBSOCKET, Api, channel_of, request, user
from helpers.process import serving
from helpers.smtp_server import SmtpServer, hang
from helpers.waiting import eventually
from tocsin_server.delivery.lane import PLACES_PER_SENDER

MAIL = (EMAIL, "ann@example.org")


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def mail_settings(smtp: SmtpServer, **others: str) -> dict[str, str]:
    return {
        "TOCSIN_SMTP_URL": smtp.url,
        "TOCSIN_EMAIL_FROM": "Shop <noreply@shop.example>",
        "TOCSIN_RETRY_BASE": "50ms",
        **others,
    }


def sent_row(api: Api, notification_id: str) -> pb.Channel:
    """Wait until the e-mail of a notification is sent, and return its row."""

    def settled() -> pb.Channel:
        row = channel_of(api.get(notification_id), EMAIL)
        assert row.status == SENT
        return row

    return eventually(settled)


def test_an_email_accepted_before_a_crash_goes_out_once_after_the_restart(tmp_path: Path, smtp: SmtpServer) -> None:
    smtp.script(hang("connect"))
    settings = mail_settings(smtp, TOCSIN_SENDER_CONCURRENCY="1")
    to, count = user(), PLACES_PER_SENDER + 4
    with serving(tmp_path, **settings) as server, Api(server.address) as api:
        sent = [
            api.send(request(to, WEBSOCKET, (EMAIL, f"user{number}@example.org"), metadata={"number": number}))
            for number in range(count)
        ]
        assert smtp.hanging.wait(DEADLINE)
        server.kill()
    assert not smtp.messages
    smtp.release()
    with serving(tmp_path, **settings) as server, Api(server.address) as api:
        rows = [sent_row(api, one.id) for one in sent]
        # The worker that died may have sent what it held, for all that anybody can know.
        first = MessageToDict(rows[0].response)
        assert rows[0].attempts == 2
        assert [(entry["outcome"], entry["code"]) for entry in first["history"]] == [("unknown", "LEASE_EXPIRED")]
        assert rows[-1].attempts == 1, "what it did not hold has lost nothing"
        for one in sent:
            kept = api.get(one.id)
            assert (kept.title, kept.message, kept.metadata, kept.created_at) == (
                one.title,
                one.message,
                one.metadata,
                one.created_at,
            )
        with api.subscribe(to) as stream:
            stream.subscribed()
            assert stream.ids(count) == [one.id for one in sent]
    assert sorted(mail.recipients[0] for mail in smtp.messages) == sorted(f"user{n}@example.org" for n in range(count))


def test_a_crash_between_the_relays_answer_and_our_record_sends_twice_and_recognisably(
    tmp_path: Path, smtp: SmtpServer
) -> None:
    """The one duplicate that cannot be avoided; it carries the same Message-ID."""
    smtp.script(hang("content"))
    with serving(tmp_path, **mail_settings(smtp)) as server, Api(server.address) as api:
        sent = api.send(request(user(), MAIL))
        assert smtp.hanging.wait(DEADLINE)
        server.kill()
    assert len(smtp.messages) == 1
    with serving(tmp_path, **mail_settings(smtp)) as server, Api(server.address) as api:
        assert sent_row(api, sent.id).attempts == 2
    assert len(smtp.messages) == 2
    assert len({mail.message_id for mail in smtp.messages}) == 1


def test_a_row_whose_every_attempt_kills_the_process_is_given_up_in_the_end(tmp_path: Path, smtp: SmtpServer) -> None:
    settings = mail_settings(smtp, TOCSIN_MAX_ATTEMPTS="2")
    smtp.script(hang("content"), hang("content"))
    for _ in range(2):
        smtp.hanging.clear()
        with serving(tmp_path, **settings) as server, Api(server.address) as api:
            if not api.list().notifications:
                api.send(request(user(), MAIL))
            assert smtp.hanging.wait(DEADLINE)
            server.kill()
    with serving(tmp_path, **settings) as server, Api(server.address) as api:

        def given_up() -> pb.Channel:
            [notification] = api.list().notifications
            [row] = notification.channels
            assert (notification.status, row.status) == (pb.STATUS_FAILED, pb.STATUS_FAILED)
            return row

        row = eventually(given_up)
        assert row.attempts == 2
        assert row.response["reason"] == "ATTEMPTS_EXHAUSTED"
    assert len(smtp.messages) == 2


class Senders:
    """Send with keys from several threads until the server is gone."""

    def __init__(self, address: str, to: pb.Recipient, threads: int) -> None:
        self.to = to
        self.accepted: dict[str, str] = {}
        """Id by key of what was answered with OK."""
        self.asked: dict[str, service_pb.SendRequest] = {}
        self.surprises: list[object] = []
        self._enough = threading.Condition()
        self._threads = [
            threading.Thread(target=self._send, args=(address, f"sender-{number}")) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, count: int) -> None:
        with self._enough:
            assert self._enough.wait_for(lambda: len(self.accepted) >= count, DEADLINE)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()
        assert not self.surprises

    def _send(self, address: str, name: str) -> None:
        with Api(address) as api:
            for number in itertools.count():
                key = f"{name}-{number}"
                self.asked[key] = request(self.to, WEBSOCKET, MAIL, idempotency_key=key, title=key)
                try:
                    response = api.stub.Send(self.asked[key], timeout=DEADLINE)
                except grpc.RpcError as error:
                    if not isinstance(error, grpc.Call) or error.code() is not grpc.StatusCode.UNAVAILABLE:
                        self.surprises.append(error)
                    return
                with self._enough:
                    self.accepted[key] = response.notification.id
                    self._enough.notify()


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_accepted_before_a_crash_is_there_after_it_and_is_delivered(
    tmp_path: Path, smtp: SmtpServer, seed: int
) -> None:
    dice, to = random.Random(seed), user()  # noqa: S311 - about the same moment every time
    settings = mail_settings(smtp)
    with serving(tmp_path, **settings) as server:
        senders = Senders(server.address, to, threads=4)
        enough = dice.randrange(40, 160)
        senders.wait_for(enough)
        server.kill()
        senders.join()
    assert enough <= len(senders.accepted) < len(senders.asked), "each sender has a call without an answer"

    with serving(tmp_path, **settings) as server, Api(server.address) as api:
        for key, notification_id in senders.accepted.items():
            assert api.get(notification_id).title == key
        # Repeating with the same key is how to learn what became of a call without an answer.
        final: dict[str, str] = {}
        for key, wanted in senders.asked.items():
            answer = api.stub.Send(wanted, timeout=DEADLINE)
            final[key] = answer.notification.id
            assert answer.duplicate or key not in senders.accepted
            assert senders.accepted.get(key, final[key]) == final[key]
        assert server.database.counts()["notifications"] == len(final)

        with api.subscribe(to) as stream:
            stream.subscribed()
            arrived = stream.ids(len(final))
            assert set(arrived) == set(final.values())
            assert stream.unread_count == len(final)
        message_ids = {f"<{sent_row(api, one).id}@shop.example>" for one in final.values()}
    assert {mail.message_id for mail in smtp.messages} == message_ids
    assert len(message_ids) == len(final)


def test_a_cursor_and_what_was_read_survive_a_crash(tmp_path: Path) -> None:
    to = user()
    with serving(tmp_path) as server, Api(server.address) as api, api.subscribe(to) as stream:
        stream.subscribed()
        seen = [api.send(request(to)).id for _ in range(3)]
        assert stream.ids(3) == seen
        api.mark(ids=seen[:2])
        stream.read_changed()
        missed = api.send(request(to)).id
        server.kill()
    with serving(tmp_path) as server, Api(server.address) as api:
        assert api.unread(to) == 2
        assert [api.get(one).is_read for one in [*seen, missed]] == [True, True, False, False]
        with api.subscribe(to, stream.cursor) as resumed:
            assert resumed.subscribed().recovered
            assert resumed.notification().id == missed
            eventually(lambda: all(channel_of(api.get(one), WEBSOCKET).status == SENT for one in [*seen, missed]))
