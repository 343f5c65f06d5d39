"""E-mail as bytes: what goes over the wire and into development mode's outbox.

The standard library's `EmailMessage` takes four to five times as long to build as a message put together from
its encoders (`email.header`, `base64`, `binascii`); those do all the encoding here, and nothing is quoted by hand.
"""

from __future__ import annotations

import base64
import binascii
import functools
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final, NamedTuple

from tocsin_server.channels.email.address import is_plain_mailbox
from tocsin_server.channels.email.headers import (
    mailbox_header,
    one_line,
    parse_address,
    parse_mailbox_with_name,
    subject,
    wire_address,
)
from tocsin_server.domain.model import MICROS_PER_SECOND, ClaimedChannel

_FIXED: Final = (
    "Auto-Submitted: auto-generated\r\n"  # RFC 3834: no out-of-office replies to these, please
    "MIME-Version: 1.0\r\n"
    'Content-Type: text/plain; charset="utf-8"\r\n'
    "Content-Transfer-Encoding: "
)

LINE_LIMIT: Final = 998
"""Octets of a line without its CRLF (RFC 5322 section 2.1.1)."""


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

    ``reply_to`` is where answers are to go, in the same form.

    Raises:
        UnsendableAddress: One of them is not one mailbox.
    """

    def __init__(self, sender: str, *, reply_to: str | None = None) -> None:
        mailbox = parse_mailbox_with_name(sender)
        self.sender: Final = mailbox.address
        self._smtputf8 = mailbox.smtputf8
        self._domain = mailbox.domain
        self._from = mailbox_header("From", mailbox)
        if reply_to is not None:
            answers = parse_mailbox_with_name(reply_to)
            self._smtputf8 |= answers.smtputf8
            self._from += "\r\n" + mailbox_header("Reply-To", answers)

    def compose(self, message: ClaimedChannel) -> Mail:
        """Build the message. The same channel row gives the same bytes at every attempt.

        The Message-ID comes from the row's id, so that receivers can recognise a repetition. The date is when the
        message was to go out (RFC 5322 section 3.6.1: when it was "ready to enter the mail delivery system").

        Raises:
            UnsendableAddress: The recipient's address is not one mailbox.
        """
        recipient, smtputf8 = _recipient(message.address)
        message_id = one_line(f"<{message.id}@{self._domain}>")
        encoding, body = _encode_body(message.message)
        headers = (
            f"{self._from}\r\n"
            f"To: {recipient}\r\n"
            f"Subject: {subject(message.title)}\r\n"
            f"Date: {_date(message.ready_at // MICROS_PER_SECOND)}\r\n"
            f"Message-ID: {message_id}\r\n"
            f"{_FIXED}{encoding}\r\n\r\n"
        )
        content = headers.encode() + body
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


def _recipient(address: str) -> tuple[str, bool]:
    """Return a recipient as it travels, and whether that takes SMTPUTF8."""
    if is_plain_mailbox(address):
        local_part, _, domain = address.rpartition("@")
        return f"{local_part}@{domain.lower()}", False
    mailbox = parse_address(address)
    return wire_address(mailbox), mailbox.smtputf8


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
