"""How a provider's words become a detail."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.drafts import claim
from tocsin_server.channels.sender import DETAIL_LIMIT
from tocsin_server.channels.verdict import HIDDEN, detail

MESSAGE = claim(
    id="c",
    address="ann@example.org",
    title="Payroll",
    message="The vault code is 4711.\n  Tell nobody.\nx",
    created_at=0,
)


def test_a_detail_is_one_bounded_line() -> None:
    assert detail("first\r\nsecond\tthird\x00\u2028fourth") == "first second third fourth"
    assert len(detail("x" * 10_000)) == DETAIL_LIMIT


def test_a_secret_is_hidden_wherever_it_stands() -> None:
    assert detail("GET /bot42:abc/x and 42:abc", secrets=["42:abc"]) == f"GET /bot{HIDDEN}/x and {HIDDEN}"


def test_an_empty_secret_hides_nothing() -> None:
    assert detail("all is well", secrets=[""]) == "all is well"


def test_content_is_hidden_whole_and_by_line() -> None:
    assert detail(f"spam: {MESSAGE.message}", message=MESSAGE) == f"spam: {HIDDEN}"
    assert detail("spam: Tell nobody. (in Payroll)", message=MESSAGE) == f"spam: {HIDDEN} (in {HIDDEN})"


def test_a_line_of_a_letter_does_not_blank_the_whole_detail() -> None:
    assert detail("no such mailbox: xerxes", message=MESSAGE) == "no such mailbox: xerxes"


def test_octets_that_were_no_text_become_text() -> None:
    undecodable = b"550 caf\xe9".decode("utf-8", "surrogateescape")
    assert detail(undecodable) == "550 caf?"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=600), st.text(min_size=1, max_size=20))
def test_any_text_becomes_a_detail_that_can_be_stored(text: str, secret: str) -> None:
    result = detail(text, secrets=[secret])
    assert len(result) <= DETAIL_LIMIT
    assert "\0" not in result
    assert result.encode("utf-8").decode("utf-8") == result


def test_a_long_text_is_cut_without_showing_half_of_what_is_hidden() -> None:
    message = MESSAGE._replace(message="x" * 3000 + "The vault code is 4711, and this is one long line")
    for filler in (0, 1090, 1100, 2000, 4090):
        shown = detail("-" * filler + f" {message.message}" + "." * 9000, message=message)
        assert "xxxx" not in shown
        assert "4711" not in shown
