"""The storage as the rest of the server sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from tocsin_server.errors import TocsinError
from tocsin_server.model import (
    Accepted,
    ChannelResult,
    ChannelType,
    ClaimedChannel,
    FeedPosition,
    FeedState,
    Marked,
    Micros,
    Notification,
    NotificationDraft,
    NotificationFilter,
    Page,
    Recipient,
)


class FeedPart(NamedTuple):
    """Head of a feed and part of its content, read from one snapshot."""

    state: FeedState
    notifications: list[Notification]


class ListPart(NamedTuple):
    """A page and, when the list is one recipient's, the head of that recipient's feed read before the rows."""

    page: Page
    state: FeedState | None


class Store(Protocol):
    """Keeps notifications; every method may be called from any event loop.

    A write returns after its commit, and every method raises `DatabaseUnavailable` when the database does not
    answer, `ShuttingDown` after `close`; writes raise `QueueFull` when too many are waiting.
    """

    async def accept(self, drafts: Sequence[NotificationDraft]) -> Sequence[Accepted | TocsinError]:
        """Store drafts and queue them; one answer per draft, `IdempotencyKeyReused` where a key is taken."""

    async def get(self, notification_id: str) -> Notification:
        """Read one notification with its channels; raises `NotificationNotFound`."""

    async def find(self, wanted: NotificationFilter, before: str | None, page_size: int) -> ListPart:
        """Read a page of what matches, newest first, below the position ``before`` (see `Page.positions`)."""

    async def mark_read(self, ids: Sequence[str], owner: Recipient | None = None) -> Marked:
        """Mark notifications of one recipient as read, all or none.

        Those of anybody but ``owner``, if one is given, count as not existing.
        Raises `NotificationNotFound`, and `InvalidArgument` when they belong to several recipients.
        """

    async def mark_feed_read(self, recipient: Recipient, up_to: FeedPosition | None) -> Marked:
        """Mark a feed as read up to a position (None: its head now), in chunks; raises `MalformedCursor`."""

    async def feed_state(self, recipient: Recipient) -> FeedState:
        """Read the head of a feed."""

    async def feed_after(self, recipient: Recipient, position: FeedPosition, limit: int) -> FeedPart:
        """Read what changed after a position, in order of change, each notification in its latest state."""

    async def feed_waiting(self, recipient: Recipient, after: int, limit: int) -> FeedPart:
        """Read what waits for a subscriber and has a sequence above ``after``."""

    async def settle_feeds(self, positions: Mapping[Recipient, FeedPosition], response: dict[str, Any]) -> int:
        """Record that everything waiting in feeds up to a position was received; returns how many rows that settled."""

    async def enter_due(self, limit: int) -> int:
        """Let due notifications enter their feeds and fail expired ones; returns how many rows were handled."""

    async def next_due(self, channel: ChannelType) -> Micros | None:
        """Tell when the next pending row of a channel is due."""

    async def claim(self, channel: ChannelType, limit: int, lease: Micros) -> list[ClaimedChannel]:
        """Lease up to ``limit`` due rows of a channel for ``lease`` microseconds."""

    async def renew(self, held: Sequence[ClaimedChannel], lease: Micros) -> set[str]:
        """Extend the leases of held rows from now; returns the ids of those still held."""

    async def release(self, held: Sequence[ClaimedChannel]) -> None:
        """Give held rows back unsent: due at once, the attempt not counted."""

    async def record(self, results: Sequence[ChannelResult]) -> Sequence[bool]:
        """Write results of attempts, all or none; for each, false when its lease was lost, so that it was dropped."""

    async def cancel(self, notification_id: str) -> Notification:
        """Fail what is pending and not being sent; returns the notification as it is then.

        Raises `NotificationNotFound`, and `AlreadySettled` when nothing is left to cancel.
        """

    async def retry(
        self, notification_id: str, channels: Sequence[ChannelType], refusals: Mapping[ChannelType, TocsinError]
    ) -> Notification:
        """Revive failed channels (none named: all); returns the notification as it is then.

        ``refusals`` are the channels that cannot be sent by as things stand; reviving one raises its error.
        Raises also `NotificationNotFound`, `NotRetryable` and `Expired`.
        """

    async def close(self) -> None:
        """Write what is waiting and give up the connections. Idempotent."""
