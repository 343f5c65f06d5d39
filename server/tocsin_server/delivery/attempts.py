"""Attempts at the providers of one channel: in order, each under a deadline, and none that its breaker keeps out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind, Sender
from tocsin_server.delivery.breaker import Breaker
from tocsin_server.delivery.outcomes import (
    INTERRUPTED,
    Answer,
    bound_provider,
    conclude,
    interrupted,
    leads_on,
    out_of_time,
)
from tocsin_server.domain.clock import Clock
from tocsin_server.domain.model import ChannelType, ClaimedChannel
from tocsin_server.telemetry.observer import (
    AttemptEnded,
    BreakerClosed,
    BreakerOpened,
    CredentialsRefused,
    KeptOut,
    Observer,
    SenderRaised,
)
from tocsin_server.timing.deadlines import Deadlines


class Provider(NamedTuple):
    """A sender, and what is known of how well it does."""

    sender: Sender
    breaker: Breaker


class Attempts:
    """Makes the attempts of one lane. Created on its event loop.

    Args:
        channel: Whose.
        senders: The providers, in order of preference.
        timeout: Seconds that one provider may take for one row. Each has its own, so that one that is slow before it
            takes anything leaves time for the next.
        clock: The present time, for reports.
        observer: Is told how attempts end, and how breakers do.
    """

    def __init__(
        self, channel: ChannelType, senders: Sequence[Sender], timeout: float, clock: Clock, observer: Observer
    ) -> None:
        self._channel = channel
        self._providers = [Provider(sender, Breaker()) for sender in senders]
        self._timeout = timeout
        self._clock = clock
        self._observer = observer
        self._deadlines: Deadlines[asyncio.Task[Any]] = Deadlines(timeout, self._cut_off)
        self._overdue: set[asyncio.Task[Any]] = set()
        """Tasks whose attempt is being cut off."""
        self.stopping = False
        """Whether a task that is cancelled is one that a stop breaks off."""

    @property
    def names(self) -> list[str]:
        """The names of the providers, in order of preference."""
        return [provider.sender.name for provider in self._providers]

    @property
    def exhausted(self) -> bool:
        """Whether every provider failed repeatedly, so that a single row at a time may try."""
        return all(provider.breaker.tripped for provider in self._providers)

    def kept_out(self) -> float:
        """Return the seconds until some provider may be asked, 0 if one may."""
        now = time.monotonic()
        return min(provider.breaker.kept_out(now) for provider in self._providers)

    async def make(self, claim: ClaimedChannel, may_send: Callable[[ClaimedChannel], bool]) -> Answer:
        """Ask the providers in order until what one says is final, see `leads_on`.

        ``may_send`` is asked before each but the first: the row may have been lost, or cancelled, meanwhile.
        """
        bound = bound_provider(claim)
        candidates = [p for p in self._providers if p.sender.name == bound] or self._providers
        answers: list[Answer] = []
        waits: list[float] = []
        for provider in candidates:
            if answers and not may_send(claim):
                waits.append(0.0)  # it was not asked, so that nothing is final
                break
            wait = provider.breaker.wait(time.monotonic())
            if wait > 0:
                waits.append(wait)
                continue
            outcome = await self._ask(provider, Attempt(claim))
            answers.append(Answer(outcome, provider.sender.name))
            if not leads_on(outcome):
                break
        if not answers:
            self._observer.report(KeptOut(self._channel, claim.id))
        return conclude(answers, waits)

    async def close(self) -> None:
        """Let no deadline run out any more, and give up the providers' connections."""
        self._deadlines.close()
        for provider in self._providers:
            await provider.sender.close()

    async def _ask(self, provider: Provider, attempt: Attempt) -> Outcome:
        """Make one attempt under the deadline, tell the breaker, and report."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - runs as one
        begun = time.monotonic()
        self._deadlines.begin(task)
        try:
            outcome = await provider.sender.send(attempt)
        except asyncio.CancelledError:
            if task in self._overdue:
                outcome = out_of_time(attempt, self._timeout)
            elif self.stopping:
                # The grace of a stop is over.
                outcome = interrupted(attempt)
            else:
                provider.breaker.abandoned()
                raise
        except Exception as error:  # noqa: BLE001 - the row must not be lost over it, nor the lane
            self._observer.report(SenderRaised(self._channel, attempt.claim.id, provider.sender.name, error))
            kind = OutcomeKind.UNKNOWN if attempt.handed_over else OutcomeKind.TRANSIENT
            outcome = Outcome(kind, type(error).__name__, "the sender failed unexpectedly")
        finally:
            self._deadlines.end(task)
            self._overdue.discard(task)
            while task.cancelling():  # the two cancellations above end the attempt, not the sender
                task.uncancel()
        now = time.monotonic()
        self._judge(provider, outcome, now)
        if self._observer.wants(AttemptEnded):
            self._report(provider, attempt, outcome, now - begun)
        return outcome

    def _judge(self, provider: Provider, outcome: Outcome, now: float) -> None:
        """Tell a provider's breaker how it did."""
        breaker, name = provider.breaker, provider.sender.name
        if outcome.code == INTERRUPTED:
            breaker.abandoned()
            return
        tripped = breaker.tripped
        if outcome.provider_fault:
            if outcome.code in provider.sender.credential_codes:
                self._observer.report(CredentialsRefused(self._channel, name, outcome.code))
            breaker.failed(now)
            if breaker.tripped and not tripped:
                self._observer.report(BreakerOpened(self._channel, name, outcome.code, breaker.kept_out(now)))
        else:
            breaker.succeeded()
            if tripped:
                self._observer.report(BreakerClosed(self._channel, name))

    def _report(self, provider: Provider, attempt: Attempt, outcome: Outcome, seconds: float) -> None:
        claim = attempt.claim
        self._observer.report(
            AttemptEnded(
                self._channel,
                claim.id,
                claim.notification_id,
                provider.sender.name,
                outcome.kind,
                outcome.code,
                claim.attempts + 1,
                seconds,
                claim.ready_at,
                self._clock(),
                claim.traceparent,
            )
        )

    def _cut_off(self, task: asyncio.Task[Any]) -> None:
        """End an attempt at its deadline."""
        self._overdue.add(task)
        task.cancel()
