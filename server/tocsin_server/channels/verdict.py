"""What a classification table says about an answer, and how a provider's words become a detail."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from tocsin_server.channels.sender import DETAIL_LIMIT, Message, OutcomeKind


class Verdict(NamedTuple):
    """The part of an `Outcome` that a table decides; the fields mean the same. ``retry_after`` is in seconds."""

    kind: OutcomeKind
    provider_fault: bool = False
    retry_after: float | None = None


ACCEPTED = Verdict(OutcomeKind.ACCEPTED)
PERMANENT = Verdict(OutcomeKind.PERMANENT)
LATER = Verdict(OutcomeKind.TRANSIENT)
"""Not now, for this address or message; the provider itself is well."""
PROVIDER_FAULT = Verdict(OutcomeKind.TRANSIENT, provider_fault=True)
"""Not through this provider as it is, whatever the message: it is down, or our account or set-up with it is wrong."""
UNKNOWN = Verdict(OutcomeKind.UNKNOWN, provider_fault=True)
"""Content may have been taken. A provider that keeps us guessing is at fault: its breaker counts that."""

HIDDEN = "[hidden]"
_SHORTEST_HIDDEN = 4
"""Shorter lines are not looked for: hiding every "a" would leave no detail, and tells nobody a message."""

_NOT_TEXT = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")


def detail(text: str, *, message: Message | None = None, secrets: Iterable[str] = ()) -> str:
    """Make a provider's text fit to be stored, logged and shown.

    One line of at most `DETAIL_LIMIT` characters, valid Unicode, without ``secrets`` and without the content of
    ``message``: refusals of content filters and echoing gateways quote what they were sent, whole or by line.
    """
    hidden = [secret for secret in secrets if secret]
    if message is not None:
        content = [message.title, message.message, *message.title.splitlines(), *message.message.splitlines()]
        hidden += [part for line in content if len(part := line.strip()) >= _SHORTEST_HIDDEN]
    # Longest first, or hiding a line would break up the whole that contains it and leave the rest to be seen.
    for part in sorted(hidden, key=len, reverse=True):
        text = text.replace(part, HIDDEN)
    # Bytes that were no UTF-8 arrive as lone surrogates, which neither JSON nor a database would take.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return _NOT_TEXT.sub(" ", text).strip()[:DETAIL_LIMIT]
