"""The rules of channel rows."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.drafts import EMAIL, FAILED, NOON, PENDING, SENT, WEBSOCKET
from tocsin_server.domain.channel_row import (
    first_due_at,
    is_due,
    is_expired,
    next_attempt_at,
    notification_status,
    revived_due_at,
    waits_until,
)
from tocsin_server.domain.model import Status

# -- the status of a notification ----------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.sampled_from(Status)), st.booleans())
def test_a_notification_is_sent_else_pending_else_failed(channels: list[Status], outstanding: bool) -> None:
    if SENT in channels:
        expected = SENT
    elif PENDING in channels or outstanding:
        expected = PENDING
    else:
        expected = FAILED
    assert notification_status(iter(channels), outstanding=outstanding) == expected


@settings(deadline=None)
@given(st.lists(st.sampled_from(Status)), st.booleans(), st.randoms())
def test_the_order_of_the_channels_does_not_matter(
    channels: list[Status],
    outstanding: bool,
    chance: random.Random,
) -> None:
    shuffled = list(channels)
    chance.shuffle(shuffled)
    assert notification_status(channels, outstanding=outstanding) == notification_status(
        shuffled, outstanding=outstanding
    )


# -- when something is to be done ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "due_at", "due"),
    [
        (PENDING, NOON - 1, True),
        (PENDING, NOON, True),
        (PENDING, NOON + 1, False),
        (PENDING, None, False),
        (SENT, NOON, False),
        (FAILED, NOON, False),
    ],
)
def test_a_pending_row_is_due_from_its_time_on(status: Status, due_at: int | None, due: bool) -> None:
    assert is_due(status, due_at, NOON) is due


def test_a_new_row_is_due_when_its_caller_says_or_else_at_once() -> None:
    assert first_due_at(NOON + 5, NOON, NOON) == NOON + 5
    assert first_due_at(NOON - 5, NOON, NOON) == NOON - 5
    assert first_due_at(None, NOON + 3, NOON) == NOON
    assert first_due_at(None, NOON - 3, NOON) == NOON - 3


def test_a_row_that_waits_for_a_subscriber_is_due_when_its_time_is_over() -> None:
    assert waits_until(NOON) == NOON
    assert waits_until(None) is None
    assert revived_due_at(WEBSOCKET, NOON + 5, NOON) == NOON + 5
    assert revived_due_at(EMAIL, NOON + 5, NOON) == NOON


@pytest.mark.parametrize(("expires_at", "expired"), [(None, False), (NOON + 1, False), (NOON, True), (NOON - 1, True)])
def test_a_time_is_over_when_it_is_reached(expires_at: int | None, expired: bool) -> None:
    assert is_expired(expires_at, NOON) is expired


def test_the_next_attempt_is_shown_only_of_what_waits_for_one() -> None:
    assert next_attempt_at(EMAIL, PENDING, NOON, held=False, in_feed=True) == NOON
    assert next_attempt_at(WEBSOCKET, PENDING, NOON, held=False, in_feed=False) == NOON
    assert next_attempt_at(WEBSOCKET, PENDING, NOON, held=False, in_feed=True) is None
    assert next_attempt_at(EMAIL, PENDING, NOON, held=True, in_feed=False) is None
    assert next_attempt_at(EMAIL, SENT, None, held=False, in_feed=False) is None
