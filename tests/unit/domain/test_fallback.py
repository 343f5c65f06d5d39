"""The rules of a fallback, each in a table."""

from __future__ import annotations

import pytest

from helpers.drafts import EMAIL, NOON, SMS, WEBSOCKET
from tocsin_server.domain.fallback import (
    ends_by_reading,
    ends_by_sending,
    is_fallback,
    is_over,
    leads_on_at,
    steps_of,
)
from tocsin_server.domain.model import LATEST, PARALLEL, ChannelDraft, ChannelType, Goal, Micros, Strategy, StrategyKind

READ, SENT = Goal


def test_a_step_has_its_own_time_or_that_of_the_strategy() -> None:
    channels = [ChannelDraft(WEBSOCKET, None, 5), ChannelDraft(EMAIL, "a@example.org"), ChannelDraft(SMS, "+1", 0)]
    for patience, expected in [(None, [5, None, 0]), (7, [5, 7, 0])]:
        steps = steps_of(channels, Strategy(StrategyKind.FALLBACK, patience))
        assert [step.escalate_after for step in steps] == expected
        assert [step[:2] for step in steps] == [draft[:2] for draft in channels]


def test_only_one_strategy_uses_channels_one_after_the_other() -> None:
    assert is_fallback(Strategy(StrategyKind.FALLBACK))
    assert not is_fallback(PARALLEL)
    assert not is_fallback(Strategy(StrategyKind.PARALLEL))


@pytest.mark.parametrize(
    ("channel", "patience", "goal", "due_at", "expected"),
    [
        (WEBSOCKET, 30, READ, NOON, NOON + 30),
        (WEBSOCKET, 30, SENT, NOON, NOON + 30),
        (EMAIL, 30, READ, NOON, NOON + 30),
        (EMAIL, 30, SENT, NOON, None),
        (EMAIL, None, READ, NOON, None),
        (WEBSOCKET, None, READ, NOON, None),
        (WEBSOCKET, None, SENT, NOON, None),
        (EMAIL, 30, READ, LATEST - 10, LATEST),
    ],
)
def test_a_step_has_had_its_time(
    channel: ChannelType, patience: Micros | None, goal: Goal, due_at: Micros, expected: Micros | None
) -> None:
    assert leads_on_at(ChannelDraft(channel, None, patience), goal, due_at) == expected


@pytest.mark.parametrize(
    ("goal", "is_read", "expires_at", "over"),
    [
        (READ, False, None, False),
        (READ, True, None, True),
        (SENT, True, None, False),
        (READ, False, NOON + 1, False),
        (READ, False, NOON, True),
        (SENT, False, NOON, True),
        (SENT, True, NOON + 1, False),
    ],
)
def test_no_further_step_starts_after_reading_or_expiry(
    goal: Goal, is_read: bool, expires_at: Micros | None, over: bool
) -> None:
    assert is_over(goal, is_read=is_read, expires_at=expires_at, now=NOON) == over


@pytest.mark.parametrize(
    ("goal", "is_read", "ends"),
    [
        (READ, True, True),
        (READ, False, False),
        (SENT, True, False),
        (None, True, False),
        ("read", True, True),
        ("sent", True, False),
    ],
)
def test_reading_makes_channels_pointless_that_are_to_get_it_read(
    goal: Goal | str | None, is_read: bool, ends: bool
) -> None:
    assert ends_by_reading(goal, is_read=is_read) == ends


@pytest.mark.parametrize(
    ("goal", "latest", "next_step_at", "ends"),
    [
        (SENT, True, None, True),
        (SENT, True, NOON, True),
        (SENT, False, None, True),
        (READ, True, NOON, False),
        (READ, True, None, True),
        (READ, False, None, False),
        (READ, False, NOON, False),
    ],
)
def test_a_step_that_is_sent_ends_the_list_where_nothing_could_lead_on(
    goal: Goal, latest: bool, next_step_at: Micros | None, ends: bool
) -> None:
    assert ends_by_sending(goal, latest=latest, next_step_at=next_step_at) == ends
