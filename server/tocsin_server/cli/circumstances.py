"""What keeps a notification from going out that does not stand in it: pauses, and what was decided about it.

It is an addition to what is shown. A token that may not ask, or a server that does not answer, leaves it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from datetime import datetime

    from tocsin_client import Client, Decision, Notification, PausedChannel

T = TypeVar("T")


@dataclass(frozen=True)
class Circumstances:
    """Decisions about a notification, oldest first, and the channels that an operator has paused."""

    decisions: Sequence[Decision] = ()
    paused: Mapping[str, PausedChannel] = field(default_factory=dict)


def ask(client: Client, found: Notification, now: datetime) -> Circumstances:
    """Return what the token lets us know, having asked for what can matter to this notification only."""
    unfinished = found.status != "failed" and not found.is_read and bool(found.channels)
    decisions = _or_nothing(lambda: client.explain(found.id)) if unfinished else None
    paused: dict[str, PausedChannel] = {}
    if any(one.status == "pending" and one.next_attempt_at and one.next_attempt_at <= now for one in found.channels):
        queue = _or_nothing(client.get_queue)
        paused = {str(one.channel): one.paused for one in (queue.channels if queue else ()) if one.paused}
    return Circumstances(decisions or (), paused)


def _or_nothing(call: Callable[[], T]) -> T | None:
    from tocsin_client import TocsinError  # noqa: PLC0415 - heavy: only when a command runs

    try:
        return call()
    except TocsinError:
        return None
