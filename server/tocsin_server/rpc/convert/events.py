"""Events of a stream. A live one is serialised once, for all streams that may see the same of it."""

from __future__ import annotations

from typing import NamedTuple

from tocsin.v1 import notification_service_pb2 as service_pb

from tocsin_server.domain.model import FeedPosition
from tocsin_server.feed import cursor as feed_cursor
from tocsin_server.feed.items import Changed, FeedItem, Heartbeat, ReadChanged, Subscribed
from tocsin_server.rpc.convert.answers import write_notification
from tocsin_server.rpc.convert.times import write_time


def write_feed_item(item: FeedItem, *, private: bool = True) -> service_pb.SubscribeResponse:
    """Build the event of a stream; for ``private`` see `write_channel`."""
    message = service_pb.SubscribeResponse(cursor=feed_cursor.encode(item.position), unread_count=item.unread_count)
    match item:
        case Changed(notification=notification):
            write_notification(notification, message.notification, private=private)
        case ReadChanged(ids=ids, read_at=read_at):
            message.read_changed.ids.extend(ids)
            write_time(message.read_changed.read_at, read_at)
        case Subscribed(recovered=recovered):
            message.subscribed.recovered = recovered
        case Heartbeat():
            message.heartbeat.SetInParent()
    return message


class FeedMessage(NamedTuple):
    """A serialised event of a stream and the position after it; ``change`` says that it tells a change of the feed."""

    data: bytes
    position: FeedPosition
    change: bool = True

    @property
    def cursor(self) -> str:
        """The position as subscribers keep it."""
        return feed_cursor.encode(self.position)


_CHANGES = (Changed, ReadChanged)
"""Items that tell changes, which may be the same on several streams.

(A union written where it is tested is built for each test.)"""


def serialise_feed_item(item: FeedItem, *, private: bool) -> FeedMessage:
    """Serialise the event of a stream; a live one is serialised once for all streams that may see the same of it."""
    shared: dict[bool, FeedMessage] | None = item.shared if isinstance(item, _CHANGES) else None
    if shared is not None and (known := shared.get(private)) is not None:
        return known
    data = write_feed_item(item, private=private).SerializeToString()
    message = FeedMessage(data, item.position, isinstance(item, _CHANGES))
    if shared is not None:
        shared[private] = message
    return message
