"""The hook for instrumentation: components report what happened, and whoever wants to know listens.

A report is a plain value with ids and figures, never a body, an address or a secret. Components do not know who
listens: metrics, traces and log lines are listeners, and a component that is to be watched reports one thing more
rather than calling any of them.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from tocsin_server.domain.model import ChannelType, DecidedBy, Decision, Micros

log = logging.getLogger(__name__)

R = TypeVar("R")


class AttemptEnded(NamedTuple):
    """A provider was asked to take a row, and this came of it.

    ``outcome`` is one of `OutcomeKind`, ``code`` the provider's own. ``attempt`` counts from 1. ``ready_at`` is when
    the message was to go out, ``at`` the present time; ``seconds`` is how long the attempt took.
    """

    channel: ChannelType
    channel_id: str
    notification_id: str
    provider: str
    outcome: str
    code: str
    attempt: int
    seconds: float
    ready_at: Micros
    at: Micros
    traceparent: str | None = None
    """What the sending of the notification is traced by, if it is."""


class KeptOut(NamedTuple):
    """A row was put off, since every provider of its channel is being left alone."""

    channel: ChannelType
    channel_id: str


class DeliveryFailed(NamedTuple):
    """A row failed for good, and that is written. ``reason`` is a code of ours or of the ``provider``."""

    channel: ChannelType
    channel_id: str
    notification_id: str
    attempts: int
    provider: str
    reason: str


class TakenOver(NamedTuple):
    """A row whose holder disappeared was claimed; its recipient may get it twice."""

    channel: ChannelType
    channel_id: str


class LeaseLost(NamedTuple):
    """A result came after its row was taken over, and was dropped; its recipient may get it twice."""

    channel: ChannelType
    channel_id: str


class ResultRefused(NamedTuple):
    """The database did not take a result for what it is. ``left`` says that nothing could be written in its place."""

    channel: ChannelType
    channel_id: str
    cause: str
    left: bool


class SenderRaised(NamedTuple):
    """A sender broke its promise not to raise: a fault of ours, or of a library."""

    channel: ChannelType
    channel_id: str
    provider: str
    error: Exception


class CredentialsRefused(NamedTuple):
    """A provider refused who we are, by ``code``."""

    channel: ChannelType
    provider: str
    code: str


class BreakerOpened(NamedTuple):
    """A provider failed repeatedly, lately with ``code``, and is left alone for ``seconds``."""

    channel: ChannelType
    provider: str
    code: str
    seconds: float


class BreakerClosed(NamedTuple):
    """A provider that was left alone works again."""

    channel: ChannelType
    provider: str


class ChannelPaused(NamedTuple):
    """An operator has stopped a channel, or lets it go on (``paused`` is false), and this process obeys."""

    channel: ChannelType
    paused: bool


class ClockSet(NamedTuple):
    """The clock that decides what is due was set; ``seconds`` is how far forward, negative for back."""

    channel: ChannelType
    seconds: float


class DatabaseAnswers(NamedTuple):
    """The database answers again, or does not any more (``well`` is false)."""

    well: bool


class FeedEntered(NamedTuple):
    """Scheduled notifications entered their feeds, or expired ones stopped waiting."""

    rows: int


class StepsStarted(NamedTuple):
    """Fallbacks were led on by the clock, or ended by it."""

    steps: int


class NotificationsPurged(NamedTuple):
    """So many notifications were removed for their age."""

    number: int


class CommitDone(NamedTuple):
    """A transaction was committed with so many items in it; ``seconds`` from its beginning."""

    items: int
    seconds: float


class RpcAllowed(NamedTuple):
    """A caller was let in, and its call begins; told on the task of the call. ``traceparent`` is what it says."""

    rpc: str
    traceparent: str | None


class RpcEnded(NamedTuple):
    """A call ended with ``code``, a canonical one of gRPC; ``rpc`` is its name, such as ``Service/Method``."""

    rpc: str
    code: str
    seconds: float


class QueueSeen(NamedTuple):
    """What a channel's queue holds on the database, whoever sends it; see `tocsin_server.domain.upkeep.QueueCounts`."""

    channel: ChannelType
    due: int
    leased: int
    waiting: int
    oldest_due: float
    """Seconds since the oldest row became due, 0 if none is."""


class DecisionsMade(NamedTuple):
    """Decisions about channels were made, and that is written: so many by whom, and by which rule, empty for none.

    ``denied`` has how many channels policies took out of them, by their names.
    """

    made: Mapping[tuple[DecidedBy, str], int]
    denied: Mapping[str, int]


class PoliciesDenied(NamedTuple):
    """Something was refused, which is written nowhere, for so many channels that policies deny, by their names."""

    denied: Mapping[str, int]


def decisions_made(decided: Sequence[Decision], by_callers: int) -> DecisionsMade:
    """Return what is told of decisions, and of callers' that are not among them."""
    made: Counter[tuple[DecidedBy, str]] = Counter()
    denied: Counter[str] = Counter()
    if by_callers:
        made[DecidedBy.CALLER, ""] = by_callers
    for decision in decided:
        by_rules = decision.by in (DecidedBy.RULE, DecidedBy.DEADLINE)
        made[decision.by, decision.name if by_rules else ""] += 1
        chosen = {draft.channel for draft in decision.channels}  # what is only put off is among them
        denied.update(out.policy for out in decision.denied if out.policy and out.channel not in chosen)
    return DecisionsMade(made, denied)


class UndecidedSeen(NamedTuple):
    """So many wait for a decision; of ``late`` ones half the time is over."""

    waiting: int
    late: int


class FeedPublished(NamedTuple):
    """So many committed events were handed to the streams of this process."""

    events: int


class StreamEnded(NamedTuple):
    """A subscriber's stream ended; ``reason`` is that of the error it ended with, `CLOSED` if the subscriber left."""

    reason: str


class ConditionUnjudged(NamedTuple):
    """The condition of a rule or policy of that name cannot be judged for a notification, which lacks what it needs."""

    name: str


CLOSED = "CLOSED"


class Observer:
    """Passes each report to those who listen for its kind. May be used from any thread.

    A component asks `wants` before it makes a report, so that one that nobody listens for costs a look-up.
    """

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: dict[type[Any], tuple[Callable[[Any], None], ...]] = {}

    def listen(self, kind: type[R], listener: Callable[[R], None]) -> None:
        """Call ``listener`` with every report of a kind, on the thread that reports. It must not block."""
        self._listeners[kind] = (*self._listeners.get(kind, ()), listener)

    def wants(self, kind: type[Any]) -> bool:
        """Whether anybody listens for a kind of report."""
        return kind in self._listeners

    def report(self, report: Any) -> None:
        """Pass a report on. What goes wrong in a listener stays there: nothing is sent, stored or lost over it."""
        for listener in self._listeners.get(type(report), ()):
            try:
                listener(report)
            except Exception:
                log.exception("a listener failed", extra={"event": "listener_failed", "kind": type(report).__name__})


UNOBSERVED = Observer()
"""For components that nobody watches. Nobody may listen to it."""
