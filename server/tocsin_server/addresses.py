"""The forms of addresses, per channel. Pure."""

from __future__ import annotations

import re

import email_validator
from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from tocsin_server.model import ChannelType

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
"""ITU-T E.164: a country code that does not begin with 0, at most 15 digits in all."""

_CHAT = re.compile(r"-?[0-9]{1,19}|@[A-Za-z][A-Za-z0-9_]{3,31}")
"""A Telegram chat id (64-bit, negative for groups), or the user name of a public channel."""

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN_EMAIL = re.compile(rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?!.*--)(?:{_LABEL}\.)+[A-Za-z]{{2,63}}")
"""What nearly all addresses look like: a dot-atom of at most 64 characters (RFC 5322, 3.2.3) at a host name
(RFC 1123, 2.1) without the double hyphens of encoded names. The library takes 20 us to come to the same result, as
much as the rest of a request's checks; it judges everything else."""

# Names such as .local, .internal or localhost are reserved on the public internet; people who run their own service
# also run their own mail. The library's documented way to allow them is to change its list.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

_LONGEST_EMAIL = 254
"""RFC 5321, 4.5.3.1.3: a path of 256 octets, less its angle brackets."""


def address_problem(channel: ChannelType, address: str) -> str | None:
    """Return what would be right instead of ``address``, None if it has its channel's form."""
    if channel == ChannelType.EMAIL:
        return _email_problem(address)
    if channel == ChannelType.SMS:
        return None if _E164.fullmatch(address) else "must be an E.164 phone number, such as +15550100"
    if channel == ChannelType.TELEGRAM:
        return None if _CHAT.fullmatch(address) else "must be a Telegram chat id, such as 123456789, or @channel"
    return None if not address else "must be empty: the websocket channel reaches the recipient by recipient.id"


def is_plain_mailbox(address: str) -> bool:
    """Tell whether an e-mail address needs no taking apart: ASCII, unquoted, at a host name, and well-formed."""
    return _PLAIN_EMAIL.fullmatch(address) is not None


def parse_mailbox(address: str) -> ValidatedEmail:
    """Take an e-mail address apart, in any form that RFC 5321 and RFC 6531 allow.

    Whether its domain accepts mail is for delivery to find out: it may be internal, and it may change.

    Raises:
        EmailNotValidError: Says what is wrong.
    """
    return validate_email(
        address,
        check_deliverability=False,
        globally_deliverable=False,
        allow_quoted_local=True,
        allow_domain_literal=True,
    )


def _email_problem(address: str) -> str | None:
    if len(address.encode()) > _LONGEST_EMAIL:
        return f"must be an e-mail address of at most {_LONGEST_EMAIL} bytes"
    if is_plain_mailbox(address):
        return None
    try:
        parse_mailbox(address)
    except EmailNotValidError as error:
        return f"must be an e-mail address, such as ann@example.org: {error}"
    return None
