"""From the channels that a caller named to those a notification goes out by. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tocsin_server.domain.errors import AddressUnknown, ChannelNotConfigured, RecipientNotRegistered
from tocsin_server.domain.model import ChannelDraft, ChannelType, Recipient


def choose_channels(
    recipient: Recipient,
    named: Sequence[ChannelDraft],
    addresses: Mapping[ChannelType, str],
    configured: Mapping[ChannelType, bool],
    required_settings: Mapping[ChannelType, str],
) -> list[ChannelDraft]:
    """Return the channels with their addresses.

    Args:
        recipient: Who is to be notified.
        named: The channels that the caller named.
        addresses: What is known of the recipient, used where a named channel gives no address.
        configured: Whether a channel has a provider.
        required_settings: What to set for a channel, to be named in the refusal.

    Raises:
        ChannelNotConfigured: A named channel has no provider.
        AddressUnknown: A named channel has no address.
        RecipientNotRegistered: The websocket channel is named for somebody without an id.
    """
    chosen = []
    for draft in named:
        if draft.channel == ChannelType.WEBSOCKET:
            if not recipient.registered:
                raise RecipientNotRegistered(recipient.type)
            chosen.append(draft)
            continue
        if not configured.get(draft.channel):
            raise ChannelNotConfigured(draft.channel, required_settings[draft.channel])
        address = draft.address or addresses.get(draft.channel)
        if not address:
            raise AddressUnknown(draft.channel)
        chosen.append(draft if draft.address else draft._replace(address=address))
    return chosen
