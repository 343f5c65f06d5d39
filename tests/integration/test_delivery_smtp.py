"""E-mail from Send to a real SMTP server, and what is recorded of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from tocsin.v1 import notification_pb2 as pb

from helpers.calls import EMAIL, FAILED, PENDING, SENT, SMS, WEBSOCKET, Api, at, channel_of, request, user
from helpers.server import ServerUnderTest, running_server
from helpers.smtp_server import SmtpServer, Step, drop, hang, refuse
from helpers.waiting import eventually

MAIL = (EMAIL, "ann@example.org")


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@contextmanager
def mailing(folder: Path, *relays: str, dev: bool = False, **overrides: Any) -> Iterator[tuple[ServerUnderTest, Api]]:
    """Run a server that sends through ``relays``, and retries soon."""
    settings: dict[str, Any] = {
        "smtp_url": ",".join(relays),
        "email_from": "Der Läden <noreply@shop.example>",
        "retry_base": 0.02,
        "retry_cap": 0.1,
    }
    with running_server(folder, dev=dev, **(settings | overrides)) as server, Api(server.address) as api:
        yield server, api


def when(api: Api, notification_id: str, status: pb.Status) -> pb.Channel:
    """Wait until the e-mail of a notification has a status, and return its row."""

    def settled() -> pb.Channel:
        row = channel_of(api.get(notification_id), EMAIL)
        assert row.status == status
        return row

    return eventually(settled)


@pytest.fixture
def dead_relay() -> Iterator[str]:
    """A relay that refuses connections: its port is taken, and nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"smtp://127.0.0.1:{bound.getsockname()[1]}"


def history(row: pb.Channel) -> list[dict[str, Any]]:
    """Return what is kept of earlier attempts."""
    return list(MessageToDict(row.response).get("history", []))


def test_an_email_arrives_as_it_was_sent(tmp_path: Path, smtp: SmtpServer) -> None:
    with mailing(tmp_path, smtp.url) as (server, api):
        title = "Ihr Päckchen \U0001f4e6 ist unterwegs, und das ist eine längere Betreffzeile als üblich: 你好"
        message = "Zeile eins\nZeile zwei: 你好, Ελλάδα\n.\n.. Punkte am Anfang\n\nEnde"
        sent = api.send(request(user(), MAIL, title=title, message=message))
        row = when(api, sent.id, SENT)
        [mail] = smtp.messages
        assert mail.sender == "noreply@shop.example"
        assert mail.recipients == ["ann@example.org"]
        assert mail.parsed["Subject"] == title
        assert mail.parsed["To"] == "ann@example.org"
        assert mail.parsed["From"] == "Der Läden <noreply@shop.example>"
        assert mail.parsed["Auto-Submitted"] == "auto-generated"
        assert mail.parsed["Date"].datetime.timestamp() == sent.created_at.seconds
        assert mail.message_id == f"<{row.id}@shop.example>"
        assert mail.text.removesuffix("\n") == message

        assert (row.status, row.attempts, row.address) == (SENT, 1, "ann@example.org")
        assert not row.HasField("next_attempt_at")
        assert row.response["outcome"] == "accepted"
        assert row.response["code"] == "250"
        assert "queued as" in str(row.response["detail"])
        assert row.response["provider"] == smtp.url
        assert row.response["at"]
        assert "history" not in row.response
        assert api.get(sent.id).status == SENT
        assert server.database.rows(
            "SELECT n.status, c.status, c.attempts, c.claim_token, c.due_at FROM notification_channels c "
            "JOIN notifications n ON n.id = c.notification_id"
        ) == [("sent", "sent", 1, None, None)]


def test_an_internationalised_address_is_reached(tmp_path: Path, smtp: SmtpServer) -> None:
    with mailing(tmp_path, smtp.url) as (_, api):
        when(api, api.send(request(user(), (EMAIL, "jörg@bücher.example"))).id, SENT)
        [mail] = smtp.messages
        assert mail.recipients == ["jörg@xn--bcher-kva.example"]
        assert "SMTPUTF8" in mail.mail_options


def test_a_title_that_looks_like_a_header_stays_a_title(tmp_path: Path, smtp: SmtpServer) -> None:
    with mailing(tmp_path, smtp.url) as (_, api):
        title = "Bcc: eve@example.org =?utf-8?q?=0D=0ABcc=3A_eve=40example=2Eorg?= %0d%0aBcc: x"
        when(api, api.send(request(user(), MAIL, title=title)).id, SENT)
        [mail] = smtp.messages
        assert mail.parsed["Subject"] == title
        assert mail.parsed["Bcc"] is None
        assert mail.recipients == ["ann@example.org"]


def test_many_emails_each_arrive_once(tmp_path: Path, smtp: SmtpServer) -> None:
    with mailing(tmp_path, smtp.url, sender_concurrency=4) as (_, api):
        addresses = [f"user{number}@example.org" for number in range(150)]
        results = api.batch(*(request(user(), (EMAIL, address)) for address in addresses))
        for result in results:
            row = when(api, result.response.notification.id, SENT)
            assert row.attempts == 1
        assert sorted(mail.recipients[0] for mail in smtp.messages) == sorted(addresses)
        assert len({mail.message_id for mail in smtp.messages}) == 150
        assert smtp.connections <= 4


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "content"])
def test_a_temporary_refusal_is_retried_and_remembered(tmp_path: Path, smtp: SmtpServer, stage: Any) -> None:
    smtp.script(refuse(stage, "451 4.7.1 try again in a moment"))
    with mailing(tmp_path, smtp.url) as (_, api):
        row = when(api, api.send(request(user(), MAIL)).id, SENT)
        assert row.attempts == 2
        assert row.response["outcome"] == "accepted"
        [earlier] = history(row)
        assert (earlier["outcome"], earlier["code"], earlier["provider"]) == ("transient", "451", smtp.url)
        assert earlier["at"] <= row.response["at"]
        assert len(smtp.messages) == 1


def test_while_it_is_to_be_retried_a_row_is_pending_and_says_when(tmp_path: Path, smtp: SmtpServer) -> None:
    smtp.script(refuse("rcpt", "450 4.2.1 mailbox busy"))
    with mailing(tmp_path, smtp.url, retry_base=3_600.0, retry_cap=3_600.0) as (_, api):
        sent = api.send(request(user(), MAIL))

        def tried() -> pb.Channel:
            row = channel_of(api.get(sent.id), EMAIL)
            assert row.attempts == 1
            return row

        row = eventually(tried)
        assert row.status == PENDING
        assert (row.response["outcome"], row.response["code"]) == ("transient", "450")
        assert 3_600 * 0.75 < row.next_attempt_at.seconds - at(0).seconds <= 3_600
        assert api.get(sent.id).status == PENDING


def test_a_permanent_refusal_is_final(tmp_path: Path, smtp: SmtpServer) -> None:
    smtp.script(refuse("rcpt", "550 5.1.1 no such user"))
    with mailing(tmp_path, smtp.url) as (_, api):
        sent = api.send(request(user(), MAIL))
        row = when(api, sent.id, FAILED)
        assert row.attempts == 1
        assert (row.response["outcome"], row.response["code"]) == ("permanent", "550")
        assert "no such user" in str(row.response["detail"])
        assert not row.HasField("next_attempt_at")
        assert api.get(sent.id).status == FAILED
        when(api, api.send(request(user(), MAIL)).id, SENT)
        assert len(smtp.transactions) == 2, "what has failed is not tried again"


def test_one_address_that_is_refused_does_not_fail_the_others(tmp_path: Path, smtp: SmtpServer) -> None:
    smtp.script(refuse("rcpt", "550 5.1.1 no such user"))
    with mailing(tmp_path, smtp.url, dev=True) as (_, api):
        sent = api.send(request(user(), WEBSOCKET, MAIL, (SMS, "+15550100")))
        when(api, sent.id, FAILED)
        eventually(lambda: channel_of(api.get(sent.id), SMS).status == SENT)
        assert api.get(sent.id).status == SENT


def test_attempts_end_with_their_budget(tmp_path: Path, smtp: SmtpServer) -> None:
    smtp.script(*[refuse("rcpt", f"451 4.7.1 not yet, {number}") for number in range(10)])
    with mailing(tmp_path, smtp.url, max_attempts=8) as (_, api):
        sent = api.send(request(user(), MAIL))
        row = when(api, sent.id, FAILED)
        assert row.attempts == 8
        assert "not yet, 7" in str(row.response["detail"])
        earlier = history(row)
        assert [entry["code"] for entry in earlier] == ["451"] * 5
        times = [entry["at"] for entry in earlier] + [row.response["at"]]
        assert times == sorted(set(times)), "oldest first, and the latest apart"
        assert api.get(sent.id).status == FAILED


def test_a_relay_that_refuses_connections_is_tried_again(tmp_path: Path, dead_relay: str) -> None:
    with mailing(tmp_path, dead_relay, max_attempts=3) as (_, api):
        row = when(api, api.send(request(user(), MAIL)).id, FAILED)
        assert row.attempts == 3
        assert (row.response["outcome"], row.response["provider"]) == ("transient", dead_relay)
        assert [entry["outcome"] for entry in history(row)] == ["transient", "transient"]


def test_a_second_relay_takes_over_at_once(tmp_path: Path, dead_relay: str, smtp: SmtpServer) -> None:
    with mailing(tmp_path, dead_relay, smtp.url) as (_, api):
        row = when(api, api.send(request(user(), MAIL)).id, SENT)
        assert (row.attempts, row.response["provider"]) == (1, smtp.url)


def test_a_relay_too_slow_to_come_to_the_content_leaves_the_mail_to_the_second(
    tmp_path: Path, smtp: SmtpServer
) -> None:
    smtp.pipelining = False
    smtp.slowness = 0.3  # less than an operation may take, and in sum more than an attempt may
    with SmtpServer() as other, mailing(tmp_path, smtp.url, other.url, send_timeout=1.0) as (_, api):
        row = when(api, api.send(request(user(), MAIL)).id, SENT)
        assert (row.attempts, row.response["provider"]) == (1, other.url)
        assert not smtp.messages
        assert len(other.messages) == 1


REFUSALS = [
    refuse("connect", "554 5.7.1 no service for you"),
    refuse("connect", "521 this host accepts no mail"),
    refuse("mail", "530 5.7.0 authentication required"),
    refuse("mail", "552 5.3.4 message too big"),
    refuse("mail", "550 5.7.60 may not send as this sender"),
    refuse("rcpt", "554 5.7.1 relay access denied"),
    refuse("rcpt", "551 user not local"),
    refuse("rcpt", "550 5.4.5 daily sending quota exceeded"),
    refuse("data", "554 no valid recipients"),
    refuse("content", "552 too much mail data"),
    refuse("content", "554 5.7.1 looks like spam"),
    refuse("content", "554 Message rejected: Email address is not verified."),
]


def test_what_one_relay_cannot_carry_another_carries(tmp_path: Path) -> None:
    cases = [
        (SmtpServer(smtputf8=False), request(user(), (EMAIL, "jörg@example.org"))),
        (SmtpServer(size_limit=1_000), request(user(), MAIL, message="x" * 2_000)),
    ]
    for first, wanted in cases:
        with first, SmtpServer() as other, mailing(tmp_path, first.url, other.url) as (_, api):
            row = when(api, api.send(wanted).id, SENT)
            assert (row.attempts, row.response["provider"]) == (1, other.url)
            assert not first.transactions
            assert len(other.messages) == 1


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda step: f"{step.stage} {step.text[:9]}")
def test_what_one_relay_refuses_for_reasons_of_its_own_another_is_asked_for(tmp_path: Path, refusal: Step) -> None:
    with SmtpServer(credentials=("shop", "secret")) as first, SmtpServer() as other:
        first.script(refusal)
        with mailing(tmp_path, first.url, other.url) as (_, api):
            row = when(api, api.send(request(user(), MAIL)).id, SENT)
            assert (row.attempts, row.response["provider"]) == (1, other.url)
            assert not first.messages


def test_wrong_credentials_at_one_relay_leave_the_mail_to_another(tmp_path: Path) -> None:
    first, other = SmtpServer(credentials=("shop", "secret")), SmtpServer()
    with first, other, mailing(tmp_path, first.url.replace("secret", "mistaken"), other.url) as (_, api):
        assert when(api, api.send(request(user(), MAIL)).id, SENT).response["provider"] == other.url


@pytest.mark.parametrize("refusal", [refuse("rcpt", "550 5.1.1 no such user"), refuse("rcpt", "556 no mail here")])
def test_what_is_wrong_for_everybody_is_asked_for_once(tmp_path: Path, smtp: SmtpServer, refusal: Step) -> None:
    smtp.script(refusal)
    with SmtpServer() as other, mailing(tmp_path, smtp.url, other.url) as (_, api):
        row = when(api, api.send(request(user(), MAIL)).id, FAILED)
        assert (row.attempts, row.response["provider"]) == (1, smtp.url)
        assert not other.transactions


def test_a_limit_that_every_relay_has_is_final(tmp_path: Path) -> None:
    first, other = SmtpServer(size_limit=1_000), SmtpServer(size_limit=1_500)
    with first, other, mailing(tmp_path, first.url, other.url) as (_, api):
        row = when(api, api.send(request(user(), MAIL, message="x" * 2_000)).id, FAILED)
        assert (row.attempts, row.response["outcome"], row.response["code"]) == (1, "permanent", "552")


def test_a_limit_is_not_final_while_another_relay_is_down(tmp_path: Path, dead_relay: str) -> None:
    with SmtpServer(size_limit=1_000) as first, mailing(tmp_path, dead_relay, first.url, max_attempts=3) as (_, api):
        row = when(api, api.send(request(user(), MAIL, message="x" * 2_000)).id, FAILED)
        assert (row.attempts, row.response["outcome"], row.response["provider"]) == (3, "transient", dead_relay)


def test_a_line_that_breaks_after_the_content_leaves_the_outcome_unknown(tmp_path: Path, smtp: SmtpServer) -> None:
    smtp.script(drop("content"))
    with SmtpServer() as other, mailing(tmp_path, smtp.url, other.url) as (_, api):
        row = when(api, api.send(request(user(), MAIL)).id, SENT)
        assert row.attempts == 2
        assert [entry["outcome"] for entry in history(row)] == ["unknown"]
        assert len({mail.message_id for mail in smtp.messages}) == 1, "the recipient can recognise the second"
        assert len(smtp.messages) == 2
        assert not other.messages, "another relay could only add a duplicate"


def test_what_expires_before_it_could_be_sent_fails_as_expired(tmp_path: Path, smtp: SmtpServer) -> None:
    smtp.script(*[refuse("rcpt", "451 4.7.1 not yet")] * 1_000)
    with mailing(tmp_path, smtp.url, max_attempts=100) as (_, api):
        sent = api.send(request(user(), MAIL, expires_at=at(1.5)))
        row = when(api, sent.id, FAILED)
        assert row.response["reason"] == "EXPIRED"
        assert row.attempts >= 1
        assert history(row)[-1]["code"] == "451"
        assert not smtp.messages


def test_a_scheduled_email_goes_out_when_it_is_due(tmp_path: Path, smtp: SmtpServer) -> None:
    with mailing(tmp_path, smtp.url) as (_, api):
        scheduled = api.send(request(user(), (EMAIL, "later@example.org"), send_at=at(2)))
        when(api, api.send(request(user(), (EMAIL, "now@example.org"))).id, SENT)
        assert channel_of(api.get(scheduled.id), EMAIL).next_attempt_at == scheduled.send_at
        when(api, scheduled.id, SENT)
        assert [mail.recipients for mail in smtp.messages] == [["now@example.org"], ["later@example.org"]]
        assert smtp.messages[1].parsed["Date"].datetime.timestamp() == scheduled.send_at.seconds
        assert at(0).seconds >= scheduled.send_at.seconds


def test_a_relay_that_hangs_delays_neither_send_nor_another_channel(tmp_path: Path, smtp: SmtpServer) -> None:
    smtp.script(*[hang("connect")] * 2)
    with mailing(tmp_path, smtp.url, dev=True, sender_concurrency=2, send_timeout=110.0) as (_, api):
        to = user()
        with api.subscribe(to) as stream:
            stream.subscribed()
            sent = [api.send(request(to, WEBSOCKET, MAIL, (SMS, "+15550100"))).id for _ in range(30)]
            assert stream.ids(30) == sent
            for one in sent:
                eventually(lambda one=one: channel_of(api.get(one), SMS).status == SENT)  # type: ignore[misc]
                assert channel_of(api.get(one), EMAIL).status == PENDING
        assert smtp.hanging.is_set()
        assert not smtp.messages
        smtp.release()
        for one in sent:
            assert when(api, one, SENT).attempts == 1
        assert len(smtp.messages) == 30


def test_an_attempt_that_never_ends_is_ended_and_repeated(tmp_path: Path, smtp: SmtpServer) -> None:
    smtp.script(hang("content"))
    with mailing(tmp_path, smtp.url, send_timeout=0.5) as (_, api):
        row = when(api, api.send(request(user(), MAIL)).id, SENT)
        assert row.attempts == 2
        assert [entry["outcome"] for entry in history(row)] == ["unknown"]
        assert len({mail.message_id for mail in smtp.messages}) == 1


def test_neither_password_nor_message_is_kept_of_a_refusal(tmp_path: Path) -> None:
    with SmtpServer(credentials=("shop", "hunter2-secret")) as smtp:
        smtp.script(refuse("content", "554 5.6.0 I do not like: The vault code is K-2718-Q."))
        with mailing(tmp_path, smtp.url) as (server, api):
            row = when(api, api.send(request(user(), MAIL, message="The vault code is K-2718-Q.")).id, FAILED)
            assert "hunter2" not in str(row.response)
            assert "hunter2" not in str(server.database.rows("SELECT * FROM notification_channels"))
            assert "K-2718-Q" not in str(row.response)
            assert smtp.logins == ["shop"]
