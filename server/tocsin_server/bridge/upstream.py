"""The server, as the bridge sees it: one connection for all sockets, and the streams that carry their subscriptions."""

from __future__ import annotations

import functools
from typing import Final

from tocsin_client import AsyncClient, Backoff, Tls, relaying
from tocsin_server.bridge.carrier import Carrier
from tocsin_server.bridge.health import Health
from tocsin_server.domain.errors import ConfigurationError

RECONNECT: Final = Backoff(initial=0.5, factor=2.0, cap=8.0)
"""Waits between the attempts of a socket's subscription. A restart of the server should be a short pause, and when it
is back, the subscriptions of all sockets arrive spread over the last wait."""

OUTAGE_LIMIT: Final = 120.0
"""Seconds without the server after which a socket is closed with "try later": perhaps another bridge can reach it."""

OPTIONS: Final = (
    # Feeds and requests are repeated by the client anyway.
    ("grpc.enable_retries", 0),
)


class Upstream:
    """The server. Used on one event loop.

    Args:
        target: Where it is, in gRPC's terms.
        tls: How the connection is protected; None sends in the clear.
        insecure: Send tokens in the clear to another machine.
        token: The bridge's own, which opens the streams that carry subscriptions, and nothing else.
        reconnect: Waits between the attempts of a subscription.
        outage_limit: Seconds without the server after which a subscription ends.

    Attributes:
        connection: Shared by all sockets, each call with the credentials of the socket that it is for.
        health: Whether the server is well.

    Raises:
        ConfigurationError: Tokens would travel in the clear to another machine, and ``insecure`` is not set.
    """

    def __init__(
        self,
        target: str,
        *,
        tls: Tls | None = None,
        insecure: bool = False,
        token: str | None = None,
        reconnect: Backoff = RECONNECT,
        outage_limit: float = OUTAGE_LIMIT,
    ) -> None:
        try:
            relaying.check_target(target)
        except ValueError as error:
            raise ConfigurationError(f"TOCSIN_BRIDGE_SERVER: {error}") from None
        if tls is None and not insecure and not relaying.is_local(target):
            raise ConfigurationError(
                f"TOCSIN_BRIDGE_SERVER: recipients' tokens would travel to {target} in the clear; set "
                "TOCSIN_BRIDGE_SERVER_CA, which turns TLS on, or allow it with --insecure"
            )
        self._target, self._tls, self._token = target, tls, token
        # Two, and a third below, but gRPC gives equal channels one connection.
        self.connection = relaying.AsyncConnection(target, tls, OPTIONS)
        self._client = AsyncClient(target, tls=tls, options=OPTIONS)
        self._outdated: list[relaying.AsyncConnection] = []  # one of each renewal; one without calls has no socket
        self._carrier: Carrier | None = None
        self._carriers: set[Carrier] = set()  # those that were retired, too, while they last
        self.reconnect = reconnect
        self.outage_limit = outage_limit
        self.health = Health(target, tls, OPTIONS)

    def renew(self, tls: Tls | None, token: str | None) -> None:
        """Use other certificates, and another token, for what begins from now on; the rest goes on as it is."""
        self._token = token
        if tls != self._tls:
            self._tls = tls
            self._outdated.append(self.connection)
            self.connection = relaying.AsyncConnection(self._target, tls, OPTIONS)
            self.health.renew(tls)
        if self._carrier is not None:
            self._carrier.retire()

    def client(self, token: str | None) -> AsyncClient:
        """Return a client with a token of its own. Close it when done."""
        return self._client.with_token(token, insecure=True)  # as above: it was judged when it was made

    def carrier(self) -> Carrier:
        """Return the stream for new subscriptions."""
        if self._carrier is None or self._carrier.retired:
            if self._carrier is not None:
                self._carrier.retire()
            start = functools.partial(
                self.connection.method(relaying.RELAY), metadata=relaying.credentials_metadata(self._token)
            )
            self._carrier = Carrier(start, self._carriers.discard)
            self._carriers.add(self._carrier)
        return self._carrier

    async def close(self) -> None:
        """End everything. Idempotent."""
        for carrier in tuple(self._carriers):
            await carrier.end()
        await self.health.close()
        for connection in (*self._outdated, self.connection):
            await connection.close()
        await self._client.close()
