"""What rules would decide: about one notification that is not sent, and about those that were.

Nothing is written, and nothing counted. Conditions may come from callers; how much one can cost is bounded where it is
read, and how they are judged without delaying others, in `evaluating`.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeAlias

from tocsin_server.domain.clock import Clock
from tocsin_server.domain.errors import InvalidArgument, NoRoute, TocsinError, Violation
from tocsin_server.domain.limiting import Counts, limit_reached, no_route, without_full
from tocsin_server.domain.model import (
    ChannelDraft,
    ChannelType,
    Contact,
    DecidedBy,
    Decision,
    LimitUse,
    Micros,
    Notification,
    NotificationFilter,
    Recipient,
    Strategy,
    Submission,
)
from tocsin_server.domain.ports import ContactStore, LimitCountStore, ReadingStore
from tocsin_server.intake.accepting import Intake
from tocsin_server.intake.evaluating import Evaluation, OutOfTime, TimeBudget, within_budget
from tocsin_server.routing.book import CurrentRules, RuleBook, Trial
from tocsin_server.routing.deciding import by_rules
from tocsin_server.routing.facts import Facts, facts_of, facts_of_notification
from tocsin_server.routing.reading import BadRules, read_text

LONGEST_RULES: Final = 64 * 1024
"""Bytes of rules that come with a request."""

PAGE: Final = 200
"""Notifications that are read at a time."""

MOST_TIME: Final = 5.0
"""Seconds that a simulation or backtest takes at most, beside its waiting for a turn."""

SLICE: Final = 0.1
"""Seconds after which a backtest lets others have a turn."""

MOST_EXAMPLES: Final = 50

Stored: TypeAlias = tuple[Notification, Contact | None]
"""A notification, and its recipient's contact as it is now."""


class SimulationStore(ReadingStore, ContactStore, LimitCountStore, Protocol):
    """Shows what is stored, and knows how recipients can be reached and how far limits are used up."""


class Simulated(NamedTuple):
    """What would be decided, the rules that were tried, and why it would be refused."""

    decision: Decision
    trials: Sequence[Trial]
    refusal: TocsinError | None


class Judged(NamedTuple):
    """A `Simulated` before limits are looked at, and what it would count towards."""

    decision: Decision
    strategy: Strategy
    limits: Sequence[LimitUse]
    trials: Sequence[Trial]
    refusal: TocsinError | None


class Example(NamedTuple):
    """A notification for which rules would have decided otherwise."""

    notification: Notification
    was: tuple[ChannelType, ...]
    would_be: tuple[ChannelType, ...]
    rule: str


@dataclass(slots=True)
class Backtested:
    """What rules would have decided against what was; ``truncated`` says that not all was looked at."""

    examined: int = 0
    agreed: int = 0
    added: Counter[ChannelType] = field(default_factory=Counter)
    removed: Counter[ChannelType] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    truncated: bool = False

    def add(self, notification: Notification, would_be: Sequence[ChannelDraft], rule: str) -> None:
        """Compare one."""
        self.examined += 1
        was = tuple(row.channel for row in notification.channels)
        then = tuple(draft.channel for draft in would_be)
        if set(was) == set(then):
            self.agreed += 1
            return
        self.added.update(set(then) - set(was))
        self.removed.update(set(was) - set(then))
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(Example(notification, was, then, rule))


class Simulations:
    """Tries rules.

    Args:
        store: What is stored.
        intake: Routes as it does for what is sent.
        rules: Those in force, for requests that bring none.
        configured: Whether a channel has a provider.
        clock: The present time.
        seconds: See `MOST_TIME`.
    """

    def __init__(
        self,
        store: SimulationStore,
        intake: Intake,
        rules: CurrentRules,
        configured: Mapping[ChannelType, bool],
        clock: Clock,
        seconds: float = MOST_TIME,
    ) -> None:
        self._store = store
        self._intake = intake
        self._rules = rules
        self._configured = configured
        self._seconds = seconds
        self._evaluation = Evaluation()
        self.clock = clock

    async def book(self, text: str) -> RuleBook:
        """Read rules that came with a request, or take those in force; raises `InvalidArgument`."""
        if not text.strip():
            return self._rules.book
        if len(text.encode()) > LONGEST_RULES:
            raise InvalidArgument([Violation("rules", f"must be at most {LONGEST_RULES} bytes")])
        try:
            # Hundreds of conditions take a while to compile.
            return await self._evaluation.run(lambda: read_text(text), TimeBudget(self._seconds))
        except BadRules as bad:
            raise InvalidArgument([Violation("rules", str(mistake)) for mistake in bad.mistakes]) from None

    async def simulate(self, submission: Submission, text: str) -> Simulated:
        """Tell what would be decided about a submission; what is deferred is decided by the rules."""
        book = await self.book(text)
        submission = submission._replace(route_by=None)
        contact = await self._store.contact(submission.recipient)
        now, budget = self.clock(), TimeBudget(self._seconds)
        judging = within_budget(book, budget)
        try:
            judged = await self._evaluation.run(lambda: self._judge(submission, now, judging, contact), budget)
        except OutOfTime:
            problem = f"must be such that one notification is decided within {self._seconds:g} s"
            raise InvalidArgument([Violation("rules", problem)]) from None
        judged = await self._within_limits(judged, submission.recipient, now)
        return Simulated(judged.decision._replace(decided_at=now), judged.trials, judged.refusal)

    def _judge(self, submission: Submission, now: Micros, book: RuleBook, contact: Contact | None) -> Judged:
        if submission.named:
            draft = self._intake.route(submission, now, book, contact)
            decision = draft.decision or Decision(DecidedBy.CALLER, submission.caller, draft.channels)
            return Judged(decision, draft.strategy, draft.limits, (), draft.refusal)
        decided = by_rules(book, facts_of(submission, contact, now), self._configured)
        assert decided.decision is not None  # noqa: S101 - rules always say what they decided
        refusal = None if decided.channels else no_route(submission.recipient, decided.decision)
        return Judged(decided.decision, decided.strategy, decided.limits, decided.trials, refusal)

    async def _within_limits(self, judged: Judged, recipient: Recipient, now: Micros) -> Judged:
        """Take out what limits would, as they stand; see `limiting.admit`."""
        if not judged.limits or judged.refusal is not None:
            return judged
        counts = Counts(await self._store.limits_used(judged.limits))
        whole = judged.decision.by == DecidedBy.CALLER
        left, over = counts.narrow(judged.decision.channels, judged.limits, whole=whole)
        if not over:
            return judged
        decision = without_full(judged.decision, left, over)
        if whole:
            return judged._replace(decision=decision, refusal=limit_reached(over, now))
        if left:
            return judged._replace(decision=decision)
        decision = decision._replace(reason=NoRoute.reason)
        return judged._replace(decision=decision, refusal=no_route(recipient, decision))

    async def backtest(self, text: str, wanted: NotificationFilter, limit: int) -> Backtested:
        """Compare what rules would have decided with what was, for the newest that match, at most ``limit``."""
        book = await self.book(text)
        found, budget = Backtested(), TimeBudget(self._seconds)
        budget.begin()
        book = within_budget(book, budget)
        try:
            async for stored in self._stored(wanted, limit, found, budget):
                left = stored
                while left:
                    compare = functools.partial(self._compare, book, left, found, budget)
                    left = left[await self._evaluation.run(compare, budget) :]
        except OutOfTime:
            found.truncated = True
        return found

    def _compare(self, book: RuleBook, stored: Sequence[Stored], found: Backtested, budget: TimeBudget) -> int:
        """Compare the first of them, for a slice of time; returns how many. Raises `OutOfTime`."""
        end = time.monotonic() + SLICE
        for count, (notification, contact) in enumerate(stored, 1):
            budget.check()
            decided = by_rules(book, facts_of_stored(notification, contact), self._configured)
            rule = decided.decision.name if decided.decision is not None else ""
            found.add(notification, decided.channels, rule)
            if time.monotonic() > end:
                return count
        return len(stored)

    async def _stored(
        self, wanted: NotificationFilter, limit: int, found: Backtested, budget: TimeBudget
    ) -> AsyncIterator[Sequence[Stored]]:
        """Yield what matches and was decided page by page, newest first, with contacts as they are now."""
        before: str | None = None
        left = limit
        while True:
            page = (await self._store.find(wanted, before, min(PAGE, left))).page
            contacts = await self._store.contacts([item.recipient for item in page.notifications])
            # Where there is a deadline, nobody has decided yet.
            yield [(item, contacts.get(item.recipient)) for item in page.notifications if item.route_by is None]
            left -= len(page.notifications)
            if not page.more:
                return
            if left <= 0 or budget.left <= 0:
                found.truncated = True
                return
            before = page.positions[-1]


def facts_of_stored(notification: Notification, contact: Contact | None) -> Facts:
    """Return what was known when a notification was sent, as far as that is kept: its addresses are those it used."""
    used = {row.channel: row.address for row in notification.channels if row.address}
    facts = facts_of_notification(notification, used, contact, notification.created_at)
    return facts._replace(expires_at=None)  # its end is not looked at
