"""Page tokens: what was written reads back for the same list, and nothing else does."""

from __future__ import annotations

import base64
import string
import uuid
import zlib
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers.drafts import EMAIL, FAILED, NOON, user
from tocsin_server.domain.errors import MalformedPageToken
from tocsin_server.domain.model import ChannelType, NotificationFilter, Recipient, RecipientType, Status
from tocsin_server.rpc.page_token import decode, decode_contact, encode, encode_contact

EVERYTHING = NotificationFilter()
PLACE = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"
# Not of a new id: its tokens are in the names of tests, which several workers must agree on.
FEED = NotificationFilter(recipient=Recipient(RecipientType.USER, PLACE), feed_only=True)

TIMES = st.one_of(st.none(), st.integers(0, 2**53))
FILTERS = st.builds(
    NotificationFilter,
    recipient=st.one_of(st.none(), st.builds(Recipient, st.sampled_from(RecipientType), st.uuids(version=4).map(str))),
    feed_only=st.just(False),
    unread_only=st.booleans(),
    unrouted_only=st.booleans(),
    statuses=st.lists(st.sampled_from(Status), unique=True).map(tuple),
    channels=st.lists(st.sampled_from(ChannelType), unique=True).map(tuple),
    created_after=TIMES,
    created_before=TIMES,
)


@settings(deadline=None)
@given(FILTERS, st.uuids())
def test_a_place_in_a_list_survives_the_way_through_a_token(wanted: NotificationFilter, place: uuid.UUID) -> None:
    token = encode(str(place), wanted)
    assert decode(token, wanted) == str(place)
    assert len(token) <= 1024
    assert set(token) <= set(string.ascii_letters + string.digits + "-_")


@settings(deadline=None)
@given(FILTERS, st.integers(0, 2**63 - 1))
def test_a_place_in_a_feed_is_a_sequence(wanted: NotificationFilter, place: int) -> None:
    feed = replace(wanted, feed_only=True)
    assert decode(encode(str(place), feed), feed) == str(place)


@settings(deadline=None)
@given(FILTERS, FILTERS)
def test_a_token_is_for_its_own_list_only(one: NotificationFilter, other: NotificationFilter) -> None:
    assume(one != other)
    with pytest.raises(MalformedPageToken, match="other filters"):
        decode(encode(PLACE, one), other)


def test_every_condition_of_a_list_counts() -> None:
    changes: dict[str, Any] = {
        "recipient": user(),
        "feed_only": True,
        "unread_only": True,
        "unrouted_only": True,
        "statuses": (FAILED,),
        "channels": (EMAIL,),
        "created_after": NOON,
        "created_before": NOON,
        "category": "order.*",
    }
    assert set(changes) == {field.name for field in fields(NotificationFilter)}
    token = encode(PLACE, EVERYTHING)
    for name, value in changes.items():
        with pytest.raises(MalformedPageToken):
            decode(token, replace(EVERYTHING, **{name: value}))


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(
        st.text(max_size=80),
        st.text(string.ascii_letters + string.digits + "-_=+/", min_size=1, max_size=80),
        st.tuples(st.integers(0, 61), st.characters(codec="ascii")).map(
            lambda change: (
                encode(PLACE, EVERYTHING)[: change[0]] + change[1] + encode(PLACE, EVERYTHING)[change[0] + 1 :]
            )
        ),
    )
)
def test_any_text_is_refused_or_is_the_one_token_of_its_place(text: str) -> None:
    for wanted in (EVERYTHING, FEED):
        try:
            place = decode(text, wanted)
        except MalformedPageToken:
            continue
        assert encode(place, wanted) == text


def _spell(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _forge(place: str, wanted: NotificationFilter, version: str = "1") -> str:
    """Write what this server would, were the place good."""
    return _spell(f"{version}.{zlib.crc32(repr(wanted).encode()):08x}.{place}")


def test_the_forgery_of_these_tests_is_one() -> None:
    assert _forge(PLACE, EVERYTHING) == encode(PLACE, EVERYTHING)


@pytest.mark.parametrize(
    ("token", "wanted"),
    [
        ("", EVERYTHING),
        ("nonsense", EVERYTHING),
        (encode(PLACE, EVERYTHING) + "=", EVERYTHING),
        (_spell("1.00000000"), EVERYTHING),
        (_forge(PLACE, EVERYTHING, version="2"), EVERYTHING),
        (_forge("", EVERYTHING), EVERYTHING),
        (_forge(PLACE.upper(), EVERYTHING), EVERYTHING),
        (_forge(PLACE + "' OR 1", EVERYTHING), EVERYTHING),
        (_forge("42", EVERYTHING), EVERYTHING),
        (_forge(PLACE, FEED), FEED),
        (_forge("-1", FEED), FEED),
        (_forge(str(2**63), FEED), FEED),  # more than a column holds
        (_forge("9" * 19, FEED), FEED),
    ],
)
def test_what_this_server_never_wrote_is_refused(token: str, wanted: NotificationFilter) -> None:
    with pytest.raises(MalformedPageToken) as refused:
        decode(token, wanted)
    assert refused.value.metadata == {"field": "page_token"}


CONTACTS = st.builds(Recipient, st.sampled_from(RecipientType), st.uuids().map(str))
TYPES = st.one_of(st.none(), st.sampled_from(RecipientType))


@settings(deadline=None)
@given(CONTACTS, TYPES, TYPES)
def test_a_place_in_the_contacts_survives_for_the_same_type_only(
    place: Recipient, wanted: RecipientType | None, other: RecipientType | None
) -> None:
    token = encode_contact(place, wanted)
    assert decode_contact(token, wanted) == place
    assert len(token) <= 1024
    if other != wanted:
        with pytest.raises(MalformedPageToken, match="other filters"):
            decode_contact(token, other)


def test_the_token_of_one_kind_of_list_is_none_for_another() -> None:
    with pytest.raises(MalformedPageToken):
        decode_contact(encode(PLACE, EVERYTHING), None)
    contact = Recipient(RecipientType.USER, PLACE)
    with pytest.raises(MalformedPageToken):
        decode(encode_contact(contact, None), EVERYTHING)
