"""What is secret, and what is in messages, stands nowhere in what processes write, whatever goes wrong, not at DEBUG.

Every other test that starts a server or a bridge looks for it, too, see `helpers.planted`.
"""

from __future__ import annotations

import re
import secrets
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers import planted, telegram_api, twilio_api
from helpers.access import bearer, entry
from helpers.browser_socket import BrowserSocket, token_for
from helpers.calls import DEADLINE, EMAIL, FAILED, SENT, SMS, TELEGRAM, WEBSOCKET, Api, request, user
from helpers.process import serving
from helpers.smtp_server import SmtpServer, refuse
from helpers.telegram_api import TelegramApi
from helpers.twilio_api import TwilioApi
from helpers.waiting import eventually

PASSWORD, SECRET = "the pass%40word of the relay", "the secret of recipients' tokens, thirty-two bytes"
TITLE, BODY = "Your PIN for the planted vault", "It is 48151623; tell nobody."
ADDRESSES = ((EMAIL, "planted@example.org"), (SMS, "+15550123456"), (TELEGRAM, "987654321987"))


def test_what_is_planted_in_settings_is_found_in_every_form(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    settings = {
        "TOCSIN_SMTP_URL": "smtp://shop:first-pass@a:25, smtp://shop:second%40pass@b:25",
        "TOCSIN_DATABASE_URL": "postgresql://shop:of-database@localhost/tocsin",
        "TOCSIN_TELEGRAM_BOT_TOKEN": "123456:of-the-bot",
        "TOCSIN_JWT_SECRET_FILE": str(tmp_path / "secret"),
        "TOCSIN_JWT_KEYS": '{"keys": [{"kty": "oct", "kid": "a", "k": "c29tZXRoaW5n"}]}',
        "TOCSIN_LISTEN": "127.0.0.1:50051",
    }
    for secret in ("first-pass", "second@pass", "of-database", "of-the-bot", SECRET, "c29tZXRoaW5n"):
        assert secret in planted.planted(f"… {secret} …", settings)
    assert planted.planted("smtp://a:25, localhost/tocsin, 127.0.0.1:50051, telegram://123456", settings) == []
    with pytest.raises(AssertionError, match="of-the-bot"):
        planted.check("", "a line\nGET /bot123456:of-the-bot/getMe\n", settings)
    with pytest.raises(AssertionError, match=r"ann@example\.org"):
        planted.check("sent to ann@example.org", "", {})


@pytest.mark.parametrize("form", ["console", "json"])
def test_whatever_goes_wrong_none_of_it_is_written(tmp_path: Path, form: str) -> None:
    echo = f"{BODY} {ADDRESSES[0][1]} {PASSWORD}"
    with ExitStack() as stack:
        relay = stack.enter_context(SmtpServer(credentials=("shop", PASSWORD)))
        twilio, telegram = stack.enter_context(TwilioApi()), stack.enter_context(TelegramApi())
        relay.script(refuse("auth", f"535 {echo}"), refuse("content", f"550 {echo}"))
        twilio.script(twilio_api.error(400, 21211, f"The 'To' number {ADDRESSES[1][1]} of {BODY} is not valid"))
        telegram.script(telegram_api.error(400, f"Bad Request: chat {ADDRESSES[2][1]} not found: {TITLE}"))
        token = secrets.token_urlsafe()
        settings = {
            "TOCSIN_LOG_FORMAT": form,
            "TOCSIN_BRIDGE_LISTEN": "127.0.0.1:0",
            "TOCSIN_RETRY_BASE": "50ms",
            "TOCSIN_AUTH_TOKENS": entry("shop", "*", token),
            "TOCSIN_JWT_SECRET": SECRET,
            "TOCSIN_SMTP_URL": relay.url.replace(PASSWORD, PASSWORD.replace(" ", "%20").replace("%40", "%2540")),
            "TOCSIN_EMAIL_FROM": "shop@example.org",
            "TOCSIN_TWILIO_ACCOUNT_SID": twilio_api.ACCOUNT_SID,
            "TOCSIN_TWILIO_AUTH_TOKEN": twilio_api.AUTH_TOKEN,
            "TOCSIN_TWILIO_FROM": twilio_api.FROM,
            "TOCSIN_TWILIO_API_URL": twilio.url,
            "TOCSIN_TELEGRAM_BOT_TOKEN": telegram_api.TOKEN,
            "TOCSIN_TELEGRAM_API_URL": telegram.url,
        }
        server = stack.enter_context(serving(tmp_path, "--bridge", **settings))
        api = stack.enter_context(Api(server.address))
        me = user()
        mine = token_for(me, SECRET)
        wanted = request(me, *ADDRESSES, WEBSOCKET, title=TITLE, message=BODY, metadata={"pin": "48151623"})

        def send(sent: service_pb.SendRequest, shown: str) -> str:
            return str(api.stub.Send(sent, metadata=bearer(shown), timeout=DEADLINE).notification.id)

        for shown in ("nobody's-token-at-all", mine, token_for(me, "another secret of thirty-two bytes or more")):
            with pytest.raises(grpc.RpcError):
                send(wanted, shown)
        with pytest.raises(grpc.RpcError):
            send(request(me, (SMS, BODY), title=TITLE + "\n"), token)
        first, second = send(wanted, token), send(wanted, token)

        def settled(one: str) -> bool:
            got = api.stub.Get(service_pb.GetRequest(id=one), metadata=bearer(token), timeout=DEADLINE).notification
            return all(row.status in (SENT, FAILED) for row in got.channels if row.channel != WEBSOCKET)

        eventually(lambda: settled(first) and settled(second))
        [page_url] = re.findall(r"bridge    (ws://\S+)", server.output)
        with BrowserSocket(page_url) as page, BrowserSocket(page_url) as stranger:
            assert page.subscribe(token=mine)["type"] == "subscribed"
            assert set(page.ids(2)) == {first, second}
            stranger.begin(token="nobody's-token-at-all")
            assert stranger.ending()[0] == 4401
        server.terminate()
        assert server.wait() == 0
        written = server.output + server.errors
    for told in (TITLE, BODY, "48151623", PASSWORD, token, mine, "nobody's-token", me.id, *(to for _, to in ADDRESSES)):
        assert told not in written, told
    assert "delivery" in written
