"""What nobody may do, whoever decides: a policy, and what it says about one channel. Pure."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from tocsin_server.domain.model import ChannelType, Micros
from tocsin_server.routing.conditions import Condition
from tocsin_server.routing.hours import Hours


class Each(StrEnum):
    """What a limit is kept for each of."""

    RECIPIENT = "recipient"
    ALL = "all"
    DECIDER = "decider"
    CALLER = "caller"


class Limit(NamedTuple):
    """At most ``most`` in each window of ``per`` microseconds, for ``each``."""

    most: int
    per: Micros
    each: Each


class Policy(NamedTuple):
    """What is forbidden or limited where ``when`` holds (None: always). ``channels`` are those it is about.

    ``country`` returns what is wrong with the country of an address, None if nothing is.
    """

    name: str
    when: Condition | None
    channels: frozenset[ChannelType]
    denied: frozenset[ChannelType] = frozenset()
    limit: Limit | None = None
    hours: Hours | None = None
    country: Callable[[str], str | None] | None = None

    @property
    def concerned(self) -> frozenset[ChannelType]:
        """The channels for which it can make a difference."""
        return self.channels | self.denied

    @property
    def needs_contact(self) -> bool:
        """Whether it looks at what comes from the recipient's contact."""
        return bool((self.when and self.when.needs_contact) or (self.hours and self.hours.needs_contact))

    def objection(self, channel: ChannelType, address: str | None) -> str | None:
        """Return why a channel must not be used at all, None if it may."""
        if channel in self.denied:
            return "denied"
        if self.country is not None and address is not None and channel == ChannelType.SMS in self.channels:
            return self.country(address)
        return None
