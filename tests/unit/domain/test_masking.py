"""Hidden addresses: enough to recognise one that is known, never enough to write to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.drafts import EMAIL, SMS, TELEGRAM
from tocsin_server.domain.masking import HIDDEN, mask
from tocsin_server.domain.model import ChannelType


@pytest.mark.parametrize(
    ("channel", "address", "shown"),
    [
        (EMAIL, "ann@example.org", "a•••@example.org"),
        (EMAIL, "a@example.org", "•••@example.org"),
        (EMAIL, '"a@b"@example.org', "•••@example.org"),
        (EMAIL, "example.org", "•••"),
        (SMS, "+15550100123", "•••23"),
        (SMS, "+12345", "•••"),
        (TELEGRAM, "@ann_example", "@a•••"),
        (TELEGRAM, "-1001234567", "•••67"),
        (TELEGRAM, "12345", "•••"),
    ],
)
def test_the_first_letter_and_the_domain_or_the_last_two_digits_are_shown(
    channel: ChannelType, address: str, shown: str
) -> None:
    assert mask(channel, address) == shown


@given(st.sampled_from([EMAIL, SMS, TELEGRAM]), st.text(max_size=40))
def test_no_more_than_two_characters_of_what_is_personal_are_shown(channel: ChannelType, address: str) -> None:
    hidden = mask(channel, address)
    assert HIDDEN in hidden
    personal = hidden.rpartition("@")[0] if channel == EMAIL and not hidden.endswith(HIDDEN) else hidden
    assert len(personal.replace(HIDDEN, "").replace("@", "")) <= 2
