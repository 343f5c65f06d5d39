"""E-mail as bytes."""

from __future__ import annotations

import email
import email.policy
import re
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.message import Message as Parsed

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.drafts import claim
from tocsin_server.channels.email.headers import UnsendableAddress
from tocsin_server.channels.email.mail import LINE_LIMIT, MailComposer
from tocsin_server.domain.model import ClaimedChannel

HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
]

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300) | st.text(
    st.sampled_from("\r\n\0\t \x0b\x0c\x1c\x85\u2028:=?ab\xe9\u0416\U0001f514"), max_size=120
)
"""All of Unicode, lone surrogates too, and a mixture rich in what breaks headers."""


def message(**changes: object) -> ClaimedChannel:
    plain = claim(
        id="01980000-0000-7000-8000-000000000001",
        address="ann@example.org",
        title="Your order has shipped",
        message="It will arrive on Friday.",
        created_at=1_760_000_000_250_000,
    )
    return plain._replace(**changes)  # type: ignore[arg-type]  # the callers know the fields


def compose(**changes: object) -> bytes:
    return MailComposer("Shop <noreply@shop.example>").compose(message(**changes)).content


def parse(content: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def body_of(content: bytes) -> str:
    parsed: Parsed = email.message_from_bytes(content)
    payload = parsed.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode("utf-8").replace("\r\n", "\n")


def test_a_plain_message_stays_legible_on_the_wire() -> None:
    assert compose() == (
        b"From: Shop <noreply@shop.example>\r\n"
        b"To: ann@example.org\r\n"
        b"Subject: Your order has shipped\r\n"
        b"Date: Thu, 09 Oct 2025 08:53:20 +0000\r\n"
        b"Message-ID: <01980000-0000-7000-8000-000000000001@shop.example>\r\n"
        b"Auto-Submitted: auto-generated\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"It will arrive on Friday.\r\n"
    )


def test_a_repeated_attempt_makes_the_same_bytes_and_another_row_another_message_id() -> None:
    composer = MailComposer("noreply@shop.example")
    first, again = composer.compose(message()), composer.compose(message(attempts=6))
    other = composer.compose(message(id="01980000-0000-7000-8000-000000000002"))
    assert first == again
    assert first.message_id != other.message_id


@settings(deadline=None)
@given(title=ANY_TEXT)
def test_a_title_becomes_one_header_that_decodes_to_it(title: str) -> None:
    content = compose(title=title)
    parsed = email.message_from_bytes(content)
    assert list(parsed.keys()) == HEADERS
    assert b"\0" not in content
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", content)
    one_line = re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", title).encode("utf-8", "replace").decode()
    assert str(make_header(decode_header(parsed["Subject"]))) == one_line


@settings(deadline=None)
@given(title=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300))
def test_an_ascii_title_decodes_to_itself_however_it_looks(title: str) -> None:
    raw = email.message_from_bytes(compose(title=title))["Subject"]
    assert str(make_header(decode_header(raw))) == title


@settings(deadline=None)
@given(address=ANY_TEXT | st.text(st.sampled_from('a@b.c"\\ <>,;:()[]\r\n\0\xe9'), max_size=30))
def test_no_address_adds_a_header_or_a_recipient(address: str) -> None:
    composer = MailComposer("noreply@shop.example")
    try:
        mail = composer.compose(message(address=address))
    except UnsendableAddress:
        return
    assert list(email.message_from_bytes(mail.content).keys()) == HEADERS
    assert not re.search(r"[\x00-\x1f\x7f]", mail.recipient)
    assert len(parse(mail.content)["To"].addresses) == 1


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@",
        "ann@example.org, bob@example.org",
        "ann@example.org\r\nBcc: bob@example.org",
        "ann@example.org\nDATA",
        "<ann@example.org>",
        "Ann <ann@example.org>",
        "ann@exam ple.org",
        "ann\0@example.org",
        "ann@example.org> SIZE=1",
    ],
)
def test_what_is_not_one_mailbox_is_not_sent_to(address: str) -> None:
    with pytest.raises(UnsendableAddress):
        MailComposer("noreply@shop.example").compose(message(address=address))


@pytest.mark.parametrize("channel_id", ["x\r\nBcc: bob@example.org", "x\ny", "x\0y"])
def test_not_even_our_own_id_can_add_a_header(channel_id: str) -> None:
    assert list(email.message_from_bytes(compose(id=channel_id)).keys()) == HEADERS


@settings(deadline=None)
@given(text=st.text(st.characters(exclude_categories=()), max_size=2000))
def test_a_body_arrives_as_it_was_in_legal_lines(text: str) -> None:
    content = compose(message=text)
    assert content.isascii()
    assert b"\0" not in content
    assert content.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", content)
    assert max(map(len, content.split(b"\r\n"))) <= LINE_LIMIT
    expected = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    assert body_of(content) in (expected, f"{expected}\n")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain\nlines", "7bit"),
        ("a" * LINE_LIMIT, "7bit"),
        ("a" * (LINE_LIMIT + 1), "quoted-printable"),
        ("caf\xe9, and otherwise plain words", "quoted-printable"),
        ("\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440", "base64"),
        ("\U0001f514" * 300, "base64"),
        ("NUL\0inside", "quoted-printable"),
    ],
)
def test_the_transfer_encoding_fits_the_text(text: str, encoding: str) -> None:
    content = compose(message=text)
    assert parse(content)["Content-Transfer-Encoding"] == encoding
    assert max(map(len, content.split(b"\r\n"))) <= LINE_LIMIT
    assert body_of(content).removesuffix("\n") == text


@pytest.mark.parametrize("text", ["From here on\n.\n..\n.hidden", "trailing blanks  \nand tabs\t\n", "=3D is not ="])
def test_lines_that_mail_software_mistreats_arrive_as_they_are(text: str) -> None:
    assert body_of(compose(message=text)).removesuffix("\n") == text.removesuffix("\n")
    assert body_of(compose(message=f"{text}\xe9")) == f"{text}\xe9\n"


def test_a_title_without_spaces_is_folded_into_legal_lines() -> None:
    content = compose(title="x" * 5000)
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert parse(content)["Subject"] == "x" * 5000


def test_a_title_that_looks_encoded_is_not_decoded_further() -> None:
    title = "=?utf-8?q?Free_money?="
    assert parse(compose(title=title))["Subject"] == title


def test_the_domain_of_an_international_address_travels_in_ascii() -> None:
    mail = MailComposer("noreply@shop.example").compose(message(address="ann@b\xfccher.example"))
    assert mail.recipient == "ann@xn--bcher-kva.example"
    assert not mail.smtputf8
    assert mail.content.isascii()


def test_a_mailbox_outside_ascii_needs_smtputf8_and_stands_in_the_header_as_it_is() -> None:
    mail = MailComposer("noreply@shop.example").compose(message(address="j\xf6rg@b\xfccher.example"))
    assert mail.recipient == "j\xf6rg@xn--bcher-kva.example"
    assert mail.smtputf8
    assert "\r\nTo: j\xf6rg@xn--bcher-kva.example\r\n".encode() in mail.content


@pytest.mark.parametrize(
    ("setting", "name", "address"),
    [
        ("noreply@shop.example", "", "noreply@shop.example"),
        ("Shop <noreply@shop.example>", "Shop", "noreply@shop.example"),
        ('"Shop, Inc." <noreply@shop.example>', "Shop, Inc.", "noreply@shop.example"),
        ("Caf\xe9 \u0416 <noreply@caf\xe9.example>", "Caf\xe9 \u0416", "noreply@xn--caf-dma.example"),
    ],
)
def test_the_sender_may_have_a_name(setting: str, name: str, address: str) -> None:
    mail = MailComposer(setting).compose(message())
    [header] = parse(mail.content)["From"].addresses
    assert (header.display_name, header.addr_spec) == (name, address)
    assert mail.sender == address
    assert mail.content.isascii()


def test_a_sender_outside_ascii_makes_every_message_need_smtputf8() -> None:
    mail = MailComposer("Caf\xe9 <caf\xe9@shop.example>").compose(message())
    assert mail.smtputf8
    assert "caf\xe9@shop.example>\r\n".encode() in mail.content


@pytest.mark.parametrize("setting", ["", "Shop", "Shop <>", "a@b.example, c@d.example", "Shop\r\nX: y <a@b.example>"])
def test_a_sender_that_is_not_one_mailbox_is_refused(setting: str) -> None:
    with pytest.raises(UnsendableAddress):
        MailComposer(setting)
