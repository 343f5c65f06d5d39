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

from typing import Any

from tocsin_server.clock import isoformat
from tocsin_server.model import Json, Micros

HISTORY_LIMIT = 5
"""Failed attempts that are kept beside the latest answer; the oldest give way."""

THROTTLED = "throttled"
"""The one outcome that is no attempt, see `OutcomeKind`."""

EXPIRED = "EXPIRED"
CANCELLED = "CANCELLED"
ATTEMPTS_EXHAUSTED = "ATTEMPTS_EXHAUSTED"

_REASON_TEXTS = {
    EXPIRED: "its time was over before it could be sent",
    CANCELLED: "cancelled before it was sent",
    ATTEMPTS_EXHAUSTED: "every attempt of its budget was used",
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


def given_up(previous: Json | None, *, reason: str, at: Micros) -> dict[str, Any]:
    """Record that a row fails without a (further) attempt."""
    response: dict[str, Any] = {"outcome": "permanent", "reason": reason, "detail": _REASON_TEXTS[reason]}
    response["at"] = isoformat(at)
    return _with_history(response, previous)


def _with_history(response: dict[str, Any], previous: Json | None) -> dict[str, Any]:
    if previous:
        history = list(previous.get("history", ()))
        # Being throttled is no attempt; often enough, it would push out of the history what was one.
        if previous.get("outcome") != THROTTLED:
            history.append({name: value for name, value in previous.items() if name not in ("history", "data")})
        if history:
            response["history"] = history[-HISTORY_LIMIT:]
    return response
