"""What the store tells of its own state: how full the queue is, and what was removed for its age."""

from __future__ import annotations

from typing import NamedTuple

from tocsin_server.domain.model import Micros


class QueueCounts(NamedTuple):
    """What a channel's queue holds, each counted up to a limit.

    ``due`` is to be sent now, or its holder is gone; ``leased`` is being sent; ``waiting`` is for a later time or, on
    the websocket, for its subscriber. ``oldest_due_at`` is when the oldest of those due became so.
    """

    due: int
    leased: int
    waiting: int
    oldest_due_at: Micros | None


class Purged(NamedTuple):
    """So many notifications were removed for their age; ``last`` is the id to go on from, None at the end."""

    number: int
    last: str | None
