"""Answers of tools: with the longest of everything they are small all the same, and no address stands in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin_client import (
    Attempt,
    Channel,
    ChannelTarget,
    ChannelType,
    Decision,
    Denied,
    Notification,
    Option,
    Recipient,
    RecipientContext,
    RecipientType,
    Status,
    Undecided,
)
from tocsin_client.decisions import DecidedBy
from tocsin_server.agents import results
from tocsin_server.agents.deciding_tools import MOST_LEASED, MOST_TOLD
from tocsin_server.agents.reading_tools import LARGEST_PAGE

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
ID = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"
LETTERS = ("x", '"', "\n", "\u20ac", "\U0001f600", "\u200b")


def notification(letter: str = "x", **fields: Any) -> Notification:
    """Return one of which everything is as long as it may be."""
    longest: dict[str, Any] = {
        "id": ID,
        "recipient": Recipient(RecipientType.POTENTIAL_CUSTOMER, external_id=letter * 255),
        "title": letter * 255,
        "message": letter * (64 * 1024 // len(letter.encode())),
        "status": Status.PENDING,
        "metadata": {letter * 30: {"deep": [letter * 200] * 20}, "more": letter * 5_000},
        "is_read": False,
        "created_at": NOW,
        "read_at": NOW,
        "send_at": NOW,
        "expires_at": NOW,
        "category": "c" * 64,
        "route_by": NOW,
    }
    return Notification(**(longest | fields))


def undecided(letter: str) -> Undecided:
    policies = tuple(f"{letter * 90}{number}" for number in range(10))
    options = tuple(Option(channel, False, policies, letter * 300) for channel in ChannelType)
    context = RecipientContext(
        "de-" + "x" * 30, "America/Argentina/ComodRivadavia", NOW.isoformat(), 10**6, dict.fromkeys(ChannelType, NOW)
    )
    return Undecided(notification(letter), ID, NOW, options, context)


def decision(letter: str) -> Decision:
    denied = tuple(Denied(channel, letter * 100, letter * 100) for channel in ChannelType for _ in range(3))
    targets = tuple(ChannelTarget(channel) for channel in ChannelType)
    return Decision(NOW, DecidedBy.ESCALATION, letter * 200, targets, denied, letter * 520, letter * 100)


@pytest.mark.parametrize("letter", LETTERS)
def test_the_longest_of_everything_fits_into_an_answer(letter: str) -> None:
    leased = results.fitted(
        lambda room: results.Leased(
            note=results.DATA_NOTE, undecided=[results.waiting(undecided(letter), room)] * MOST_LEASED
        )
    )
    page = results.fitted(
        lambda room: results.Feed(
            note=results.DATA_NOTE,
            notifications=[results.feed_item(notification(letter), room)] * LARGEST_PAGE,
            next_page_token="t" * 300,
        )
    )
    told = results.fitted(
        lambda room: results.Explained(
            note=results.WORDS_NOTE, notification_id=ID, decisions=[results.told(decision(letter), room)] * MOST_TOLD
        )
    )
    for answer in (leased, page, told):
        assert len(results.as_json(answer.model_dump(mode="json")).encode()) <= results.LARGEST


def test_what_is_cut_is_said_and_what_is_short_is_whole() -> None:
    short = results.data_of(notification(title="T", message="M", metadata={"a": 1}), 500)
    assert (short.title, short.message, short.metadata, short.cut) == ("T", "M", {"a": 1}, None)
    long = results.data_of(notification(), 100)
    assert long.cut == ["title", "message", "metadata"]
    assert len(long.message) == 100


def test_addresses_are_hidden_and_what_providers_said_is_left_out() -> None:
    last = Attempt(NOW, "permanent", "smtp://relay", "550", "no such mailbox: ann@example.org")
    row = Channel(
        ID, ID, ChannelType.EMAIL, Status.FAILED, 1, {"reply": "ann@example.org"}, NOW, "ann@example.org", None, (last,)
    )
    shown = results.as_json(
        results.shown(notification(channels=(row,), title="T", message="M", metadata={}), 500).model_dump()
    )
    assert "ann@" not in shown
    assert '"address":"a•••@example.org"' in shown
    assert '"last_outcome":"permanent","last_code":"550"' in shown


def test_channels_that_were_taken_out_tell_every_policy() -> None:
    denied = [Denied(ChannelType.SMS, "one", "denied"), Denied(ChannelType.SMS, "two", "limit 3 per 1d reached"),
              Denied(ChannelType.EMAIL, "", "CHANNEL_NOT_CONFIGURED")]  # fmt: skip
    assert results.taken_out(denied) == {
        "sms": "policy 'one': denied; policy 'two': limit 3 per 1d reached",
        "email": "the server has no provider for it",
    }
    assert results.taken_out([]) is None


def test_members_that_say_nothing_are_left_out() -> None:
    assert results.as_json({"a": None, "b": [{"c": None}], "d": False, "e": ""}) == '{"b":[{}],"d":false,"e":""}'
