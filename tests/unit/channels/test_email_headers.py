"""Values of e-mail headers, read back from the bytes on the wire by a reader of its own."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers.drafts import claim
from helpers.mail_reader import Field, decoded, fields, mailbox
from tocsin_server.channels.email.headers import UnsendableAddress, one_line, parse_mailbox_with_name
from tocsin_server.channels.email.mail import MailComposer

PARTS = [
    *("a", "Shop", "Inc.", "x" * 80, "caf\xe9", "\u0416\u0443\u0440\u043d\u0430\u043b", "\u4f60\u597d"),
    *("\u0645\u0631\u062d\u0628\u0627", "\u202e", "\u200f", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0301"),
    *(" ", "  ", ", ", "; ", ": ", "=?", "?=", "=?utf-8?q?x?=", "_", "=3D", "(", ")", "[x]", "@", "\\", '"', "'", "."),
]
"""What makes headers hard: length, scripts of both directions, joined characters, specials, and white space."""
WORDS = st.lists(st.sampled_from(PARTS), max_size=40).map("".join)
TEXT = WORDS | st.text(st.characters(exclude_categories=()), max_size=300)
LOCAL_PARTS = st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}", fullmatch=True)


def written(**changes: str) -> dict[str, Field]:
    """Return the headers of a message by name; each is there once and in legal lines."""
    composer = MailComposer(changes.pop("sender", "noreply@shop.example"), reply_to=changes.pop("reply_to", None))
    found = fields(composer.compose(claim(address="ann@example.org")._replace(**changes)).content)  # type: ignore[arg-type]
    for field in found:
        for line in field.lines:
            assert len(line.encode()) <= 998, "RFC 5322 section 2.1.1"
            limit = 76 if "=?" in line else 78  # RFC 2047 section 2
            assert len(line) <= limit or " " not in line.removeprefix(f"{field.name}: ").strip(), (
                "what can be folded is"
            )
    names = [field.name for field in found]
    assert len(names) == len(set(names))
    return {field.name: field for field in found}


def quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


@given(TEXT)
@example("x" * 5000)
@example(" leading and trailing ")
@example("word " * 50)
@example("=?utf-8?q?not_encoded?= by us")
def test_a_title_is_read_as_it_was_meant(title: str) -> None:
    assert decoded(written(title=title)["Subject"].unfolded) == one_line(title)


@given(TEXT.filter(lambda name: one_line(name) == name and name.strip()))
@example("A" * 30 + ", " + "B" * 45)
@example("A, " * 25 + "BB")
@example('Dr. "Q" O\'Neil (Sales) \\ back')
@example("\u05e9\u05dc\u05d5\u05dd, " * 20)
@example("=?utf-8?q?x?=")
@example("group: ann@example.org")
def test_a_name_is_read_as_it_was_meant_whoever_reads_it(name: str) -> None:
    headers = written(
        sender=f'"{quoted(name)}" <noreply@shop.example>', reply_to=f'"{quoted(name)}" <help@shop.example>'
    )
    assert mailbox(headers["From"].unfolded) == (name.strip(), "noreply@shop.example")
    assert mailbox(headers["Reply-To"].unfolded) == (name.strip(), "help@shop.example")


@given(st.integers(60, 90), st.integers(0, 89))
def test_a_comma_keeps_its_quotes_at_every_length_and_place(length: int, place: int) -> None:
    name = "".join("," if at == place % length else "x" for at in range(length))
    assert mailbox(written(sender=f'"{name}" <noreply@shop.example>')["From"].unfolded)[0] == name


@given(LOCAL_PARTS, st.integers(1, 3))
def test_a_long_address_stays_in_one_piece(local_part: str, labels: int) -> None:
    address = f"{local_part}@{'.'.join(['d' * 60] * labels)}.example"
    headers = written(sender=f"Shop <{address}>", address=address)
    assert mailbox(headers["From"].unfolded) == ("Shop", address)
    assert headers["To"].unfolded == address


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("noreply@shop.example", "", "noreply@shop.example"),
        ("<noreply@shop.example>", "", "noreply@shop.example"),
        ("Shop<noreply@shop.example>", "Shop", "noreply@shop.example"),
        ("  Shop  <noreply@shop.example>  ", "Shop", "noreply@shop.example"),
        ("Shop (EU) <noreply@shop.example>", "Shop (EU)", "noreply@shop.example"),
        ('"Shop, \\"Inc\\"" <noreply@shop.example>', 'Shop, "Inc"', "noreply@shop.example"),
        ("Shop <noreply@B\xfccher.example>", "Shop", "noreply@xn--bcher-kva.example"),
        ('"a b"@shop.example', "", '"a b"@shop.example'),
    ],
)
def test_a_mailbox_is_read_with_its_name(text: str, name: str, address: str) -> None:
    assert parse_mailbox_with_name(text)[:2] == (name, address)


@pytest.mark.parametrize(
    "text",
    [
        "a@b.example, c@d.example",
        "A <a@b.example>, C <c@d.example>",
        "Shop, Inc. <a@b.example>",
        "Group: a@b.example;",
        "Group: A <a@b.example>, C <c@d.example>;",
        "A <a@b.example> <c@d.example>",
        "A <a@b.example",
        "a@b.example>",
        "A <<a@b.example>>",
        '"A <a@b.example>',
        "A <>",
        "A\r\nBcc: x <a@b.example>",
    ],
)
def test_what_is_not_one_mailbox_is_refused(text: str) -> None:
    with pytest.raises(UnsendableAddress):
        parse_mailbox_with_name(text)


def test_a_reply_address_outside_ascii_needs_smtputf8() -> None:
    mail = MailComposer("noreply@shop.example", reply_to="J\xf6rg <j\xf6rg@shop.example>").compose(claim())
    assert mail.smtputf8
    assert mail.sender == "noreply@shop.example"
    headers = {field.name: field for field in fields(mail.content)}
    assert mailbox(headers["Reply-To"].unfolded) == ("J\xf6rg", "j\xf6rg@shop.example")


def test_the_date_is_when_the_message_was_to_go_out() -> None:
    created, scheduled = 1_760_000_000_000_000, 1_760_003_600_000_000
    composer = MailComposer("noreply@shop.example")

    def date(send_at: int | None) -> str:
        mail = composer.compose(claim(created_at=created, send_at=send_at))
        return next(field.unfolded for field in fields(mail.content) if field.name == "Date")

    assert date(None) == "Thu, 09 Oct 2025 08:53:20 +0000"
    assert date(scheduled) == "Thu, 09 Oct 2025 09:53:20 +0000"
    assert date(created - 1_000_000) == date(None), "a time that was over when it came is no time to go out"
    first, again = composer.compose(claim(send_at=scheduled)), composer.compose(claim(send_at=scheduled, attempts=3))
    assert first == again
