"""How a subscription survives the end of its streams: pure decisions, shared by both clients.

A `Resumption` is told what happens to the streams of one subscription and answers what to do: which request
opens the next stream, which event to hand out, how long to wait, or that there is nothing to wait for. It does no
I/O and reads no clock.

- The position moves as soon as an event arrived, before it is handed out, heartbeats included: the next stream
  starts after it, so that the subscription itself neither loses nor repeats an event. (The server may repeat one:
  delivery is at least once, and notifications are upserts by id.)
- Failures in a row make the wait grow. A `Subscribed` does not end the row, any later event does: a server that
  accepts streams only to break them would otherwise be asked again and again without pause.
- What ends a stream falls in four kinds. The server asks to come again: UNAVAILABLE, RESOURCE_EXHAUSTED. The line
  broke, or something in between gave up: a code such as CANCELLED or INTERNAL without a reason of ours, or an end
  without an error, which the server never makes. The token's time has not come, because somebody's clock is wrong: it
  soon will. Everything else would happen again, so it is raised.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from tocsin_client import calls, convert, model
from tocsin_client.backoff import Backoff
from tocsin_client.errors import TocsinError, Unavailable

log = logging.getLogger(__name__)

SILENCE: Final = 60.0
"""Seconds without any event after which a stream counts as dead; heartbeats come every 25 s."""

STREAM_BACKOFF: Final = Backoff(initial=0.5, factor=2.0, cap=30.0)
"""Waits between streams. There is no limit to their number: a subscription lasts until it is closed."""

_COME_AGAIN: Final = frozenset({"UNAVAILABLE", "RESOURCE_EXHAUSTED"})
"""Codes that invite another attempt, whoever sent them."""

_BROKEN_LINE: Final = frozenset({"CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED", "ABORTED", "INTERNAL"})
"""Codes that gRPC and proxies give for streams that were cut off; the server's own errors have a reason."""

EARLY_ATTEMPTS: Final = 12
"""Streams in a row that are tried with a token whose time has not come: with the usual waits, two minutes or so. Of a
clock that is farther off than that somebody has to learn."""


class Resumption:
    """The state of one subscription between its streams.

    ``renewable`` says that the next stream can have a newer token than the last one, so that TOKEN_EXPIRED is
    worth another stream; twice in a row it is not.
    """

    __slots__ = ("_backoff", "_early", "_failures", "_recipient", "_renewable", "_token_expired", "_told", "cursor")

    def __init__(self, recipient: model.RecipientLike, cursor: str, backoff: Backoff, *, renewable: bool) -> None:
        self.cursor = cursor
        self._recipient = model.Recipient.of(recipient)
        self._backoff = backoff
        self._renewable = renewable
        self._failures = 0
        self._token_expired = False
        self._told = False
        self._early = 0

    def request(self) -> Any:
        """Return the request that opens the next stream, after the last position."""
        return calls.subscribe_request(self._recipient, self.cursor)

    def received(self, message: Any) -> model.Event | None:
        """Take note of a message of the stream; returns the event to hand out, None if it only moves the position."""
        self.moved(message.cursor, message.HasField("subscribed"))
        return convert.event_from(message)

    def moved(self, cursor: str, starts: bool) -> None:
        """Take note of an event that somebody else reads; ``starts`` if it is a `Subscribed`."""
        self.cursor = cursor or self.cursor
        self._token_expired = False
        self._early = 0
        if not starts:
            self._failures = 0
            if self._told:
                self._told = False
                log.info("the feed of %s is back", self._recipient)

    def interrupted(self, error: TocsinError) -> float:
        """Return the seconds to wait before the next stream; raises the error if no further stream can help."""
        if not self._worth_another(error):
            raise error
        self._failures += 1
        delay = self._backoff.delay(self._failures, error.retry_after)
        if delay is None:
            raise error
        return delay

    def tell(self, error: TocsinError) -> None:
        """Log, once for each outage, that the feed is interrupted: for programs that did not ask to be told.

        Without it, a subscription to an address where no server ever was would wait for one without a word.
        """
        if not self._told:
            self._told = True
            log.warning("the feed of %s is interrupted (%s); trying again until it is back", self._recipient, error)

    def _worth_another(self, error: TocsinError) -> bool:
        if error.reason == "TOKEN_EXPIRED" and self._renewable and not self._token_expired:
            self._token_expired = True
            return True
        if error.code == "UNAUTHENTICATED" and "valid_from" in error.metadata:
            self._early += 1
            return self._early < EARLY_ATTEMPTS
        return error.code in _COME_AGAIN or (not error.reason and error.code in _BROKEN_LINE)


def ended() -> TocsinError:
    """Return what stands for a stream that ended without an error."""
    return Unavailable("the stream ended without an error")


def fell_silent(seconds: float) -> TocsinError:
    """Return what stands for a stream on which nothing came for so long."""
    return Unavailable(f"no event, not even a heartbeat, came for {seconds:g} s")
