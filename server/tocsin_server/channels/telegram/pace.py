"""How fast we allow ourselves to send: spacing over all, and for each chat."""

from __future__ import annotations

_PRUNE_AT = 1024
"""Number of chats remembered before those are forgotten whose next turn has come anyway."""


class Pace:
    """Gives out turns so that all are ``overall`` seconds apart, and those of one chat ``per_chat`` seconds.

    Evenly spaced turns keep to "at most n per second" in whichever way the other side counts its seconds. Times
    are in seconds of one monotonic clock.
    """

    def __init__(self, *, overall: float, per_chat: float) -> None:
        self._overall = overall
        self._per_chat = per_chat
        self._next = 0.0
        self._next_of_chat: dict[str, float] = {}
        self._prune_at = _PRUNE_AT

    def delay(self, chat: str, now: float) -> float:
        """Return how many seconds from ``now`` the chat's next turn is; 0 when it is now."""
        return max(self._next - now, self._next_of_chat.get(chat, 0.0) - now, 0.0)

    def take(self, chat: str, now: float) -> float:
        """Take the chat's next turn, and return how many seconds from ``now`` it is."""
        delay = self.delay(chat, now)
        # Turns taken by others in the meantime follow the overall spacing, not this chat's wait: a busy chat
        # must not hold up the rest.
        self._next = max(self._next, now) + self._overall
        self._set(chat, now + delay + self._per_chat, now)
        return delay

    def hold(self, chat: str, until: float, now: float) -> None:
        """Give the chat no turn before ``until``."""
        self._set(chat, max(until, self._next_of_chat.get(chat, 0.0)), now)

    def _set(self, chat: str, at: float, now: float) -> None:
        self._next_of_chat[chat] = at
        if len(self._next_of_chat) >= self._prune_at:
            self._next_of_chat = {chat: at for chat, at in self._next_of_chat.items() if at > now}
            # Doubling keeps the work per turn constant even when every chat has a turn ahead.
            self._prune_at = max(_PRUNE_AT, 2 * len(self._next_of_chat))
