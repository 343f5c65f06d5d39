"""Which addresses have their channel's form."""

from __future__ import annotations

import pytest
from email_validator import EmailNotValidError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.drafts import ADDRESSES, EMAIL, SMS, TELEGRAM, WEBSOCKET
from tocsin_server.channels.email.address import is_plain_mailbox, parse_mailbox
from tocsin_server.channels.registry import address_problem
from tocsin_server.domain.model import ChannelType

GOOD = {
    EMAIL: [
        "ann@example.org",
        "a@b.co",
        "first.last+tag@sub.example.co.uk",
        "o'neil_!#$%&*/=?^`{|}~-@example.org",
        '"ann smith"@example.org',
        "jörg@müller.example",
        "用户@例子.广告",
        "ann@xn--mller-kva.example",
        "ops@mail.internal",
        "root@localhost.localdomain",
        "printer@office.local",
        "ann@[192.0.2.1]",
        "ann@[IPv6:2001:db8::1]",
        f"{'a' * 64}@example.org",
    ],
    SMS: ["+15550100", "+442071838750", "+12", "+123456789012345"],
    TELEGRAM: ["1", "123456789", "-1001234567890", "9223372036854775807", "@news", "@a_channel_1", f"@{'a' * 32}"],
    WEBSOCKET: [""],
}

BAD = {
    EMAIL: [
        "ann",
        "ann@",
        "@example.org",
        "ann@example..org",
        "ann@@example.org",
        "ann smith@example.org",
        "Ann <ann@example.org>",
        "ann@example.org, bob@example.org",
        "ann@example.org ",
        "ann@exa mple.org",
        "ann@-example.org",
        ".ann@example.org",
        f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 20}.example",
        "ann@example.org\r\nBcc: bob@example.org",
        '"ann\r\nBcc: bob@example.org"@example.org',
        "ann@example.org\n",
        "an\x00n@example.org",
        "ann@[192.0.2.999]",
    ],
    SMS: [
        "15550100",
        "+0155501",
        "+1 555 0100",
        "+1-555-0100",
        "+1234567890123456",
        "+",
        "+1",
        "+1555O100",
        "+15550100\n",
    ],
    TELEGRAM: [
        "news",
        "@1news",
        "@abc",
        f"@{'a' * 33}",
        "@new-s",
        "12345678901234567890",
        "--5",
        "1.5",
        "@news\n",
        "+123",
    ],
    WEBSOCKET: ["ann@example.org", "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10", " "],
}


UNICODE = st.characters(codec="utf-8")


@pytest.mark.parametrize(("channel", "address"), [(kind, address) for kind, some in GOOD.items() for address in some])
def test_an_address_of_its_channels_form_is_taken(channel: ChannelType, address: str) -> None:
    assert address_problem(channel, address) is None


@pytest.mark.parametrize(("channel", "address"), [(kind, address) for kind, some in BAD.items() for address in some])
def test_anything_else_is_refused_with_what_would_be_right(channel: ChannelType, address: str) -> None:
    problem = address_problem(channel, address)
    assert problem is not None
    assert problem.startswith("must be ")


@pytest.mark.parametrize("channel", ADDRESSES)
def test_an_empty_address_is_none(channel: ChannelType) -> None:
    assert address_problem(channel, "") is not None


def test_the_addresses_of_the_tests_are_good() -> None:
    assert [address_problem(channel, address) for channel, address in ADDRESSES.items()] == [None] * 3


def test_the_length_of_a_mailbox_is_counted_in_bytes() -> None:
    labels = ".".join("b" * 60 for _ in range(3))
    fits = f"{'a' * 62}@{labels}.example"
    assert len(fits) == 254 - 1
    assert address_problem(EMAIL, fits) is None
    assert address_problem(EMAIL, fits.replace("aa", "éa", 1)) is None
    assert address_problem(EMAIL, fits.replace("aaa", "éé", 1)) is None
    problem = address_problem(EMAIL, fits.replace("aa", "éé", 1))
    assert problem == "must be an e-mail address of at most 254 bytes"


@settings(deadline=None, max_examples=300)
@given(st.sampled_from([EMAIL, SMS, TELEGRAM]), st.text(UNICODE, max_size=40), st.text(UNICODE, max_size=3))
@example(EMAIL, '"a', '"@example.org')
def test_no_address_that_is_taken_can_break_out_of_a_header_or_a_command(
    channel: ChannelType, text: str, end: str
) -> None:
    for address in (text + end, f"{text}@example.org{end}", f'"{text}"@example.org', f"@{text}", f"+1{text}"):
        if address_problem(channel, address) is None:
            assert not set(address) & set("\r\n\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")


def test_a_mailbox_is_taken_apart_without_asking_the_network() -> None:
    mailbox = parse_mailbox("jörg@müller.example")
    assert (mailbox.local_part, mailbox.domain, mailbox.ascii_domain) == (
        "jörg",
        "müller.example",
        "xn--mller-kva.example",
    )
    with pytest.raises(EmailNotValidError):
        parse_mailbox("ann")


_LETTERS = st.text("abcXYZ019!#$%&'*+/=?^_`{|}~-.", min_size=1, max_size=70)
_LABELS = st.lists(st.text("abXY09-", min_size=1, max_size=65), min_size=1, max_size=4)


@settings(max_examples=2_000, deadline=None)
@given(local=_LETTERS, labels=_LABELS, end=st.sampled_from(["com", "org", "museum", "c", "x1", "-a"]))
def test_what_is_taken_for_plain_is_what_the_library_accepts(local: str, labels: list[str], end: str) -> None:
    address = f"{local}@{'.'.join([*labels, end])}"
    if len(address) <= 254 and is_plain_mailbox(address):
        mailbox = parse_mailbox(address)
        domain = address.rpartition("@")[2]
        assert (mailbox.local_part, mailbox.ascii_domain, mailbox.smtputf8) == (local, domain.lower(), False)


def test_ordinary_addresses_are_taken_for_plain() -> None:
    for address in ("ann@example.org", "Ann.B+shop@mail-1.example.co.uk", "customer-12345@example.org"):
        assert is_plain_mailbox(address)
    for address in ("ann@xn--bcher-kva.example", "ann@localhost", "jörg@example.org", '"a b"@example.org', "a@b..c"):
        assert not is_plain_mailbox(address)


def test_an_address_made_to_be_slow_is_judged_at_once() -> None:
    for address in ("a." * 126 + "@", "a@" + "a-" * 120 + "!", "a@" + "a." * 120 + "!"):
        assert address_problem(ChannelType.EMAIL, address) is not None
