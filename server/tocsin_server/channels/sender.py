"""What the delivery engine and a provider of a channel say to each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from tocsin_server.channels.bounds import CODE_LIMIT, FACT_LIMIT, bounded_facts, bounded_text, bounded_wait
from tocsin_server.domain.model import ClaimedChannel, Micros
from tocsin_server.domain.operating import Turn


class OutcomeKind(StrEnum):
    """How an attempt ended, as far as anybody can know."""

    ACCEPTED = "accepted"
    """The provider took responsibility for the message."""

    TRANSIENT = "transient"
    """Known not accepted, but may be later: retried, and the next provider of the channel may be tried at once."""

    THROTTLED = "throttled"
    """Known not accepted, because we send too fast: retried after ``retry_after``; costs no attempt."""

    PERMANENT = "permanent"
    """Known not accepted and never will be for this address or message: not retried. See `Outcome.elsewhere`."""

    UNKNOWN = "unknown"
    """Content was handed over and no answer came: retried on the same provider later, never failed over."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A provider's answer to one attempt.

    ``code`` is the provider's own (an SMTP reply code, a Twilio or Telegram error code, an exception's name
    where there was no answer). ``detail`` is the provider's text, at most `DETAIL_LIMIT` characters, without
    secrets and without the message's content. ``data`` holds further facts worth keeping (a message id): plain
    values, no lists or objects.
    ``retry_after`` is in seconds, at most `LONGEST_WAIT`. ``provider_fault`` says that the provider as a whole is at
    fault (refused connection, bad credentials, 5xx), which is what its circuit breaker counts; a bad address is not.
    ``address`` is a replacement that the provider told us (a migrated Telegram chat). ``elsewhere`` says of a permanent
    refusal that it is this provider's own (a size, a missing extension, a filter), so that the channel's next provider
    may take the message; it is final when no provider is left.
    """

    kind: OutcomeKind
    code: str = ""
    detail: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    retry_after: float | None = None
    provider_fault: bool = False
    address: str | None = None
    elsewhere: bool = False

    def __post_init__(self) -> None:
        """Bound what came from outside, here where every sender passes."""
        # Set only where it differs, which is hardly ever: this runs once for every message.
        bounded = object.__setattr__
        if (code := bounded_text(self.code, CODE_LIMIT)) is not self.code:
            bounded(self, "code", code)
        if (detail := bounded_text(self.detail, DETAIL_LIMIT)) is not self.detail:
            bounded(self, "detail", detail)
        if self.data and (data := bounded_facts(self.data)) != self.data:
            bounded(self, "data", data)
        if self.retry_after is not None:
            bounded(self, "retry_after", bounded_wait(self.retry_after))
        if self.address is not None and self.address != bounded_text(self.address, FACT_LIMIT):
            bounded(self, "address", None)


DETAIL_LIMIT = 500
"""Characters of a provider's text that are kept; providers sometimes answer with a whole page."""


@dataclass(slots=True, eq=False)
class Attempt:
    """One attempt to send a row through one provider: what is to be sent, and how far that has come.

    ``handed_over`` is set by the sender at the last moment before any content can leave, and taken back where an
    answer says that the provider did not take it. Whoever cuts an attempt off reads it: the outcome is unknown only
    once it is set. A sender that cannot tell sets it at once.
    """

    claim: ClaimedChannel
    handed_over: bool = False


def nothing_to_send() -> Attempt:
    """Return what stands for the attempt of a request that sends nothing."""
    return Attempt(cast("ClaimedChannel", None))


class Sender(Protocol):
    """One provider of one channel, used from one event loop only, by several coroutines at a time."""

    name: str
    """Tells providers apart in ``response`` and logs, such as ``smtp://relay.example:587``; holds no secret."""

    @property
    def credential_codes(self) -> Collection[str]:
        """Values of `Outcome.code` by which the provider refuses who we are, which somebody has to mend."""

    async def send(self, attempt: Attempt) -> Outcome:
        """Make one attempt and tell how it ended.

        Does not raise, whatever the provider does; the only exception let through is ``CancelledError``, by which
        the engine ends an attempt that exceeds its total deadline, and which leaves `Attempt.handed_over` right. The
        sender's own timeouts per network operation are shorter than that deadline.
        """

    async def reach(self) -> str:
        """Ask the provider whether it would take a message of ours, without sending one: connect, prove who we are.

        Returns what is wrong, without secrets; an empty text if nothing is. Does not raise. Bounded by the sender's own
        timeouts.
        """

    async def close(self) -> None:
        """Give up kept connections. Idempotent; no ``send`` follows."""


TakeTurn: TypeAlias = Callable[[str, Micros, Micros], Awaitable[Turn]]
"""Takes a turn at a provider that several processes ask, see `tocsin_server.domain.ports.TurnStore.take_turn`."""


@runtime_checkable
class Paced(Protocol):
    """A sender whose provider allows so many messages a second, whoever sends them."""

    def keep_pace_with(self, take_turn: TakeTurn) -> None:
        """Ask for a turn before each message, since other processes send through this provider, too."""


SenderFactory = Callable[[], Sender]
"""Makes a sender inside the event loop that will use it."""
