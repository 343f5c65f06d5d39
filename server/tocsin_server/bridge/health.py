"""Whether the server behind the bridge is well, as its own health service says."""

from __future__ import annotations

import asyncio
import functools
import math
import time
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tocsin_client import Tls, relaying
from tocsin_server.bridge.outage import Outage

HEALTH_DEADLINE: Final = 2.0
"""Seconds in which the server has to answer whether it is well."""

HEALTH_AGE: Final = 0.5
"""Seconds for which an answer is good, so that whoever asks the bridge often does not ask the server as often."""

READY: Final = "tocsin.v1.NotificationService"
"""The service that the server reports NOT_SERVING while its database does not answer."""


class _Question:
    """One thing to be asked, of which all who ask meanwhile get the one answer."""

    def __init__(self, health: Health, service: str) -> None:
        self._ask = functools.partial(health.ask, service)
        self._well = False
        self._asked_at = -math.inf
        self.asking: asyncio.Task[None] | None = None

    async def is_so(self) -> bool:
        """Return the answer, as of `HEALTH_AGE` seconds ago at the most."""
        if time.monotonic() - self._asked_at > HEALTH_AGE:
            await asyncio.shield(self.begin())
        return self._well

    def begin(self) -> asyncio.Task[None]:
        """Ask, unless somebody does."""
        if self.asking is None:
            self.asking = asyncio.create_task(self._answer(), name="health")
        return self.asking

    async def _answer(self) -> None:
        try:
            self._well = await self._ask()
        finally:
            self.asking = None
            self._asked_at = time.monotonic()


class Health:
    """Asks the server. The log is told of one that is not reached. Used on one event loop.

    Args:
        target: Where it is.
        tls: How the connection is protected.
        options: Of the channel.
    """

    def __init__(self, target: str, tls: Tls | None, options: Any) -> None:
        self._target, self._tls, self._options = target, tls, options
        self._channel: Any = None
        self._outdated: list[Any] = []
        self._outage = Outage(target, tls)
        self._serving = _Question(self, "")
        self._ready = _Question(self, READY)

    def renew(self, tls: Tls | None) -> None:
        """Protect the line in another way from now on."""
        self._tls = self._outage.tls = tls
        if self._channel is not None:
            self._outdated.append(self._channel)  # it may be asking
            self._channel = None

    def begin(self) -> None:
        """Ask for the first time, so that the log tells at the start of a server that is not reached."""
        self._serving.begin()

    async def is_serving(self) -> bool:
        """Tell whether the server takes calls."""
        return await self._serving.is_so()

    async def is_ready(self) -> bool:
        """Tell whether its database answers, too."""
        return await self._ready.is_so()

    async def ask(self, service: str) -> bool:
        """Ask for a service, or for the server as a whole."""
        if self._channel is None:
            self._channel = relaying.open_aio_channel(self._target, self._tls, self._options)
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = await health_pb2_grpc.HealthStub(self._channel).Check(request, timeout=HEALTH_DEADLINE)
        except grpc.RpcError:
            self._outage.note(well=False)
            return False
        well = bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
        if not service:
            self._outage.note(well=well)
        return well

    async def close(self) -> None:
        """End what is being asked. Idempotent."""
        asking = [task for task in (self._serving.asking, self._ready.asking) if task is not None]
        for task in asking:
            task.cancel()
        if asking:
            await asyncio.wait(asking)
        for channel in (*self._outdated, self._channel):
            if channel is not None:
                await channel.close()
