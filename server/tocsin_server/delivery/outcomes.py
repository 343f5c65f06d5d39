"""What becomes of a row after an attempt. Pure."""

from __future__ import annotations

from typing import NamedTuple

from tocsin_server.channels.sender import Outcome, OutcomeKind
from tocsin_server.clock import micros
from tocsin_server.delivery.retry import RetryPolicy
from tocsin_server.model import ChannelResult, ClaimedChannel, Json, Micros, Status
from tocsin_server.responses import ATTEMPTS_EXHAUSTED, CANCELLED, EXPIRED, attempted, given_up

THROTTLE_DELAY = 1.0
"""Seconds to wait when a provider throttles without saying for how long."""

BREAKER_OPEN = "BREAKER_OPEN"
"""Code of a throttled outcome of our own: every provider of the channel is being kept out."""

INTERRUPTED = "SHUTDOWN"
"""Code of an attempt that this process broke off because it stops; its outcome is unknown."""

LEASE_EXPIRED = "LEASE_EXPIRED"
"""Code of an attempt whose worker disappeared."""


class Answer(NamedTuple):
    """An outcome and the provider that gave it."""

    outcome: Outcome
    provider: str


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
    if outcome.code == BREAKER_OPEN and previous is not None:
        # Nothing was tried, so the latest answer stays what it was, and with it what `bound_provider` goes by.
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
        due_at = now + micros((outcome.retry_after or THROTTLE_DELAY) * (1 + 0.2 * spread))
    else:
        due_at = now + micros(max(policy.delay(attempts, spread), outcome.retry_after or 0.0))
    if due_at is not None and claim.expires_at is not None and due_at >= claim.expires_at:
        # The attempt after expiry would not be made. Waiting for the exact time lets the row say EXPIRED, truthfully.
        due_at = claim.expires_at
    return _result(claim, status, attempts, response, due_at, outcome.address)


def refuse(claim: ClaimedChannel, *, now: Micros, cancelled: bool) -> ChannelResult | None:
    """Return the failure of a row that must not be sent any more, None if it may be."""
    if cancelled:
        reason = CANCELLED
    elif claim.expires_at is not None and now >= claim.expires_at:
        reason = EXPIRED
    elif claim.attempts >= claim.attempt_limit:
        reason = ATTEMPTS_EXHAUSTED
    else:
        return None
    response = given_up(_previous(claim, now), reason=reason, at=now)
    return _result(claim, Status.FAILED, claim.attempts, response, None, None)


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
    response: Json,
    due_at: Micros | None,
    address: str | None,
) -> ChannelResult:
    return ChannelResult(claim.id, claim.notification_id, claim.token, status, attempts, response, due_at, address)
