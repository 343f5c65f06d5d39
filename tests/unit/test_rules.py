"""From what a caller asked for to the channels a notification goes out by."""

from __future__ import annotations

import pytest

from helpers.drafts import ADDRESSES, EMAIL, GUEST, SMS, TELEGRAM, WEBSOCKET, user
from tocsin_server.errors import AddressUnknown, ChannelNotConfigured, NoRoute, RecipientNotRegistered
from tocsin_server.model import ChannelDraft, ChannelType, Recipient
from tocsin_server.routing.rules import choose_channels

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


def test_with_nothing_named_every_possible_channel_is_taken() -> None:
    everything = [ChannelDraft(WEBSOCKET, None), *(ChannelDraft(kind, ADDRESSES[kind]) for kind in ADDRESSES)]
    assert _choose(REGISTERED, addresses=ADDRESSES) == everything
    assert _choose(GUEST, addresses=ADDRESSES) == everything[1:]
    assert _choose(REGISTERED) == everything[:1]
    assert _choose(REGISTERED, addresses=ADDRESSES, configured=(SMS,)) == [
        everything[0],
        ChannelDraft(SMS, ADDRESSES[SMS]),
    ]


def test_with_nothing_named_and_nothing_possible_there_is_no_route() -> None:
    for addresses, configured in [({}, (EMAIL,)), (ADDRESSES, ()), ({SMS: "+15550111"}, (EMAIL,))]:
        with pytest.raises(NoRoute) as refused:
            _choose(GUEST, addresses=addresses, configured=configured)
        assert refused.value.metadata == {"recipient_type": "guest"}
