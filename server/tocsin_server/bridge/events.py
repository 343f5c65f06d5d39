"""What is told of a feed on its way to a browser, and whom it is told."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias


class Started(NamedTuple):
    """The feed is followed from ``cursor`` on; ``recovered`` false says that something before it may be missing.

    For the rest see `Happened`.
    """

    cursor: str
    message: bytes
    size: int
    recovered: bool


class Happened(NamedTuple):
    """Something happened in the feed.

    Attributes:
        cursor: Where to resume after it.
        message: The WebSocket message; empty for a kind that browsers do not get.
        size: Bytes to confirm to the server when it is got rid of.
    """

    cursor: str
    message: bytes
    size: int


FeedEvent: TypeAlias = Started | Happened


class Subscriber(Protocol):
    """Whom a feed is told."""

    def take(self, event: FeedEvent, now: float) -> bool:
        """Take an event, at a time of the loop's clock.

        Returns false if it has to wait, and `tocsin_server.bridge.subscription.Subscription.got_rid` will be told.
        """

    def over(self, error: Exception) -> None:
        """Learn that nothing comes any more. A `tocsin_client.TocsinError` says why; others are faults of the bridge,
        such as an event that cannot be made, behind which there would be a gap."""
