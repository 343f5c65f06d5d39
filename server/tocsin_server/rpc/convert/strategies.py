"""How channels work together, and who decides about them: strategies, targets and routing, checked in full.

Send and Route name channels in the same way, so both read them here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from google.protobuf import duration_pb2
from tocsin.v1 import notification_pb2 as pb

from tocsin_server.domain.model import (
    MICROS_PER_SECOND,
    PARALLEL,
    ChannelDraft,
    ChannelType,
    Goal,
    Micros,
    Strategy,
    StrategyKind,
)
from tocsin_server.domain.ports import AddressProblem
from tocsin_server.rpc import validation
from tocsin_server.rpc.convert.times import read_duration, read_time
from tocsin_server.rpc.convert.words import CHANNEL_TYPE_PROBLEM, CHANNEL_TYPES
from tocsin_server.rpc.validation import Violations

ONLY_OF_FALLBACKS: Final = "must come with STRATEGY_KIND_FALLBACK"

TIME_TO_DECIDE: Final = 3600 * MICROS_PER_SECOND
"""How long deciders have when the sender names no deadline."""

_KINDS: Final = {
    pb.STRATEGY_KIND_UNSPECIFIED: StrategyKind.PARALLEL,
    pb.STRATEGY_KIND_PARALLEL: StrategyKind.PARALLEL,
    pb.STRATEGY_KIND_FALLBACK: StrategyKind.FALLBACK,
}
_GOALS: Final = {
    pb.STRATEGY_GOAL_UNSPECIFIED: Goal.READ,
    pb.STRATEGY_GOAL_READ: Goal.READ,
    pb.STRATEGY_GOAL_SENT: Goal.SENT,
}


def read_targets(
    messages: Sequence[pb.ChannelTarget], address_problem: AddressProblem, problems: Violations
) -> list[ChannelDraft]:
    """Read the channels that were named; ``address_problem`` knows their forms of addresses."""
    drafts: list[ChannelDraft] = []
    named: set[ChannelType] = set()
    for place, message in enumerate(messages):
        channel = CHANNEL_TYPES.get(message.channel)
        if channel is None:
            problems.add(f"channels[{place}].channel", CHANNEL_TYPE_PROBLEM)
            continue
        if channel in named:
            problems.add(f"channels[{place}].channel", f"names {channel} a second time")
        named.add(channel)
        address = message.address
        if address and (problem := address_problem(channel, address)) is not None:
            problems.add(f"channels[{place}].address", problem)
        escalate_after: Micros | None = None
        if message.HasField("escalate_after"):
            escalate_after = _read_patience(message.escalate_after, f"channels[{place}].escalate_after", problems)
        drafts.append(ChannelDraft(channel, address or None, escalate_after))
    return drafts


def read_strategy(message: pb.Strategy | None, named: Sequence[ChannelDraft], problems: Violations) -> Strategy:
    """Read how the channels that were named work together; None is what absence means."""
    if message is None:
        _only_of_fallbacks(named, problems)
        return PARALLEL
    if not named:
        problems.add("strategy", "must come with channels")
    kind, goal = _KINDS.get(message.kind), _GOALS.get(message.goal)
    if goal is None:
        problems.add("strategy.goal", "must be STRATEGY_GOAL_READ or STRATEGY_GOAL_SENT")
    if kind == StrategyKind.FALLBACK:
        return Strategy(kind, _patience_of(message, named, problems), goal or Goal.READ)
    if kind is None:
        problems.add("strategy.kind", "must be STRATEGY_KIND_PARALLEL or STRATEGY_KIND_FALLBACK")
        return PARALLEL
    if message.HasField("escalate_after"):
        problems.add("strategy.escalate_after", ONLY_OF_FALLBACKS)
    if message.goal and goal is not None:
        problems.add("strategy.goal", ONLY_OF_FALLBACKS)
    _only_of_fallbacks(named, problems)
    return PARALLEL


def _patience_of(message: pb.Strategy, named: Sequence[ChannelDraft], problems: Violations) -> Micros | None:
    """Return how long steps may take that do not say it themselves."""
    if message.HasField("escalate_after"):
        return _read_patience(message.escalate_after, "strategy.escalate_after", problems)
    for place, draft in enumerate(named):
        if draft.channel == ChannelType.WEBSOCKET and draft.escalate_after is None:
            problems.add(
                f"channels[{place}].escalate_after",
                "must be given, here or in strategy, since websocket waits for its subscriber instead of failing",
            )
    return None


def read_routing(
    message: pb.Routing, named: Sequence[ChannelDraft], expires_at: Micros | None, now: Micros, problems: Violations
) -> Micros | None:
    """Read when rules decide if nobody does before; None if the channels are decided at once."""
    route_by: Micros | None = None
    if message.HasField("route_by"):
        route_by = read_time(message.route_by, "routing.route_by", problems)
        if route_by is not None:
            problems.add("routing.route_by", validation.route_by_problem(route_by, expires_at, now))
        if not message.deferred:
            problems.add("routing.route_by", "must come with routing.deferred")
    if not message.deferred:
        return None
    if named:
        problems.add("channels", "must be empty with routing.deferred")
    if route_by is None:
        route_by = now + TIME_TO_DECIDE if expires_at is None else min(now + TIME_TO_DECIDE, expires_at)
    return route_by


def _read_patience(message: duration_pb2.Duration, field: str, problems: Violations) -> Micros | None:
    duration = read_duration(message, field, problems)
    if duration is not None:
        problems.add(field, validation.patience_problem(duration))
    return duration


def _only_of_fallbacks(named: Sequence[ChannelDraft], problems: Violations) -> None:
    for place, draft in enumerate(named):
        if draft.escalate_after is not None:
            problems.add(f"channels[{place}].escalate_after", ONLY_OF_FALLBACKS)
