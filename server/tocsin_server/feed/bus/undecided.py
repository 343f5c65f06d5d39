"""Telling other processes, over the bus of the feeds, that something became undecided.

It is a hint for a feed that nobody has. So it may be lost, repeated or late like any other, and costs no second
connection; a process hears of it only while somebody there waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tocsin_server.domain.model import FeedPosition, Recipient, RecipientType
from tocsin_server.feed.bus.hints import Bus, Hint, HintReceiver

UNDECIDED: Final = Recipient(RecipientType.OTHER, "undecided")
"""Whose feed it is: no recipient's id is like this."""

_HINT: Final = Hint(UNDECIDED, FeedPosition(0, 0))


class UndecidedHints:
    """Hints that something became undecided, on a bus.

    Args:
        bus: Carries them.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def join(self) -> None:
        """Return when hints arrive, or will after the next reset."""
        await self._bus.join(UNDECIDED)

    def leave(self) -> None:
        """Let none arrive."""
        self._bus.leave(UNDECIDED)

    def tell(self) -> None:
        """Tell the other processes. May be called from any thread."""
        self._bus.publish([_HINT])


class Receivers:
    """Passes hints on: those about what is undecided to whoever waits for it, all others to the feeds.

    Args:
        feeds: Takes those about feeds.
    """

    def __init__(self, feeds: HintReceiver) -> None:
        self._feeds = feeds
        self.wake: Callable[[], None] = lambda: None
        """Called for a hint that something became undecided, and when one may have been lost."""

    def hint(self, recipient: Recipient, position: FeedPosition) -> None:
        """See `HintReceiver.hint`."""
        if recipient == UNDECIDED:
            self.wake()
        else:
            self._feeds.hint(recipient, position)

    def reset(self) -> None:
        """See `HintReceiver.reset`."""
        self._feeds.reset()
        self.wake()
