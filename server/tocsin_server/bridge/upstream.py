"""The way to the server: one connection for all sockets, each call with the credentials of the socket it is for."""

from __future__ import annotations

import math
import time
from typing import Any, Final, TypeVar

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
    calls,
    resume,
)
from tocsin_client.aio_line import AsyncLine, carry_out
from tocsin_client.aio_subscription import AsyncFollower, SilenceWatch
from tocsin_client.transport import credentials_metadata, is_local, open_aio_channel
from tocsin_server.bridge.frames import EVENTS, ListFeed, MarkRead, Subscribe
from tocsin_server.errors import ConfigurationError

Answer = TypeVar("Answer")

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
    # gRPC's own repeating of calls that never left costs 6 KB for each stream; feeds and requests are repeated by the
    # client anyway.
    ("grpc.enable_retries", 0),
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
        # Two, and a third below, but gRPC gives equal channels one connection.
        self.line = AsyncLine(target, tls, OPTIONS)
        self.watch = SilenceWatch(resume.SILENCE)
        self._client = AsyncClient(target, tls=tls, options=OPTIONS)
        self.reconnect = reconnect
        self.outage_limit = outage_limit
        self._well = False
        self._asked_at = -math.inf
        self._channel: Any = None  # of the health checks

    def client(self, token: str | None) -> AsyncClient:
        """Return a client with a token of its own. Close it when done."""
        return self._client.with_token(token, insecure=True)  # as above: the line was judged when it was made

    def feed(self, subscribe: Subscribe) -> Feed:
        """Return the feed that a socket asked for. End it when done."""
        return Feed(self, subscribe)

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
        await self.line.close()
        await self._client.close()
        if self._channel is not None:
            await self._channel.close()


class Feed(AsyncFollower[Any]):
    """One recipient's feed, with one socket's credentials.

    Iterate over it for the messages (of ``Subscribe``) that a browser should see, for as long as its socket lasts.
    When the stream ends, it goes on with the next one, after a wait that grows with jitter. That shows only when
    something cannot be replayed: then another `Subscribed` comes, which is not ``recovered``.

    The iteration raises a `tocsin_client.TocsinError` for what no further stream would cure; for a subscriber that is
    too slow or has too many streams, which only its browser can cure; and when the server has been away for too long.
    """

    __slots__ = ("_away_since", "_recipient", "_started", "_token", "_upstream")

    def __init__(self, upstream: Upstream, subscribe: Subscribe) -> None:
        reconnect = upstream.reconnect
        resumption = resume.Resumption(subscribe.recipient, subscribe.cursor, reconnect, renewable=False)
        super().__init__(resumption, upstream.watch)
        self._upstream = upstream
        self._recipient = subscribe.recipient
        self._token = subscribe.token
        self._away_since: float | None = None
        self._started = False

    def _open(self, request: Any) -> Any:
        """Start a stream."""
        return self._upstream.line.method("Subscribe")(request, metadata=credentials_metadata(self._token))

    def _read(self, message: Any) -> Any | None:
        """Return the message if it is one for the browser."""
        self._away_since = None
        kind = message.WhichOneof("event")
        if kind == "subscribed":
            if self._started and message.subscribed.recovered:
                return None
            self._started = True
        # Heartbeats are the session's own; a kind that is newer than this bridge has no frame.
        return message if kind in EVENTS else None

    def _interrupted(self, error: TocsinError, _delay: float) -> None:
        """Raise the error if the browser should come back instead of waiting for the next stream."""
        if isinstance(error, ResourceExhausted):
            raise error
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        if now - self._away_since > self._upstream.outage_limit:
            raise error

    def end(self) -> None:
        """End the stream and the iteration, at once. Idempotent."""
        self._end()

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
