"""Errors as sentences for a language model: what is wrong, which argument or policy, what to do instead. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from tocsin_client import TocsinError

_ARGUMENTS: Final[Mapping[str, str]] = {
    "id": "notification_id",
    "decider": "model",
    "lease": "lease_seconds",
    "wait": "wait_seconds",
    "strategy": "strategy",
    "strategy.escalate_after": "escalate_after_seconds",
    "routing.route_by": "defer",
    "routing.deferred": "defer",
    "contact.recipient": "recipient",
    "recipient.type": "recipient",
    "recipient.id": "recipient",
    "recipient.external_id": "recipient",
}
"""What fields of the API are called among the tools' arguments, where that is another name."""

_STEP_TIME: Final = re.compile(r"channels\[\d+\]\.escalate_after")

_CHOOSE: Final = "Choose among channels_allowed, or use hold_until, or suppress."
_OPEN: Final = (
    "It is not known whether the call took effect. Make the very same call again in {wait}: repeating it is harmless."
)

_FIXED: Final[Mapping[str, str]] = {
    "LEASE_EXPIRED": "Your lease of this notification has ended, and nothing was changed. Call list_undecided again: "
    "if it still waits, you are given it under a new lease_token.",
    "ALREADY_ROUTED": "This notification is decided already: by an earlier call of yours, by somebody else, or by the "
    "rules at its deadline. This call changed nothing; explain tells who decided. Go on with the next one.",
    "ALREADY_SETTLED": "This notification was cancelled, or is settled: there is nothing to decide. Go on with the "
    "next one.",
    "EXPIRED": "The time of this notification is over: nothing of it is sent any more. Go on with the next one.",
    "RECIPIENT_NOT_REGISTERED": f"This recipient is not registered and has no feed, so websocket is not possible. "
    f"{_CHOOSE}",
    "UNAUTHENTICATED": "The Tocsin server does not accept the token of this connection. No tool will work: stop, and "
    "tell your operator.",
    "TOKEN_EXPIRED": "The token of this connection has expired. No tool will work: stop, and tell your operator.",
    "CONTACT_NOT_FOUND": "Nothing is known about how to reach this recipient: there is no contact.",
    "IDEMPOTENCY_KEY_REUSED": "This idempotency_key was used before, for a notification with other content, and "
    "nothing was sent. To repeat a call, repeat all of its arguments; for something else take another key.",
    "MALFORMED_PAGE_TOKEN": "page_token: must be next_page_token of an earlier answer, with the same other "
    "arguments. Leave it out for the first page.",
    "NOTIFICATION_NOT_FOUND": "There is no notification with this notification_id. Copy it from list_undecided, or "
    "list_feed, exactly; titles are no ids.",
}


def sentence(error: TocsinError, tool: str = "") -> str:
    """Return what to tell the model of a failed call of a tool."""
    if error.reason in _FIXED:
        return _FIXED[error.reason]
    if error.reason in _BY_REASON:
        return _BY_REASON[error.reason](error, tool)
    if error.violations:
        return " ".join(
            f"{argument_of(bad.field)}: {_as_told(bad.description)}." if bad.field else f"{bad.description}."
            for bad in error.violations
        )
    if error.code in {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"}:
        return f"The Tocsin server cannot be reached at the moment. {_OPEN.format(wait=_wait(error, 5))}"
    if error.code == "INTERNAL":
        incident = error.metadata.get("incident", "")
        named = f", naming the incident {incident}" if incident else ""
        return f"The Tocsin server met a fault of its own. Do not try again; tell your operator{named}."
    if error.code == "UNIMPLEMENTED":
        return f"The Tocsin server does not offer {tool or 'this'}: it is of another version. Tell your operator."
    return f"{error.message}."


def _as_told(description: str) -> str:
    """Return what is wrong in the words of the tools."""
    return description.replace("the notification's route_by", "decide_by").replace(
        "must be given, or external_id", "must name somebody, such as user:UUID or user:ext:4711"
    )


def argument_of(field: str) -> str:
    """Return what a field of the API is called among the arguments."""
    field = field.removeprefix("request.")
    if _STEP_TIME.fullmatch(field):
        return "escalate_after_seconds"
    if field.startswith("channels["):
        return "channels"
    if field.startswith(("addresses[", "contact.addresses")):
        return "addresses"
    return _ARGUMENTS.get(field, field.removeprefix("contact."))


def _policy_denied(error: TocsinError, _tool: str) -> str:
    # In the metadata, names of policies are separated by commas, which they may have in them.
    return (
        f"Nothing was changed: {error.message}. Policies bind whoever decides, and no argument or reason lifts them. "
        f"{_CHOOSE}"
    )


def _policy_limit(error: TocsinError, _tool: str) -> str:
    facts = error.metadata
    return (
        f"Nothing was changed: the limit of policy {facts.get('policy', '')!r} for {facts.get('channel', '')}, "
        f"{facts.get('limit', '')}, is reached, for another {_wait(error, 60)}. Choose another channel, or hold_until "
        "then, if that is before decide_by."
    )


def _address_unknown(error: TocsinError, _tool: str) -> str:
    channel = error.metadata.get("channel", "")
    return (
        f"No {channel} address is known for this recipient, so {channel} is not possible. {_CHOOSE} Addresses are "
        "never given by a decision."
    )


def _not_configured(error: TocsinError, _tool: str) -> str:
    return f"This server has no provider for {error.metadata.get('channel', 'the channel')}. {_CHOOSE}"


def _lease_held(error: TocsinError, _tool: str) -> str:
    until = error.metadata.get("lease_until", "later")
    return (
        f"This lease_token does not hold this notification, which is held until {until}; nothing was changed. If "
        "list_undecided gave it to you, copy the lease_token that stands beside it there. Otherwise another decider "
        "has it: leave it, and call list_undecided for others."
    )


def _no_route(_error: TocsinError, _tool: str) -> str:
    return "No channel is possible for this recipient: no address is known, or policies deny all. Nothing was sent."


def _permission_denied(error: TocsinError, tool: str) -> str:
    if tool == "explain":
        return (
            "Your token may explain only what it decided itself, or holds now. For all others it needs the scope "
            "read or simulate, which only an operator can give."
        )
    rpc = error.metadata.get("method", "").rpartition("/")[2]
    return (
        f"Your token does not allow {tool or rpc or 'this'}, and no argument changes that: {error.message}. whoami "
        "tells what yours allows; only an operator can give it more."
    )


def _busy(error: TocsinError, _tool: str) -> str:
    return f"The Tocsin server is busy, and did nothing. Make the same call again in {_wait(error, 5)}."


def _away(error: TocsinError, _tool: str) -> str:
    return f"The Tocsin server cannot answer at the moment. {_OPEN.format(wait=_wait(error, 5))}"


_BY_REASON: Final[Mapping[str, Callable[[TocsinError, str], str]]] = {
    "POLICY_DENIED": _policy_denied,
    "POLICY_LIMIT": _policy_limit,
    "ADDRESS_UNKNOWN": _address_unknown,
    "CHANNEL_NOT_CONFIGURED": _not_configured,
    "LEASE_HELD": _lease_held,
    "NO_ROUTE": _no_route,
    "PERMISSION_DENIED": _permission_denied,
    "RATE_LIMITED": _busy,
    "TOO_MANY_STREAMS": _busy,
    "QUEUE_FULL": _busy,
    "DATABASE_UNAVAILABLE": _away,
    "SHUTTING_DOWN": _away,
}


def _wait(error: TocsinError, otherwise: float) -> str:
    return _seconds(error.retry_after or otherwise)


def _seconds(wait: float) -> str:
    seconds = max(math.ceil(wait), 1)
    return "1 second" if seconds == 1 else f"{seconds} seconds"


# -- arguments that the tool's own schema refuses -----------------------------------------------------


def unknown_argument(tool: str, unknown: Sequence[str], known: Iterable[str]) -> str:
    """Return what to tell of arguments that a tool has not."""
    named = ", ".join(repr(name[:40]) for name in unknown[:5])
    hint = ""
    if any("address" in name.lower() for name in unknown):
        hint = " Addresses are never given: the server knows them."
    have = ", ".join(known) or "none"
    return f"{tool} has no argument {named}, and nothing was done.{hint} Its arguments: {have}."


_RIGHT: Final = (
    (re.compile("list_type"), '; give a list, such as ["email", "sms"]'),
    (re.compile("dict_type"), '; give an object, such as {"order_id": "ABC123"}'),
    (re.compile("timezone_aware|date"), "; give a time with its zone, such as 2026-03-01T08:00:00Z"),
)
"""What is right, by types of errors that only say what is wrong."""


def bad_arguments(tool: str, errors: Sequence[Mapping[str, Any]]) -> str:
    """Return what to tell of arguments of a wrong type or size, as `pydantic.ValidationError.errors` lists them."""
    told = []
    for found in errors[:8]:
        name = ".".join(str(part) for part in found["loc"] if not isinstance(part, int)) or "arguments"
        if found["type"] == "missing":
            told.append(f"{name} is missing")
        else:
            said = str(found["msg"]).removeprefix("Value error, ")
            right = next((words for kind, words in _RIGHT if kind.match(found["type"])), "")
            if name == "notification_id":
                right = "; copy it whole from the answer that showed it"
            told.append(f"{name}: {said[:1].lower()}{said[1:]}{right}")
    return f"{tool} was not called: {'; '.join(told)}. Correct this and call it again."


def own_fault(tool: str) -> str:
    """Return what to tell of a fault of this program."""
    return (
        f"{tool} met a fault of the server for agents itself, and it is not known whether it took effect. Do not try "
        "it again with the same arguments; tell your operator, who finds the fault in the log."
    )


def too_often(per_minute: int, wait: float) -> str:
    """Return what to tell who calls too often."""
    return (
        f"Too many calls: at most {per_minute} a minute, a quarter of them at once. Nothing was done. Wait "
        f"{_seconds(wait)}, then go on more slowly; list_undecided with wait_seconds waits for work without calling "
        "again and again."
    )
