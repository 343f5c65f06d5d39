"""How relays and proxies are reached, by settings: real TLS, real certificates, a real proxy."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import trustme
from tocsin.v1 import notification_pb2 as pb

from helpers import telegram_api, twilio_api
from helpers.calls import EMAIL, SENT, SMS, TELEGRAM, Api, channel_of, request, user
from helpers.http_proxy import HttpProxy
from helpers.server import running_server
from helpers.smtp_server import SmtpServer
from helpers.telegram_api import TelegramApi
from helpers.twilio_api import TwilioApi
from helpers.waiting import eventually

MAIL = (EMAIL, "ann@example.org")
TWILIO = {
    "twilio_account_sid": twilio_api.ACCOUNT_SID,
    "twilio_auth_token": twilio_api.AUTH_TOKEN,
    "twilio_from": twilio_api.FROM,
}


def answer(folder: Path, channel: tuple[pb.ChannelType, str], **settings: Any) -> pb.Channel:
    """Send one message by a server with these settings, and return its row when it was tried."""
    folder.mkdir(exist_ok=True)
    with running_server(folder, retry_base=3600.0, retry_cap=3600.0, **settings) as server, Api(server.address) as api:
        sent = api.send(request(user(), channel))

        def tried() -> pb.Channel:
            row = channel_of(api.get(sent.id), channel[0])
            assert "outcome" in row.response
            return row

        return eventually(tried)


def mailed(folder: Path, smtp: SmtpServer, **settings: Any) -> pb.Channel:
    return answer(folder, MAIL, smtp_url=smtp.url, email_from="Shop <noreply@shop.example>", **settings)


# -- e-mail ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_relay_s_own_authority_is_trusted_where_it_is_set(
    tmp_path: Path, tls: Literal["starttls", "implicit"]
) -> None:
    with SmtpServer(tls=tls) as smtp:
        assert smtp.authority is not None
        smtp.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        refused = mailed(tmp_path / "without", smtp)
        assert refused.response["outcome"] == "transient"
        assert "CERTIFICATE_VERIFY_FAILED" in str(refused.response["detail"])
        assert mailed(tmp_path / "with", smtp, smtp_ca=tmp_path / "ca.pem").status == SENT


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("in_one_file", [True, False])
def test_a_relay_that_asks_for_a_certificate_is_shown_ours(
    tmp_path: Path, tls: Literal["starttls", "implicit"], in_one_file: bool
) -> None:
    clients = trustme.CA()
    ours = clients.issue_cert("tocsin.shop.example")
    for blob in ours.cert_chain_pems:
        blob.write_to_path(str(tmp_path / "cert.pem"), append=True)
    ours.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    ours.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    shown: dict[str, Any] = {"smtp_client_cert": tmp_path / "cert.pem", "smtp_client_key": tmp_path / "key.pem"}
    if in_one_file:
        shown = {"smtp_client_cert": tmp_path / "both.pem"}
    with SmtpServer(tls=tls, clients=clients) as smtp:
        assert smtp.authority is not None
        smtp.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        trust = {"smtp_ca": tmp_path / "ca.pem"}
        assert mailed(tmp_path / "without", smtp, **trust).response["outcome"] == "transient"
        assert mailed(tmp_path / "with", smtp, **trust, **shown).status == SENT


def test_relays_are_greeted_and_answers_directed_as_it_is_set(tmp_path: Path) -> None:
    with SmtpServer() as smtp:
        row = mailed(
            tmp_path,
            smtp,
            smtp_ehlo_name="tocsin.shop.example",
            email_reply_to='"Help, first floor" <help@shop.example>',
        )
        assert row.status == SENT
        assert set(smtp.greetings) == {"tocsin.shop.example"}
        [mail] = smtp.messages
    assert mail.parsed["Reply-To"] == '"Help, first floor" <help@shop.example>'
    assert mail.parsed["From"] == "Shop <noreply@shop.example>"
    assert mail.sender == "noreply@shop.example", "bounces go to the sender"


class Hasty(SmtpServer):
    """Offers pipelining, and forgets what comes with a command in one packet."""

    forgetful = True


def test_a_relay_that_offers_pipelining_and_cannot_do_it_is_sent_to_with_pipelining_off(tmp_path: Path) -> None:
    with Hasty() as smtp:
        settings = {"email_from": "noreply@shop.example", "send_timeout": 1.0}
        lost = answer(tmp_path / "on", MAIL, smtp_url=smtp.url, **settings)
        assert lost.response["outcome"] == "transient"
        assert answer(tmp_path / "off", MAIL, smtp_url=f"{smtp.url}?pipelining=off", **settings).status == SENT


# -- HTTP --------------------------------------------------------------------------------------------


@pytest.fixture
def proxy() -> Iterator[HttpProxy]:
    with HttpProxy(credentials=("tocsin", "proxy-password")) as running:
        yield running


def trusting(monkeypatch: pytest.MonkeyPatch, folder: Path, authority: trustme.CA) -> None:
    """Let both HTTP libraries trust an authority, as the system's trust store would."""
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    # Made once, when the library is imported.
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", ssl.create_default_context())


@pytest.mark.parametrize("tls", [True, False], ids=["tunnel", "plain"])
def test_twilio_is_reached_through_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: HttpProxy, tls: bool
) -> None:
    with TwilioApi(tls=tls) as twilio:
        if twilio.authority is not None:
            trusting(monkeypatch, tmp_path, twilio.authority)
        row = answer(tmp_path, (SMS, "+15550100"), **TWILIO, twilio_api_url=twilio.url, http_proxy=proxy.url)
        assert row.status == SENT
        [got] = twilio.requests
    assert not tls or "Proxy-Authorization" not in got.headers
    [asked] = proxy.asked
    assert asked.startswith("CONNECT 127.0.0.1:" if tls else f"POST {twilio.url}/2010-04-01/")


@pytest.mark.parametrize("tls", [True, False], ids=["tunnel", "plain"])
def test_telegram_is_reached_through_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: HttpProxy, tls: bool
) -> None:
    with TelegramApi(tls=tls) as telegram:
        if telegram.authority is not None:
            trusting(monkeypatch, tmp_path, telegram.authority)
        token = {"telegram_bot_token": telegram_api.TOKEN}
        row = answer(tmp_path, (TELEGRAM, "4242"), **token, telegram_api_url=telegram.url, http_proxy=proxy.url)
        assert row.status == SENT
        [got] = telegram.requests
    assert not tls or "Proxy-Authorization" not in got.headers
    [asked] = proxy.asked
    assert asked.startswith("CONNECT 127.0.0.1:" if tls else f"POST {telegram.url}/bot")


@pytest.mark.parametrize("channel", [(SMS, "+15550100"), (TELEGRAM, "4242")], ids=["sms", "telegram"])
def test_a_proxy_that_refuses_us_is_known_not_to_have_passed_anything_on(
    tmp_path: Path, proxy: HttpProxy, caplog: pytest.LogCaptureFixture, channel: tuple[pb.ChannelType, str]
) -> None:
    caplog.set_level("DEBUG")
    row = answer(
        tmp_path,
        channel,
        **TWILIO,
        telegram_bot_token=telegram_api.TOKEN,
        telegram_api_url="https://127.0.0.1:9",
        twilio_api_url="https://127.0.0.1:9",
        http_proxy=proxy.url.replace("proxy-password", "mistaken-password"),
    )
    assert row.response["outcome"] == "transient"
    assert proxy.refused
    assert not proxy.asked
    for record in caplog.records:
        assert "mistaken-password" not in record.getMessage()
        assert "dG9jc2luOm1pc3Rha2VuLXBhc3N3b3Jk" not in record.getMessage(), "nor encoded"
    assert "mistaken" not in str(row.response)


def test_the_environment_s_proxy_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: HttpProxy) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("no_grpc_proxy", "127.0.0.1")  # the test's own calls
    with TelegramApi() as telegram:
        token = {"telegram_bot_token": telegram_api.TOKEN, "telegram_api_url": telegram.url}
        assert answer(tmp_path, (TELEGRAM, "4242"), **token).status == SENT
    assert not proxy.asked
