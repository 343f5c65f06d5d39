"""From what a caller asked for to the channels a notification goes out by. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tocsin_server.errors import AddressUnknown, ChannelNotConfigured, NoRoute, RecipientNotRegistered
from tocsin_server.model import ChannelDraft, ChannelType, Recipient


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
        named: The channels that the caller named; with none, every possible channel is taken.
        addresses: Further addresses of the recipient, used where a named channel gives none.
        configured: Whether a channel has a provider.
        required_settings: What to set for a channel, to be named in the refusal.

    Raises:
        ChannelNotConfigured: A named channel has no provider.
        AddressUnknown: A named channel has no address.
        RecipientNotRegistered: The websocket channel is named for somebody without an id.
        NoRoute: Nothing is named and nothing is possible.
    """
    if not named:
        return _every_possible(recipient, addresses, configured)
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
        chosen.append(ChannelDraft(draft.channel, address))
    return chosen


def _every_possible(
    recipient: Recipient, addresses: Mapping[ChannelType, str], configured: Mapping[ChannelType, bool]
) -> list[ChannelDraft]:
    """Apply the built-in last rule: the feed of registered recipients, and every channel with provider and address."""
    chosen = [ChannelDraft(ChannelType.WEBSOCKET, None)] if recipient.registered else []
    chosen += [
        ChannelDraft(channel, addresses[channel])
        for channel in ChannelType
        if channel != ChannelType.WEBSOCKET and configured.get(channel) and channel in addresses
    ]
    if not chosen:
        raise NoRoute(recipient.type)
    return chosen
