"""Fallbacks from Send to real providers' stand-ins: who is written to, and who is not."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers import invariants, twilio_api
from helpers.calls import EMAIL, FAILED, PENDING, SENT, SMS, WEBSOCKET, Api, channel_of, refused, request, user
from helpers.server import ServerUnderTest, running_server
from helpers.smtp_server import SmtpServer, hang, refuse
from helpers.twilio_api import TwilioApi
from helpers.waiting import eventually

MAIL, TEXT = (EMAIL, "ann@example.org"), (SMS, "+15550101")
LONG = 3600.0


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def twilio() -> Iterator[TwilioApi]:
    with TwilioApi() as server:
        yield server


@pytest.fixture
def server(tmp_path: Path, smtp: SmtpServer, twilio: TwilioApi) -> Iterator[ServerUnderTest]:
    settings: dict[str, Any] = {
        "smtp_url": smtp.url,
        "email_from": "noreply@shop.example",
        "twilio_account_sid": twilio_api.ACCOUNT_SID,
        "twilio_auth_token": twilio_api.AUTH_TOKEN,
        "twilio_from": twilio_api.FROM,
        "twilio_api_url": twilio.url,
    }
    with running_server(tmp_path, **settings) as server:
        yield server
        invariants.check(server.database.rows)


@pytest.fixture
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as api:
        yield api


def steps(*channels: Any, after: float | None = None, goal: pb.StrategyGoal = pb.STRATEGY_GOAL_READ) -> Any:
    """Return a request whose channels are the steps of a fallback."""
    strategy = pb.Strategy(kind=pb.STRATEGY_KIND_FALLBACK, goal=goal)
    if after is not None:
        strategy.escalate_after.FromTimedelta(timedelta(seconds=after))
    wanted: service_pb.SendRequest = request(user(), *channels)
    wanted.strategy.CopyFrom(strategy)
    return wanted


def states(api: Api, sent: pb.Notification) -> dict[int, int]:
    return {row.channel: row.status for row in api.get(sent.id).channels}


def test_what_is_not_read_in_time_goes_by_the_next_channel(api: Api, smtp: SmtpServer) -> None:
    wanted = steps(WEBSOCKET, MAIL, after=0.2)
    with api.subscribe(wanted.recipient) as stream:
        stream.subscribed()
        sent = api.send(wanted)
        assert [row.channel for row in sent.channels] == [WEBSOCKET]
        assert stream.notification().id == sent.id
        eventually(lambda: states(api, sent) == {WEBSOCKET: SENT, EMAIL: SENT})
    [mail] = smtp.messages
    assert mail.message_id.startswith(f"<{channel_of(api.get(sent.id), EMAIL).id}@")


def test_what_is_read_in_time_goes_no_further(api: Api, smtp: SmtpServer, server: ServerUnderTest) -> None:
    wanted = steps(WEBSOCKET, MAIL, after=LONG)
    with api.subscribe(wanted.recipient) as stream:
        stream.subscribed()
        sent = api.send(wanted)
        stream.notification()
        api.mark(ids=[sent.id])  # at once: what was written to the stream is not recorded yet
        eventually(lambda: states(api, sent) == {WEBSOCKET: SENT})
    assert server.database.rows("SELECT 1 FROM escalations") == []
    assert smtp.messages == []


def test_a_mailbox_that_is_refused_leads_to_a_text_at_once(api: Api, smtp: SmtpServer, twilio: TwilioApi) -> None:
    smtp.script(refuse("rcpt", "550 5.1.1 no such user"))
    sent = api.send(steps(MAIL, TEXT, after=LONG))
    eventually(lambda: states(api, sent) == {EMAIL: FAILED, SMS: SENT})
    assert api.get(sent.id).status == SENT
    assert len(twilio.requests) == 1
    assert twilio.requests[0].form["To"] == TEXT[1]


def test_with_the_goal_sent_nothing_follows_what_was_sent(
    api: Api, smtp: SmtpServer, twilio: TwilioApi, server: ServerUnderTest
) -> None:
    sent = api.send(steps(MAIL, TEXT, after=0.01, goal=pb.STRATEGY_GOAL_SENT))
    eventually(lambda: states(api, sent) == {EMAIL: SENT})
    assert server.database.rows("SELECT 1 FROM escalations") == []
    assert twilio.requests == []


def test_what_is_read_while_it_waits_for_its_turn_is_not_sent(tmp_path: Path) -> None:
    with SmtpServer() as smtp:
        smtp.script(hang("content"))
        settings: dict[str, Any] = {"smtp_url": smtp.url, "email_from": "a@shop.example", "sender_concurrency": 1}
        with running_server(tmp_path, **settings) as server, Api(server.address) as api:
            first = api.send(request(user(), MAIL))
            assert smtp.hanging.wait(60)
            behind = api.send(steps(MAIL, after=LONG))
            api.mark(ids=[behind.id])
            assert states(api, behind) == {EMAIL: PENDING}  # its lane holds it
            smtp.release()
            eventually(lambda: states(api, first) == {EMAIL: SENT})
            eventually(lambda: states(api, behind) == {EMAIL: FAILED})
            assert channel_of(api.get(behind.id), EMAIL).response["reason"] == "SUPERSEDED"
            assert len(smtp.messages) == 1


ONE_TEXT = """
[[policies]]
name = "one text a day"
channels = ["sms"]
limit = { count = 1, per = "1d", each = "recipient" }
"""


def test_a_later_step_counts_towards_limits_like_a_channel_that_is_sent_at_once(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(ONE_TEXT)
    with running_server(tmp_path, dev=True, rules=tmp_path / "rules.toml") as server, Api(server.address) as api:
        wanted = steps(WEBSOCKET, TEXT, after=1e-6)
        sent = api.send(wanted)
        eventually(lambda: states(api, sent) == {WEBSOCKET: PENDING, SMS: SENT})
        assert refused(lambda: api.send(wanted)).reason == "POLICY_LIMIT"
        assert refused(lambda: api.send(request(wanted.recipient, TEXT))).reason == "POLICY_LIMIT"
        assert len(server.database.rows("SELECT 1 FROM notification_channels WHERE channel = 'sms'")) == 1


def test_a_step_that_is_impossible_refuses_the_whole(api: Api, server: ServerUnderTest) -> None:
    for wanted, reason in [
        (steps(WEBSOCKET, EMAIL, after=30), "ADDRESS_UNKNOWN"),
        (steps(MAIL, (pb.CHANNEL_TYPE_TELEGRAM, "@ann_example"), after=30), "CHANNEL_NOT_CONFIGURED"),
        (steps(WEBSOCKET, MAIL), "INVALID_FIELD"),
    ]:
        assert refused(functools.partial(api.stub.Send, wanted)).reason == reason
    assert server.database.rows("SELECT 1 FROM notifications") == []
