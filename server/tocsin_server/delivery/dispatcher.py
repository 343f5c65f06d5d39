"""The pool of sender threads: a lane for each channel that has providers."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from tocsin_server.channels.sender import SenderFactory
from tocsin_server.clock import Clock
from tocsin_server.delivery.lane import Lane, LaneSettings, QueueStore
from tocsin_server.model import ChannelType, ClaimedChannel

log = logging.getLogger(__name__)


class Dispatcher:
    """Starts and stops the lanes, and passes them what was leased at insert.

    Args:
        senders: The providers of each channel, in order of preference; channels without any get no lane.
        settings: How each lane works.
        clock: The present time.
    """

    def __init__(
        self, senders: Mapping[ChannelType, Sequence[SenderFactory]], settings: LaneSettings, clock: Clock
    ) -> None:
        self._senders = senders
        self._settings = settings
        self._clock = clock
        self._lanes: dict[ChannelType, Lane] = {}

    @property
    def counts(self) -> dict[ChannelType, Counter[str]]:
        """What each lane counted, see `Lane.counts`."""
        return {channel: lane.counts for channel, lane in self._lanes.items()}

    def start(self, store: QueueStore) -> None:
        """Start a lane for each channel with providers."""
        for channel, factories in self._senders.items():
            if factories:
                lane = Lane(channel, factories, store, self._settings, self._clock)
                lane.start()
                self._lanes[channel] = lane

    def reserve(self, channel: ChannelType) -> bool:
        """Take a place in a lane; false if the channel has none free. May be called from any thread."""
        lane = self._lanes.get(channel)
        return lane is not None and lane.reserve()

    def give_back(self, channels: Sequence[ChannelType]) -> None:
        """Free places that were taken for rows that were not stored."""
        for channel in channels:
            self._lanes[channel].give_back()

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
        for channel, counts in self.counts.items():
            if counts:
                log.info("delivery ended", extra={"event": "delivery_counts", "channel": channel, **counts})
