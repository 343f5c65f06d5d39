"""How hints travel over PostgreSQL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.replica import hint, user
from tocsin_server.domain.model import FeedPosition, Recipient, RecipientType
from tocsin_server.feed.bus.hints import Hint
from tocsin_server.feed.bus.postgresql import LONGEST_PAYLOAD, payloads, read_payload

recipients = st.builds(Recipient, st.sampled_from(RecipientType), st.uuids().map(str))
numbers = st.integers(0, 2**63 - 1)
hints = st.builds(Hint, recipients, st.builds(FeedPosition, numbers, numbers))


@given(st.lists(hints, max_size=300))
def test_payloads_hold_all_hints_in_order_and_notify_takes_them(several: list[Hint]) -> None:
    written = list(payloads(several))
    assert all(0 < len(payload.encode()) <= LONGEST_PAYLOAD for payload in written)
    assert [one for payload in written for one in read_payload(payload)] == several


def test_payloads_are_as_few_as_possible() -> None:
    line = len(next(payloads([hint(user(), 1)]))) + 1
    fitting = (LONGEST_PAYLOAD + 1) // line
    several = [hint(user(), 1) for _ in range(fitting + 1)]
    assert len(list(payloads(several[:fitting]))) == 1
    assert len(list(payloads(several))) == 2


@pytest.mark.parametrize("text", ["", "hello", "user x 1", "user x 1 2 3", "user x 1 y", "stranger x 1 2", "\n\n"])
def test_lines_of_another_form_are_passed_over(text: str) -> None:
    good = hint(user(), 1)
    assert list(read_payload(text)) == []
    assert list(read_payload("\n".join([text, *payloads([good]), text]))) == [good]
