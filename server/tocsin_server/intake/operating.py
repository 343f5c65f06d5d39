"""What operators ask and order: the queue as a whole, pausing a channel, letting it go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tocsin_server.domain.model import ChannelType
from tocsin_server.domain.operating import OpenBreaker, Pause, QueueNotes, UndecidedCounts
from tocsin_server.domain.ports import OperatorStore
from tocsin_server.domain.upkeep import QueueCounts


class ProviderQueue(NamedTuple):
    """What waits for one provider, and the processes' breakers that are open, the oldest first."""

    provider: str
    retrying: int
    breakers: Sequence[OpenBreaker]


class ChannelQueue(NamedTuple):
    """What waits for one channel."""

    channel: ChannelType
    counts: QueueCounts
    pause: Pause | None
    providers: Sequence[ProviderQueue]


class Queue(NamedTuple):
    """What waits."""

    channels: Sequence[ChannelQueue]
    undecided: UndecidedCounts


class Operations:
    """The use cases.

    Args:
        store: Where it all stands.
        providers: Tells the names of the providers that are set, of each channel that has some.
        obey: Lets this process obey at once what was ordered.
    """

    def __init__(
        self,
        store: OperatorStore,
        providers: Callable[[], Mapping[ChannelType, Sequence[str]]],
        obey: Callable[[], None],
    ) -> None:
        self._store = store
        self._providers = providers
        self._obey = obey

    async def pause(self, channel: ChannelType, by: str, reason: str) -> Pause:
        """Stop a channel, on all replicas; returns the pause that stands, which may be an earlier one."""
        pause = await self._store.pause(Pause(channel, 0, by, reason))
        self._obey()
        return pause

    async def resume(self, channel: ChannelType) -> bool:
        """Let a channel go on; tells whether it was paused."""
        was_paused = await self._store.resume(channel)
        self._obey()
        return was_paused

    async def queue(self) -> Queue:
        """Look at the whole queue."""
        notes, providers = await self._store.queue_notes(), self._providers()
        shown = {ChannelType.WEBSOCKET, *providers, *(pause.channel for pause in notes.pauses)}
        channels = [
            _channel_queue(channel, await self._store.queue_counts(channel), notes, providers.get(channel, ()))
            for channel in ChannelType
            if channel in shown
        ]
        return Queue(channels, notes.undecided)


def _channel_queue(
    channel: ChannelType, counts: QueueCounts, notes: QueueNotes, configured: Sequence[str]
) -> ChannelQueue:
    breakers: dict[str, list[OpenBreaker]] = {}
    for breaker in notes.breakers:
        if breaker.channel == channel:
            breakers.setdefault(breaker.provider, []).append(breaker)
    retrying = notes.retrying.get(channel, {})
    names = dict.fromkeys([*configured, *sorted(retrying), *breakers])
    pause = next((pause for pause in notes.pauses if pause.channel == channel), None)
    listed = [ProviderQueue(name, retrying.get(name, 0), breakers.get(name, [])) for name in names]
    return ChannelQueue(channel, counts, pause, listed)
