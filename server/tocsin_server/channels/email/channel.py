"""What the e-mail channel tells the rest of the server about itself."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Final

from tocsin_server.channels.definition import OPERATION_SHARE, ChannelDefinition, is_complete, variable
from tocsin_server.channels.email.address import address_problem
from tocsin_server.channels.email.headers import UnsendableAddress, parse_mailbox_with_name
from tocsin_server.channels.email.mail import MailComposer
from tocsin_server.channels.sender import Sender, SenderFactory
from tocsin_server.config.network import SmtpRelay
from tocsin_server.config.settings import Settings
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.domain.model import ChannelType, ClaimedChannel

DEFAULT_SENDER: Final = "Tocsin <tocsin@localhost>"
"""Sender of the outbox's e-mail where none is set."""


class MailFile:
    """E-mail in the outbox, as it would go over the wire."""

    suffix = ".eml"

    def __init__(self, sender: str, *, reply_to: str | None = None) -> None:
        self._composer = MailComposer(sender, reply_to=reply_to)

    def render(self, message: ClaimedChannel) -> bytes:
        """Write one message; see `OutboxForm.render`."""
        return self._composer.compose(message).content


def _providers(settings: Settings, dev: bool) -> list[SenderFactory]:
    for name in ("email_from", "email_reply_to"):
        if (mailbox := getattr(settings, name)) is not None:
            try:
                parse_mailbox_with_name(mailbox)
            except UnsendableAddress as error:
                raise ConfigurationError(f"{variable(name)}: {error}") from None
    if settings.smtp_url is None and dev:
        return []  # a sender alone is fine: the outbox uses it
    optional = ("email_reply_to", "smtp_ehlo_name", "smtp_ca", "smtp_client_cert", "smtp_client_key")
    if not is_complete(settings, "smtp_url", "email_from", optional=optional):
        return []
    tls = _smtp_tls(settings)
    for relay in settings.smtp_relays:
        if relay.username is not None and relay.password is None:
            raise ConfigurationError(f"{variable('smtp_url')}: {relay.name} has a user name and no password")
    return [_factory(relay, settings, tls) for relay in settings.smtp_relays]


def _smtp_tls(settings: Settings) -> ssl.SSLContext:
    """Return whom relays' certificates are trusted by, and what is shown to them.

    Raises:
        ConfigurationError: A file cannot be used.
    """
    context = ssl.create_default_context()
    if settings.smtp_ca is not None:
        try:
            context.load_verify_locations(settings.smtp_ca)
        except OSError as error:  # of which those of ssl are some
            raise ConfigurationError(f"{variable('smtp_ca')}: cannot use {settings.smtp_ca}: {error}") from None
    if settings.smtp_client_cert is not None:
        try:
            # With an empty password, a key that needs one is an error, not a question to the terminal.
            context.load_cert_chain(settings.smtp_client_cert, settings.smtp_client_key, password="")
        except OSError as error:
            names = f"{variable('smtp_client_cert')}, {variable('smtp_client_key')}"
            raise ConfigurationError(f"{names}: cannot use {settings.smtp_client_cert}: {error}") from None
    elif settings.smtp_client_key is not None:
        raise ConfigurationError(f"{variable('smtp_client_key')}: needs {variable('smtp_client_cert')}")
    return context


def _factory(relay: SmtpRelay, settings: Settings, tls: ssl.SSLContext) -> SenderFactory:
    def make() -> Sender:
        from tocsin_server.channels.email.sender import EmailSender  # noqa: PLC0415 - see `registry`

        return EmailSender(
            relay,
            sender=settings.email_from or "",
            connections=settings.sender_concurrency,
            timeout=settings.send_timeout * OPERATION_SHARE,
            reply_to=settings.email_reply_to,
            ehlo_name=settings.smtp_ehlo_name,
            tls=tls,
        )

    return make


def _outbox_form(settings: Settings) -> MailFile:
    return MailFile(settings.email_from or DEFAULT_SENDER, reply_to=settings.email_reply_to)


async def _advise(settings: Settings, server: tuple[str, int] | None) -> Sequence[str]:
    if settings.smtp_url is None or settings.email_from is None:
        return ()
    from tocsin_server.channels.email.published import warnings_about  # noqa: PLC0415 - a server does not need it

    return await warnings_about(settings.email_from, server)


EMAIL: Final = ChannelDefinition(
    ChannelType.EMAIL,
    required_settings="TOCSIN_SMTP_URL and TOCSIN_EMAIL_FROM",
    address_problem=address_problem,
    providers=_providers,
    outbox_form=_outbox_form,
    advise=_advise,
)
