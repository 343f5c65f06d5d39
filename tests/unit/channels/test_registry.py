"""Which providers the settings describe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import SecretStr

from tocsin_server.channels.registry import REQUIRED_SETTING, build_senders
from tocsin_server.config.settings import Settings
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.domain.model import ChannelType

EMAIL: dict[str, Any] = {"smtp_url": "smtp://relay.example:587", "email_from": "Shop <noreply@shop.example>"}
SMS: dict[str, Any] = {"twilio_account_sid": "AC1", "twilio_auth_token": "token", "twilio_from": "+15550100"}
TELEGRAM: dict[str, Any] = {"telegram_bot_token": "42:token"}


async def names(*, dev: bool = False, **given: Any) -> dict[ChannelType, list[str]]:
    found: dict[ChannelType, list[str]] = {}
    for channel, factories in build_senders(Settings(**given), dev=dev).items():
        senders = [factory() for factory in factories]
        found[channel] = [sender.name for sender in senders]
        for sender in senders:
            await sender.close()
    return found


async def test_without_settings_no_channel_is_configured() -> None:
    assert await names() == {}


async def test_in_development_mode_every_channel_without_a_provider_goes_to_the_outbox(tmp_path: Path) -> None:
    assert await names(dev=True, outbox=tmp_path) == {
        ChannelType.EMAIL: ["outbox://email"],
        ChannelType.SMS: ["outbox://sms"],
        ChannelType.TELEGRAM: ["outbox://telegram"],
    }


@pytest.mark.parametrize("dev", [False, True])
async def test_a_configured_channel_uses_its_provider_in_both_modes(dev: bool) -> None:
    found = await names(dev=dev, **EMAIL, **SMS, **TELEGRAM)
    assert found == {
        ChannelType.EMAIL: ["smtp://relay.example:587"],
        ChannelType.SMS: ["twilio://AC1"],
        ChannelType.TELEGRAM: ["telegram://42"],
    }


async def test_relays_keep_the_order_in_which_they_are_given() -> None:
    found = await names(**{**EMAIL, "smtp_url": "smtps://one.example,smtp://user:pass@two.example:2525"})
    assert found[ChannelType.EMAIL] == ["smtps://one.example:465", "smtp://two.example:2525"]


async def test_development_mode_takes_a_sender_for_the_outbox() -> None:
    assert (await names(dev=True, email_from="dev@shop.example"))[ChannelType.EMAIL] == ["outbox://email"]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"smtp_url": EMAIL["smtp_url"]}, ["TOCSIN_EMAIL_FROM"]),
        ({"email_from": EMAIL["email_from"]}, ["TOCSIN_SMTP_URL"]),
        ({"twilio_account_sid": "AC1"}, ["TOCSIN_TWILIO_AUTH_TOKEN", "TOCSIN_TWILIO_FROM"]),
        ({"twilio_account_sid": "AC1", "twilio_from": "+15550100"}, ["TOCSIN_TWILIO_AUTH_TOKEN"]),
        ({"twilio_account_sid": "AC1", "twilio_auth_token": "token"}, ["TOCSIN_TWILIO_FROM"]),
        ({"email_reply_to": "help@shop.example"}, ["TOCSIN_SMTP_URL", "TOCSIN_EMAIL_FROM"]),
        ({"smtp_ehlo_name": "tocsin.shop.example"}, ["TOCSIN_SMTP_URL", "TOCSIN_EMAIL_FROM"]),
        ({"smtp_ca": Path("ca.pem")}, ["TOCSIN_SMTP_URL", "TOCSIN_EMAIL_FROM"]),
        ({"twilio_api_url": "http://localhost"}, ["TOCSIN_TWILIO_ACCOUNT_SID"]),
        ({"telegram_api_url": "http://localhost"}, ["TOCSIN_TELEGRAM_BOT_TOKEN"]),
    ],
)
def test_a_channel_half_configured_is_refused_with_the_missing_settings(
    given: dict[str, Any], missing: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_senders(Settings(**given), dev=False)
    set_part, _, missing_part = str(caught.value).partition(" set, so ")
    assert all(f"TOCSIN_{name.upper()}" in set_part for name in given)
    assert all(name in missing_part for name in missing)


def test_half_a_channel_is_refused_in_development_mode_too() -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_TWILIO_AUTH_TOKEN"):
        build_senders(Settings(twilio_account_sid="AC1"), dev=True)
    with pytest.raises(ConfigurationError, match="TOCSIN_EMAIL_FROM"):
        build_senders(Settings(smtp_url=EMAIL["smtp_url"]), dev=True)


def test_a_user_name_without_a_password_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_SMTP_URL"):
        build_senders(Settings(**{**EMAIL, "smtp_url": "smtp://user@relay.example"}), dev=False)


@pytest.mark.parametrize("sender", ["Shop", "a@b.example, c@d.example", "Shop <noreply@>"])
def test_a_sender_of_e_mail_that_is_not_one_mailbox_is_refused(sender: str) -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_EMAIL_FROM"):
        build_senders(Settings(**{**EMAIL, "email_from": sender}), dev=False)


def test_a_reply_address_that_is_not_one_mailbox_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_EMAIL_REPLY_TO"):
        build_senders(Settings(**EMAIL, email_reply_to="a@b.example, c@d.example"), dev=False)


def test_files_of_certificates_that_cannot_be_used_are_refused_by_name(tmp_path: Path) -> None:
    authority = trustme.CA()
    one, other = authority.issue_cert("one.example"), authority.issue_cert("other.example")
    (tmp_path / "empty").touch()
    one.private_key_pem.write_to_path(str(tmp_path / "one.key"))
    one.cert_chain_pems[0].write_to_path(str(tmp_path / "one.pem"))
    other.private_key_pem.write_to_path(str(tmp_path / "other.key"))
    locked = load_pem_private_key(one.private_key_pem.bytes(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    (tmp_path / "locked.key").write_bytes(locked)
    pem = {"smtp_client_cert": tmp_path / "one.pem"}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"smtp_ca": tmp_path / "missing"}, "TOCSIN_SMTP_CA"),
        ({"smtp_ca": tmp_path / "empty"}, "TOCSIN_SMTP_CA"),
        ({"smtp_client_cert": tmp_path / "missing"}, "TOCSIN_SMTP_CLIENT_CERT"),
        (pem, "TOCSIN_SMTP_CLIENT_KEY"),
        (pem | {"smtp_client_key": tmp_path / "other.key"}, "TOCSIN_SMTP_CLIENT_KEY"),
        (pem | {"smtp_client_key": tmp_path / "locked.key"}, "TOCSIN_SMTP_CLIENT_KEY"),
        ({"smtp_client_key": tmp_path / "one.key"}, "TOCSIN_SMTP_CLIENT_CERT"),
    ]
    for given, named in cases:
        with pytest.raises(ConfigurationError, match=named):
            build_senders(Settings(**EMAIL, **given), dev=False)
    build_senders(Settings(**EMAIL, **pem, smtp_client_key=tmp_path / "one.key"), dev=False)


def test_no_complaint_quotes_a_secret() -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_senders(Settings(twilio_auth_token=SecretStr("hush-hush")), dev=False)
    assert "hush-hush" not in str(caught.value)


def test_each_channel_with_a_provider_names_the_settings_that_configure_it() -> None:
    assert set(REQUIRED_SETTING) == set(ChannelType) - {ChannelType.WEBSOCKET}
    for sentence in REQUIRED_SETTING.values():
        for word in sentence.replace(",", "").split():
            if word.startswith("TOCSIN_"):
                assert word.removeprefix("TOCSIN_").lower() in Settings.model_fields
