"""The pool of sender threads: a lane for each channel that has providers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from tocsin_server.channels.sender import SenderFactory, TakeTurn
from tocsin_server.delivery.lane import Lane, LaneSettings
from tocsin_server.domain.clock import Clock
from tocsin_server.domain.model import ChannelType, ClaimedChannel
from tocsin_server.domain.ports import QueueStore, SendingPolicies
from tocsin_server.process.ends import end_of, first_end
from tocsin_server.telemetry.observer import UNOBSERVED, Observer


class Dispatcher:
    """Starts and stops the lanes, and passes them what was leased at insert.

    Args:
        senders: The providers of each channel, in order of preference; channels without any get no lane.
        settings: How each lane works.
        clock: The present time.
        observer: Is told what happens in the lanes.
    """

    def __init__(
        self,
        senders: Mapping[ChannelType, Sequence[SenderFactory]],
        settings: LaneSettings,
        clock: Clock,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._senders = senders
        self._settings = settings
        self._clock = clock
        self._observer = observer
        self._lanes: dict[ChannelType, Lane] = {}

    def start(
        self,
        store: QueueStore,
        policies: SendingPolicies | None = None,
        take_turn: TakeTurn | None = None,
        *,
        held: bool = False,
    ) -> None:
        """Start a lane for each channel with providers.

        Args:
            store: Where rows come from.
            policies: Asked about each just before it is sent.
            take_turn: See `Lane`.
            held: Nothing is sent before `pause` says what may be.
        """
        for channel, factories in self._senders.items():
            if factories:
                lane = Lane(channel, factories, store, self._settings, self._clock, self._observer, policies, take_turn)
                lane.pause(paused=held)
                lane.start()
                self._lanes[channel] = lane

    def pause(self, channels: Collection[ChannelType]) -> None:
        """Let the lanes of these channels send nothing, and all others go on. May be called from any thread."""
        for channel, lane in self._lanes.items():
            lane.pause(paused=channel in channels)

    def look_after_leases(self) -> None:
        """Let every lane find out what it does not hold any more. May be called from any thread."""
        for lane in self._lanes.values():
            lane.look_after_leases()

    @property
    def providers(self) -> Mapping[ChannelType, Sequence[str]]:
        """The names of the providers of each channel, in order of preference."""
        return {channel: lane.providers for channel, lane in self._lanes.items()}

    async def run(self) -> None:
        """Wait until a lane has ended.

        Raises:
            Exception: What ended it, if nobody had told it to.
        """
        ends = [end_of(asyncio.wrap_future(lane.ended)) for lane in self._lanes.values()]
        if ends:
            await first_end(*ends)

    def reserve(self, channel: ChannelType) -> bool:
        """Take a place in a lane; false if the channel has none free. May be called from any thread."""
        lane = self._lanes.get(channel)
        return lane is not None and lane.places.reserve()

    def give_back(self, channels: Sequence[ChannelType]) -> None:
        """Free places that were taken for rows that were not stored."""
        for channel in channels:
            self._lanes[channel].places.give_back()

    def hand_over(self, claims: Sequence[ClaimedChannel]) -> None:
        """Pass leased rows to their lanes. May be called from any thread."""
        by_channel: dict[ChannelType, list[ClaimedChannel]] = {}
        for claim in claims:
            by_channel.setdefault(claim.channel, []).append(claim)
        for channel, claimed in by_channel.items():
            self._lanes[channel].hand_over(claimed)

    def cancel(self, notification_ids: Sequence[str]) -> None:
        """Keep rows that wait for their turn from being sent. May be called from any thread."""
        for lane in self._lanes.values():
            lane.cancel(notification_ids)

    async def stop(self, grace: float) -> None:
        """Stop all lanes at once, each within ``grace`` seconds. Idempotent."""
        await asyncio.gather(*(asyncio.to_thread(lane.stop, grace) for lane in self._lanes.values()))
