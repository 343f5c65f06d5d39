"""A store with dispatchers on it, as the application wires them, without a gRPC server."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from helpers.store import Backend
from helpers.waiting import eventually_async
from tocsin_server.channels.sender import SenderFactory
from tocsin_server.delivery.dispatcher import Dispatcher
from tocsin_server.delivery.lane import LaneSettings
from tocsin_server.delivery.retry import RetryPolicy
from tocsin_server.domain.clock import Clock
from tocsin_server.domain.model import (
    Accepted,
    ChannelDraft,
    ChannelType,
    ClaimedChannel,
    FeedEvent,
    Micros,
    Notification,
    NotificationDraft,
    Recipient,
    RecipientType,
    Status,
)
from tocsin_server.domain.ports import Store
from tocsin_server.storage.databases.postgresql_connection import DatabaseClock
from tocsin_server.telemetry.observer import Observer
from tocsin_server.telemetry.tally import Tally

QUICK = LaneSettings(concurrency=4, lease=60.0, send_timeout=10.0, retry=RetryPolicy(base=0.01, cap=0.05))
"""Retries without noticeable delay."""

Providers = Mapping[ChannelType, Sequence[SenderFactory]]


class Commits:
    """Hands leased rows to the first dispatcher; feed events go nowhere."""

    def __init__(self) -> None:
        self.dispatcher: Dispatcher | None = None

    def reserve(self, channel: ChannelType) -> bool:
        return self.dispatcher is not None and self.dispatcher.reserve(channel)

    def cancel_reservations(self, channels: Sequence[ChannelType]) -> None:
        if self.dispatcher is not None:
            self.dispatcher.give_back(channels)

    def committed(
        self, events: Sequence[FeedEvent], claims: Sequence[ClaimedChannel], cancelled: Sequence[str]
    ) -> None:
        if self.dispatcher is not None:
            if claims:
                self.dispatcher.hand_over(claims)
            self.dispatcher.cancel(cancelled)

    def undecided(self, route_by: Micros) -> None:
        """See `CommitListener.undecided`."""

    def step_due(self, at: Micros) -> None:
        """See `CommitListener.step_due`."""


class CountedDispatcher(Dispatcher):
    """A dispatcher that is watched."""

    def __init__(self, providers: Providers, settings: LaneSettings, clock: Clock) -> None:
        self.observer = Observer()
        self._tally = Tally(self.observer)
        super().__init__(providers, settings, clock, self.observer)

    @property
    def counts(self) -> dict[ChannelType, Counter[str]]:
        """What each lane did."""
        return self._tally.counts


@dataclass
class Engine:
    """``lease_at_insert`` false leaves every row to be claimed."""

    store: Store
    commits: Commits
    stack: contextlib.AsyncExitStack
    settings: LaneSettings
    clock: Clock

    def dispatcher(
        self, providers: Providers, *, lease_at_insert: bool = True, settings: LaneSettings | None = None
    ) -> CountedDispatcher:
        """Start a dispatcher, which is stopped with the engine."""
        return self.dispatcher_on(self.store, providers, lease_at_insert=lease_at_insert, settings=settings)

    def dispatcher_on(
        self,
        store: Any,
        providers: Providers,
        *,
        lease_at_insert: bool = True,
        settings: LaneSettings | None = None,
    ) -> CountedDispatcher:
        """Start a dispatcher on what stands before the store."""
        dispatcher = CountedDispatcher(providers, settings or self.settings, self.clock)
        dispatcher.start(store)
        self.stack.push_async_callback(dispatcher.stop, 5.0)
        if lease_at_insert:
            self.commits.dispatcher = dispatcher
        return dispatcher

    async def send(self, *channels: ChannelType, recipient_id: str | None = None, **fields: object) -> Notification:
        """Store one notification over these channels."""
        draft = NotificationDraft(
            Recipient(RecipientType.USER, recipient_id or "01a20434-dac1-761b-a8d4-000000000001"),
            "A title",
            "A message",
            None,
            [ChannelDraft(channel, None if channel == ChannelType.WEBSOCKET else "address") for channel in channels],
        )
        [accepted] = await self.store.accept([draft._replace(**fields)])  # type: ignore[arg-type]
        assert isinstance(accepted, Accepted)
        return accepted.notification

    async def settled(self, notification_id: str) -> Notification:
        """Wait until no channel is pending."""

        async def look() -> Notification | None:
            found = await self.store.get(notification_id)
            return None if any(channel.status == Status.PENDING for channel in found.channels) else found

        found = await eventually_async(look)
        assert found is not None
        return found


@contextlib.asynccontextmanager
async def engine(
    backend: Backend, *, attempt_limit: int = 5, settings: LaneSettings = QUICK, clock: DatabaseClock | None = None
) -> AsyncIterator[Engine]:
    """Open a store on a database that is new, or as an earlier engine left it."""
    async with contextlib.AsyncExitStack() as stack:
        commits, clock = Commits(), clock or DatabaseClock()
        store = backend.open(commits, clock, attempt_limit=attempt_limit, lease=settings.lease)
        stack.push_async_callback(store.close)
        yield Engine(store, commits, stack, settings, clock)
