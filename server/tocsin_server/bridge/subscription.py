"""One recipient's feed for one socket, across all the streams that carry it while the socket lasts."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from tocsin_client import ListFilter, MarkedRead, ResourceExhausted, TocsinError, relaying
from tocsin_server.bridge.carrier import Carried, Carrier
from tocsin_server.bridge.events import FeedEvent, Started, Subscriber
from tocsin_server.bridge.protocol.frames import ListFeed, MarkRead, Subscribe
from tocsin_server.bridge.upstream import Upstream

Answer = TypeVar("Answer")


class Subscription:
    """A feed with the credentials of one socket, to `begin`; `end` it when done. It is a `Subscriber` itself.

    What happens goes to the socket. When the carrier or the server ends the subscription, it goes on with the next one,
    after a wait that grows with jitter. That shows only when something cannot be replayed: then another `Started`
    comes, which is not ``recovered``.

    The socket is told a `tocsin_client.TocsinError` for what no further attempt would cure; for a subscriber that is
    too slow or has too many streams, which only its browser can cure; and when the server has been away for too long.

    Args:
        upstream: The server.
        subscribe: What the browser asked for.
        socket: Whom it is told.
    """

    __slots__ = (
        "_away_since",
        "_carried",
        "_carrier",
        "_cursor",
        "_pause",
        "_recipient",
        "_resumption",
        "_socket",
        "_started",
        "_token",
        "_upstream",
    )

    def __init__(self, upstream: Upstream, subscribe: Subscribe, socket: Subscriber) -> None:
        self._upstream = upstream
        self._socket = socket
        self._recipient = subscribe.recipient
        self._token = subscribe.token
        self._resumption = relaying.Resumption(
            subscribe.recipient, subscribe.cursor, upstream.reconnect, renewable=False
        )
        self._away_since: float | None = None
        self._started = False
        self._cursor = ""  # of the last event, while the resumption has not been told
        self._carrier: Carrier | None = None
        self._carried: Carried | None = None
        self._pause: asyncio.TimerHandle | None = None  # between two attempts

    def begin(self) -> None:
        """Let a carrier carry it."""
        self._pause = None
        self._carrier = self._upstream.carrier()
        self._carried = self._carrier.open(self, self._token, self._resumption.request())

    def end(self) -> None:
        """Nothing comes any more. Idempotent."""
        if self._carrier is not None and self._carried is not None:
            self._carrier.close(self._carried)
        self._carrier = self._carried = None
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    # -- what the carrier tells ----------------------------------------------------------------------

    def take(self, event: FeedEvent, now: float) -> bool:
        """See `Subscriber`."""
        if type(event) is Started:
            self._moved()
            self._resumption.moved(event.cursor, starts=True)
            self._away_since = None
            if self._started and event.recovered:
                return True  # that it goes on where the last one ended is nobody's concern
            self._started = True
            return self._socket.take(event, now)
        self._cursor = event.cursor
        # What has no message is a heartbeat: the session has its own.
        return not event.message or self._socket.take(event, now)

    def got_rid(self, size: int) -> None:
        """Note that the socket has written an event that had to wait."""
        if self._carrier is not None and self._carried is not None:
            self._carrier.got_rid(self._carried, size)

    def over(self, error: Exception) -> None:
        """See `Subscriber`."""
        if not isinstance(error, TocsinError):
            self._socket.over(error)  # and it ends this
            return
        self._carrier = self._carried = None
        if isinstance(error, ResourceExhausted):
            self._socket.over(error)
        else:
            self._go_on_after(error)

    def _moved(self) -> None:
        """Take note of the last event. It is done for all at once, when the carrier has ended."""
        if self._cursor:
            self._resumption.moved(self._cursor, starts=False)
            self._away_since = None
            self._cursor = ""

    def _go_on_after(self, error: TocsinError) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._moved()
        if self._away_since is None:
            self._away_since = now
        try:
            if now - self._away_since > self._upstream.outage_limit:
                raise error
            delay = self._resumption.interrupted(error)
        except TocsinError as final:
            self._socket.over(final)
        else:
            self._pause = loop.call_later(delay, self.begin)

    # -- requests ------------------------------------------------------------------------------------

    async def list(self, wanted: ListFeed) -> Any:
        """Read a page; returns the ListResponse. Raises a TocsinError, like `mark_read`."""
        conditions = ListFilter(recipient=self._recipient, feed_only=True, page_size=wanted.page_size)
        return await self._call(relaying.list_page(conditions, wanted.page_token).raw())

    async def mark_read(self, wanted: MarkRead) -> MarkedRead:
        """Mark some, or all up to a cursor, as read."""
        if wanted.ids is not None:
            return await self._call(relaying.mark_read(wanted.ids, None, ""))
        return await self._call(relaying.mark_read((), self._recipient, wanted.up_to_cursor))

    async def _call(self, call: relaying.Call[Answer]) -> Answer:
        return await relaying.carry_out(call, self._upstream.connection.method, self._token)
