"""What policies that bind leave of channels that were chosen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from tocsin_server.domain.clock import isoformat
from tocsin_server.domain.limiting import recipient_key
from tocsin_server.domain.model import ChannelDraft, ChannelType, Denial, LimitUse, Micros
from tocsin_server.routing.facts import Facts
from tocsin_server.routing.policies import Each, Policy

ROUNDS: Final = 16
"""How often windows of several policies are looked at until they meet; two days that have none are enough."""


class Narrowed(NamedTuple):
    """What policies leave of a choice.

    ``channels`` are allowed, those that have to wait with ``not_before``; ``put_off`` says why. ``denied`` are the
    others. ``limits`` are to be counted when it is stored.
    """

    channels: Sequence[ChannelDraft]
    denied: Sequence[Denial] = ()
    put_off: Sequence[Denial] = ()
    limits: Sequence[LimitUse] = ()


class Opening(NamedTuple):
    """When all hours let something be sent, None if they never do; ``policies`` are those that put it off."""

    at: Micros | None
    policies: list[str]


def narrow(policies: Sequence[Policy], facts: Facts, channels: Sequence[ChannelDraft], *, keep_late: bool) -> Narrowed:
    """Take out what policies deny, and put off what has to wait; see `RuleBook.narrow`. All policies bind."""
    allowed: list[ChannelDraft] = []
    denied: list[Denial] = []
    put_off: list[Denial] = []
    limits: list[LimitUse] = []
    objecting = [policy for policy in policies if policy.denied or policy.country is not None]
    hours = [policy for policy in policies if policy.hours is not None]
    limiting = [policy for policy in policies if policy.limit is not None]
    for chosen in channels:
        draft = chosen
        if objecting and (objections := _objections(objecting, draft)):
            denied += objections
            continue
        late = False
        if hours:
            opening = opening_of(hours, draft.channel, facts)
            if waiting := [Denial(draft.channel, name, _waiting(opening.at)) for name in opening.policies]:
                late = opening.at is None or (facts.expires_at is not None and opening.at >= facts.expires_at)
                if late and not (keep_late and facts.expires_at is not None):
                    denied += waiting
                    continue
                put_off += waiting
                draft = chosen._replace(not_before=facts.expires_at if late else opening.at)
        allowed.append(draft)
        if limiting and not late:
            limits += _uses(limiting, draft, facts)
    return Narrowed(allowed, denied, put_off, limits)


def opening_of(policies: Sequence[Policy], channel: ChannelType, facts: Facts) -> Opening:
    """Find the first time at which every window is open."""
    at = facts.goes_out_at
    waiting: list[str] = []
    hours = [(policy.name, policy.hours) for policy in policies if policy.hours and channel in policy.channels]
    for _ in range(ROUNDS if hours else 1):
        before = at
        for name, window in hours:
            opens = window.opens(facts, at)
            if opens > at:
                at = opens
                if name not in waiting:
                    waiting.append(name)
        if at == before:
            return Opening(at, waiting)
    return Opening(None, waiting)


def _objections(policies: Sequence[Policy], draft: ChannelDraft) -> list[Denial]:
    return [
        Denial(draft.channel, policy.name, said)
        for policy in policies
        if (said := policy.objection(draft.channel, draft.address)) is not None
    ]


def _waiting(at: Micros | None) -> str:
    return "its hours never meet those of other policies" if at is None else f"put off to {isoformat(at)}"


def _uses(policies: Sequence[Policy], draft: ChannelDraft, facts: Facts) -> list[LimitUse]:
    """Return what a channel counts towards: fixed windows, aligned to the epoch in UTC."""
    uses = []
    for policy in policies:
        if (limit := policy.limit) is None or draft.channel not in policy.channels:
            continue
        if (key := _key(limit.each, draft, facts)) is not None:
            window = facts.now - facts.now % limit.per
            uses.append(LimitUse(policy.name, key, draft.channel, limit.most, window, window + limit.per))
    return uses


def _key(each: Each, draft: ChannelDraft, facts: Facts) -> str | None:
    """Return whose count it is, None if it is nobody's: a limit of deciders is none of callers and rules."""
    match each:
        case Each.ALL:
            return ""
        case Each.CALLER:
            return facts.caller
        case Each.DECIDER:
            return facts.decider or None
        case Each.RECIPIENT:
            return recipient_key(facts.recipient, draft.address)
