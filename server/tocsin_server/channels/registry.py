"""The channels there are, and which providers the settings describe. A new channel is its folder and a line here.

A channel's vendor library is imported by its sender only, and the sender when it is made: each library takes a quarter
of a second and some tens of megabytes, which a server that sends e-mail only need not spend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from tocsin_server.channels.definition import ChannelDefinition
from tocsin_server.channels.email.channel import EMAIL
from tocsin_server.channels.outbox import OutboxSender
from tocsin_server.channels.sender import Sender, SenderFactory
from tocsin_server.channels.sms.channel import SMS
from tocsin_server.channels.telegram.channel import TELEGRAM
from tocsin_server.config.problems import Problems
from tocsin_server.config.settings import Settings
from tocsin_server.domain.model import ChannelType

CHANNELS: Final = (
    EMAIL,
    SMS,
    TELEGRAM,
)

REQUIRED_SETTING: Final[Mapping[ChannelType, str]] = MappingProxyType(
    {channel.type: channel.required_settings for channel in CHANNELS}
)
"""What to set to configure a channel, for the sentence "set ... on the server"."""

_DEFINITIONS: Final = {channel.type: channel for channel in CHANNELS}


def address_problem(channel: ChannelType, address: str) -> str | None:
    """Return what would be right instead of ``address``, None if it has its channel's form."""
    if channel in _DEFINITIONS:
        return _DEFINITIONS[channel].address_problem(address)
    return None if not address else "must be empty: the websocket channel reaches the recipient by recipient.id"


def build_senders(
    settings: Settings, *, dev: bool, channels: Sequence[ChannelDefinition] = CHANNELS
) -> Mapping[ChannelType, Sequence[SenderFactory]]:
    """Describe the providers of each configured channel, in order of preference; nothing is opened yet.

    In development mode, channels without a provider go to the outbox. A channel that is absent is not configured;
    the websocket channel always is, since its provider is the feed.

    Raises:
        ConfigurationError: Something of a channel is set and the rest missing, or a setting cannot be right.
    """
    problems = Problems()
    senders = {channel.type: problems.tried(partial(channel.providers, settings, dev)) or [] for channel in channels}
    problems.raise_any()
    if dev:
        for channel in channels:
            if not senders[channel.type]:
                senders[channel.type].append(_outbox_factory(channel, settings))
    return {channel: factories for channel, factories in senders.items() if factories}


def _outbox_factory(channel: ChannelDefinition, settings: Settings) -> SenderFactory:
    def make() -> Sender:
        return OutboxSender(channel.type.value, settings.outbox, channel.outbox_form(settings))

    return make
