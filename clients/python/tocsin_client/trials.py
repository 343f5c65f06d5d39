"""What trying rules gives: values of the client for `Client.simulate` and `Client.backtest`. Plain values."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin_client.decisions import Decision
from tocsin_client.errors import TocsinError
from tocsin_client.model import ChannelType, RecipientType


@dataclass(frozen=True, slots=True)
class RuleTrial:
    """How a rule fared, and why it did not match."""

    rule: str
    matched: bool
    why: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """What would be decided, the rules that were tried, in order, and the error that sending would give, if any."""

    decision: Decision
    trials: tuple[RuleTrial, ...]
    refusal: TocsinError | None


@dataclass(frozen=True, slots=True)
class ChannelChange:
    """For how many notifications a channel would be used where it was not, and the reverse."""

    channel: ChannelType
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class BacktestExample:
    """A notification for which the rules decide otherwise."""

    id: str
    category: str
    recipient_type: RecipientType
    was: tuple[ChannelType, ...]
    would_be: tuple[ChannelType, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class Backtest:
    """What rules would have decided for stored notifications; ``truncated`` says that not all were looked at."""

    examined: int
    agreed: int
    changes: tuple[ChannelChange, ...]
    examples: tuple[BacktestExample, ...]
    truncated: bool
