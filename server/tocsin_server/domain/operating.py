"""What operators order and ask, and what processes tell each other for it: plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tocsin_server.domain.limiting import recipient_key
from tocsin_server.domain.model import ChannelType, Micros, Recipient


class Pause(NamedTuple):
    """A channel that sends nothing for the time being; ``by`` is the name of whoever wants it so."""

    channel: ChannelType
    at: Micros
    by: str = ""
    reason: str = ""


class OpenBreaker(NamedTuple):
    """A provider that a process leaves alone, for ``code``, since a time."""

    channel: ChannelType
    provider: str
    code: str
    opened_at: Micros


class Orders(NamedTuple):
    """What every process has to obey.

    ``erasures`` are the latest notes of what was erased; anything new in them says that something was.
    """

    pauses: Sequence[Pause]
    erasures: Sequence[tuple[str, int]] = ()


class UndecidedCounts(NamedTuple):
    """How many wait for a decision, each counted up to a limit; of ``late`` ones half the time is over."""

    waiting: int
    late: int


class QueueNotes(NamedTuple):
    """What there is to tell of the queue beside its counts.

    ``retrying`` has, by channel and provider, the rows that were tried there last and are not settled.
    """

    pauses: Sequence[Pause]
    breakers: Sequence[OpenBreaker]
    retrying: Mapping[ChannelType, Mapping[str, int]]
    undecided: UndecidedCounts


class Turn(NamedTuple):
    """A turn at a provider that all processes share, in ``wait`` microseconds; not taken if that is too long."""

    wait: Micros
    taken: bool


class Person(NamedTuple):
    """Whom something is stored of: a registered recipient, or one who is not and is known by an address."""

    recipient: Recipient
    channel: ChannelType | None = None
    address: str = ""

    @property
    def recipient_key(self) -> str:
        """What the counts of limits are kept under that are counted for each recipient."""
        return recipient_key(self.recipient, self.address)


class PersonPage(NamedTuple):
    """Ids of notifications that are a person's, in order; ``after`` is where to go on, None at the end."""

    ids: Sequence[str]
    after: str | None


class Erasure(NamedTuple):
    """The note of what was erased: nothing of whom."""

    id: str
    at: Micros
    by: str
    notifications: int
