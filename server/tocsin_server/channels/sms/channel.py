"""What the SMS channel tells the rest of the server about itself."""

from __future__ import annotations

from typing import Final

from tocsin_server.channels.definition import OPERATION_SHARE, ChannelDefinition, is_complete, text_of
from tocsin_server.channels.sender import Sender, SenderFactory
from tocsin_server.channels.sms.address import address_problem
from tocsin_server.config.settings import Settings
from tocsin_server.domain.model import ChannelType


def _providers(settings: Settings, _dev: bool) -> list[SenderFactory]:
    needed = ("twilio_account_sid", "twilio_auth_token", "twilio_from")
    return [_factory(settings)] if is_complete(settings, *needed, optional=("twilio_api_url",)) else []


def _factory(settings: Settings) -> SenderFactory:
    def make() -> Sender:
        from tocsin_server.channels.sms.sender import SmsSender  # noqa: PLC0415 - see `registry`

        return SmsSender(
            account_sid=settings.twilio_account_sid or "",
            auth_token=text_of(settings.twilio_auth_token),
            sender=settings.twilio_from or "",
            api_url=settings.twilio_api_url,
            proxy=settings.proxy,
            timeout=settings.send_timeout * OPERATION_SHARE,
        )

    return make


SMS: Final = ChannelDefinition(
    ChannelType.SMS,
    required_settings="TOCSIN_TWILIO_ACCOUNT_SID, TOCSIN_TWILIO_AUTH_TOKEN and TOCSIN_TWILIO_FROM",
    address_problem=address_problem,
    providers=_providers,
)
