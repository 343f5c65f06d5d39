"""Values of e-mail headers: text and mailboxes, so encoded that any reader decodes exactly what was meant.

`email.headerregistry` folds a long name inside its quotes and then loses the quotes, in every Python before 3.13.2
(https://github.com/python/cpython/issues/80222). So what needs folding goes into encoded words, which `email.header`
makes, and what does not is quoted by `email.utils`.
"""

from __future__ import annotations

import re
from email.header import Header
from email.utils import formataddr
from typing import Final, NamedTuple

from email_validator import EmailNotValidError, ValidatedEmail

from tocsin_server.channels.email.address import parse_mailbox, words_of

LINE: Final = 76
"""Characters of a line with encoded words (RFC 2047 section 2)."""

_ASKED_OF_LIBRARY: Final = LINE - 2
"""`email.header` makes lines up to two characters longer than it is asked for, and encoded words longer than 75."""

SHORT_SUBJECT: Final = 60
"""Characters that fit beside ``Subject:`` on such a line, so that there is nothing to fold."""

_NOT_IN_HEADER: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Control characters, and everything that Python, or a lenient reader of mail, takes for a line break."""

_FOLDABLE: Final = re.compile(r"[!-~]{1,60}(?: [!-~]{1,60})*")
"""Text that folds at its spaces into short lines and unfolds to itself; all else goes into encoded words."""

_MAILBOX: Final = re.compile(r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^"<>@,;\\]*))\s*<(?P<address>[^<>]+)>')
"""A name, quoted or without what only quotes allow, and an address in angle brackets (RFC 5322 section 3.4)."""


_FORM: Final = 'must be one mailbox, such as Shop <noreply@shop.example>, or "Shop, Inc." <noreply@shop.example>'


class UnsendableAddress(ValueError):
    """The address is not one mailbox."""


class Mailbox(NamedTuple):
    """A name, empty without one, and an address with its domain as A-labels."""

    name: str
    address: str
    domain: str
    smtputf8: bool


def one_line(text: str) -> str:
    """Make header text of any text: without this, a line break in a title would begin a header of its own."""
    if text.isascii() and text.isprintable():
        return text
    return _NOT_IN_HEADER.sub(" ", text).encode("utf-8", "replace").decode("utf-8")


def subject(text: str) -> str:
    """Encode unstructured text for the line ``Subject:`` (RFC 2047)."""
    text = one_line(text)
    # Text that looks like an encoded word must be encoded, or readers would decode what was never encoded.
    charset = "us-ascii" if _FOLDABLE.fullmatch(text) and "=?" not in text else "utf-8"
    if charset == "us-ascii" and len(text) <= SHORT_SUBJECT:
        return text
    return _folded("Subject", text, charset)


def parse_mailbox_with_name(text: str) -> Mailbox:
    """Read ``noreply@shop.example``, ``Shop <noreply@shop.example>`` or ``"Shop, Inc." <noreply@shop.example>``.

    Raises:
        UnsendableAddress: It is not one mailbox.
    """
    if _NOT_IN_HEADER.search(text):
        raise UnsendableAddress(_FORM)
    match = _MAILBOX.fullmatch(text.strip())
    if match is None and "<" in text:
        raise UnsendableAddress(_FORM)
    quoted = match["quoted"] if match else None
    name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match["plain"] if match else ""
    mailbox = parse_address(match["address"] if match else text.strip())
    return Mailbox(one_line(name).strip(), wire_address(mailbox), mailbox.ascii_domain, mailbox.smtputf8)


def parse_address(address: str) -> ValidatedEmail:
    """Take an address apart; the relay decides whether it exists, so reserved domains and literals pass.

    Raises:
        UnsendableAddress: It is not one mailbox.
    """
    try:
        return parse_mailbox(address)
    except EmailNotValidError as error:
        raise UnsendableAddress(f"is no e-mail address: {words_of(error)}") from None


def wire_address(mailbox: ValidatedEmail) -> str:
    """Write a mailbox with its domain as A-labels, which servers without SMTPUTF8 understand too (RFC 5890)."""
    return f"{mailbox.local_part}@{mailbox.ascii_domain}"


def mailbox_header(header: str, mailbox: Mailbox) -> str:
    """Write the line, or lines, of a header that holds one mailbox."""
    name, address = mailbox.name, mailbox.address
    if not name:
        return f"{header}: {address}"
    if name.isascii() and "=?" not in name:
        line = f"{header}: {formataddr((name, '@')).removesuffix('<@>')}<{address}>"
        if len(line) <= LINE:
            return line
    lines = f"{header}: {_folded(header, name, 'utf-8')}"
    last = lines.rpartition("\r\n")[2]
    fold = " " if len(last) + len(address) + 3 <= LINE else "\r\n "
    return f"{lines}{fold}<{address}>"


def _folded(header: str, text: str, charset: str) -> str:
    return Header(text, charset, maxlinelen=_ASKED_OF_LIBRARY, header_name=header).encode(linesep="\r\n")
