"""The way to the server: one connection for all sockets, each call with the credentials of the socket it is for."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tocsin_client import (
    AsyncClient,
    AsyncSubscription,
    Backoff,
    Event,
    MarkedRead,
    Page,
    ResourceExhausted,
    Subscribed,
    Tls,
    TocsinError,
)
from tocsin_client.transport import is_local, open_aio_channel
from tocsin_server.bridge.frames import ListFeed, MarkRead, Subscribe
from tocsin_server.errors import ConfigurationError

RECONNECT: Final = Backoff(initial=0.5, factor=2.0, cap=8.0)
"""Waits between the streams of a socket. A restart of the server should be a short pause, and when it is back, the
streams of all sockets arrive spread over the last wait."""

OUTAGE_LIMIT: Final = 120.0
"""Seconds without the server after which a socket is closed with "try later": perhaps another bridge can reach it."""

HEALTH_DEADLINE: Final = 2.0
"""Seconds in which the server has to answer whether it is well."""

HEALTH_AGE: Final = 0.5
"""Seconds for which an answer is good, so that whoever asks the bridge often does not ask the server as often."""

OPTIONS: Final = (
    # Without this, gRPC widens a stream's window by what the line could carry, up to megabytes, and would hold as much
    # for every browser that reads slowly. Fixed, a stream that nobody reads holds 64 KiB.
    ("grpc.http2.bdp_probe", 0),
)


class Upstream:
    """The server, as the bridge sees it. Used on one event loop.

    Args:
        target: Where the server is, in gRPC's terms.
        tls: How the line is protected; None sends in the clear.
        insecure: Send tokens in the clear to another machine.
        reconnect: Waits between the streams of a socket.
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
        self._client = AsyncClient(target, tls=tls, reconnect=reconnect, options=OPTIONS)
        self._outage_limit = outage_limit
        self._well = False
        self._asked_at = -math.inf
        self._channel: Any = None  # of the health checks; gRPC gives equal channels one connection

    def client(self, token: str | None) -> AsyncClient:
        """Return a client on this connection with a token of its own. Close it when done."""
        return self._client.with_token(token, insecure=True)  # as above: the line was judged when it was made

    def feed(self, subscribe: Subscribe) -> Feed:
        """Return the feed that a socket asked for. Close it when done."""
        return Feed(self.client(subscribe.token), subscribe, self._outage_limit)

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
        await self._client.close()
        if self._channel is not None:
            await self._channel.close()


class Feed:
    """One recipient's feed, with one socket's credentials.

    Every call raises a `tocsin_client.TocsinError` when it fails.
    """

    def __init__(self, client: AsyncClient, subscribe: Subscribe, outage_limit: float) -> None:
        self._client = client
        self._recipient = subscribe.recipient
        self._outage = _Outage(outage_limit, time.monotonic)
        self._events: AsyncSubscription = client.subscribe(
            subscribe.recipient, subscribe.cursor, on_interruption=self._outage.interrupted
        )

    async def events(self) -> AsyncGenerator[Event]:
        """Yield what happens, for as long as the socket lasts.

        When the stream ends, it goes on with the next one, after a wait that grows with jitter. That shows only when
        something cannot be replayed: then another `Subscribed` comes, which is not ``recovered``.

        Raises:
            TocsinError: What no further stream would cure; that the subscriber is too slow or has too many streams,
                which only its browser can cure; or that the server has been away for too long.
        """
        started = False
        async for event in self._events:
            self._outage.over()
            if started and isinstance(event, Subscribed) and event.recovered:
                continue
            started = True
            yield event

    async def list(self, wanted: ListFeed) -> Page:
        """Read a page."""
        return await self._client.list(
            recipient=self._recipient, feed_only=True, page_size=wanted.page_size, page_token=wanted.page_token
        )

    async def mark_read(self, wanted: MarkRead) -> MarkedRead:
        """Mark some, or all up to a cursor, as read."""
        if wanted.ids is not None:
            return await self._client.mark_read(wanted.ids)
        return await self._client.mark_read(recipient=self._recipient, up_to_cursor=wanted.up_to_cursor)

    async def close(self) -> None:
        """End the stream. Idempotent."""
        await self._client.close()


class _Outage:
    """Decides, whenever a stream ends, whether to wait for the next one."""

    def __init__(self, limit: float, monotonic: Callable[[], float]) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._since: float | None = None

    def interrupted(self, error: TocsinError, _delay: float) -> None:
        """Raise the error if the browser should come back instead."""
        if isinstance(error, ResourceExhausted):
            raise error
        now = self._monotonic()
        if self._since is None:
            self._since = now
        if now - self._since > self._limit:
            raise error

    def over(self) -> None:
        """Forget the outage: an event has come."""
        self._since = None
