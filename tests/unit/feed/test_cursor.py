"""Cursors: what was written reads back, and nothing else is taken for one."""

from __future__ import annotations

import base64
import string
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin_server.domain.errors import MalformedCursor
from tocsin_server.domain.model import NO_FEED, FeedPosition
from tocsin_server.feed.cursor import decode, encode

LARGEST = 2**63 - 1
GOOD = encode(FeedPosition(7, 42))

POSITIONS = st.builds(FeedPosition, st.integers(0, LARGEST), st.integers(0, LARGEST))
URL_SAFE = string.ascii_letters + string.digits + "-_"


def _spell(version: int, epoch: int, sequence: int) -> str:
    return base64.urlsafe_b64encode(struct.pack(">BQQ", version, epoch, sequence)).rstrip(b"=").decode()


@settings(deadline=None)
@given(POSITIONS)
@example(NO_FEED)
@example(FeedPosition(LARGEST, LARGEST))
def test_a_position_survives_the_way_through_a_cursor(position: FeedPosition) -> None:
    cursor = encode(position)
    assert decode(cursor) == position
    assert len(cursor) == 23
    assert set(cursor) <= set(URL_SAFE)


@settings(deadline=None)
@given(POSITIONS, POSITIONS)
def test_different_positions_have_different_cursors(one: FeedPosition, other: FeedPosition) -> None:
    assert (encode(one) == encode(other)) == (one == other)


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(
        st.text(max_size=30),
        st.text(URL_SAFE + "+/=", min_size=20, max_size=26),
        st.binary(min_size=17, max_size=17).map(lambda raw: base64.urlsafe_b64encode(raw).decode()),
        st.tuples(st.integers(0, 22), st.sampled_from(URL_SAFE)).map(lambda c: GOOD[: c[0]] + c[1] + GOOD[c[0] + 1 :]),
    )
)
def test_any_text_is_refused_or_is_the_one_cursor_of_its_position(text: str) -> None:
    try:
        position = decode(text)
    except MalformedCursor:
        return
    assert encode(position) == text


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "=",
        GOOD + "A",
        GOOD[:-1],
        " " + GOOD,
        GOOD + "\n",
        GOOD[:-1] + "é",
        GOOD[:-1] + "\ud800",
        GOOD[:-1] + chr(ord(GOOD[-1]) + 1),  # the same bytes, with other bits in what is left over
        _spell(0, 7, 42),
        _spell(2, 7, 42),
        _spell(1, 7, LARGEST + 1),
        _spell(1, 2**64 - 1, 42),
        "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41",
    ],
)
def test_what_this_server_never_wrote_is_refused(text: str) -> None:
    with pytest.raises(MalformedCursor):
        decode(text)


def test_the_refusal_names_the_field() -> None:
    with pytest.raises(MalformedCursor) as refused:
        decode("nonsense", "up_to_cursor")
    assert refused.value.metadata == {"field": "up_to_cursor"}
    assert [violation.field for violation in refused.value.violations] == ["up_to_cursor"]
    with pytest.raises(MalformedCursor) as refused:
        decode("nonsense")
    assert refused.value.metadata == {"field": "cursor"}
