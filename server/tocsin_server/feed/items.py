"""What streams consist of. An item of a live event is made once, for all streams of its feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from tocsin_server.model import FeedEvent, FeedPosition, Micros, Notification


class Subscribed(NamedTuple):
    """First item of a stream. ``position`` is where it starts; ``recovered`` is false if something may be missing."""

    position: FeedPosition
    unread_count: int
    recovered: bool


class Changed(NamedTuple):
    """A notification that is new in the feed, or in a replay has changed."""

    position: FeedPosition
    unread_count: int
    notification: Notification
    shared: dict[bool, Any] | None = None
    """Where whoever writes a live item keeps what it made of it, for the streams that write the same; None in a
    replay, which is one stream's alone."""


class ReadChanged(NamedTuple):
    """Notifications that were marked as read."""

    position: FeedPosition
    unread_count: int
    ids: Sequence[str]
    read_at: Micros
    shared: dict[bool, Any] | None = None
    """See `Changed.shared`."""


class Heartbeat(NamedTuple):
    """Nothing happened; the stream lives."""

    position: FeedPosition
    unread_count: int


FeedItem: TypeAlias = Subscribed | Changed | ReadChanged | Heartbeat


class LiveItem:
    """A committed change on its way to the streams of this process, which share it."""

    __slots__ = ("first", "item", "position", "written")

    def __init__(self, event: FeedEvent) -> None:
        self.first = event.first
        """The first sequence that it covers; the last one is its position's."""
        self.position = FeedPosition(event.epoch, event.last)
        self.item: Changed | ReadChanged = (
            ReadChanged(self.position, event.unread_count, event.read_ids, event.read_at or 0, {})
            if event.notification is None
            else Changed(self.position, event.unread_count, event.notification, {})
        )
        self.written = False
        """Whether one of the streams has written it, and noted so: for the recipient, the first one counts."""
