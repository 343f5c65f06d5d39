"""Changing what becomes of a notification: cancelling it, and reviving channels that have failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from tocsin_server.domain.errors import ChannelNotConfigured, PermissionDenied, TocsinError
from tocsin_server.domain.model import ChannelType, Notification
from tocsin_server.domain.ports import InterventionStore, LookupStore


class Mandate(NamedTuple):
    """On whose behalf something is changed.

    ``caller`` may change what it has sent itself, and with ``for_anybody`` what others have. ``rpc`` is what a refusal
    names.
    """

    caller: str
    for_anybody: bool
    rpc: str


class InterveningStore(LookupStore, InterventionStore, Protocol):
    """Changes a notification, and knows whose it is."""


class Interventions:
    """Cancels and retries.

    Args:
        store: Where notifications are kept.
        configured: Whether a channel has a provider.
        required_settings: What to set for a channel that has none.
    """

    def __init__(
        self,
        store: InterveningStore,
        configured: Mapping[ChannelType, bool],
        required_settings: Mapping[ChannelType, str],
    ) -> None:
        self._store = store
        self._refusals: Mapping[ChannelType, TocsinError] = {
            channel: ChannelNotConfigured(channel, setting)
            for channel, setting in required_settings.items()
            if not configured.get(channel)
        }

    async def cancel(self, notification_id: str, mandate: Mandate) -> Notification:
        """Stop what is still to come; see `InterventionStore.cancel`. Raises also `PermissionDenied`."""
        await self._check(notification_id, mandate)
        return await self._store.cancel(notification_id)

    async def retry(self, notification_id: str, channels: Sequence[ChannelType], mandate: Mandate) -> Notification:
        """Revive failed channels (none named: all); see `InterventionStore.retry`. Raises also `PermissionDenied`."""
        await self._check(notification_id, mandate)
        return await self._store.retry(notification_id, channels, self._refusals)

    async def _check(self, notification_id: str, mandate: Mandate) -> None:
        """Look whose it is, which never changes, so that nobody can come in between."""
        if mandate.for_anybody or (await self._store.get(notification_id)).owner == mandate.caller:
            return
        raise PermissionDenied("another caller has sent it, which needs the scope send_any or admin", mandate.rpc)
