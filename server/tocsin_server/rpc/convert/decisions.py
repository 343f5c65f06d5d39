"""What deciders ask for and are given, and what Explain tells: messages to plain values and back."""

from __future__ import annotations

from datetime import UTC
from typing import Any, Final

from google.protobuf import duration_pb2
from tocsin.v1 import decision_service_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from tocsin_server.domain.clock import to_datetime, zone_by
from tocsin_server.domain.masking import mask
from tocsin_server.domain.model import (
    MICROS_PER_SECOND,
    ChannelDraft,
    DecidedBy,
    Decision,
    Micros,
    Strategy,
    StrategyKind,
)
from tocsin_server.domain.ports import AddressProblem
from tocsin_server.domain.undecided import UndecidedFilter, UndecidedLease
from tocsin_server.intake.deciding import Offer, Wish
from tocsin_server.rpc import validation
from tocsin_server.rpc.convert.answers import write_notification
from tocsin_server.rpc.convert.recipients import checked_id
from tocsin_server.rpc.convert.strategies import read_strategy, read_targets
from tocsin_server.rpc.convert.times import read_duration, read_time, write_time
from tocsin_server.rpc.convert.words import CHANNEL_NUMBERS, RECIPIENT_TYPE_PROBLEM, RECIPIENT_TYPES
from tocsin_server.rpc.idempotency import digest
from tocsin_server.rpc.validation import Violations

DEFAULT_COUNT, LARGEST_COUNT = 10, 100
DEFAULT_LEASE = 60 * MICROS_PER_SECOND
SHORTEST_LEASE, LONGEST_LEASE = 1 * MICROS_PER_SECOND, 600 * MICROS_PER_SECOND
LONGEST_LEASE_WAIT = 60 * MICROS_PER_SECOND

BY_NUMBERS: Final[dict[DecidedBy, Any]] = {word: number for number, word in enumerate(DecidedBy, start=1)}


def read_lease(request: pb.LeaseUndecidedRequest, holder: str) -> tuple[UndecidedLease, float]:
    """Read what a decider wants, and for how many seconds it waits for it."""
    problems = Violations()
    if not 0 <= request.max_count <= LARGEST_COUNT:
        problems.add("max_count", f"must be 1 to {LARGEST_COUNT}, or 0 for {DEFAULT_COUNT}")
    lease = _duration(request, "lease", DEFAULT_LEASE, problems)
    if not SHORTEST_LEASE <= lease <= LONGEST_LEASE:
        problems.add("lease", "must be 1 s to 10 min")
    wait = _duration(request, "wait", 0, problems)
    if not 0 <= wait <= LONGEST_LEASE_WAIT:
        problems.add("wait", "must be 0 to 60 s")
    if request.category:
        problems.add("category", validation.category_filter_problem(request.category))
    types = []
    for place, number in enumerate(request.recipient_types):
        if number in RECIPIENT_TYPES:
            types.append(RECIPIENT_TYPES[number])
        else:
            problems.add(f"recipient_types[{place}]", RECIPIENT_TYPE_PROBLEM)
    problems.raise_any()
    wanted = UndecidedFilter(request.category, tuple(sorted(set(types))))
    ask = UndecidedLease(wanted, request.max_count or DEFAULT_COUNT, lease, holder)
    return ask, wait / MICROS_PER_SECOND


def _duration(request: pb.LeaseUndecidedRequest, field: str, absent: Micros, problems: Violations) -> Micros:
    if not request.HasField(field):
        return absent
    message: duration_pb2.Duration = getattr(request, field)
    duration = read_duration(message, field, problems)
    return absent if duration is None else duration


def read_route(request: service_pb.RouteRequest, now: Micros, address_problem: AddressProblem) -> Wish:
    """Read a decision."""
    problems = Violations()
    notification_id = checked_id(request.id, "id", problems)
    named = read_targets(request.channels, address_problem, problems)
    strategy = read_strategy(request.strategy if request.HasField("strategy") else None, named, problems)
    hold_until: Micros | None = None
    holds = request.HasField("hold_until")
    if holds:
        hold_until = read_time(request.hold_until, "hold_until", problems)
        if hold_until is not None and hold_until <= now:
            problems.add("hold_until", "must lie in the future")
    if (len(request.channels) > 0) + holds + request.suppress != 1:
        problems.add("channels", "must be given, or hold_until, or suppress: exactly one of the three")
    problems.add("lease_token", validation.lease_token_problem(request.lease_token))
    problems.add("reason", validation.reason_problem(request.reason))
    problems.add("decider", validation.decider_problem(request.decider))
    problems.raise_any()
    return Wish(
        notification_id,
        named,
        strategy,
        hold_until,
        request.suppress,
        request.lease_token,
        request.reason,
        request.decider,
        _digest(named, strategy, hold_until),
    )


def _digest(named: list[ChannelDraft], strategy: Strategy, hold_until: Micros | None) -> str:
    """Return the hash of what is to be done; the lease and the words that explain it make it no other decision."""
    kind = list(StrategyKind).index(strategy.kind) + 1
    parts: list[str | int | None] = [kind, strategy.escalate_after, strategy.goal, hold_until, len(named)]
    for draft in named:
        parts += draft[:3]
    return digest(parts)


def write_offer(offer: Offer, message: pb.Undecided) -> pb.Undecided:
    """Fill what a decider is given; it is returned, too."""
    item = offer.item
    write_notification(item.notification, message.notification, contact=offer.contact)
    message.lease_token = item.lease_token
    write_time(message.lease_until, item.available_at)
    for channel, denied_by, address in offer.options:
        message.options.add(
            channel=CHANNEL_NUMBERS[channel],
            allowed=not denied_by,
            denied_by=denied_by,
            masked_address=address,
        )
    context, contact = message.context, offer.contact
    if contact is not None:
        context.locale, context.time_zone = contact.locale, contact.time_zone
    context.local_time = local_time(offer.now, contact.time_zone if contact is not None else "")
    context.unread_count = offer.activity.unread_count
    for channel, at in sorted(offer.activity.last_sent.items()):
        last = context.last_sent.add(channel=CHANNEL_NUMBERS[channel])
        write_time(last.at, at)
    return message


def local_time(now: Micros, time_zone: str) -> str:
    """Return the time of day somewhere, to the second with its offset; in UTC if the place is not known."""
    zone = zone_by(time_zone) if time_zone else None
    return to_datetime(now).astimezone(zone or UTC).isoformat(timespec="seconds")


def write_decision(decision: Decision, message: pb.Decision) -> pb.Decision:
    """Fill a decision, its addresses masked; it is returned, too."""
    if decision.decided_at is not None:
        write_time(message.decided_at, decision.decided_at)
    message.by = BY_NUMBERS[decision.by]
    message.name = decision.name
    for draft in decision.channels:
        target = message.channels.add(channel=CHANNEL_NUMBERS[draft.channel])
        if draft.address:
            target.address = mask(draft.channel, draft.address)
    for denial in decision.denied:
        message.denied.add(channel=CHANNEL_NUMBERS[denial.channel], policy=denial.policy, detail=denial.detail)
    message.reason = decision.reason
    message.decider = decision.decider
    return message
