"""What an operator reads of deliveries and providers that fail: lines with ids, never addresses or bodies."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from helpers.calls import EMAIL, FAILED, Api, channel_of, request, user
from helpers.server import running_server
from helpers.smtp_server import SmtpServer, refuse
from helpers.waiting import eventually
from tocsin_server.delivery.breaker import FAILURES_TO_OPEN
from tocsin_server.timing.backoff import Backoff

ADDRESS, TITLE, BODY = "ann@example.org", "Payroll runs on Friday", "The vault code is 4711."


def said(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if getattr(record, "event", None) == event]


def private(caplog: pytest.LogCaptureFixture, *secrets: str) -> bool:
    """Whether nothing that was logged has any of what may not be known in it."""
    everything = str([vars(record) for record in caplog.records if record.name.startswith("tocsin_server")])
    return not [secret for secret in (ADDRESS, TITLE, BODY, *secrets) if secret in everything]


def settings(server: SmtpServer, **overrides: Any) -> dict[str, Any]:
    plain = {"smtp_url": server.url, "email_from": "noreply@shop.example", "retry_base": 0.02, "retry_cap": 0.1}
    return plain | overrides


def test_a_delivery_that_fails_for_good_is_one_line_with_its_ids(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with SmtpServer() as relay:
        relay.script(refuse("rcpt", f"550 5.1.1 {ADDRESS} is unknown here"))
        with running_server(tmp_path, **settings(relay)) as server, Api(server.address) as api:
            sent = api.send(request(user(), (EMAIL, ADDRESS), title=TITLE, message=BODY))
            row = eventually(lambda: _failed(api, sent.id))
            eventually(lambda: said(caplog, "delivery_failed"))
    [line] = said(caplog, "delivery_failed")
    assert (line["notification_id"], line["channel_id"], line["channel"]) == (sent.id, row.id, "email")
    assert (line["provider"], line["reason"], line["levelno"]) == (relay.url, "550", logging.WARNING)
    assert private(caplog)


def _failed(api: Api, notification_id: str) -> Any:
    row = channel_of(api.get(notification_id), EMAIL)
    return row if row.status == FAILED else None


def test_a_wrong_password_is_told_and_that_its_relay_fails_and_that_it_works_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin_server.delivery.breaker.PAUSES", Backoff(first=0.02, longest=0.05, healthy=0.0))
    with SmtpServer(credentials=("tocsin", "a-new-password")) as relay:
        url = relay.url.replace("a-new-password", "an-old-password")
        with running_server(tmp_path, **settings(relay, smtp_url=url)) as server, Api(server.address) as api:
            sent = api.send(request(user(), (EMAIL, ADDRESS), title=TITLE, message=BODY))
            eventually(lambda: said(caplog, "provider_failing"))
            assert said(caplog, "provider_works") == []
            relay.credentials = ("tocsin", "an-old-password")
            eventually(lambda: relay.messages)
            eventually(lambda: said(caplog, "provider_works"))
            # What became of it is written down after it was told.
            eventually(lambda: channel_of(api.get(sent.id), EMAIL).attempts > FAILURES_TO_OPEN)
    assert len(said(caplog, "credentials_refused")) >= FAILURES_TO_OPEN
    assert {line["code"] for line in said(caplog, "credentials_refused")} == {"535"}
    [failing], [works] = said(caplog, "provider_failing"), said(caplog, "provider_works")
    assert failing["code"] == "535"
    assert failing["provider"] == works["provider"]
    assert private(caplog, "an-old-password", "a-new-password")
