"""SMS and Telegram from Send to servers that speak the providers' APIs, and what is recorded of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tocsin.v1 import notification_pb2 as pb

from helpers import telegram_api, twilio_api
from helpers.calls import FAILED, PENDING, SMS, TELEGRAM, Api, channel_of, request, user
from helpers.scripted_http import Reply
from helpers.server import running_server
from helpers.telegram_api import TelegramApi
from helpers.twilio_api import TwilioApi
from helpers.waiting import eventually

EPOCH_SECONDS = 1_790_000_000


@contextmanager
def texting(folder: Path, twilio: TwilioApi, telegram: TelegramApi, **overrides: Any) -> Iterator[Api]:
    settings: dict[str, Any] = {
        "twilio_account_sid": twilio_api.ACCOUNT_SID,
        "twilio_auth_token": twilio_api.AUTH_TOKEN,
        "twilio_from": twilio_api.FROM,
        "twilio_api_url": twilio.url,
        "telegram_bot_token": telegram_api.TOKEN,
        "telegram_api_url": telegram.url,
    }
    with running_server(folder, **(settings | overrides)) as server, Api(server.address) as api:
        yield api


def answered(api: Api, notification_id: str, channel: pb.ChannelType) -> pb.Channel:
    """Wait until an attempt on a channel of a notification was answered, and return its row."""

    def tried() -> pb.Channel:
        row = channel_of(api.get(notification_id), channel)
        assert "outcome" in row.response
        return row

    return eventually(tried)


@pytest.mark.parametrize("asked", [EPOCH_SECONDS, EPOCH_SECONDS * 1000, 10**300], ids=["s", "ms", "huge"])
def test_a_wait_until_the_next_century_lasts_an_hour(tmp_path: Path, asked: int) -> None:
    with TwilioApi() as twilio, TelegramApi() as telegram, texting(tmp_path, twilio, telegram) as api:
        twilio.script(twilio_api.error(429, 20429, "Too Many Requests", Retry_After=str(asked)))
        telegram.script(telegram_api.error(429, "Too Many Requests", retry_after=asked))
        sent = api.send(request(user(), (SMS, "+15550100"), (TELEGRAM, "4242")))
        for channel in (SMS, TELEGRAM):
            row = answered(api, sent.id, channel)
            assert (row.status, row.attempts, row.response["outcome"]) == (PENDING, 0, "throttled")
            assert 3500 < row.next_attempt_at.seconds - time.time() <= 3600
        [listed] = api.list(page_size=1).notifications
        assert listed.id == sent.id


def test_a_number_of_thousands_of_digits_leaves_a_row_that_can_be_read(tmp_path: Path) -> None:
    with TwilioApi() as twilio, TelegramApi() as telegram, texting(tmp_path, twilio, telegram, max_attempts=1) as api:
        twilio.script(Reply(400, {"code": 10**4000, "message": "a\0b\ud800"}))
        telegram.script(Reply(400, {"ok": False, "error_code": 10**4000, "description": "a\0b\ud800"}))
        sent = api.send(request(user(), (SMS, "+15550100"), (TELEGRAM, "4242")))
        for channel in (SMS, TELEGRAM):
            row = answered(api, sent.id, channel)
            assert (row.status, row.response["code"]) == (FAILED, "400")
