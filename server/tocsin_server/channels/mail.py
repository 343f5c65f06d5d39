"""E-mail as bytes: what goes over the wire and into development mode's outbox.

The standard library's `EmailMessage` takes four to five times as long to build as a message put together from
its encoders (`email.header`, `base64`, `binascii`); those do all the encoding here, and nothing is quoted by hand.
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
from datetime import UTC, datetime
from email import policy
from email.header import Header
from email.headerregistry import Address
from email.utils import format_datetime, getaddresses
from typing import Final, NamedTuple

from email_validator import EmailNotValidError, ValidatedEmail

from tocsin_server.addresses import is_plain_mailbox, parse_mailbox
from tocsin_server.channels.sender import Message
from tocsin_server.model import MICROS_PER_SECOND

LINE_LIMIT: Final = 998
"""Octets of a line without its CRLF (RFC 5322 section 2.1.1)."""

SHORT_SUBJECT: Final = 60
"""Characters that fit beside ``Subject:`` on a line of 76, so that there is nothing to fold."""

_NOT_IN_HEADER: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Control characters, and everything that Python, or a lenient reader of mail, takes for a line break."""

_FOLDABLE: Final = re.compile(r"[!-~]{1,60}(?: [!-~]{1,60})*")
"""Text that folds at its spaces into short lines and unfolds to itself; all else goes into encoded words."""


class UnsendableAddress(ValueError):
    """The address is not one mailbox."""


class Mail(NamedTuple):
    """One message with its envelope.

    ``sender`` and ``recipient`` are mailboxes whose domains are in ASCII. ``content`` has CRLF line ends, ends
    with one, and is ASCII unless ``smtputf8``, which says that an address forces the extension of RFC 6531.
    """

    sender: str
    recipient: str
    content: bytes
    message_id: str
    smtputf8: bool


class MailComposer:
    """Makes messages of one sender, given as ``noreply@shop.example`` or ``Shop <noreply@shop.example>``.

    Raises:
        UnsendableAddress: The sender is not one mailbox.
    """

    def __init__(self, sender: str) -> None:
        # `parseaddr` would take the first of several, and both read past line breaks.
        addresses = getaddresses([sender])
        if len(addresses) != 1 or _NOT_IN_HEADER.search(sender):
            raise UnsendableAddress("must be one mailbox, such as Shop <noreply@shop.example>")
        name, address = addresses[0]
        mailbox = _mailbox(address)
        self.sender: Final = _wire_address(mailbox)
        self._smtputf8 = mailbox.smtputf8
        self._domain = mailbox.ascii_domain
        rules = policy.SMTPUTF8 if mailbox.smtputf8 else policy.SMTP
        header = Address(display_name=name, username=mailbox.local_part, domain=mailbox.ascii_domain)
        self._from = rules.header_factory("From", header).fold(policy=rules).removesuffix("\r\n")

    def compose(self, message: Message) -> Mail:
        """Build the message. The same channel row gives the same bytes at every attempt.

        The Message-ID comes from the row's id, so that receivers can recognise a repetition, and the date from
        its creation.

        Raises:
            UnsendableAddress: The recipient's address is not one mailbox.
        """
        recipient, smtputf8 = _recipient(message.address)
        message_id = _one_line(f"<{message.channel_id}@{self._domain}>")
        encoding, body = _encode_body(message.message)
        headers = (
            self._from,
            f"To: {recipient}",
            f"Subject: {_encode_text(message.title)}",
            f"Date: {_date(message.created_at // MICROS_PER_SECOND)}",
            f"Message-ID: {message_id}",
            "Auto-Submitted: auto-generated",  # RFC 3834: no out-of-office replies to these, please
            "MIME-Version: 1.0",
            'Content-Type: text/plain; charset="utf-8"',
            f"Content-Transfer-Encoding: {encoding}",
        )
        content = "\r\n".join(headers).encode() + b"\r\n\r\n" + body
        return Mail(
            sender=self.sender,
            recipient=recipient,
            content=content if content.endswith(b"\r\n") else content + b"\r\n",
            message_id=message_id,
            smtputf8=self._smtputf8 or smtputf8,
        )


@functools.lru_cache(maxsize=16)  # it takes longer than all other headers together, and many share a second
def _date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))


def _mailbox(address: str) -> ValidatedEmail:
    """Take an address apart; the relay decides whether it exists, so reserved domains and literals pass."""
    try:
        return parse_mailbox(address)
    except EmailNotValidError as error:
        raise UnsendableAddress(str(error)) from None


def _recipient(address: str) -> tuple[str, bool]:
    """Return a recipient as it travels, and whether that takes SMTPUTF8."""
    if is_plain_mailbox(address):
        local_part, _, domain = address.rpartition("@")
        return f"{local_part}@{domain.lower()}", False
    mailbox = _mailbox(address)
    return _wire_address(mailbox), mailbox.smtputf8


def _wire_address(mailbox: ValidatedEmail) -> str:
    """Write a mailbox with its domain as A-labels, which servers without SMTPUTF8 understand too (RFC 5890)."""
    return f"{mailbox.local_part}@{mailbox.ascii_domain}"


def _one_line(text: str) -> str:
    """Make header text of any text: without this, a line break in a title would begin a header of its own."""
    if text.isascii() and text.isprintable():
        return text
    return _NOT_IN_HEADER.sub(" ", text).encode("utf-8", "replace").decode("utf-8")


def _encode_text(text: str) -> str:
    """Encode unstructured header text so that a reader decodes exactly ``text``, on one line (RFC 2047)."""
    text = _one_line(text)
    # Text that looks like an encoded word must be encoded, or readers would decode what was never encoded.
    charset = "us-ascii" if _FOLDABLE.fullmatch(text) and "=?" not in text else "utf-8"
    if charset == "us-ascii" and len(text) <= SHORT_SUBJECT:
        return text
    return Header(text, charset, header_name="Subject").encode(linesep="\r\n")


def _has_short_lines(octets: bytes) -> bool:
    return len(octets) <= LINE_LIMIT or all(len(line) <= LINE_LIMIT for line in octets.split(b"\n"))


def _encode_body(text: str) -> tuple[str, bytes]:
    """Choose the transfer encoding, and encode; the result has CRLF line ends and short enough lines.

    Plain where that is legal, since everything can read it. Else quoted-printable for mostly ASCII text, of
    which it leaves the words legible, and base64 for other scripts, which quoted-printable would triple.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    octets = text.encode("utf-8", "replace")
    if octets.isascii() and b"\0" not in octets and _has_short_lines(octets):
        return "7bit", octets.replace(b"\n", b"\r\n")
    if sum(octet > 127 for octet in octets) * 6 <= len(octets):
        return "quoted-printable", binascii.b2a_qp(octets, istext=True).replace(b"\n", b"\r\n")
    # RFC 2045 section 6.8: line breaks inside encoded text are CRLF too.
    return "base64", base64.encodebytes(octets.replace(b"\n", b"\r\n")).replace(b"\n", b"\r\n")
