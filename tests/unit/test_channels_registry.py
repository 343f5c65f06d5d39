"""Which providers the settings describe."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tocsin_server.channels.registry import REQUIRED_SETTING, build_senders
from tocsin_server.config import Settings
from tocsin_server.errors import ConfigurationError
from tocsin_server.model import ChannelType

EMAIL: dict[str, Any] = {"smtp_url": "smtp://relay.example:587", "email_from": "Shop <noreply@shop.example>"}
SMS: dict[str, Any] = {"twilio_account_sid": "AC1", "twilio_auth_token": "token", "twilio_from": "+15550100"}
TELEGRAM: dict[str, Any] = {"telegram_bot_token": "42:token"}


def names(*, dev: bool = False, **given: Any) -> dict[ChannelType, list[str]]:
    async def main() -> dict[ChannelType, list[str]]:
        found: dict[ChannelType, list[str]] = {}
        for channel, factories in build_senders(Settings(**given), dev=dev).items():
            senders = [factory() for factory in factories]
            found[channel] = [sender.name for sender in senders]
            for sender in senders:
                await sender.close()
        return found

    return asyncio.run(main())


def test_without_settings_no_channel_is_configured() -> None:
    assert names() == {}


def test_in_development_mode_every_channel_without_a_provider_goes_to_the_outbox(tmp_path: Path) -> None:
    assert names(dev=True, outbox=tmp_path) == {
        ChannelType.EMAIL: ["outbox://email"],
        ChannelType.SMS: ["outbox://sms"],
        ChannelType.TELEGRAM: ["outbox://telegram"],
    }


@pytest.mark.parametrize("dev", [False, True])
def test_a_configured_channel_uses_its_provider_in_both_modes(dev: bool) -> None:
    found = names(dev=dev, **EMAIL, **SMS, **TELEGRAM)
    assert found == {
        ChannelType.EMAIL: ["smtp://relay.example:587"],
        ChannelType.SMS: ["twilio://AC1"],
        ChannelType.TELEGRAM: ["telegram://42"],
    }


def test_relays_keep_the_order_in_which_they_are_given() -> None:
    found = names(**{**EMAIL, "smtp_url": "smtps://one.example,smtp://user:pass@two.example:2525"})
    assert found[ChannelType.EMAIL] == ["smtps://one.example:465", "smtp://two.example:2525"]


def test_development_mode_takes_a_sender_for_the_outbox() -> None:
    assert names(dev=True, email_from="dev@shop.example")[ChannelType.EMAIL] == ["outbox://email"]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"smtp_url": EMAIL["smtp_url"]}, ["TOCSIN_EMAIL_FROM"]),
        ({"email_from": EMAIL["email_from"]}, ["TOCSIN_SMTP_URL"]),
        ({"twilio_account_sid": "AC1"}, ["TOCSIN_TWILIO_AUTH_TOKEN", "TOCSIN_TWILIO_FROM"]),
        ({"twilio_account_sid": "AC1", "twilio_from": "+15550100"}, ["TOCSIN_TWILIO_AUTH_TOKEN"]),
        ({"twilio_account_sid": "AC1", "twilio_auth_token": "token"}, ["TOCSIN_TWILIO_FROM"]),
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
