"""The rules of a fallback: its steps, when the next one starts, and what ends it. Pure.

One channel at a time, in order. A step has no channel row until its turn; until then it is in a list beside its
notification. The next one starts

- when the step that began last has failed,
- or when that step has had its time (``escalate_after`` from when it was due) and the goal is not reached: with
  `Goal.READ` while the notification is unread, with `Goal.SENT` only where the step is a websocket row that waits.

The list ends when the goal is reached, when the notification expires, and when it is cancelled. With `Goal.READ`,
reading ends also what has begun and is not sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from tocsin_server.domain.channel_row import is_expired
from tocsin_server.domain.model import (
    LATEST,
    MICROS_PER_SECOND,
    ChannelDraft,
    ChannelType,
    Goal,
    Micros,
    Strategy,
    StrategyKind,
)

FAILED = "FAILED"
UNREAD = "UNREAD"
"""Why a step began, as Explain tells it: the one before failed, or has not reached the goal in its time."""


def is_fallback(strategy: Strategy) -> bool:
    """Whether channels are used one after the other."""
    return strategy.kind == StrategyKind.FALLBACK


def steps_of(channels: Sequence[ChannelDraft], strategy: Strategy) -> list[ChannelDraft]:
    """Return channels as steps, each with the time that it gets: its own, else the strategy's, else none."""
    return [
        draft if draft.escalate_after is not None else draft._replace(escalate_after=strategy.escalate_after)
        for draft in channels
    ]


def leads_on_at(step: ChannelDraft, goal: Goal, due_at: Micros) -> Micros | None:
    """Return when a step that is due at ``due_at`` has had its time; None if only its failure leads on."""
    if step.escalate_after is None or (goal == Goal.SENT and step.channel != ChannelType.WEBSOCKET):
        return None
    return min(due_at + step.escalate_after, LATEST)


def is_over(goal: Goal, *, is_read: bool, expires_at: Micros | None, now: Micros) -> bool:
    """Whether no further step starts. (Cancelling takes the list away at once.)"""
    return is_expired(expires_at, now) or ends_by_reading(goal, is_read=is_read)


def ends_by_reading(goal: Goal | str | None, *, is_read: bool) -> bool:
    """Whether a notification's channels are pointless since it is read. ``goal`` is None without a fallback."""
    return is_read and goal == Goal.READ


def ends_by_sending(goal: Goal, *, latest: bool, next_step_at: Micros | None) -> bool:
    """Whether no further step starts now that one was sent, which began last or not.

    With `Goal.READ` that is so when it began last and only its failure would have led on.
    """
    return goal == Goal.SENT or (latest and next_step_at is None)


RECORDING_GRACE: Micros = 5 * MICROS_PER_SECOND
"""How long a websocket row that waits in its feed outlives the reading of its notification. Reading follows within a
moment on the event that was written to a stream, and what was written is recorded a moment later, see
`tocsin_server.feed.settlement`: without this, the quickest readers would leave a failed row."""


def superseded_due_at(due_at: Micros | None, now: Micros) -> Micros:
    """Return when a websocket row fails that waits in its feed when its notification is read."""
    return min(now + RECORDING_GRACE, due_at if due_at is not None else LATEST)
