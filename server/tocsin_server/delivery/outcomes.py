"""What becomes of a row after an attempt. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from tocsin_server.channels.bounds import LONGEST_WAIT
from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind
from tocsin_server.delivery.retry import RetryPolicy
from tocsin_server.domain.attempt_log import (
    ATTEMPTS_EXHAUSTED,
    CANCELLED,
    EXPIRED,
    POLICY_DENIED,
    REFUSED,
    SUPERSEDED,
    attempted,
    given_up,
)
from tocsin_server.domain.clock import micros
from tocsin_server.domain.model import ChannelResult, ClaimedChannel, Denial, Json, Micros, Status

THROTTLE_DELAY = 1.0
"""Seconds to wait when a provider throttles without saying for how long."""

BREAKER_OPEN = "BREAKER_OPEN"
"""Code of a throttled outcome of our own: every provider of the channel is being kept out."""

INTERRUPTED = "SHUTDOWN"
"""Code of an attempt that this process broke off because it stops. It costs nothing, and is made again at once."""

DEADLINE = "DEADLINE"
"""Code of an attempt that was cut off when its time was over."""

LEASE_EXPIRED = "LEASE_EXPIRED"
"""Code of an attempt whose worker disappeared."""


class Answer(NamedTuple):
    """An outcome and the provider that gave it."""

    outcome: Outcome
    provider: str


def out_of_time(attempt: Attempt, timeout: float) -> Outcome:
    """Return the outcome of an attempt that was cut off after ``timeout`` seconds.

    Before content was handed over it is known not to be accepted, and the next provider may have it at once.
    """
    if attempt.handed_over:
        return Outcome(OutcomeKind.UNKNOWN, DEADLINE, f"no answer within {timeout:g} s", provider_fault=True)
    detail = f"not ready for the message within {timeout:g} s"
    return Outcome(OutcomeKind.TRANSIENT, DEADLINE, detail, provider_fault=True)


def interrupted(attempt: Attempt) -> Outcome:
    """Return the outcome of an attempt that a stop broke off."""
    kind = OutcomeKind.UNKNOWN if attempt.handed_over else OutcomeKind.TRANSIENT
    return Outcome(kind, INTERRUPTED, "the server stopped during the attempt")


def leads_on(outcome: Outcome) -> bool:
    """Tell whether the next provider may be tried at once: known not accepted, and not wrong for everybody."""
    if outcome.code == INTERRUPTED:
        return False
    if outcome.kind is OutcomeKind.PERMANENT:
        return outcome.elsewhere
    return outcome.kind in (OutcomeKind.TRANSIENT, OutcomeKind.THROTTLED)


def conclude(answers: Sequence[Answer], waits: Sequence[float]) -> Answer:
    """Return the answer that counts, of those that the providers of a channel gave to one row, in order.

    ``waits`` are the seconds until the providers that breakers keep out may be asked. A refusal that leads on is final
    only when every provider has refused so: otherwise one of the others may take the message later.
    """
    if not answers:
        detail = "every provider of the channel failed repeatedly and is left alone for a while"
        return Answer(Outcome(OutcomeKind.THROTTLED, BREAKER_OPEN, detail, retry_after=min(waits)), "")
    last = answers[-1]
    if last.outcome.kind is not OutcomeKind.PERMANENT or not leads_on(last.outcome):
        return last
    for answer in reversed(answers):
        if answer.outcome.kind is not OutcomeKind.PERMANENT:
            return answer
    return last._replace(outcome=replace(last.outcome, kind=OutcomeKind.TRANSIENT)) if waits else last


def decide(claim: ClaimedChannel, answer: Answer, *, now: Micros, policy: RetryPolicy, spread: float) -> ChannelResult:
    """Return the row's next state after an attempt.

    Args:
        claim: The row as it was claimed.
        answer: How the attempt ended.
        now: The present time.
        policy: Gives the delay before the next attempt.
        spread: A random number from 0 to 1, for jitter.
    """
    outcome, provider = answer
    previous = _previous(claim, now)
    untried = outcome.code == BREAKER_OPEN or (outcome.code == INTERRUPTED and outcome.kind is OutcomeKind.TRANSIENT)
    if untried and previous is not None:
        # No provider said anything, so the latest answer stays, and with it what `bound_provider` goes by.
        response = previous
    else:
        response = attempted(
            previous,
            outcome=outcome.kind,
            code=outcome.code,
            detail=outcome.detail,
            provider=provider,
            at=now,
            data=outcome.data,
        )
    counts = outcome.kind is not OutcomeKind.THROTTLED and outcome.code != INTERRUPTED
    attempts = claim.attempts + counts
    status, due_at = Status.PENDING, None
    if outcome.kind is OutcomeKind.ACCEPTED:
        status = Status.SENT
    elif outcome.kind is OutcomeKind.PERMANENT or attempts >= claim.attempt_limit:
        status = Status.FAILED
    elif outcome.code == INTERRUPTED:
        due_at = now  # whoever serves next goes on at once
    elif outcome.kind is OutcomeKind.THROTTLED:
        # Never before the provider allows it; the spread keeps what was throttled together from returning together.
        due_at = now + micros(min((outcome.retry_after or THROTTLE_DELAY) * (1 + 0.2 * spread), LONGEST_WAIT))
    else:
        due_at = now + micros(max(policy.delay(attempts, spread), outcome.retry_after or 0.0))
    if due_at is not None and claim.expires_at is not None and due_at >= claim.expires_at:
        # The attempt after expiry would not be made. Waiting for the exact time lets the row say EXPIRED, truthfully.
        due_at = claim.expires_at
    return _result(claim, status, attempts, response, due_at, outcome.address)


def refuse(claim: ClaimedChannel, *, now: Micros, cancelled: bool, is_read: bool = False) -> ChannelResult | None:
    """Return the failure of a row that must not be sent any more, None if it may be.

    ``is_read`` says that its notification is read, which matters only to a row that is ``unless_read``.
    """
    if cancelled:
        reason = CANCELLED
    elif is_read and claim.unless_read:
        reason = SUPERSEDED
    elif claim.expires_at is not None and now >= claim.expires_at:
        reason = EXPIRED
    elif claim.attempts >= claim.attempt_limit:
        reason = ATTEMPTS_EXHAUSTED
    else:
        return None
    response = given_up(_previous(claim, now), reason=reason, at=now)
    return _result(claim, Status.FAILED, claim.attempts, response, None, None)


def by_policy(claim: ClaimedChannel, ruling: Denial | Micros, *, now: Micros) -> ChannelResult:
    """Return what becomes of a row that policies do not let be sent now: it fails, or waits without an attempt.

    What may only be sent after it has expired waits for that time, and then says EXPIRED.
    """
    previous = _previous(claim, now)
    if isinstance(ruling, Denial):
        detail = f"policy {ruling.policy!r}: {ruling.detail}"
        response: Json = given_up(previous, reason=POLICY_DENIED, at=now, detail=detail)
        return _result(claim, Status.FAILED, claim.attempts, response, None, None)._replace(denial=ruling)
    due_at = ruling if claim.expires_at is None else min(ruling, claim.expires_at)
    return _result(claim, Status.PENDING, claim.attempts, previous, due_at, None)


def without_answer(result: ChannelResult, *, now: Micros) -> ChannelResult:
    """Return what is left of a result that the database refuses, and always will: what became of the row.

    What was accepted stays so. Anything else is the row's failure, since what it would be retried by is lost.
    """
    if result.status is Status.SENT:
        response = attempted(
            None, outcome=OutcomeKind.ACCEPTED, code="", detail="the answer could not be stored", provider="", at=now
        )
    else:
        response = given_up(None, reason=REFUSED, at=now)
    status = Status.SENT if result.status is Status.SENT else Status.FAILED
    return result._replace(status=status, response=response, due_at=None, address=None)


def reason_of(result: ChannelResult) -> tuple[str, str]:
    """Return which provider settled a row, and by which code; for a row that was given up, our reason."""
    response = result.response or {}
    reason = response.get("reason") or response.get("code") or response.get("outcome", "")
    return str(response.get("provider", "")), str(reason)


def bound_provider(claim: ClaimedChannel) -> str | None:
    """Return the provider that alone may try again, since it may have accepted the message already.

    None when any provider may: no attempt was made, or the latest was known not to be accepted. Being throttled is
    no attempt, and leaves an earlier one as unknown as it was.
    """
    answers = [claim.response, *reversed(claim.response.get("history", ()))] if claim.response else []
    for answer in answers:
        if answer.get("outcome") == OutcomeKind.UNKNOWN:
            provider = answer.get("provider")
            return provider if isinstance(provider, str) and provider else None
        if answer.get("outcome") != OutcomeKind.THROTTLED:
            break
    return None


def _previous(claim: ClaimedChannel, now: Micros) -> Json | None:
    """Return the response so far, with the attempt of a worker that disappeared."""
    if not claim.taken_over:
        return claim.response
    return attempted(
        claim.response,
        outcome=OutcomeKind.UNKNOWN,
        code=LEASE_EXPIRED,
        detail="the worker that was sending it disappeared",
        provider="",
        at=now,
    )


def _result(
    claim: ClaimedChannel,
    status: Status,
    attempts: int,
    response: Json | None,
    due_at: Micros | None,
    address: str | None,
) -> ChannelResult:
    return ChannelResult(claim.id, claim.notification_id, claim.token, status, attempts, response, due_at, address)
