"""`tocsin.v1.RelayService`: many subscriptions on one stream, each with its own rights, pace and end.

Who may hold a stream. A relay that shows a token of its own, with the scope ``relay``, has a place among those who do.
One without still gets a stream, since each subscription shows credentials of its own. But strangers come that way, too.
So until a subscription was accepted on a stream, it is one of a crowd in which the oldest gives way to a newcomer; and
an address has a share of all such streams. Where that is too little, or strangers share the address, a token helps.

`rpc.relay_stream` is what happens on one stream.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from tocsin.v1 import relay_service_pb2 as pb

from tocsin_server.domain.errors import TooManyStreams
from tocsin_server.domain.shares import Crowd, Quota
from tocsin_server.rpc.auth import Authenticator, Opener
from tocsin_server.rpc.handlers import UnplacedMessage
from tocsin_server.rpc.principal import Principal
from tocsin_server.rpc.relay_stream import Followed, RelayStream, RelayTimes
from tocsin_server.rpc.scopes import SUBSCRIBE

Follow: TypeAlias = Callable[[Any, Principal], Followed]
"""`tocsin_server.rpc.services.notification_service.NotificationService.relayed`."""


@dataclass(frozen=True, slots=True)
class RelayLimits:
    """How many streams there may be at a time, and how many of them may be one caller's.

    Attributes:
        named: Of relays with a token of their own; the share is a token's.
        used: Of others, on which a subscription was accepted; the share is an address's.
        unproven: Of others, before that; likewise.
    """

    named: tuple[int, int] = (1_000, 500)
    used: tuple[int, int] = (1_000, 250)
    unproven: tuple[int, int] = (100, 25)


class RelayService:
    """The RPC. It raises a `TocsinError` to end a stream as a whole; `rpc.handlers` turns it into a status.

    Args:
        follow: Begins what a subscription is.
        authenticator: Tells whose token one has.
        times: See `RelayTimes`.
        limits: See `RelayLimits`.

    Attributes:
        closing: The server stops: a stream ends with its last subscription.
    """

    def __init__(
        self,
        follow: Follow,
        authenticator: Authenticator,
        *,
        times: RelayTimes | None = None,
        limits: RelayLimits | None = None,
    ) -> None:
        self._follow = follow
        self._authenticator = authenticator
        self._times = times or RelayTimes()
        limits = limits or RelayLimits()
        self._named = Quota(*limits.named)
        self._used = Quota(*limits.used)
        self._unproven: Crowd[RelayStream] = Crowd(*limits.unproven)
        self._streams: dict[RelayStream, str | None] = {}
        """All of them, and where they come from."""
        self.closing = False

    async def Relay(  # noqa: N802
        self, requests: AsyncIterator[pb.RelayRequest], opener: Opener
    ) -> AsyncIterator[UnplacedMessage]:
        """Carry subscriptions."""
        stream = RelayStream(self, self._times)
        name = opener.principal.name if opener.principal is not None else ""
        with self._named_place(name) if name else self._strangers_place(stream, opener.origin):
            self._streams[stream] = opener.origin
            try:
                async with contextlib.aclosing(stream.messages(requests)) as messages:  # type: ignore[type-var]
                    async for message in messages:
                        yield message
            finally:
                del self._streams[stream]

    @contextlib.contextmanager
    def _named_place(self, name: str) -> Iterator[None]:
        if (limit := self._named.exceeded_by(name)) is not None:
            raise TooManyStreams("server" if limit == self._named.limit else "token", limit)
        self._named.take(name)
        try:
            yield
        finally:
            self._named.give_back(name)

    @contextlib.contextmanager
    def _strangers_place(self, stream: RelayStream, origin: str | None) -> Iterator[None]:
        if (leaving := self._unproven.enter(stream, origin)) is not None:
            leaving.end(TooManyStreams("address", self._unproven.share))
        try:
            yield
        finally:
            self._unproven.leave(stream)
            if stream.proven:
                self._used.give_back(origin)

    def follow(self, opening: pb.RelayOpening) -> Followed:
        """Begin a subscription, with its token."""
        caller = self._authenticator.holder_of(opening.token)
        caller.require_rpc(SUBSCRIBE)
        return self._follow(opening.subscribe, caller)

    def accepted(self, stream: RelayStream) -> None:
        """Take a stream out of the crowd."""
        if stream not in self._unproven:
            return  # it has a token, is proven, or has to go
        origin = self._streams[stream]
        if (limit := self._used.exceeded_by(origin)) is not None:
            raise TooManyStreams("server" if limit == self._used.limit else "address", limit)
        self._unproven.leave(stream)
        self._used.take(origin)
        stream.proven = True

    def close(self) -> None:
        """End each stream when its last subscription has ended; what ends those is the hub. Idempotent."""
        self.closing = True
        for stream in self._streams:
            stream.wake()
