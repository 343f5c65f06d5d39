"""The way to the server: one connection for all sockets, each call with the credentials of the socket it is for."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any, Final, Protocol, TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tocsin_client import (
    AsyncClient,
    Backoff,
    ListFilter,
    MarkedRead,
    ResourceExhausted,
    Tls,
    TocsinError,
    Unavailable,
    calls,
    resume,
)
from tocsin_client.aio_line import AsyncLine, carry_out
from tocsin_client.transport import is_local, open_aio_channel
from tocsin_server.bridge.frames import ListFeed, MarkRead, Subscribe
from tocsin_server.bridge.relay import WINDOW, Relay
from tocsin_server.errors import ConfigurationError

Answer = TypeVar("Answer")

RECONNECT: Final = Backoff(initial=0.5, factor=2.0, cap=8.0)
"""Waits between the subscriptions of a socket. A restart of the server should be a short pause, and when it is back,
the subscriptions of all sockets arrive spread over the last wait."""

OUTAGE_LIMIT: Final = 120.0
"""Seconds without the server after which a socket is closed with "try later": perhaps another bridge can reach it."""

HEALTH_DEADLINE: Final = 2.0
"""Seconds in which the server has to answer whether it is well."""

HEALTH_AGE: Final = 0.5
"""Seconds for which an answer is good, so that whoever asks the bridge often does not ask the server as often."""

CONFIRMED_AT_ONCE: Final = WINDOW // 2
"""Bytes of a socket's events that are confirmed together."""

OPTIONS: Final = (
    # Feeds and requests are repeated by the client anyway.
    ("grpc.enable_retries", 0),
)


class Upstream:
    """The server, as the bridge sees it. Used on one event loop.

    Args:
        target: Where the server is, in gRPC's terms.
        tls: How the line is protected; None sends in the clear.
        insecure: Send tokens in the clear to another machine.
        reconnect: Waits between the subscriptions of a socket.
        outage_limit: Seconds without the server after which a feed ends.

    Raises:
        ConfigurationError: Tokens would travel in the clear to another machine, and ``insecure`` is not set.
    """

    def __init__(
        self,
        target: str,
        *,
        tls: Tls | None = None,
        insecure: bool = False,
        reconnect: Backoff = RECONNECT,
        outage_limit: float = OUTAGE_LIMIT,
    ) -> None:
        if tls is None and not insecure and not is_local(target):
            raise ConfigurationError(
                f"TOCSIN_BRIDGE_SERVER: recipients' tokens would travel to {target} in the clear; set "
                "TOCSIN_BRIDGE_SERVER_CA, which turns TLS on, or allow it with --insecure"
            )
        self._target, self._tls = target, tls
        # Two, and a third below, but gRPC gives equal channels one connection.
        self.line = AsyncLine(target, tls, OPTIONS)
        self._relay: Relay | None = None
        self._relays: set[Relay] = set()  # those that were retired, too, while they last
        self._client = AsyncClient(target, tls=tls, options=OPTIONS)
        self.reconnect = reconnect
        self.outage_limit = outage_limit
        self._well = False
        self._asked_at = -math.inf
        self._channel: Any = None  # of the health checks

    def client(self, token: str | None) -> AsyncClient:
        """Return a client with a token of its own. Close it when done."""
        return self._client.with_token(token, insecure=True)  # as above: the line was judged when it was made

    def feed(self, subscribe: Subscribe, receiver: Receiver) -> Feed:
        """Return the feed that a socket asked for, to `Feed.begin`. End it when done."""
        return Feed(self, subscribe, receiver)

    def relay(self) -> Relay:
        """Return the stream for new subscriptions."""
        if self._relay is None or self._relay.retired:
            if self._relay is not None:
                self._relay.retire()
            self._relay = Relay(self.line.method("Relay"), self._relays.discard)
            self._relays.add(self._relay)
        return self._relay

    async def is_serving(self) -> bool:
        """Tell whether the server is well, as of `HEALTH_AGE` seconds ago at the most."""
        now = time.monotonic()
        if now - self._asked_at > HEALTH_AGE:
            self._well = await self._ask()
            self._asked_at = now
        return self._well

    async def _ask(self) -> bool:
        if self._channel is None:
            self._channel = open_aio_channel(self._target, self._tls, OPTIONS)
        request = health_pb2.HealthCheckRequest()
        try:
            answer = await health_pb2_grpc.HealthStub(self._channel).Check(request, timeout=HEALTH_DEADLINE)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """End everything. Idempotent."""
        for relay in tuple(self._relays):
            await relay.end()
        await self.line.close()
        await self._client.close()
        if self._channel is not None:
            await self._channel.close()


class Receiver(Protocol):
    """The socket that a feed is for."""

    def confirmed(self) -> None:
        """Learn that the server has accepted the credentials. The first event follows."""

    def deliver(self, cursor: str, frame: bytes, size: int, now: float) -> bool:
        """Write an event, see `Subscriber.happened`; false if it has to wait, and `Feed.taken` will be called."""

    def over(self, error: Exception) -> None:
        """Learn that nothing comes any more: a TocsinError says what the browser should know, others are faults."""


class Feed:
    """One recipient's feed, with one socket's credentials, for as long as the socket lasts.

    Its events go to the socket. When a subscription ends, it goes on with the next one, after a wait that grows with
    jitter. That shows only when something cannot be replayed: then another ``subscribed`` comes, which is not
    ``recovered``.

    The socket is told a `tocsin_client.TocsinError` for what no further subscription would cure; for a subscriber that
    is too slow or has too many streams, which only its browser can cure; and when the server has been away for too
    long.
    """

    __slots__ = (
        "_away_since",
        "_cursor",
        "_number",
        "_pause",
        "_receiver",
        "_recipient",
        "_relay",
        "_resumption",
        "_started",
        "_token",
        "_unconfirmed",
        "_upstream",
    )

    def __init__(self, upstream: Upstream, subscribe: Subscribe, receiver: Receiver) -> None:
        self._upstream = upstream
        self._receiver = receiver
        self._recipient = subscribe.recipient
        self._token = subscribe.token
        self._resumption = resume.Resumption(subscribe.recipient, subscribe.cursor, upstream.reconnect, renewable=False)
        self._away_since: float | None = None
        self._started = False
        self._unconfirmed = 0
        self._cursor = ""  # of the last event, while the resumption has not been told
        self._relay: Relay | None = None
        self._number = 0
        self._pause: asyncio.TimerHandle | None = None  # between two subscriptions

    def begin(self) -> None:
        """Open a subscription."""
        self._pause = None
        self._unconfirmed = 0
        self._relay = self._upstream.relay()
        self._number = self._relay.open(self, self._token, self._resumption.request())

    def end(self) -> None:
        """End the subscription; nothing comes any more. Idempotent."""
        if self._relay is not None:
            self._relay.close(self._number)
            self._relay = None
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    # -- what the relay tells ------------------------------------------------------------------------

    def started(self, cursor: str, recovered: bool, frame: bytes, size: int, now: float) -> None:
        """See `Subscriber`."""
        self._moved()
        self._resumption.moved(cursor, starts=True)
        self._away_since = None
        if self._started and recovered:
            self.taken(size)  # that it goes on where the last one ended is nobody's concern
            return
        if not self._started:
            self._started = True
            self._receiver.confirmed()
        if self._receiver.deliver(cursor, frame, size, now):
            self.taken(size)

    def happened(self, cursor: str, frame: bytes, size: int, now: float) -> None:
        """See `Subscriber`."""
        self._cursor = cursor
        # What has no frame is a heartbeat: the session has its own.
        if not frame or self._receiver.deliver(cursor, frame, size, now):
            self.taken(size)

    def taken(self, size: int) -> None:
        """Note that the socket has got rid of an event."""
        self._unconfirmed += size
        if self._unconfirmed >= CONFIRMED_AT_ONCE and self._relay is not None:
            self._relay.confirm(self._number, self._unconfirmed)
            self._unconfirmed = 0

    def _moved(self) -> None:
        """Take note of the last event. It is done for all at once, when a subscription has ended."""
        if self._cursor:
            self._resumption.moved(self._cursor, starts=False)
            self._away_since = None
            self._cursor = ""

    def ended(self, error: TocsinError) -> None:
        """See `Subscriber`."""
        self._relay = None
        if isinstance(error, ResourceExhausted):
            self._receiver.over(error)
        else:
            self._go_on_after(error)

    def broken(self, error: TocsinError) -> None:
        """See `Subscriber`."""
        self._relay = None
        # That the stream as a whole is over a limit is no browser's fault, and passes.
        self._go_on_after(Unavailable(error.message) if isinstance(error, ResourceExhausted) else error)

    def failed(self, fault: Exception) -> None:
        """See `Subscriber`."""
        self._receiver.over(fault)

    def _go_on_after(self, error: TocsinError) -> None:
        loop = asyncio.get_running_loop()
        self._moved()
        if self._away_since is None:
            self._away_since = loop.time()
        try:
            if loop.time() - self._away_since > self._upstream.outage_limit:
                raise error
            delay = self._resumption.interrupted(error)
        except TocsinError as final:
            self._receiver.over(final)
        else:
            self._pause = loop.call_later(delay, self.begin)

    # -- requests ------------------------------------------------------------------------------------

    async def list(self, wanted: ListFeed) -> Any:
        """Read a page; returns the ListResponse. Raises a TocsinError, like `mark_read`."""
        conditions = ListFilter(recipient=self._recipient, feed_only=True, page_size=wanted.page_size)
        return await self._call(calls.list_page(conditions, wanted.page_token).unread())

    async def mark_read(self, wanted: MarkRead) -> MarkedRead:
        """Mark some, or all up to a cursor, as read."""
        if wanted.ids is not None:
            return await self._call(calls.mark_read(wanted.ids, None, ""))
        return await self._call(calls.mark_read((), self._recipient, wanted.up_to_cursor))

    async def _call(self, call: calls.Call[Answer]) -> Answer:
        return await carry_out(call, self._upstream.line.method, self._token)
