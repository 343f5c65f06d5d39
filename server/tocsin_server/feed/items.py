"""What streams consist of. An item of a live event is made once, for all streams of its feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from tocsin_server.domain.model import FeedEvent, FeedPosition, MarkedRead, Micros, Notification, weight_of
from tocsin_server.domain.shares import Room


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

    __slots__ = ("_waiting", "first", "item", "position", "weight", "written")

    def __init__(self, event: FeedEvent) -> None:
        self.first = event.first
        """The first sequence that it covers; the last one is its position's."""
        self.position = FeedPosition(event.epoch, event.last)
        self.item: Changed | ReadChanged
        if isinstance(event, MarkedRead):
            self.item = ReadChanged(self.position, event.unread_count, event.ids, event.read_at, {})
            self.weight = 1_000 + 100 * len(event.ids)
        else:
            notification = event.notification
            self.item = Changed(self.position, event.unread_count, notification, {})
            # Not exactly its length as JSON, but not shorter either.
            metadata_size = len(repr(notification.metadata)) if notification.metadata else 0
            self.weight = weight_of(notification.title, notification.message, metadata_size)
        self._waiting = 0  # in how many mailboxes
        self.written = False
        """Whether one of the streams has written it, and noted so: for the recipient, the first one counts."""

    def enter(self, room: Room) -> None:
        """Wait in one more mailbox. It takes room once, however many they are."""
        if not self._waiting:
            room.left -= self.weight
        self._waiting += 1

    def leave(self, room: Room) -> None:
        """Wait in one mailbox less."""
        self._waiting -= 1
        if not self._waiting:
            room.left += self.weight
