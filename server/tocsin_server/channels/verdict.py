"""What a classification table says about an answer, and how a provider's words become a detail."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tocsin_server.channels.bounds import bounded_text
from tocsin_server.channels.sender import DETAIL_LIMIT, Outcome, OutcomeKind
from tocsin_server.config.network import HttpProxy
from tocsin_server.domain.model import ClaimedChannel


class Verdict(NamedTuple):
    """The part of an `Outcome` that a table decides; the fields mean the same. ``retry_after`` is in seconds."""

    kind: OutcomeKind
    provider_fault: bool = False
    retry_after: float | None = None
    elsewhere: bool = False

    def outcome(
        self, code: str, detail: str, data: Mapping[str, Any] | None = None, *, address: str | None = None
    ) -> Outcome:
        """Return the outcome of an attempt that was judged so."""
        return Outcome(
            self.kind,
            code=code,
            detail=detail,
            data=data or {},
            retry_after=self.retry_after,
            provider_fault=self.provider_fault,
            address=address,
            elsewhere=self.elsewhere,
        )


ACCEPTED = Verdict(OutcomeKind.ACCEPTED)
PERMANENT = Verdict(OutcomeKind.PERMANENT)
"""Wrong for everybody: the address does not exist, the recipient wants nothing from us."""
NOT_HERE = Verdict(OutcomeKind.PERMANENT, elsewhere=True)
"""Never through this provider, by its own limits or opinion: another one may take it. Final when none is left, since
limits and opinions do not change within the hours of retrying."""
LATER = Verdict(OutcomeKind.TRANSIENT)
"""Not now, for this address or message; the provider itself is well."""
PROVIDER_FAULT = Verdict(OutcomeKind.TRANSIENT, provider_fault=True)
"""Not through this provider as it is, whatever the message: it is down, or our account or set-up with it is wrong."""
UNKNOWN = Verdict(OutcomeKind.UNKNOWN, provider_fault=True)
"""Content may have been taken. A provider that keeps us guessing is at fault: its breaker counts that."""

HIDDEN = "[hidden]"
_SHORTEST_HIDDEN = 4
"""Shorter lines are not looked for: hiding every "a" would leave no detail, and tells nobody a message."""

_LONGEST_READ = 4096
"""Characters of a provider's text that are looked at. Hiding each line of a long message costs time with every one."""


def secrets_of(proxy: HttpProxy | None) -> tuple[str, ...]:
    """List the forms in which a proxy's password travels, which it may quote."""
    if proxy is None or proxy.password is None:
        return ()
    password = proxy.password.get_secret_value()
    return password, base64.b64encode(f"{proxy.username}:{password}".encode()).decode()


def detail(text: str, *, message: ClaimedChannel | None = None, secrets: Iterable[str] = ()) -> str:
    """Make a provider's text fit to be stored, logged and shown.

    One line of at most `DETAIL_LIMIT` characters, valid Unicode, without ``secrets`` and without the content of
    ``message``: refusals of content filters and echoing gateways quote what they were sent, whole or by line.
    """
    hidden = [secret for secret in secrets if secret]
    if message is not None:
        content = [message.title, message.message, *message.title.splitlines(), *message.message.splitlines()]
        hidden += [part for line in content if len(part := line.strip()) >= _SHORTEST_HIDDEN]
    # Longest first, or hiding a line would break up the whole that contains it and leave the rest to be seen.
    hidden.sort(key=len, reverse=True)
    cut = text[:_LONGEST_READ]
    for part in hidden:
        cut = cut.replace(part, HIDDEN)
    if len(text) > _LONGEST_READ:
        cut = _without_broken_end(cut, hidden)
    return bounded_text(cut, DETAIL_LIMIT)


def _without_broken_end(text: str, hidden: Iterable[str]) -> str:
    """Take from the end of a text that was cut what may be the beginning of something hidden."""
    for part in hidden:
        at = text.find(part[:_SHORTEST_HIDDEN])
        while at >= 0:
            if part.startswith(text[at:]):
                return text[:at]
            at = text.find(part[:_SHORTEST_HIDDEN], at + 1)
    return text
