"""The connection of the asynchronous client, and how a call is carried out on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import grpc

from tocsin_client import transport
from tocsin_client.backoff import Attempts, Backoff
from tocsin_client.calls import Call

Answer = TypeVar("Answer")


class AsyncConnection:
    """A connection that several may share, each with a token of its own. It belongs to the loop that first uses it."""

    def __init__(self, target: str, tls: transport.Tls | None, options: transport.Options) -> None:
        self._target, self._tls, self._options = target, tls, options
        self._channel: Any = None  # a grpc.aio.Channel, from the first use on
        self._methods: Mapping[str, Callable[..., Any]] = {}
        self.closed = False

    def check_token(self, token: transport.Token) -> None:
        """Raise ValueError for a token that must not travel on this connection."""
        transport.check_token(self._target, token, self._tls)

    def method(self, rpc: str) -> Callable[..., Any]:
        """Return what starts an RPC; raises RuntimeError when the connection is closed."""
        if self.closed:
            raise RuntimeError("the client is closed")
        if self._channel is None:
            # Not in the constructor: a channel binds itself to the loop that runs when it is made.
            self._channel = transport.open_aio_channel(self._target, self._tls, self._options)
            self._methods = transport.methods(self._channel)
        return self._methods[rpc]

    async def close(self) -> None:
        """End every call. May be called repeatedly."""
        self.closed = True
        if self._channel is not None:
            await self._channel.close()


async def carry_out(
    call: Call[Answer],
    method: Callable[[str], Callable[..., Any]],
    token: transport.Token,
    retry: Backoff = Backoff(),  # noqa: B008 - an immutable value
    deadline: float = transport.DEFAULT_DEADLINE,
) -> Answer:
    """Make a call within ``deadline`` seconds, and again as `Attempts` decides; raises its TocsinError.

    Args:
        call: What to call.
        method: Gives what starts an RPC, for each attempt.
        token: Travels with each attempt.
        retry: Waits between the attempts.
        deadline: Seconds for all of them.
    """
    attempts = Attempts(retry, deadline, time.monotonic())
    while True:
        try:
            answer = await method(call.rpc)(
                call.request,
                timeout=attempts.remaining(time.monotonic()),
                metadata=transport.credentials_metadata(token),
            )
        except grpc.RpcError as problem:
            error = transport.error_from_rpc(problem)
            delay = attempts.delay_after(error, time.monotonic()) if call.repeatable else None
            if delay is None:
                raise error from problem
        else:
            return call.read(answer)
        await asyncio.sleep(delay)
