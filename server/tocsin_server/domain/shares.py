"""Sharing out places, so that nobody can take them all.

A limit alone protects the process, not those who use it: one caller who takes every place keeps all others out. So a
caller has a share of the places (`Quota`). And among those who have not shown yet who they are, the one who has been
there longest gives way to a newcomer (`Crowd`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from ipaddress import IPv6Address, ip_address
from typing import Generic, TypeVar

Member = TypeVar("Member", bound=Hashable)


def network_of(address: str) -> str:
    """Return what an IP address counts as: IPv4 for itself, IPv6 by its /64, of which one customer has all.

    Anything else counts as it is written.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> 64 << 64)}/64"


class Room:
    """Bytes that many share.

    Args:
        size: How many there are.
    """

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, size: int) -> bool:
        """Take so many bytes, if they are left; tells whether they were."""
        if size > self.left:
            return False
        self.left -= size
        return True

    def give_back(self, size: int) -> None:
        """Give so many bytes back."""
        self.left += size


class Quota:
    """A number of places, of which each holder has a share.

    Args:
        limit: Places of all.
        share: Places of one holder.
    """

    def __init__(self, limit: int, share: int) -> None:
        self.limit = limit
        self.share = share
        self.taken = 0
        self._by_holder: Counter[str] = Counter()

    def exceeded_by(self, holder: str | None) -> int | None:
        """Return the limit or share that keeps a holder from another place; None if there is a place."""
        if self.taken >= self.limit:
            return self.limit
        return self.share if holder is not None and self._by_holder[holder] >= self.share else None

    def take(self, holder: str | None) -> None:
        """Take a place; a holder of whom nothing is known (None) has no share."""
        self.taken += 1
        if holder is not None:
            self._by_holder[holder] += 1

    def give_back(self, holder: str | None) -> None:
        """Give a place back, once."""
        self.taken -= 1
        if holder is not None:
            self._by_holder[holder] -= 1
            if not self._by_holder[holder]:
                del self._by_holder[holder]


class Crowd(Generic[Member]):
    """Those who have a place and have not shown yet who they are.

    Args:
        limit: Places of all.
        share: Places of one origin.
    """

    def __init__(self, limit: int, share: int) -> None:
        self._limit = limit
        self.share = share
        # Both in the order of their coming, which a dictionary keeps.
        self._origins: dict[Member, str | None] = {}
        self._by_origin: dict[str, dict[Member, None]] = {}

    def __len__(self) -> int:
        return len(self._origins)

    def __contains__(self, member: Member) -> bool:
        return member in self._origins

    def enter(self, member: Member, origin: str | None) -> Member | None:
        """Take in a newcomer; returns who has to go for it, and is no longer in the crowd.

        Args:
            member: Who comes.
            origin: Where from. None is unknown, and has no share: anybody may come that way.
        """
        leaving: Member | None = None
        if origin is not None and len(self._by_origin.get(origin, ())) >= self.share:
            leaving = next(iter(self._by_origin[origin]))
        elif len(self._origins) >= self._limit:
            leaving = next(iter(self._origins))
        if leaving is not None:
            self.leave(leaving)
        self._origins[member] = origin
        if origin is not None:
            self._by_origin.setdefault(origin, {})[member] = None
        return leaving

    def leave(self, member: Member) -> bool:
        """Forget a member, who is gone or has shown who it is; tells whether it was here."""
        if member not in self._origins:
            return False
        origin = self._origins.pop(member)
        if origin is not None:
            of_origin = self._by_origin[origin]
            del of_origin[member]
            if not of_origin:
                del self._by_origin[origin]
        return True
