"""From the channels that a caller named to those a notification goes out by."""

from __future__ import annotations

import pytest

from helpers.drafts import ADDRESSES, EMAIL, GUEST, SMS, TELEGRAM, WEBSOCKET, user
from tocsin_server.domain.errors import AddressUnknown, ChannelNotConfigured, RecipientNotRegistered
from tocsin_server.domain.model import ChannelDraft, ChannelType, Recipient
from tocsin_server.routing.named import choose_channels

REGISTERED = user()
SETTINGS = {EMAIL: "TOCSIN_SMTP_URL", SMS: "TOCSIN_TWILIO_ACCOUNT_SID", TELEGRAM: "TOCSIN_TELEGRAM_BOT_TOKEN"}


def _choose(
    recipient: Recipient,
    *named: ChannelDraft,
    addresses: dict[ChannelType, str] | None = None,
    configured: tuple[ChannelType, ...] = (EMAIL, SMS, TELEGRAM),
) -> list[ChannelDraft]:
    return choose_channels(recipient, named, addresses or {}, dict.fromkeys(configured, True), SETTINGS)


def test_named_channels_are_taken_in_their_order_with_their_addresses() -> None:
    named = [ChannelDraft(SMS, "+15550111"), ChannelDraft(WEBSOCKET, None), ChannelDraft(EMAIL, "ann@example.org")]
    assert _choose(REGISTERED, *named) == named


def test_a_named_channel_takes_the_address_that_is_known_unless_it_has_its_own() -> None:
    named = [ChannelDraft(EMAIL, None), ChannelDraft(SMS, "+15550111")]
    assert _choose(REGISTERED, *named, addresses=ADDRESSES) == [
        ChannelDraft(EMAIL, ADDRESSES[EMAIL]),
        ChannelDraft(SMS, "+15550111"),
    ]
    assert named[0].address is None


def test_known_addresses_choose_nothing_beside_what_is_named() -> None:
    named = [ChannelDraft(WEBSOCKET, None)]
    assert _choose(REGISTERED, *named, addresses=ADDRESSES) == named


def test_a_channel_without_a_provider_is_refused_with_what_to_set() -> None:
    with pytest.raises(ChannelNotConfigured, match=SETTINGS[SMS]) as refused:
        _choose(REGISTERED, ChannelDraft(SMS, "+15550111"), configured=(EMAIL,))
    assert refused.value.metadata == {"channel": "sms"}


def test_a_channel_without_an_address_is_refused() -> None:
    with pytest.raises(AddressUnknown) as refused:
        _choose(REGISTERED, ChannelDraft(EMAIL, None), addresses={SMS: "+15550111"})
    assert refused.value.metadata == {"channel": "email"}


def test_a_feed_needs_a_registered_recipient() -> None:
    with pytest.raises(RecipientNotRegistered) as refused:
        _choose(GUEST, ChannelDraft(WEBSOCKET, None))
    assert refused.value.metadata == {"channel": "websocket", "recipient_type": "guest"}


def test_a_feed_needs_no_provider() -> None:
    assert _choose(REGISTERED, ChannelDraft(WEBSOCKET, None), configured=()) == [ChannelDraft(WEBSOCKET, None)]


def test_a_step_keeps_its_time_when_its_address_is_looked_up() -> None:
    assert _choose(REGISTERED, ChannelDraft(SMS, None, 30_000_000), addresses=ADDRESSES) == [
        ChannelDraft(SMS, ADDRESSES[SMS], 30_000_000)
    ]
