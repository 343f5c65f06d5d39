"""What a channel tells the rest of the server about itself: one value in each channel's folder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from tocsin_server.channels.outbox import OutboxForm, PlainText
from tocsin_server.channels.sender import SenderFactory
from tocsin_server.config.settings import Settings
from tocsin_server.config.variables import PREFIX
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.domain.model import ChannelType

OPERATION_SHARE: Final = 0.5
"""Share of an attempt's total time that one network operation may take. A provider that hangs is then found out
by the sender, which knows whether content was handed over, rather than cut off by the engine, which does not."""


def _plain_text(_settings: Settings) -> OutboxForm:
    return PlainText()


async def _no_advice(_settings: Settings, _server: tuple[str, int] | None) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class ChannelDefinition:
    """One channel.

    ``required_settings`` completes the sentence "set ... on the server". ``address_problem`` says what would be right
    instead of an address, None if it has the channel's form. ``providers`` describes what the settings configure, in
    order of preference, nothing if nothing is set; the second argument is whether development mode takes what
    has no provider; it raises ConfigurationError. ``outbox_form`` is how development mode writes a message.
    ``advise`` returns what may keep messages from arriving though nothing is wrong here; the second argument is the DNS
    server to ask, None for those of the system.
    """

    type: ChannelType
    required_settings: str
    address_problem: Callable[[str], str | None]
    providers: Callable[[Settings, bool], list[SenderFactory]]
    outbox_form: Callable[[Settings], OutboxForm] = _plain_text
    advise: Callable[[Settings, tuple[str, int] | None], Awaitable[Sequence[str]]] = _no_advice


def is_complete(settings: Settings, *needed: str, optional: Sequence[str] = ()) -> bool:
    """Tell whether all that is needed is set; False means that nothing is, not even what is optional.

    Raises:
        ConfigurationError: Some of it is set: a channel that its operator believes to work must not stay silent.
    """
    given = [name for name in (*needed, *optional) if text_of(getattr(settings, name))]
    missing = [name for name in needed if name not in given]
    if given and missing:
        raise ConfigurationError(
            f"{', '.join(map(variable, given))} {'is' if len(given) == 1 else 'are'} set, so "
            f"{', '.join(map(variable, missing))} must be set too"
        )
    return bool(given)


def text_of(value: str | SecretStr | Path | None) -> str:
    """Return a setting as text, a secret too; empty where it is not set."""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value or "")


def variable(name: str) -> str:
    """Return a setting's name as its operator knows it."""
    return f"{PREFIX}{name.upper()}"
