"""Which providers the settings describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from pydantic import SecretStr

from tocsin_server.channels.mail import MailComposer, UnsendableAddress
from tocsin_server.channels.outbox import DEFAULT_SENDER, OutboxSender
from tocsin_server.channels.sender import Sender, SenderFactory
from tocsin_server.config import PREFIX, Settings, SmtpRelay
from tocsin_server.errors import ConfigurationError
from tocsin_server.model import ChannelType

REQUIRED_SETTING: Final[Mapping[ChannelType, str]] = MappingProxyType(
    {
        ChannelType.EMAIL: "TOCSIN_SMTP_URL and TOCSIN_EMAIL_FROM",
        ChannelType.SMS: "TOCSIN_TWILIO_ACCOUNT_SID, TOCSIN_TWILIO_AUTH_TOKEN and TOCSIN_TWILIO_FROM",
        ChannelType.TELEGRAM: "TOCSIN_TELEGRAM_BOT_TOKEN",
    }
)
"""What to set to configure a channel, for the sentence "set ... on the server"."""

_OPERATION_SHARE: Final = 0.5
"""Share of an attempt's total time that one network operation may take. A provider that hangs is then found out
by the sender, which knows whether content was handed over, rather than cut off by the engine, which does not."""


def build_senders(settings: Settings, *, dev: bool) -> Mapping[ChannelType, Sequence[SenderFactory]]:
    """Describe the providers of each configured channel, in order of preference; nothing is opened yet.

    In development mode, channels without a provider go to the outbox. A channel that is absent is not configured;
    the websocket channel always is, since its provider is the feed.

    Raises:
        ConfigurationError: Something of a channel is set and the rest missing, or a setting cannot be right.
    """
    senders = {
        ChannelType.EMAIL: _email(settings, dev=dev),
        ChannelType.SMS: _sms(settings),
        ChannelType.TELEGRAM: _telegram(settings),
    }
    if dev:
        for channel, factories in senders.items():
            if not factories:
                factories.append(_outbox_factory(channel, settings))
    return {channel: factories for channel, factories in senders.items() if factories}


def _email(settings: Settings, *, dev: bool) -> list[SenderFactory]:
    if settings.email_from is not None:
        try:
            MailComposer(settings.email_from)
        except UnsendableAddress as error:
            raise ConfigurationError(f"{_variable('email_from')}: {error}") from None
    if settings.smtp_url is None and dev:
        return []  # a sender alone is fine: the outbox uses it
    if not _complete(settings, "smtp_url", "email_from"):
        return []
    for relay in settings.smtp_relays:
        if relay.username is not None and relay.password is None:
            raise ConfigurationError(f"{_variable('smtp_url')}: {relay.name} has a user name and no password")
    return [_email_factory(relay, settings) for relay in settings.smtp_relays]


def _sms(settings: Settings) -> list[SenderFactory]:
    needed = ("twilio_account_sid", "twilio_auth_token", "twilio_from")
    return [_sms_factory(settings)] if _complete(settings, *needed, optional=("twilio_api_url",)) else []


def _telegram(settings: Settings) -> list[SenderFactory]:
    complete = _complete(settings, "telegram_bot_token", optional=("telegram_api_url",))
    return [_telegram_factory(settings)] if complete else []


def _complete(settings: Settings, *needed: str, optional: Sequence[str] = ()) -> bool:
    """Tell whether all that is needed is set; False means that nothing is, not even what is optional.

    Raises:
        ConfigurationError: Some of it is set: a channel that its operator believes to work must not stay silent.
    """
    given = [name for name in (*needed, *optional) if _text(getattr(settings, name))]
    missing = [name for name in needed if name not in given]
    if given and missing:
        raise ConfigurationError(
            f"{', '.join(map(_variable, given))} {'is' if len(given) == 1 else 'are'} set, so "
            f"{', '.join(map(_variable, missing))} must be set too"
        )
    return bool(given)


def _text(value: str | SecretStr | None) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value or ""


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


# The vendors' libraries are imported only for channels that are configured: each takes a quarter of a second and
# some tens of megabytes, which a server that sends e-mail only need not spend.


def _email_factory(relay: SmtpRelay, settings: Settings) -> SenderFactory:
    def make() -> Sender:
        from tocsin_server.channels.email import EmailSender  # noqa: PLC0415 - see above

        return EmailSender(
            relay,
            sender=settings.email_from or "",
            connections=settings.sender_concurrency,
            timeout=settings.send_timeout * _OPERATION_SHARE,
        )

    return make


def _sms_factory(settings: Settings) -> SenderFactory:
    def make() -> Sender:
        from tocsin_server.channels.sms import SmsSender  # noqa: PLC0415 - see above

        return SmsSender(
            account_sid=settings.twilio_account_sid or "",
            auth_token=_text(settings.twilio_auth_token),
            sender=settings.twilio_from or "",
            api_url=settings.twilio_api_url,
            timeout=settings.send_timeout * _OPERATION_SHARE,
        )

    return make


def _telegram_factory(settings: Settings) -> SenderFactory:
    def make() -> Sender:
        from tocsin_server.channels.telegram import TelegramSender  # noqa: PLC0415 - see above

        return TelegramSender(
            token=_text(settings.telegram_bot_token),
            api_url=settings.telegram_api_url,
            connections=settings.sender_concurrency,
            timeout=settings.send_timeout * _OPERATION_SHARE,
        )

    return make


def _outbox_factory(channel: ChannelType, settings: Settings) -> SenderFactory:
    def make() -> Sender:
        return OutboxSender(channel, settings.outbox, email_sender=settings.email_from or DEFAULT_SENDER)

    return make
