"""Ids have the time in them at which they were made, or what a caller calls a recipient."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tocsin_server.domain.ids import RECIPIENT_NAMESPACE, created_at_of, derived_id, first_id_at
from tocsin_server.domain.model import LATEST, RecipientType

ROOT = Path(__file__).parents[3]
KNOWN = json.loads((ROOT / "clients" / "conformance" / "external_ids.json").read_text("utf-8"))
"""What every client is held against."""

MILLISECONDS = st.integers(0, LATEST // 1000)
"""Of times that are stored; 48 bits reach to the year 10889."""

RANDOM = st.integers(0, 2**80 - 1)


def uuid_of(millisecond: int, rest: int) -> str:
    """Return a UUIDv7 of this time, put together as RFC 9562, 5.7 draws it."""
    number = millisecond << 80 | rest
    number = number & ~(0xF << 76) | 0x7 << 76  # the version
    return str(UUID(int=number & ~(0x3 << 62) | 0x2 << 62))  # the variant


@given(MILLISECONDS, RANDOM)
def test_the_time_in_an_id_is_the_millisecond_in_which_it_was_made(millisecond: int, rest: int) -> None:
    assert created_at_of(uuid_of(millisecond, rest)) == millisecond * 1000


@given(MILLISECONDS.filter(bool), RANDOM, st.integers(1, 999))
def test_the_first_id_at_a_time_is_below_all_that_are_made_then_or_later_and_above_those_before(
    millisecond: int, rest: int, part: int
) -> None:
    made = uuid_of(millisecond, rest)
    assert first_id_at(millisecond * 1000) <= made
    assert first_id_at((millisecond - 1) * 1000 + part) <= made
    assert first_id_at(millisecond * 1000 + part) > made


def test_a_derived_id_is_what_every_client_makes_of_it() -> None:
    assert str(RECIPIENT_NAMESPACE) == KNOWN["namespace"]
    assert len(KNOWN["recipients"]) >= 3
    for known in KNOWN["recipients"]:
        assert derived_id(RecipientType(known["type"]), known["external_id"]) == known["id"]


def test_the_comment_of_the_api_has_the_namespace_and_good_examples() -> None:
    proto = (ROOT / "protos" / "tocsin" / "v1" / "notification.proto").read_text("utf-8")
    assert KNOWN["namespace"] in proto
    for known in KNOWN["recipients"][:3]:
        assert f'type {known["type"]}, external_id "{known["external_id"]}", and id {known["id"]}' in proto


@given(st.sampled_from(RecipientType), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_derived_id_is_put_together_as_rfc_9562_says(kind: RecipientType, external_id: str) -> None:
    name = f"{kind.value}:{external_id}".encode()
    digest = hashlib.sha1(RECIPIENT_NAMESPACE.bytes + name, usedforsecurity=False).digest()[:16]
    number = int.from_bytes(digest) & ~(0xF << 76) | 0x5 << 76
    assert derived_id(kind, external_id) == str(UUID(int=number & ~(0x3 << 62) | 0x2 << 62))
