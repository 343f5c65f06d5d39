"""The form of an e-mail address. Pure."""

from __future__ import annotations

import re

import email_validator
from email_validator import EmailNotValidError, ValidatedEmail, validate_email

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


def words_of(error: EmailNotValidError) -> str:
    """Return what the library says, as the end of a sentence."""
    said = str(error).removesuffix(".")
    return said[:1].lower() + said[1:]


def address_problem(address: str) -> str | None:
    """Return what would be right instead of ``address``, None if it has the form."""
    if len(address.encode()) > _LONGEST_EMAIL:
        return f"must be an e-mail address of at most {_LONGEST_EMAIL} bytes"
    if is_plain_mailbox(address):
        return None
    try:
        parse_mailbox(address)
    except EmailNotValidError as error:
        return f"must be an e-mail address, such as ann@example.org: {words_of(error)}"
    return None
