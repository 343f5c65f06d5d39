"""A decision as a whole: what was chosen, by whom, what policies left of it, and what is to be stored of that. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tocsin_server.domain.errors import NoRoute, PolicyDenied
from tocsin_server.domain.model import (
    PARALLEL,
    ChannelDraft,
    ChannelType,
    DecidedBy,
    Decision,
    Denial,
    LimitUse,
    Strategy,
)
from tocsin_server.routing.book import RuleBook, Trial
from tocsin_server.routing.facts import Facts


class Decided(NamedTuple):
    """Channels that a notification goes out by, possibly none if rules decided.

    ``decision`` is what Explain shall tell, None where the notification itself tells it. ``trials`` are the rules that
    were tried.
    """

    channels: Sequence[ChannelDraft]
    strategy: Strategy
    decision: Decision | None
    limits: Sequence[LimitUse] = ()
    trials: Sequence[Trial] = ()


def by_caller(book: RuleBook, facts: Facts, channels: Sequence[ChannelDraft], strategy: Strategy) -> Decided:
    """Look at what the caller chose; raises `PolicyDenied`."""
    narrowed = book.narrow(facts, channels, keep_late=True)
    if narrowed.denied:
        raise denied(narrowed.denied)
    decision = None
    if narrowed.put_off:
        decision = Decision(DecidedBy.CALLER, facts.caller, narrowed.channels, narrowed.put_off)
    return Decided(narrowed.channels, strategy, decision, narrowed.limits)


def by_rules(
    book: RuleBook,
    facts: Facts,
    configured: Mapping[ChannelType, bool],
    by: DecidedBy = DecidedBy.RULE,
) -> Decided:
    """Let rules choose, and policies narrow it. ``facts`` come with the contact, if there is one."""
    choice = book.choose(facts, configured)
    narrowed = book.narrow(facts, choice.channels)
    strategy = choice.strategy if narrowed.channels else PARALLEL
    reason = "" if narrowed.channels else NoRoute.reason
    out = [*choice.left_out, *narrowed.denied, *narrowed.put_off]
    decision = Decision(by, choice.rule, narrowed.channels, out, reason)
    return Decided(narrowed.channels, strategy, decision, narrowed.limits, choice.trials)


def denied(denials: Sequence[Denial]) -> PolicyDenied:
    """Return the refusal that names every channel that was denied, and every policy that denies one."""
    channels = dict.fromkeys(denial.channel for denial in denials)
    return PolicyDenied(tuple(channels), tuple(dict.fromkeys(denial.policy for denial in denials)))
