"""What the Telegram channel tells the rest of the server about itself."""

from __future__ import annotations

from typing import Final

from tocsin_server.channels.definition import OPERATION_SHARE, ChannelDefinition, is_complete, text_of
from tocsin_server.channels.sender import Sender, SenderFactory
from tocsin_server.channels.telegram.address import address_problem
from tocsin_server.config.settings import Settings
from tocsin_server.domain.model import ChannelType


def _providers(settings: Settings, _dev: bool) -> list[SenderFactory]:
    complete = is_complete(settings, "telegram_bot_token", optional=("telegram_api_url",))
    return [_factory(settings)] if complete else []


def _factory(settings: Settings) -> SenderFactory:
    def make() -> Sender:
        from tocsin_server.channels.telegram.sender import TelegramSender  # noqa: PLC0415 - see `registry`

        return TelegramSender(
            token=text_of(settings.telegram_bot_token),
            api_url=settings.telegram_api_url,
            proxy=settings.proxy,
            connections=settings.sender_concurrency,
            timeout=settings.send_timeout * OPERATION_SHARE,
        )

    return make


TELEGRAM: Final = ChannelDefinition(
    ChannelType.TELEGRAM,
    required_settings="TOCSIN_TELEGRAM_BOT_TOKEN",
    address_problem=address_problem,
    providers=_providers,
)
