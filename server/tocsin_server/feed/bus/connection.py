"""What the buses that have a connection share: when it is made again, and what the log says of it."""

from __future__ import annotations

import logging

from tocsin_server.timing.backoff import Backoff

log = logging.getLogger(__name__)

RECONNECTING = Backoff(first=0.1, longest=5.0, healthy=5.0)
"""Before a connection is made again."""

MOST_REASONS = 20
"""Told of one outage: a reason may have a number in it that is another each time."""


class BusUnreachable(Exception):
    """There is no connection to be had; says why, without credentials."""


class ConnectionLog:
    """Tells the log when a bus is lost and when it is back, and why, but each reason once.

    Args:
        bus: Which kind of bus.
    """

    def __init__(self, bus: str) -> None:
        self._bus = bus
        self._told: set[str] = set()

    def lost(self, error: BaseException) -> None:
        """Say that the bus does not work. The error's text must not contain credentials."""
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        if reason not in self._told and len(self._told) < MOST_REASONS:
            self._told.add(reason)
            log.warning(
                "the bus does not work, will try again: changes made by other replicas arrive late",
                extra={"event": "bus_lost", "bus": self._bus, "error": reason},
            )

    def connected(self) -> None:
        """Say that the bus works; loudly only when it is news."""
        level = logging.WARNING if self._told else logging.DEBUG
        self._told.clear()
        log.log(level, "the bus is connected", extra={"event": "bus_connected", "bus": self._bus})
