"""Who may have a place at the bridge, of all who connect.

A connection is a **stranger** until it has said whose feed it wants: it may send nothing, half a request, or open a
WebSocket and keep silent. It costs a little memory and one of the system's files. Strangers have places of their own,
an address has a share of them, and the one that has been silent longest gives way to a newcomer; so nobody is kept out
by those who say nothing, however many they are. A socket that has said what it wants is **unconfirmed** until the
server accepts its token, and then confirmed. These have their limits, too, and an address its share; but none of them
gives way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tocsin_client import ResourceExhausted, TocsinError
from tocsin_server.domain.shares import Crowd, Quota

SHARE: Final = 2
"""One address may have the second part of the places: many people can be behind one, and none may have them all."""

STRANGERS_SHARE: Final = 4
"""The fourth part, of strangers' places. Browsers are strangers for the moment that a first frame takes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many there may be at a time.

    Attributes:
        sockets: WebSockets that have said whose feed they want.
        unconfirmed: Of these, ones of which the server has not accepted the credentials yet.
        strangers: Connections that have not said anything yet.
    """

    sockets: int = 10_000
    unconfirmed: int = 2_000
    strangers: int = 2_000

    def within(self, open_files: int) -> Limits:
        """Return the limits with which so many open files are enough."""
        strangers = min(self.strangers, max(1, open_files // 4))
        return Limits(max(1, min(self.sockets, open_files - strangers)), self.unconfirmed, strangers)


class Visitor:
    """One connection.

    Args:
        admission: Where it has its place.
        turn_out: Ends it without waiting, since it has to give way.
    """

    __slots__ = ("_admission", "_confirmed", "_known", "_origin", "turn_out")

    def __init__(self, admission: Admission, turn_out: Callable[[], None]) -> None:
        self._admission = admission
        self._origin: str | None = None
        self._known = False
        self._confirmed = False
        self.turn_out = turn_out

    def came_from(self, origin: str | None) -> None:
        """Give it a place among strangers, as one of this origin; again, when a proxy says who it is."""
        self._origin = origin
        self._admission.strangers.leave(self)
        if (leaving := self._admission.strangers.enter(self, origin)) is not None:
            self._admission.turned_out += 1
            leaving.turn_out()

    def check_room(self) -> None:
        """Raise what `spoke` would raise now, so that nobody has to speak first to hear it."""
        self._admission.check_room(self._origin)

    def spoke(self) -> None:
        """Note that it has said whose feed it wants.

        Raises:
            ResourceExhausted: There are too many already.
        """
        self._admission.check_room(self._origin)
        self._admission.strangers.leave(self)
        self._admission.sockets.take(self._origin)
        self._admission.unconfirmed.take(self._origin)
        self._known = True

    def confirmed(self) -> None:
        """Note that the server has accepted its credentials. Idempotent."""
        if self._known and not self._confirmed:
            self._confirmed = True
            self._admission.unconfirmed.give_back(self._origin)

    def left(self) -> None:
        """Give its place back, once."""
        self._admission.strangers.leave(self)
        if self._known:
            self.confirmed()
            self._admission.sockets.give_back(self._origin)


class Admission:
    """The places.

    Args:
        limits: How many there are.

    Attributes:
        strangers: See above, as for the next two.
        sockets: Unconfirmed and confirmed ones.
        unconfirmed: The former.
        turned_out: How many strangers have had to give way.
        closed: How many sockets the bridge has closed, by close code.
    """

    def __init__(self, limits: Limits) -> None:
        self.strangers: Crowd[Visitor] = Crowd(limits.strangers, max(1, limits.strangers // STRANGERS_SHARE))
        self.sockets = Quota(limits.sockets, max(1, limits.sockets // SHARE))
        self.unconfirmed = Quota(limits.unconfirmed, max(1, limits.unconfirmed // SHARE))
        self.turned_out = 0
        self.closed: Counter[int] = Counter()

    def check_room(self, origin: str | None) -> None:
        """Raise ResourceExhausted unless there is a place for a socket that is unconfirmed as yet."""
        for places in (self.sockets, self.unconfirmed):
            if (limit := places.exceeded_by(origin)) is not None:
                raise too_many("the bridge has" if limit == places.limit else "your network has", limit)


def too_many(who: str, limit: int) -> TocsinError:
    """Return what a browser is told that has to try later."""
    return ResourceExhausted(f"{who} {limit} sockets, as many as are allowed", reason="TOO_MANY_STREAMS")
