"""The JSON that a channel row's ``response`` column holds: what was answered last, and what failed before.

::

    {"outcome": "transient", "code": "451", "detail": "greylisted", "provider": "smtp://relay.example:587",
     "at": "2026-01-31T08:15:00Z",
     "history": [{"outcome": ..., "code": ..., "detail": ..., "provider": ..., "at": ...}]}

The history is in the order of time, oldest first.
A row that was given up without an attempt has a ``reason`` (``EXPIRED``, ``CANCELLED`` ...) instead of a code.
Neither secrets nor message bodies ever enter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tocsin_server.domain.clock import from_isoformat, isoformat
from tocsin_server.domain.model import Json, Micros

HISTORY_LIMIT = 5
"""Failed attempts that are kept beside the latest answer; the oldest give way."""

THROTTLED = "throttled"
"""The one outcome that is no attempt, see `OutcomeKind`."""

EXPIRED = "EXPIRED"
CANCELLED = "CANCELLED"
ATTEMPTS_EXHAUSTED = "ATTEMPTS_EXHAUSTED"
REFUSED = "REFUSED_BY_DATABASE"
SUPERSEDED = "SUPERSEDED"
POLICY_DENIED = "POLICY_DENIED"

_REASON_TEXTS = {
    EXPIRED: "its time was over before it could be sent",
    CANCELLED: "cancelled before it was sent",
    ATTEMPTS_EXHAUSTED: "every attempt of its budget was used",
    SUPERSEDED: "the recipient has read it by another way",
    REFUSED: "the database refused what was to be stored of it",
    POLICY_DENIED: "a policy forbids it by now",
}


def attempted(
    previous: Json | None,
    *,
    outcome: str,
    code: str,
    detail: str,
    provider: str,
    at: Micros,
    data: Json | None = None,
) -> dict[str, Any]:
    """Record an attempt's answer, moving the previous answer into the history."""
    response: dict[str, Any] = {"outcome": outcome, "code": code, "detail": detail, "provider": provider}
    response["at"] = isoformat(at)
    if data:
        response["data"] = dict(data)
    return _with_history(response, previous)


def given_up(previous: Json | None, *, reason: str, at: Micros, detail: str = "") -> dict[str, Any]:
    """Record that a row fails without a (further) attempt; ``detail`` says more than the reason does."""
    response: dict[str, Any] = {"outcome": "permanent", "reason": reason, "detail": detail or _REASON_TEXTS[reason]}
    response["at"] = isoformat(at)
    return _with_history(response, previous)


class Attempt(NamedTuple):
    """One entry of the log. ``code`` is the provider's, or the reason why the server itself ended the row."""

    at: Micros | None
    outcome: str
    provider: str
    code: str
    detail: str


def attempts_in(response: Json | None) -> Iterator[Attempt]:
    """Yield what a response tells, oldest first; of what was stored by other versions as much as can be read."""
    if response:
        for entry in (*response.get("history", ()), response):
            yield Attempt(
                _time_of(entry),
                str(entry.get("outcome", "")),
                str(entry.get("provider", "")),
                str(entry.get("code") or entry.get("reason", "")),
                str(entry.get("detail", "")),
            )


def _time_of(entry: Json) -> Micros | None:
    try:
        return from_isoformat(str(entry.get("at", "")))
    except ValueError:
        return None


def _with_history(response: dict[str, Any], previous: Json | None) -> dict[str, Any]:
    if previous:
        history = list(previous.get("history", ()))
        # Being throttled is no attempt; often enough, it would push out of the history what was one.
        if previous.get("outcome") != THROTTLED:
            history.append({name: value for name, value in previous.items() if name not in ("history", "data")})
        if history:
            response["history"] = history[-HISTORY_LIMIT:]
    return response
