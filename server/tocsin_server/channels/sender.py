"""What the delivery engine and a provider of a channel say to each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from tocsin_server.model import Json, Micros


class OutcomeKind(StrEnum):
    """How an attempt ended, as far as anybody can know."""

    ACCEPTED = "accepted"
    """The provider took responsibility for the message."""

    TRANSIENT = "transient"
    """Known not accepted, but may be later: retried, and the next provider of the channel may be tried at once."""

    THROTTLED = "throttled"
    """Known not accepted, because we send too fast: retried after ``retry_after``; costs no attempt."""

    PERMANENT = "permanent"
    """Known not accepted and never will be for this address or message: not retried."""

    UNKNOWN = "unknown"
    """Content was handed over and no answer came: retried on the same provider later, never failed over."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A provider's answer to one attempt.

    ``code`` is the provider's own (an SMTP reply code, a Twilio or Telegram error code, an exception's name
    where there was no answer). ``detail`` is the provider's text, at most `DETAIL_LIMIT` characters, without
    secrets and without the message's content. ``data`` holds further facts worth keeping (a message id).
    ``retry_after`` is in seconds. ``provider_fault`` says that the provider as a whole is at fault (refused
    connection, bad credentials, 5xx), which is what its circuit breaker counts; a bad address is not.
    ``address`` is a replacement that the provider told us (a migrated Telegram chat).
    """

    kind: OutcomeKind
    code: str = ""
    detail: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    retry_after: float | None = None
    provider_fault: bool = False
    address: str | None = None


DETAIL_LIMIT = 500
"""Characters of a provider's text that are kept; providers sometimes answer with a whole page."""


class Message(NamedTuple):
    """What is to be sent in one attempt. ``attempt`` counts from 1."""

    channel_id: str
    notification_id: str
    address: str
    title: str
    message: str
    metadata: Json | None
    created_at: Micros
    attempt: int


class Sender(Protocol):
    """One provider of one channel, used from one event loop only, by several coroutines at a time."""

    name: str
    """Tells providers apart in ``response`` and logs, such as ``smtp://relay.example:587``; holds no secret."""

    async def send(self, message: Message) -> Outcome:
        """Make one attempt and tell how it ended.

        Does not raise, whatever the provider does; the only exception let through is ``CancelledError``, by which
        the engine ends an attempt that exceeds its total deadline. The sender's own timeouts per network
        operation are shorter than that deadline.
        """

    async def close(self) -> None:
        """Give up kept connections. Idempotent; no ``send`` follows."""


SenderFactory = Callable[[], Sender]
"""Makes a sender inside the event loop that will use it."""
