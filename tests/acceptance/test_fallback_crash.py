"""Fallbacks half way when servers are killed, and on three replicas: each step exactly once, as the relay counts."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers import twilio_api
from helpers.calls import EMAIL, FAILED, SENT, SMS, WEBSOCKET, Api, request, user
from helpers.postgresql import create_database, drop_database, shared_server_url
from helpers.process import ServerProcess
from helpers.smtp_server import SmtpServer, refuse
from helpers.twilio_api import TwilioApi
from helpers.waiting import eventually

MAIL, TEXT = (EMAIL, "ann@example.org"), (SMS, "+15550101")


@pytest.fixture
def providers() -> Iterator[tuple[SmtpServer, TwilioApi, dict[str, str]]]:
    """The stand-ins of a relay and of Twilio, and the settings that lead to them."""
    with SmtpServer() as smtp, TwilioApi() as twilio:
        yield (
            smtp,
            twilio,
            {
                "TOCSIN_SMTP_URL": smtp.url,
                "TOCSIN_EMAIL_FROM": "noreply@shop.example",
                "TOCSIN_TWILIO_ACCOUNT_SID": twilio_api.ACCOUNT_SID,
                "TOCSIN_TWILIO_AUTH_TOKEN": twilio_api.AUTH_TOKEN,
                "TOCSIN_TWILIO_FROM": twilio_api.FROM,
                "TOCSIN_TWILIO_API_URL": twilio.url,
            },
        )


def steps(number: int, after: float) -> service_pb.SendRequest:
    """Return a request of three steps; its title tells its number."""
    wanted = request(user(), WEBSOCKET, MAIL, TEXT, title=f"number {number}")
    wanted.strategy.kind = pb.STRATEGY_KIND_FALLBACK
    wanted.strategy.escalate_after.FromTimedelta(timedelta(seconds=after))
    return wanted


def complete(api: Api, ids: list[str]) -> bool:
    """Whether every step of all has ended."""
    for one in ids:
        rows = {row.channel: row.status for row in api.get(one).channels}
        if rows.keys() != {WEBSOCKET, EMAIL, SMS} or rows[EMAIL] not in (SENT, FAILED) or rows[SMS] != SENT:
            return False
    return True


def counted(smtp: SmtpServer, twilio: TwilioApi) -> tuple[Counter[str], Counter[str]]:
    """Return how often each notification was mailed, and texted."""
    mails = Counter(str(mail.parsed["Subject"]) for mail in smtp.messages)
    texts = Counter(one.form["Body"].splitlines()[0] for one in twilio.requests)
    return mails, texts


def test_steps_that_wait_when_the_server_is_killed_start_once_after_it(
    tmp_path: Path, providers: tuple[SmtpServer, TwilioApi, dict[str, str]]
) -> None:
    smtp, twilio, settings = providers
    with contextlib.ExitStack() as stack:
        server = ServerProcess(tmp_path, **settings)
        stack.callback(server.close)
        with Api(server.address) as api:
            ids = [api.send(steps(number, 2.0)).id for number in range(20)]
        server.kill()
        again = ServerProcess(tmp_path, **settings)
        stack.callback(again.close)
        with Api(again.address) as api:
            # Half way: the mails are out, the texts still wait.
            eventually(lambda: len(smtp.messages) == 20)
            eventually(
                lambda: all(
                    {row.channel: row.status for row in api.get(one).channels}.get(EMAIL) == SENT for one in ids
                )
            )
        again.kill()
        last = ServerProcess(tmp_path, **settings)
        stack.callback(last.close)
        with Api(last.address) as api:
            eventually(lambda: complete(api, ids))
    mails, texts = counted(smtp, twilio)
    assert (len(mails), set(mails.values())) == (20, {1})
    assert (len(texts), set(texts.values())) == (20, {1})


def test_three_replicas_start_each_step_exactly_once(
    tmp_path: Path, providers: tuple[SmtpServer, TwilioApi, dict[str, str]]
) -> None:
    smtp, twilio, settings = providers
    url = create_database(shared_server_url())
    smtp.script(*[refuse("rcpt", "550 5.1.1 no such user")] * 10)
    try:
        with contextlib.ExitStack() as stack:
            servers = [ServerProcess(tmp_path, TOCSIN_DATABASE_URL=url, **settings) for _ in range(3)]
            for server in servers:
                stack.callback(server.close)
            apis = [stack.enter_context(Api(server.address)) for server in servers]
            # Long enough for it to be killed before a step is its own: what it was sending would be sent again.
            ids = [apis[number % 3].send(steps(number, 4.0)).id for number in range(60)]
            servers[0].kill()
            assert not smtp.messages
            eventually(lambda: complete(apis[1], ids), timeout=60)
    finally:
        drop_database(url)
    mails, texts = counted(smtp, twilio)
    assert (len(mails), set(mails.values())) == (50, {1})
    assert (len(texts), set(texts.values())) == (60, {1})
