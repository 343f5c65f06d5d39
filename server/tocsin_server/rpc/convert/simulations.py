"""Trying rules: messages to plain values and back."""

from __future__ import annotations

from typing import Final

from tocsin.v1 import decision_service_pb2 as pb

from tocsin_server.domain.model import (
    MICROS_PER_SECOND,
    ChannelType,
    Micros,
    NotificationFilter,
)
from tocsin_server.intake.simulating import Backtested, Simulated
from tocsin_server.rpc import validation
from tocsin_server.rpc.convert.decisions import write_decision
from tocsin_server.rpc.convert.times import read_time
from tocsin_server.rpc.convert.words import CHANNEL_NUMBERS, RECIPIENT_NUMBERS
from tocsin_server.rpc.status import LARGEST_STATUS, to_status
from tocsin_server.rpc.validation import Violations

DAY: Final = 86_400 * MICROS_PER_SECOND
DEFAULT_LIMIT: Final = 1_000
LARGEST_LIMIT: Final = 10_000


def read_backtest(request: pb.BacktestRequest, now: Micros) -> tuple[NotificationFilter, int]:
    """Read which notifications are looked at, and how many."""
    problems = Violations()
    until = read_time(request.until, "until", problems) if request.HasField("until") else now
    since: Micros | None = None
    if request.HasField("since"):
        since = read_time(request.since, "since", problems)
    if until is not None and since is not None and since >= until:
        problems.add("since", "must be earlier than until")
    if request.category and (problem := validation.category_filter_problem(request.category)) is not None:
        problems.add("category", problem)
    if not 0 <= request.limit <= LARGEST_LIMIT:
        problems.add("limit", f"must be 1 to {LARGEST_LIMIT}, or 0 for {DEFAULT_LIMIT}")
    problems.raise_any()
    until = now if until is None else until
    since = max(0, until - DAY) if since is None else since
    wanted = NotificationFilter(created_after=since, created_before=until, category=request.category)
    return wanted, request.limit or DEFAULT_LIMIT


def write_simulated(found: Simulated, response: pb.SimulateResponse) -> pb.SimulateResponse:
    """Fill what would be decided; it is returned, too."""
    write_decision(found.decision, response.decision)
    for trial in found.trials:
        response.trials.add(rule=trial.rule, matched=trial.matched, why=trial.why)
    if found.refusal is not None:
        response.refusal.CopyFrom(to_status(found.refusal, LARGEST_STATUS))
    return response


def write_backtested(found: Backtested) -> pb.BacktestResponse:
    """Return what is told of a comparison."""
    response = pb.BacktestResponse(examined=found.examined, agreed=found.agreed, truncated=found.truncated)
    for channel in ChannelType:
        if found.added[channel] or found.removed[channel]:
            response.changes.add(
                channel=CHANNEL_NUMBERS[channel], added=found.added[channel], removed=found.removed[channel]
            )
    for example in found.examples:
        response.examples.add(
            id=example.notification.id,
            category=example.notification.category,
            recipient_type=RECIPIENT_NUMBERS[example.notification.recipient.type],
            was=[CHANNEL_NUMBERS[channel] for channel in example.was],
            would_be=[CHANNEL_NUMBERS[channel] for channel in example.would_be],
            rule=example.rule,
        )
    return response
