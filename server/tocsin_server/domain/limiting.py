"""Which channels of a decision the limits of policies leave, given how far each is used up. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from tocsin_server.domain.errors import NoRoute, PolicyLimit, TocsinError
from tocsin_server.domain.model import (
    MICROS_PER_SECOND,
    ChannelDraft,
    DecidedBy,
    Decision,
    Denial,
    LimitUse,
    Micros,
    NotificationDraft,
    Recipient,
)

CountKey: TypeAlias = tuple[str, str, Micros, Micros]
"""What is counted by itself: a policy, whose count it is, and the beginning and end of its window."""

SHORTEST_WAIT = 0.001
"""Seconds to wait for a window that is over already, by the time that the transaction goes by."""

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))
"""In milliseconds, as settings and rules write them."""


def count_key(use: LimitUse) -> CountKey:
    """Return what a use is counted under."""
    return use.policy, use.key, use.window, use.ends


def recipient_key(recipient: Recipient, address: str | None) -> str:
    """Return whose a count of a recipient is; who is not registered is known by the address alone, as a hash of it.

    Capitals make no other address: mailboxes and names of chats go without them.
    """
    if recipient.registered:
        return f"{recipient.type}:{recipient.id}"
    known_by = hashlib.sha256((address or "").casefold().encode()).hexdigest()[:32]
    return f"{recipient.type}:#{known_by}"


class Narrowed(NamedTuple):
    """The channels that are left, and the uses for which the others are not, at least one for each."""

    channels: Sequence[ChannelDraft]
    over: Sequence[LimitUse]


class Counts:
    """How much of each limit is used up, while one decision after the other takes from it.

    Args:
        used: The counts as they were before.
    """

    def __init__(self, used: Mapping[CountKey, int]) -> None:
        self.used = dict(used)

    def narrow(self, channels: Sequence[ChannelDraft], uses: Sequence[LimitUse], *, whole: bool) -> Narrowed:
        """Count the channels of a decision in their order, and leave out those that are at a limit.

        Each step of a fallback counts, like a channel that is sent at once: whether its turn comes is not known yet,
        and when it comes, nobody asks again.

        Args:
            channels: What was decided.
            uses: What each channel counts towards; of other channels they are ignored.
            whole: Whether all of it is left out, and nothing counted, when anything is.
        """
        if not uses:
            return Narrowed(channels, ())
        left: list[ChannelDraft] = []
        over: list[LimitUse] = []
        counted: list[LimitUse] = []
        for wanted in channels:
            mine = [use for use in uses if use.channel == wanted.channel]
            if full := self.full(mine):
                over += full
                continue
            self._add(mine, 1)
            counted += mine
            left.append(wanted)
        if over and whole:
            self._add(counted, -1)
            left = []
        return Narrowed(left, over)

    def full(self, uses: Iterable[LimitUse]) -> list[LimitUse]:
        """Return the uses whose limits are reached."""
        return [use for use in uses if self.used[count_key(use)] >= use.limit]

    def _add(self, uses: Iterable[LimitUse], count: int) -> None:
        for use in uses:
            self.used[count_key(use)] += count


def uses_of(draft: NotificationDraft) -> list[LimitUse]:
    """Return all that a draft counts, if none of its channels is at a limit."""
    return [use for wanted in draft.channels for use in draft.limits if use.channel == wanted.channel]


def admit(draft: NotificationDraft, counts: Counts, now: Micros) -> NotificationDraft | TocsinError:
    """Count a draft; return it with the channels that are left, or what it is refused with, which counts nothing.

    What its caller named is sent whole or not at all. What a rule chose goes without the channels that are at a limit,
    and its decision tells so.
    """
    if not draft.limits:
        return draft
    decision = draft.decision
    whole = decision is None or decision.by == DecidedBy.CALLER
    channels, over = counts.narrow(draft.channels, draft.limits, whole=whole)
    if not over:
        return draft
    if decision is None or whole:
        return limit_reached(over, now)
    if not channels:
        return no_route(draft.recipient, without_full(decision, channels, over))
    return draft._replace(channels=channels, decision=without_full(decision, channels, over))


def no_route(recipient: Recipient, decision: Decision) -> NoRoute:
    """Return the refusal of a notification for which rules leave no channel; the decision says why each was denied."""
    denied = decision.denied
    why = [f"{out.channel}: " + (f"policy {out.policy!r}" if out.policy else out.detail) for out in denied]
    error = NoRoute(recipient.type, decision.name, why)
    error.policies = [out.policy for out in denied if out.policy]
    return error


def without_full(decision: Decision, channels: Sequence[ChannelDraft], over: Sequence[LimitUse]) -> Decision:
    """Return a decision as Explain tells it when limits left these channels, and why not the others."""
    return decision._replace(channels=channels, denied=[*decision.denied, *map(limit_denial, over)])


def limit_reached(over: Sequence[LimitUse], now: Micros) -> PolicyLimit:
    """Return the error of a decision that is refused whole: it names the limit whose window ends last."""
    use = max(over, key=lambda use: use.ends)
    wait = max((use.ends - now) / MICROS_PER_SECOND, SHORTEST_WAIT)
    return PolicyLimit(use.channel, use.policy, use.limit, wait)


def limit_denial(use: LimitUse) -> Denial:
    """Return what Explain tells of a channel that was taken out at a limit."""
    return Denial(use.channel, use.policy, f"limit {use.limit} per {span_of(use)} reached")


def span_of(use: LimitUse) -> str:
    """Return the length of the window that a use counts in."""
    return span(use.ends - use.window)


def span(length: Micros) -> str:
    """Write a length of time in the largest unit that it is a whole number of: ``1d``, ``90m``."""
    whole = length // 1000
    unit, size = next((unit, size) for unit, size in _UNITS if whole % size == 0)
    return f"{whole // size}{unit}"
