"""Judging conditions that callers bring, beside the event loop: others are served meanwhile.

One thread judges at a time, since two would take the interpreter from the event loop more often and be no faster.
Whoever has long work does it in slices, and the others have their turns between them. Between two conditions a thread
looks whether its time is over, or its caller is gone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeVar

from tocsin_server.domain.errors import TooManyStreams
from tocsin_server.routing.book import RuleBook
from tocsin_server.routing.conditions import Condition
from tocsin_server.routing.facts import Facts

MOST_WAITING: Final = 32
"""Calls that wait for their turn. Each may hold rules of a request."""

R = TypeVar("R")


class OutOfTime(Exception):
    """The time for judging is over."""


class TimeBudget:
    """The time of one call. It begins with its first turn, or with `begin`.

    Args:
        seconds: That it takes at most.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end: float | None = None
        self._stopped = False

    @property
    def begun(self) -> bool:
        """Whether the time runs."""
        return self._end is not None

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self._seconds if self._end is None else self._end - time.monotonic()

    def begin(self) -> None:
        """Let the time run, if it does not yet."""
        if self._end is None:
            self._end = time.monotonic() + self._seconds

    def stop(self) -> None:
        """End it now: nobody waits for what is found. May be called from any thread."""
        self._stopped = True

    def check(self) -> None:
        """Raise `OutOfTime` if it is over."""
        if self._stopped or self.left <= 0:
            raise OutOfTime


class Evaluation:
    """Gives calls their turns in a thread. Belongs to one event loop.

    Args:
        most_waiting: Calls that may wait for theirs.
    """

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._waiting = 0
        self._turn = asyncio.Lock()  # in the order in which they ask

    async def run(self, work: Callable[[], R], budget: TimeBudget) -> R:
        """Return what ``work`` returns in a thread. If the call is broken off, its budget is stopped.

        Raises:
            TooManyStreams: Too many wait already, or a call that has not begun waited for all of its time.
            OutOfTime: The time was over while it waited for a further turn.
        """
        await self._take_turn(budget)
        budget.begin()
        call = asyncio.ensure_future(asyncio.to_thread(work))
        call.add_done_callback(self._end_turn)
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            budget.stop()  # the turn ends with the thread's work
            raise

    async def _take_turn(self, budget: TimeBudget) -> None:
        if self._waiting >= self._most_waiting:
            raise TooManyStreams("server", self._most_waiting)
        self._waiting += 1
        try:
            async with asyncio.timeout(budget.left):
                await self._turn.acquire()
        except TimeoutError:
            raise (OutOfTime if budget.begun else TooManyStreams("server", self._most_waiting)) from None
        finally:
            self._waiting -= 1

    def _end_turn(self, call: asyncio.Future[R]) -> None:
        self._turn.release()
        if not call.cancelled():
            call.exception()  # looked at, in case nobody waits for it any more


class _TimedCondition:
    """A condition before which the budget is looked at."""

    __slots__ = ("_budget", "_condition")

    def __init__(self, condition: Condition, budget: TimeBudget) -> None:
        self._condition = condition
        self._budget = budget

    @property
    def needs_contact(self) -> bool:
        """See `Condition.needs_contact`."""
        return self._condition.needs_contact

    def holds(self, facts: Facts) -> bool:
        """See `Condition.holds`; raises also `OutOfTime`."""
        self._budget.check()
        return self._condition.holds(facts)


def within_budget(book: RuleBook, budget: TimeBudget) -> RuleBook:
    """Return the same rules and policies; judging one of them raises `OutOfTime` when that is so."""

    def of(condition: Condition | None) -> Condition | None:
        return None if condition is None else _TimedCondition(condition, budget)

    same = RuleBook(
        [rule._replace(when=of(rule.when)) for rule in book.rules],
        [policy._replace(when=of(policy.when)) for policy in book.policies],
    )
    same.failed = book.failed
    return same
